"""Notes for the doctor what was refused before Django saw it, in the words of the view."""

from __future__ import annotations

import io

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django import db
from django.core.handlers.asgi import ASGIRequest

from pandabase_django.api.webhooks.verification import Reason
from pandabase_django.asgi.protocol import Scope
from pandabase_django.asgi.rooms import Full, Room
from pandabase_django.observing.logs import get_logger

__all__ = ["Notes"]

logger = get_logger(__name__)

WAITING = 64
WAIT_SECONDS = 5.0


class Notes:
    """Writes one note at a time, so that refusals leave the database to good deliveries."""

    def __init__(self) -> None:
        self._room = Room(at_once=1, waiting=WAITING)

    async def take(self, scope: Scope, endpoint_id: str, reason: Reason, *, size: int) -> None:
        """Note a refusal after it was answered. In a flood some are only logged.

        Args:
            scope: Of the request.
            endpoint_id: Last part of the address it came to.
            reason: Why it was refused.
            size: Bytes of the body that were read.
        """
        try:
            await self._room.enter(seconds=WAIT_SECONDS)
        except Full:
            logger.warning("A webhook delivery was refused, and not counted: %s.", reason.value)
            return
        try:
            async with ThreadSensitiveContext():
                await sync_to_async(_note)(scope, endpoint_id, reason, size=size)
        finally:
            self._room.leave()


def _note(scope: Scope, endpoint_id: str, reason: Reason, *, size: int) -> None:
    # Not at the top: models can't be imported before Django is set up, and asgi.py sets it up.
    from pandabase_django.services.webhooks.receive import refuse

    try:
        request = ASGIRequest(scope, io.BytesIO())
        peer = request.META.get("REMOTE_ADDR", "")
        refuse(endpoint_id, reason, headers=request.headers, size=size, peer=peer)
    except (db.Error, UnicodeDecodeError) as error:
        logger.warning("A refused delivery could not be noted (%s).", type(error).__name__)
    finally:
        db.connections.close_all()  # they belong to this thread, which ends here
