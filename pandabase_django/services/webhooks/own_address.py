"""Whether an address is this site's own: deliveries name customers, and go to nobody else.

The admin asks, for people. Code that calls ``registration.register`` vouches for its address.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import split_domain_port, validate_host
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from pandabase_django.conf import conf
from pandabase_django.models import WebhookEndpoint

__all__ = ["check_own_address", "receiving_path"]

DEBUG_HOSTS = (".localhost", "127.0.0.1", "[::1]")  # as Django has it


def receiving_path(endpoint_id: str) -> str:
    """The path at which an endpoint takes deliveries; "" without the app's URLs."""
    if not getattr(settings, "ROOT_URLCONF", None):
        return ""  # a project without pages, such as one of workers alone
    try:
        return reverse("pandabase:webhook", args=[endpoint_id])
    except NoReverseMatch:
        return ""


def check_own_address(url: str, *, endpoint: WebhookEndpoint) -> None:
    """Refuse what is not this very endpoint at a host of this site.

    Own hosts are those that ``ALLOWED_HOSTS`` names and those of ``PANDABASE["WEBHOOK_HOSTS"]``.
    ``"*"`` names none: whoever sends a request would choose its host.

    Raises:
        ValueError: Says what it would have to be.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError(_("This is not a URL.")) from None
    own = receiving_path(endpoint.pk)
    if not own or parts.path not in (own, f"{own}/") or parts.query or parts.fragment:
        raise ValueError(
            _("Only this endpoint's own address can be registered: its path is %(path)s.")
            % {"path": own or "-"}
        )
    if parts.username is not None or parts.password is not None:
        raise ValueError(_("An address with a user name or a password can't be registered."))
    host = split_domain_port(parts.netloc)[0]
    allowed = [name for name in settings.ALLOWED_HOSTS if name != "*"]
    if settings.DEBUG and not settings.ALLOWED_HOSTS:
        allowed = [*DEBUG_HOSTS]
    if not host or not validate_host(host, [*allowed, *conf.webhook_hosts]):
        raise ValueError(
            _(
                "%(host)s is not a host of this site: ALLOWED_HOSTS does not name it. If "
                'deliveries are to go there, name it in PANDABASE["WEBHOOK_HOSTS"].'
            )
            % {"host": host or url[:100]}
        )
