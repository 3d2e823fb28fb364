"""What this deployment must not send, since it only reads, or is a copy of another one.

``PANDABASE["READ_ONLY"]`` holds back whatever would change something at Pandabase, and each
transport asks here before it sends such a request. Whoever would first note that something is sent
asks before that, so that what waits goes on waiting: it was not tried, and has not failed.

A token of another environment is not used at all: no client is built with it, and what would need
it waits as well. The name is compared as it is. A token that has none belongs to deployments that
have none. The place of its first use does not give it a name: that may be a copy.

A store is of another environment where one of its tokens is, unless its active token is of this
one. Disabled tokens count: checkouts need no token, so in a copy they would go on without.
"""

from __future__ import annotations

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from pandabase_django.conf import conf
from pandabase_django.exceptions import HeldBack, OtherEnvironment, ReadOnly, StateConflict
from pandabase_django.models import (
    ApiToken,
    RemoteAction,
    RotationAttempt,
    UsageRecord,
    WebhookDelivery,
)
from pandabase_django.observing.logs import facts, get_logger

__all__ = [
    "advice_to_confirm",
    "confirm_token",
    "held_back",
    "is_foreign",
    "refuse_foreign",
    "refuse_while_reading",
    "refuse_write",
    "stores_elsewhere",
    "used_elsewhere",
    "waits_for",
]

logger = get_logger(__name__)


def refuse_while_reading() -> None:
    """The same as ``refuse_write`` without a look at the database, for threads that have none.

    Raises:
        ReadOnly: ``READ_ONLY`` is set.
    """
    if conf.read_only:
        raise ReadOnly(_("READ_ONLY is set in PANDABASE: nothing is changed at Pandabase."))


def held_back(store_id: str, *tokens: ApiToken) -> HeldBack | None:
    """Why nothing may be changed at Pandabase for a store; None when it may.

    Args:
        store_id: The store.
        tokens: Further tokens of the store that this needs.
    """
    try:
        refuse_while_reading()
    except ReadOnly as error:
        return error
    return used_elsewhere(store_id, *tokens)


def refuse_write(store_id: str, *tokens: ApiToken) -> None:
    """Call it before what changes something at Pandabase is sent, or noted as being sent.

    Args:
        store_id: The store.
        tokens: As for ``held_back``.

    Raises:
        HeldBack: It must not be sent from here.
    """
    why = held_back(store_id, *tokens)
    if why is not None:
        raise why


def is_foreign(token: ApiToken) -> bool:
    """Whether a token is of another environment, and nobody has confirmed it for this one."""
    return token.environment != conf.environment


def refuse_foreign(token: ApiToken) -> None:
    """Call it before a token is used for anything.

    Raises:
        OtherEnvironment: It is of another environment.
    """
    if is_foreign(token):
        raise _foreign(token)


def advice_to_confirm() -> str:
    """What a person does about a token of another environment."""
    return _(
        "Leave it so in a copy of another shop. If this is the token's own shop, "
        "confirm it on its page or with `manage.py pandabase_confirm_token`."
    )


def used_elsewhere(store_id: str, *tokens: ApiToken) -> OtherEnvironment | None:
    """Why nothing is asked of Pandabase for a store, reads included; None when it may be.

    Args:
        store_id: The store.
        tokens: As for ``held_back``.
    """
    foreign = next(filter(is_foreign, tokens), None)
    if foreign is not None:
        return _foreign(foreign)
    rows = _foreign_to_their_stores().filter(store=store_id).select_related("store")
    # ACTIVE comes first: its sentence says what to do.
    token = rows.defer("secret").order_by("role").first()
    if token is None:
        return None
    return _foreign(token) if token.is_active else _without_active_token(token)


def stores_elsewhere() -> QuerySet[ApiToken, str]:
    """Ids of the stores that ``used_elsewhere`` gives a reason for, as a subquery."""
    return _foreign_to_their_stores().values_list("store_id", flat=True)


def confirm_token(token: ApiToken) -> None:
    """Take a person's word that a token is to be used in this environment too.

    What waited for it goes on: usage, actions of the last hour, deliveries, syncs.

    Raises:
        StateConflict: It is retired.
    """
    # In one statement: it may be retired meanwhile.
    usable = ApiToken.objects.usable().filter(pk=token.pk)
    if not usable.update(environment=conf.environment):
        raise StateConflict(_("A disabled token is not used anywhere."), status=409)
    logger.warning(
        "The token %s of %s is used in the environment %r from now on; before, in %r.",
        token.name,
        token.store_id,
        conf.environment,
        token.environment,
        extra=facts(store=token.store_id),
    )
    token.refresh_from_db(fields=["environment"])


def waits_for(store_id: str) -> list[str]:
    """What goes on once the token of a store is confirmed, in words."""
    actions = RemoteAction.objects.open().filter(store=store_id).count()
    usage = UsageRecord.objects.filter(store=store_id, state=UsageRecord.State.PENDING).count()
    deliveries = WebhookDelivery.objects.filter(
        endpoint__store=store_id, state=WebhookDelivery.State.PENDING
    ).count()
    rotations = RotationAttempt.objects.open().filter(token__store=store_id).count()
    counted = (
        (actions, ngettext("%(count)d action is open.", "%(count)d actions are open.", actions)),
        (
            usage,
            ngettext("%(count)d usage record is sent.", "%(count)d usage records are sent.", usage),
        ),
        (
            deliveries,
            ngettext(
                "%(count)d webhook delivery is handled.",
                "%(count)d webhook deliveries are handled.",
                deliveries,
            ),
        ),
        (
            rotations,
            ngettext("%(count)d rotation is open.", "%(count)d rotations are open.", rotations),
        ),
    )
    return [text % {"count": count} for count, text in counted if count]


def _foreign_to_their_stores() -> QuerySet[ApiToken]:
    """Tokens of another environment whose stores have no active token of this one."""
    here = ApiToken.objects.active().filter(environment=conf.environment)
    others = ApiToken.objects.exclude(environment=conf.environment)
    return others.exclude(Exists(here.filter(store=OuterRef("store"))))


def _foreign(token: ApiToken) -> OtherEnvironment:
    text = _(
        "%(token)s belongs to the environment %(theirs)s, and this is %(ours)s: it is not used "
        "until a person confirms it."
    )
    return OtherEnvironment(
        text
        % {
            "token": token.name,
            "theirs": _named(token.environment),
            "ours": _named(conf.environment),
        }
    )


def _without_active_token(token: ApiToken) -> OtherEnvironment:
    text = _(
        "%(store)s has no active token. Its token %(token)s belongs to the environment "
        "%(theirs)s, and this is %(ours)s: nothing is done for it until a token of this "
        "environment is active."
    )
    return OtherEnvironment(
        text
        % {
            "store": token.store,
            "token": token.name,
            "theirs": _named(token.environment),
            "ours": _named(conf.environment),
        }
    )


def _named(environment: str) -> str:
    return f"“{environment}”" if environment else _("without a name")
