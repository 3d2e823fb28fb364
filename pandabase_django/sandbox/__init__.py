"""A local Store API to develop and test against.

It is written from the vendor's description alone: it signs and verifies with its own code, and
imports neither Django nor anything else of this package, so that a mistake in the client can't
hide behind the same mistake here.
"""

from pandabase_django.sandbox.changes import ChangeRefused
from pandabase_django.sandbox.faults import RuleRefused
from pandabase_django.sandbox.posting import is_loopback
from pandabase_django.sandbox.sandbox import Sandbox
from pandabase_django.sandbox.server import NotLoopback
from pandabase_django.sandbox.signatures import KEY_READINGS, SIGNATURE_VERSIONS
from pandabase_django.sandbox.tokens import ALL_PERMISSIONS, Token

__all__ = [
    "ALL_PERMISSIONS",
    "KEY_READINGS",
    "SIGNATURE_VERSIONS",
    "ChangeRefused",
    "NotLoopback",
    "RuleRefused",
    "Sandbox",
    "Token",
    "is_loopback",
]
