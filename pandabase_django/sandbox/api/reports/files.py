"""The files of reports, behind addresses that are signed and end after five minutes."""

from __future__ import annotations

import hashlib
import hmac

from pandabase_django.sandbox.api.context import Call, Services
from pandabase_django.sandbox.http.wire import Request, Response, failure
from pandabase_django.sandbox.store.state import StoreState

__all__ = ["answer_file", "is_file", "url_of"]

_ROOT = "/files/reports/"
_LIFE_MS = 5 * 60_000
_TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json; charset=utf-8"}


def url_of(call: Call, report: str, suffix: str) -> str:
    """An address of a file, good for five minutes of the clock of changes."""
    expires = str(call.state.clock.read_ms() + _LIFE_MS)
    name = f"{report}.{suffix}"
    signature = _signature(call.state, name, expires)
    return f"{call.request.origin}{_ROOT}{name}?expires={expires}&signature={signature}"


def is_file(path: str) -> bool:
    """Whether a path is that of a file."""
    return path.startswith(_ROOT)


def answer_file(services: Services, request: Request) -> Response:
    """Hand out a file to whoever has its address; no token is asked for."""
    name, query = request.path.removeprefix(_ROOT), request.query()
    expires, given = query.get("expires", ""), query.get("signature", "")
    with services.state.lock:
        expected = _signature(services.state, name, expires)
        if not hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode()):
            return failure(403, "The signature does not fit")
        if services.state.clock.read_ms() >= int(expires):
            return failure(403, "This address has expired")
        report, _, suffix = name.rpartition(".")
        text = services.state.report_files.get(report, {}).get(suffix)
    if text is None:
        return failure(404, "The file is gone")
    return Response(200, text.encode("utf-8", "replace"), content_type=_TYPES[suffix])


def _signature(state: StoreState, name: str, expires: str) -> str:
    key = hashlib.blake2b(f"files:{state.size.seed}".encode(), digest_size=32).digest()
    text = f"{name}:{expires}".encode("utf-8", "replace")
    return hmac.new(key, text, hashlib.sha256).hexdigest()
