"""The connection report: how far a token's requests get, and what to do where they stop."""

from __future__ import annotations

import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from pandabase_django.api.permissions import codes_in
from pandabase_django.api.wire.egress import Egress, host_and_port
from pandabase_django.api.wire.headers import allowance, clock_skew_seconds
from pandabase_django.api.wire.reach import Hop, reach
from pandabase_django.api.wire.replies import RawReply
from pandabase_django.api.wire.timeouts import Timeouts
from pandabase_django.exceptions import OtherEnvironment, PandabaseError, SealError
from pandabase_django.models import ApiToken
from pandabase_django.services.tokens.building import (
    build_client,
    configured_egress,
    configured_policy,
)
from pandabase_django.services.tokens.clients import record_use
from pandabase_django.services.tokens.holding import (
    advice_to_confirm,
    refuse_foreign,
    refuse_while_reading,
)
from pandabase_django.services.tokens.permissions import missing_permissions
from pandabase_django.texts.times import clock_text

__all__ = ["Diagnosis", "Line", "diagnose"]

TIMEOUTS = Timeouts(connect_seconds=3.0, read_seconds=5.0)  # a person waits
SKEW_WORTH_TELLING_SECONDS = 5.0
SKEW_TOO_LARGE_SECONDS = 240.0  # webhooks are refused beyond five minutes (P-31)
SLOW_MILLISECONDS = 2000


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was looked at.

    Attributes:
        title: What it is.
        ok: As it should be; None when it was not reached or is not needed.
        sentence: What was seen.
        fix: What to do; "" when nothing is to be done.
        command: Something to copy into a shell; "" when there is none.
    """

    title: str
    ok: bool | None
    sentence: str
    fix: str = ""
    command: str = ""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The report; ``ok`` when no line is bad."""

    lines: tuple[Line, ...]

    @property
    def ok(self) -> bool:
        """Requests of this token get through."""
        return all(line.ok is not False for line in self.lines)


def diagnose(token: ApiToken) -> Diagnosis:
    """Look the host up, connect, and send one signed GET. Takes at most about 20 seconds.

    With a token of another environment nothing is looked up or connected to.

    Waits for the network: call it outside a transaction. It stores nothing but that the token
    was used: judging its health is the connection test's work.

    Raises:
        SealError: The secret can't be opened.
    """
    try:
        refuse_foreign(token)
    except OtherEnvironment as error:
        command = f"python manage.py pandabase_confirm_token --token {token.pk}"
        line = Line(_("Environment"), False, str(error), advice_to_confirm(), command)
        return Diagnosis((line,))
    way = configured_egress(before_write=refuse_while_reading)
    hops = reach(token.base_url, timeout_seconds=TIMEOUTS.connect_seconds, egress=way)
    lines = [_hop(hop, token.base_url, way) for hop in hops]
    if any(hop.ok is False for hop in hops):
        waiting = _("Not reached.")
        lines += [Line(title, None, waiting) for title in (_("Authentication"), _("Permission"))]
        return Diagnosis(tuple(lines))
    sent_at = time.time()
    try:
        with build_client(token, policy=configured_policy(timeouts=TIMEOUTS, retries=0)) as client:
            reply = client.probe()
    except SealError:
        raise  # nothing was sent: the way there is not at fault
    except PandabaseError as error:
        lines.append(
            Line(
                _("Authentication"),
                False,
                str(error),
                _("Ask again in a minute; if it stays so, look at the proxy or firewall between."),
                f"curl -sv --max-time 10 {token.base_url}/ -o /dev/null",
            )
        )
        return Diagnosis(tuple(lines))
    received_at = time.time()
    if reply.from_api and reply.status != 401:
        record_use(token, granted=("STORE_READ",) if reply.status == 200 else (), denied=())
    lines += [
        _authentication(reply, token),
        _permission(reply, token),
        _clock(clock_skew_seconds(reply.headers, sent_at=sent_at, received_at=received_at)),
        _latency(round((received_at - sent_at) * 1000)),
        _rate_limit(reply),
    ]
    return Diagnosis(tuple(lines))


def _hop(hop: Hop, base_url: str, way: Egress) -> Line:
    parts = urlsplit(base_url)
    remote, remote_port = host_and_port(base_url)
    # Never the proxy's URL, which may hold a password.
    host, port = host_and_port(way.proxy_for(base_url) or base_url)
    title, fix, command = {
        "dns": (
            _("Name look-up (DNS)"),
            _("See that this machine's resolver knows the host, and that the base URL is right."),
            f"getent hosts {host}",
        ),
        "tcp": (
            _("Connection (TCP)"),
            _("Let this machine open outgoing connections to that port."),
            f"curl -sv --max-time 5 telnet://{host}:{port} </dev/null",
        ),
        "proxy": (
            _("Way through the proxy"),
            _('See that the proxy in PANDABASE["PROXIES"] lets this machine reach that host.'),
            f"curl -sv --max-time 5 -x {host}:{port} {base_url}/ -o /dev/null",
        ),
        "tls": (
            _("Encryption (TLS)"),
            _("Correct this machine's clock and certificates, or the proxy in between."),
            f"openssl s_client -connect {remote}:{remote_port} -servername {remote} </dev/null",
        ),
    }[hop.name]
    if hop.ok is None:
        needed = hop.name != "tls" or parts.scheme == "https"
        return Line(title, None, _("Not reached.") if needed else _("Not used on this machine."))
    if hop.ok:
        return Line(title, True, f"{hop.detail} ({hop.milliseconds} ms)")
    return Line(title, False, hop.detail, fix, command)


def _authentication(reply: RawReply, token: ApiToken) -> Line:
    title = _("Authentication")
    if reply.status < 500 and reply.status != 429 and not reply.from_api:
        return Line(
            title,
            False,
            _(
                "HTTP %(status)s, but not in the Store API's own form: a proxy, a firewall or "
                "another server answered."
            )
            % {"status": reply.status},
            _("See that the base URL is right, and look at the proxy or firewall between."),
            f"curl -sv --max-time 10 {token.base_url}/ -o /dev/null",
        )
    if reply.status == 401:
        return Line(
            title,
            False,
            _("Pandabase refuses the credential (HTTP 401, request %(id)s).")
            % {"id": reply.request_id or "?"},
            _("Install the present secret, or add a new token and make it active."),
            f"python manage.py pandabase_install_secret --token {token.pk}",
        )
    if reply.status in (200, 403):
        return Line(title, True, _("Pandabase accepts the credential."))
    return Line(
        title,
        False,
        _("The remote answered HTTP %(status)s (request %(id)s).")
        % {"status": reply.status, "id": reply.request_id or "?"},
        _("404: compare the store id and the base URL. 5xx: wait, it is the remote's.")
        if reply.status < 500
        else _("Wait: this is the remote's own trouble."),
    )


def _permission(reply: RawReply, token: ApiToken) -> Line:
    title = _("Permission")
    if reply.status == 401 or not reply.from_api:
        return Line(title, None, _("Not reached."))
    named = codes_in(reply.body.decode(errors="replace")) if reply.status == 403 else ()
    missing = missing_permissions(token)
    if missing:
        return Line(
            title,
            False,
            _("Syncs would need %(codes)s.") % {"codes": ", ".join(missing)},
            _("Allow these in the Pandabase dashboard, then declare and verify them here."),
            ",".join(missing),
        )
    if named:
        return Line(
            title,
            True,
            _("%(codes)s is not allowed; syncs do not need it.") % {"codes": ", ".join(named)},
        )
    return Line(title, True, _("What syncs need is not known to be missing."))


def _clock(skew: float | None) -> Line:
    title = _("Clock")
    if skew is None:
        return Line(title, None, _("The answer carried no date."))
    seconds = abs(round(skew))
    if abs(skew) < SKEW_WORTH_TELLING_SECONDS:
        return Line(title, True, _("This machine and Pandabase agree."))
    sentence = (
        _("This machine's clock is %(seconds)d s ahead of Pandabase's.")
        if skew > 0
        else _("This machine's clock is %(seconds)d s behind Pandabase's.")
    ) % {"seconds": seconds}
    return Line(
        title,
        abs(skew) <= SKEW_TOO_LARGE_SECONDS,
        sentence,
        _("Beyond five minutes webhooks are refused: synchronise the clock."),
        "timedatectl set-ntp true",
    )


def _latency(milliseconds: int) -> Line:
    slow = milliseconds > SLOW_MILLISECONDS
    return Line(
        _("Latency"),
        not slow,
        _("One request took %(ms)d ms.") % {"ms": milliseconds},
        _("Syncs will be slow; raise CONCURRENCY, or look at the network.") if slow else "",
    )


def _rate_limit(reply: RawReply) -> Line:
    title = _("Rate limit")
    left = allowance(reply.headers)
    if left is None:
        return Line(title, None, _("The answer does not say."))
    sentence = _("%(remaining)d of %(limit)d requests are left (%(scope)s).") % {
        "remaining": left.remaining,
        "limit": left.limit,
        "scope": left.scope or "?",
    }
    if left.remaining:
        return Line(title, True, sentence)
    at = clock_text(left.reset_at) if left.reset_at else "?"
    return Line(
        title,
        False,
        sentence,
        _("Wait until %(time)s; syncs wait by themselves. Lower CONCURRENCY if it recurs.")
        % {"time": at},
    )
