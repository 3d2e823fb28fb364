"""Every error this package raises on purpose::

    PandabaseError                     retryable = False, retry_after_seconds = None
    ├ TransportError                   no response arrived
    ├ APIError                         status, message, request_id
    │ ├ InvalidRequest                 400, 422
    │ ├ InvalidCredential              401
    │ ├ MissingPermission              403, with the permission codes found in it
    │ ├ ObjectNotFound                 404
    │ ├ StateConflict                  409
    │ ├ ForeignAnswer                  4xx of something on the way, not of the API
    │ ├ RateLimited                    429, retryable
    │ └ ServerError                    5xx, retryable
    ├ ProtocolError                    a 2xx answer that has not the documented shape
    ├ HeldBack                         this deployment must not send it; nothing was sent
    │ ├ ReadOnly                       READ_ONLY is set, and it would change something
    │ └ OtherEnvironment               the token is not confirmed for this environment
    ├ UnfitId                          no path can hold this id; a ValueError too
    ├ DatabaseAway                     our own database went away in the middle, retryable
    ├ DatabaseBusy                     our own database was locked for a moment, retryable
    ├ StatementCancelled               our own database cancelled a statement
    ├ LeaseHeld                        another worker syncs this resource
    ├ LeaseLost                        this worker's lease passed to another one
    ├ SealError
    │ ├ KeysMissing                    no encryption key is configured
    │ ├ UnknownKey                     sealed with a key that is not configured
    │ └ Tampered                       the sealed text is not what was written for this row
    ├ RotationError                    a rotation can't start or go on
    │ └ RotationInProgress             a rotation of the store is under way; names it
    ├ ActionError                      an action was not recorded, and nothing was sent
    │ ├ ActionRefused                  it can't be done so; ``code`` says why
    │ └ ActionInProgress               the object has an open action; names it
    ├ CheckoutError                    a checkout was not opened; ``for_buyer`` says it to the buyer
    │ ├ CheckoutRefused                it can't be opened so; ``code`` says why
    │ ├ CheckoutUnavailable            not now, retryable
    │ └ CheckoutUnknown                the answer got lost, retryable
    ├ UsageConflict                    a key of usage was recorded otherwise; a ValueError too
    ├ SecretMoved                      the secret is being replaced right now, retryable
    └ WebhookRejected                  missing, malformed, stale or forged
    ConfigurationError                 an ImproperlyConfigured, outside the tree on purpose

Callers decide on a retry by ``retryable`` and ``retry_after_seconds``, never by listing classes.
Messages carry no secret, header or body. Every error survives pickling: Celery carries them.
"""

from __future__ import annotations

from pandabase_django.exceptions.base import (
    ConfigurationError,
    PandabaseError,
)

# Used within the app, and no part of the public API.
from pandabase_django.exceptions.base import interruptions as interruptions
from pandabase_django.exceptions.base import let_pass as let_pass
from pandabase_django.exceptions.database import (
    DatabaseAway,
    DatabaseBusy,
    LeaseHeld,
    LeaseLost,
    StatementCancelled,
)
from pandabase_django.exceptions.deployment import HeldBack, OtherEnvironment, ReadOnly
from pandabase_django.exceptions.remote import (
    APIError,
    ForeignAnswer,
    InvalidCredential,
    InvalidRequest,
    MissingPermission,
    ObjectNotFound,
    ProtocolError,
    RateLimited,
    ServerError,
    StateConflict,
    TransportError,
    UnfitId,
    WebhookRejected,
)
from pandabase_django.exceptions.secrets import (
    KeysMissing,
    RotationError,
    RotationInProgress,
    SealError,
    SecretMoved,
    Tampered,
    UnknownKey,
)
from pandabase_django.exceptions.selling import (
    ActionError,
    ActionInProgress,
    ActionRefused,
    CheckoutError,
    CheckoutRefused,
    CheckoutUnavailable,
    CheckoutUnknown,
    UsageConflict,
)

__all__ = [
    "APIError",
    "ActionError",
    "ActionInProgress",
    "ActionRefused",
    "CheckoutError",
    "CheckoutRefused",
    "CheckoutUnavailable",
    "CheckoutUnknown",
    "ConfigurationError",
    "DatabaseAway",
    "DatabaseBusy",
    "ForeignAnswer",
    "HeldBack",
    "InvalidCredential",
    "InvalidRequest",
    "KeysMissing",
    "LeaseHeld",
    "LeaseLost",
    "MissingPermission",
    "ObjectNotFound",
    "OtherEnvironment",
    "PandabaseError",
    "ProtocolError",
    "RateLimited",
    "ReadOnly",
    "RotationError",
    "RotationInProgress",
    "SealError",
    "SecretMoved",
    "ServerError",
    "StateConflict",
    "StatementCancelled",
    "Tampered",
    "TransportError",
    "UnfitId",
    "UnknownKey",
    "UsageConflict",
    "WebhookRejected",
]
