"""What must hold before the one request is sent. Fails safe: nothing was sent."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta

from django.db import DatabaseError

from pandabase_django.crypto.secret import Secret
from pandabase_django.database import transaction
from pandabase_django.exceptions import ConfigurationError, SealError
from pandabase_django.models import ApiToken, RotationAttempt, SyncRun
from pandabase_django.services.rotation import spool
from pandabase_django.services.rotation.context import RotationContext, refuse_outer_transaction
from pandabase_django.services.rotation.request import unfit_signer
from pandabase_django.services.rotation.transitions import State
from pandabase_django.services.tokens.holding import held_back
from pandabase_django.services.tokens.permissions import granted_codes, what_lacks
from pandabase_django.services.tokens.roles import active_token

__all__ = [
    "PreflightCheck",
    "PreflightReport",
    "preflight",
    "remove_left_canaries",
    "running_syncs",
]

CANARY_REASON = "A trial of keeping an answer; nothing was sent."


@dataclass(frozen=True, slots=True)
class PreflightCheck:
    """One condition.

    Attributes:
        name: A fixed word: deployment, token, signer, open, seal, journal, spool, remote,
            permissions.
        ok: Whether it holds.
        message: One sentence for a person.
    """

    name: str
    ok: bool
    message: str


@dataclass(frozen=True, slots=True)
class PreflightReport:
    """Whether a rotation may be sent.

    Attributes:
        token: Whose secret would be rolled.
        signer: Who would sign.
        checks: Every condition that was looked at, in order.
        running: Syncs of the store that run now, in words.
    """

    token: ApiToken
    signer: ApiToken
    checks: tuple[PreflightCheck, ...]
    running: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Nothing is in the way."""
        return all(check.ok for check in self.checks)

    @property
    def problems(self) -> tuple[str, ...]:
        """Sentences on what is in the way."""
        return tuple(check.message for check in self.checks if not check.ok)


def preflight(
    token: ApiToken,
    *,
    signer: ApiToken | None = None,
    flip: bool = False,
    attempt: RotationAttempt | None = None,
    network: bool = True,
    context: RotationContext | None = None,
) -> PreflightReport:
    """Look at everything a rotation depends on.

    With ``network`` it writes a sealed trial row, reads it back and removes it, tries the spool,
    and sends signed GETs. Without, nothing is written and nothing sent: for a page.

    Args:
        token: Whose secret is to be rolled.
        signer: Who signs; None for the token itself.
        flip: Whether the token is to become the active one.
        attempt: The rotation this is for; another open one is in the way.
        network: See above.
        context: Seams for tests.

    Raises:
        RotationError: With ``network``, inside a transaction.
    """
    signer = signer or token
    held = held_back(token.store_id, token, signer)
    checks = [
        *([] if held is None else [PreflightCheck("deployment", False, str(held))]),
        _token(token),
        _signer(token, signer=signer),
        _open_attempts(token, attempt=attempt),
        _seal(token, signer=signer),
    ]
    if network and all(check.ok for check in checks):
        refuse_outer_transaction()
        context = context or RotationContext()
        checks += [_journal(token, context=context), _spool()]
        if all(check.ok for check in checks):
            checks.append(_remote(signer, context=context))
        if flip and all(check.ok for check in checks):
            checks.append(_permissions(token, context=context))
    return PreflightReport(
        token=token,
        signer=signer,
        checks=tuple(checks),
        running=tuple(str(run) for run in running_syncs(token)),
    )


def running_syncs(token: ApiToken) -> list[SyncRun]:
    """Syncs of the token's store that run now."""
    running = SyncRun.objects.filter(store_id=token.store_id).alive()
    return list(running.select_related("store").order_by("pk"))


def remove_left_canaries(*, context: RotationContext) -> None:
    """Remove trial rows whose process was killed before it could."""
    RotationAttempt.objects.filter(
        from_version=RotationAttempt.TRIAL_VERSION,
        reason=CANARY_REASON,
        prepared_at__lt=context.clock() - timedelta(hours=1),
    ).delete()


def _token(token: ApiToken) -> PreflightCheck:
    if not token.is_usable:
        return PreflightCheck("token", False, f"The token {token.name} is retired.")
    if not token.token_id:
        return PreflightCheck(
            "token", False, f"The token {token.name} has no token id (stk_…) to roll it by."
        )
    return PreflightCheck("token", True, f"{token.name} can be named in the request.")


def _signer(token: ApiToken, *, signer: ApiToken) -> PreflightCheck:
    problem = unfit_signer(token, signer=signer)
    return PreflightCheck("signer", not problem, problem or f"{signer.name} signs the request.")


def _open_attempts(token: ApiToken, *, attempt: RotationAttempt | None) -> PreflightCheck:
    others = RotationAttempt.objects.open().filter(token=token)
    found = others.exclude(pk=attempt.pk).first() if attempt else others.first()
    if found is not None:
        return PreflightCheck(
            "open", False, f"An earlier rotation is open: {found.get_state_display()}."
        )
    return PreflightCheck("open", True, "No other rotation of this token is open.")


def _seal(token: ApiToken, *, signer: ApiToken) -> PreflightCheck:
    try:
        token.secret.reveal()
        signer.secret.reveal()
    except (SealError, ConfigurationError) as error:
        return PreflightCheck("seal", False, str(error))
    return PreflightCheck("seal", True, "The stored secrets can be opened.")


def _journal(token: ApiToken, *, context: RotationContext) -> PreflightCheck:
    canary = Secret(secrets.token_hex(16))
    trial = RotationAttempt(
        token=token,
        state=State.FAILED_SAFE,
        trigger=RotationAttempt.Trigger.COMMAND,
        reason=CANARY_REASON,
        from_version=RotationAttempt.TRIAL_VERSION,
        prepared_at=context.clock(),
        closed_at=context.clock(),
        reply=canary,
    )
    try:
        with transaction.atomic(durable=True):
            trial.save(force_insert=True)
        same = RotationAttempt.objects.get(pk=trial.pk).reply == canary
        RotationAttempt.objects.filter(pk=trial.pk).delete()
    except (SealError, ConfigurationError) as error:
        return PreflightCheck("journal", False, str(error))
    except (DatabaseError, RotationAttempt.DoesNotExist):
        same = False
    if not same:
        return PreflightCheck("journal", False, "The database did not keep a trial answer.")
    return PreflightCheck("journal", True, "A sealed trial answer was kept and read back.")


def _spool() -> PreflightCheck:
    try:
        spool.try_out()
    except OSError as error:
        why = error.strerror or str(error)
        return PreflightCheck("spool", False, f"The spool folder can't be written: {why}.")
    return PreflightCheck("spool", True, "The spool folder, where one is set, can be written.")


def _remote(signer: ApiToken, *, context: RotationContext) -> PreflightCheck:
    answer = context.wire.try_secret(signer, secret=signer.secret)
    return PreflightCheck(
        "remote", answer.works, f"A signed request of {signer.name}: {answer.message}"
    )


def _permissions(token: ApiToken, *, context: RotationContext) -> PreflightCheck:
    active = active_token(token.store_id)
    if active is None or active.pk == token.pk:
        return PreflightCheck("permissions", True, "No other token is active.")
    wanted = granted_codes(active)
    # Its old secret may be refused, and a roll repairs that: then only the new one can show it.
    if not context.wire.try_secret(token, secret=token.secret).works:
        return PreflightCheck("permissions", True, f"What {token.name} is allowed is seen later.")
    tried = context.wire.try_permissions(token, secret=token.secret, codes=sorted(wanted))
    problem = what_lacks(tried, token=token, wanted=wanted)
    return PreflightCheck(
        "permissions", not problem, problem or f"{token.name} is allowed what the active one does."
    )
