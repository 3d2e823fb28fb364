"""What a shop puts around Django when an ASGI server runs it.

Importing this needs no settings: ``asgi.py`` imports it before Django is set up.
"""

from __future__ import annotations

from pandabase_django.asgi.deliveries import bounded

__all__ = ["bounded"]
