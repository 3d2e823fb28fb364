"""A local Store API to develop and test against.

It is written from the vendor's description alone: it signs and verifies with its own code, and
imports neither Django nor anything else of this package, so that a mistake in the client can't
hide behind the same mistake here.
"""

from pandabase_django.sandbox.control.changes import ChangeRefused
from pandabase_django.sandbox.faults.rules import RuleRefused
from pandabase_django.sandbox.http.server import NotLoopback
from pandabase_django.sandbox.keep.files import StateRefused
from pandabase_django.sandbox.keep.keeper import kept_world
from pandabase_django.sandbox.sandbox import Sandbox
from pandabase_django.sandbox.settings import KEY_READINGS, REGISTRATION_REPLIES, SESSION_ID_FIELDS
from pandabase_django.sandbox.store.tokens import ALL_PERMISSIONS, Token
from pandabase_django.sandbox.webhooks.posting import is_loopback
from pandabase_django.sandbox.webhooks.signatures import SIGNATURE_VERSIONS

__all__ = [
    "ALL_PERMISSIONS",
    "KEY_READINGS",
    "REGISTRATION_REPLIES",
    "SESSION_ID_FIELDS",
    "SIGNATURE_VERSIONS",
    "ChangeRefused",
    "NotLoopback",
    "RuleRefused",
    "Sandbox",
    "StateRefused",
    "Token",
    "is_loopback",
    "kept_world",
]
