"""The ways an answer can be spoiled.

Each action gets its arguments and a function that executes the request, which it calls once, later
or never.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from pandabase_django.sandbox.http.wire import Response, failure
from pandabase_django.sandbox.store.shapes import Json, dump_json, set_path

__all__ = ["ACTIONS"]

Execute = Callable[[], Response]

_OK = b"HTTP/1.1 200 OK\r\n"
_CHUNKED = _OK + b"Transfer-Encoding: chunked\r\n\r\n"
_ENDLESS: dict[str, tuple[bytes, bytes]] = {
    "status": (b"HTTP/1.1 200 ", b"O"),
    "header": (_OK + b"X-Long: ", b"a"),
    "chunk_size": (_CHUNKED, b"0"),
    "trailer": (_CHUNKED + b"0\r\n", b"X: y\r\n"),
    "continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}


def _none(args: Json, execute: Execute) -> Response:
    """Answer as usual: for a rule that only changes the store."""
    return execute()


def _status(args: Json, execute: Execute) -> Response:
    """Answer ``status`` (default 500) without executing; ``error``, ``body``, ``headers``."""
    status = int(args.get("status", 500))
    response = failure(status, str(args.get("error", f"Injected {status}")))
    if "body" in args:
        response.body = _raw(args["body"])
    response.headers = {str(name): str(value) for name, value in args.get("headers", {}).items()}
    retry_after_seconds = args.get("retry_after_seconds")
    if retry_after_seconds is not None:
        response.headers["Retry-After"] = str(retry_after_seconds)
        response.headers["X-RateLimit-Remaining"] = "0"
        response.headers["X-RateLimit-Reset"] = str(int(time.time() + retry_after_seconds))
    return response


def _delay(args: Json, execute: Execute) -> Response:
    """Execute, then answer ``seconds`` late."""
    response = execute()
    time.sleep(float(args.get("seconds", 1)))
    return response


def _reset(args: Json, execute: Execute) -> Response:
    """Break the connection (RST) without executing."""
    return Response(0, b"", drop="reset")


def _close(args: Json, execute: Execute) -> Response:
    """Close the connection without executing or answering."""
    return Response(0, b"", drop="close")


def _unreachable(args: Json, execute: Execute) -> Response:
    """Take no connection, where none is made: without a socket. Else as ``close``."""
    return Response(0, b"", drop="unreachable")


def _commit_then_reset(args: Json, execute: Execute) -> Response:
    """Execute, then break the connection: the answer is lost."""
    execute()
    return Response(0, b"", drop="reset")


def _delay_then_execute(args: Json, execute: Execute) -> Response:
    """Drop the connection now, execute ``seconds`` later; ``answer``: close, reset or a status."""
    timer = threading.Timer(float(args.get("seconds", 1)), execute)
    timer.daemon = True
    timer.start()
    answer = args.get("answer", "close")
    if isinstance(answer, int):
        return failure(answer, f"Injected {answer}")
    return Response(0, b"", drop="reset" if answer == "reset" else "close")


def _truncate(args: Json, execute: Execute) -> Response:
    """Promise the whole body, send ``bytes`` of it (default half), close."""
    response = execute()
    response.cut_after = int(args.get("bytes", len(response.body) // 2))
    return response


def _cut_json(args: Json, execute: Execute) -> Response:
    """A complete response whose JSON ends after ``bytes`` (default half)."""
    response = execute()
    response.body = response.body[: int(args.get("bytes", len(response.body) // 2))]
    return response


def _html(args: Json, execute: Execute) -> Response:
    """A web page, as a proxy answers; ``status`` (default 200)."""
    page = b"<!doctype html><title>Maintenance</title><h1>Back soon</h1>"
    return Response(int(args.get("status", 200)), page, content_type="text/html; charset=utf-8")


def _wrong_json(args: Json, execute: Execute) -> Response:
    """Valid JSON without the envelope."""
    return Response(200, b'{"unexpected":["shape"]}')


def _empty_page(args: Json, execute: Execute) -> Response:
    """The list without its items, the pagination as it was; else as usual."""
    return _edited_data(execute(), "items", lambda data: data.update(items=[]))


def _null_data(args: Json, execute: Execute) -> Response:
    """``data`` is null."""
    return _edited(execute(), {"data": None})


def _edit_total(args: Json, execute: Execute) -> Response:
    """The list counts ``by`` rows more than it has (below zero: fewer); else as usual."""

    def edit(data: Json) -> None:
        pagination = data["pagination"]
        total = max(0, pagination["total"] + int(args.get("by", -1)))
        pagination.update(total=total, totalPages=-(-total // pagination["limit"]))

    return _edited_data(execute(), "pagination", edit)


def _duplicate_items(args: Json, execute: Execute) -> Response:
    """The first ``count`` items (default 1) are in the page twice; else as usual."""
    count = int(args.get("count", 1))
    return _edited_data(
        execute(), "items", lambda data: data["items"].extend(data["items"][:count])
    )


def _edit_body(args: Json, execute: Execute) -> Response:
    """Execute, then overwrite parts of the answer: ``set`` maps dotted paths to values."""
    return _edited(execute(), args.get("set", {}))


def _replace_body(args: Json, execute: Execute) -> Response:
    """Execute, then answer with ``body`` (a text is sent as it is, else JSON); ``status``."""
    response = execute()
    response.body = _raw(args.get("body", ""))
    response.status = int(args.get("status", response.status))
    return response


def _drip(args: Json, execute: Execute) -> Response:
    """Send the body ``bytes`` at a time (default 64), ``seconds`` apart (default 0.1)."""
    response = execute()
    response.drip = (int(args.get("bytes", 64)), float(args.get("seconds", 0.1)))
    return response


def _redirect(args: Json, execute: Execute) -> Response:
    """Execute, then answer with ``status`` (default 302) and ``location``, which may be malformed.

    The body is ``body``, or as usual, and ``bytes`` (default 0) spaces after it.
    """
    response = execute()
    response.status = int(args.get("status", 302))
    response.headers = {**response.headers, "Location": str(args.get("location", "/elsewhere"))}
    if "body" in args:
        response.body = _raw(args["body"])
    response.body += b" " * int(args.get("bytes", 0))
    return response


def _drip_head(args: Json, execute: Execute) -> Response:
    """Execute, then send a ``part`` that never ends, ``seconds`` (default 0.1) between its pieces.

    The part is status, header (default), chunk_size, trailer or continue. It ends after ``times``
    pieces (default 6000).
    """
    beginning, piece = _ENDLESS[str(args.get("part", "header"))]
    execute()
    response = Response(0, b"")
    response.raw = _dripping(
        beginning, piece, float(args.get("seconds", 0.1)), int(args.get("times", 6000))
    )
    return response


def _dripping(beginning: bytes, piece: bytes, seconds: float, times: int) -> Iterator[bytes]:
    yield beginning
    for _ in range(times):
        time.sleep(seconds)
        yield piece


def _edited_data(response: Response, part: str, edit: Callable[[Json], object]) -> Response:
    """Edit ``data``, if it has that part."""
    content = _content(response)
    data = content.get("data") if isinstance(content, dict) else None
    if isinstance(data, dict) and data.get(part) is not None:
        edit(data)
        response.body = dump_json(content).encode()
    return response


def _content(response: Response) -> Any:
    """None when it is no JSON: another rule may have spoiled it before."""
    try:
        return json.loads(response.body)
    except ValueError:
        return None


def _edited(response: Response, values: Json) -> Response:
    content = _content(response)
    if content is None:
        return response
    for path, value in values.items():
        set_path(content, path, value)
    response.body = dump_json(content).encode()
    return response


def _raw(body: object) -> bytes:
    return (body if isinstance(body, str) else dump_json(body)).encode("utf-8", "surrogatepass")


ACTIONS: dict[str, Callable[[Json, Execute], Response]] = {
    "none": _none,
    "status": _status,
    "delay": _delay,
    "reset": _reset,
    "close": _close,
    "unreachable": _unreachable,
    "commit_then_reset": _commit_then_reset,
    "delay_then_execute": _delay_then_execute,
    "truncate": _truncate,
    "cut_json": _cut_json,
    "html": _html,
    "wrong_json": _wrong_json,
    "empty_page": _empty_page,
    "null_data": _null_data,
    "edit_total": _edit_total,
    "duplicate_items": _duplicate_items,
    "edit_body": _edit_body,
    "replace_body": _replace_body,
    "drip": _drip,
    "drip_head": _drip_head,
    "redirect": _redirect,
}
