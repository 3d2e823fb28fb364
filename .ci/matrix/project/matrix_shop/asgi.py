"""Entry point for an ASGI server, as docs/webhooks.md has it."""

from __future__ import annotations

from django.core.asgi import get_asgi_application

from pandabase_django.asgi import bounded

application = bounded(get_asgi_application())
