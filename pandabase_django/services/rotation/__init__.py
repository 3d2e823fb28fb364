"""Replaces a token's secret and loses none.

Rolling ends the old secret at once, and the answer carries the new one once (Source: P-15,
P-16). The danger is a lost answer. Every rule here serves to keep the answer, or to report that
it is gone.

A rotation is a row, ``RotationAttempt``, that moves through these states, each committed before
the next step begins::

    PREPARED ──► SENT ──► JOURNALED ──► VERIFIED ──► DONE
        │          │          │
        │          │          ├──► FAILED_SAFE   refused: the old secret works
        │          │          └──► HELD          kept, but no text in it works
        │          ├─────────────► FAILED_SAFE   it surely never left
        │          └──► WATCHING ─► FAILED_SAFE  the old secret worked for an hour on
        │                   └─────► LOST         the old secret is refused, no answer was kept
        └────────────────────────► FAILED_SAFE   not even sent

* **PREPARED** is the intent alone. A page writes it in its own transaction and sends nothing; a
  token has at most one open row, by constraint, so a double click finds the first.
* **SENT** is committed before the one POST. Whoever commits it sends; a task that is delivered
  again finds SENT and never sends. It may not run inside a transaction, which could undo that.
* **JOURNALED**: the answer as it came, sealed, before anybody reads it. While the database is
  down this is tried for ten minutes; where ``PANDABASE["ROTATION_SPOOL"]`` names a folder the
  answer is written there first. An answer that broke off is kept as far as it arrived.
* **VERIFIED**: a signed GET worked with a secret from the answer. Its place in the answer decides
  only what is tried first, never what is believed.
* **DONE**: stored by compare-and-set on ``secret_version``, with the roles flipped in the same
  transaction when that was asked for.
* **WATCHING**: sent, and no answer. It may have been executed, or be executed still. A 401 of the
  old secret decides for LOST, an hour of 200s for FAILED_SAFE. An answer that turns up late
  (its sender was slow, or it was in the spool) leads back to JOURNALED.
* **HELD**: a person chooses a text of the kept answer, or installs a secret from the dashboard.
* **LOST**: nobody can read the new secret. If another token of the store works, it rolls once
  more by itself; otherwise a secret rolled in the dashboard has to be installed. What an earlier
  roll answered too late is tried here and in HELD; if it works the attempt takes a copy of it.

A row is *open* (``closed_at`` is empty) as long as it needs anything. A 200 or a 403 from the
API shows that a secret works, a 401 that it does not; everything else shows nothing, and nothing
is concluded from it.
"""

from __future__ import annotations

from pandabase_django.services.rotation.context import RotationContext
from pandabase_django.services.rotation.install import (
    HeldText,
    held_texts,
    install_from_held,
    install_secret,
)
from pandabase_django.services.rotation.policy import due_tokens, request_due_rotations
from pandabase_django.services.rotation.preflight import PreflightReport, preflight
from pandabase_django.services.rotation.request import (
    Way,
    cancel_rotation,
    request_pair_rotation,
    request_rotation,
    ways_to_rotate,
)
from pandabase_django.services.rotation.send import run_rotation
from pandabase_django.services.rotation.spool import PickedUp, pick_up_spool, waiting_in_spool
from pandabase_django.services.rotation.watch import watch_rotations

__all__ = [
    "HeldText",
    "PickedUp",
    "PreflightReport",
    "RotationContext",
    "Way",
    "cancel_rotation",
    "due_tokens",
    "held_texts",
    "install_from_held",
    "install_secret",
    "pick_up_spool",
    "preflight",
    "request_due_rotations",
    "request_pair_rotation",
    "request_rotation",
    "run_rotation",
    "waiting_in_spool",
    "watch_rotations",
    "ways_to_rotate",
]
