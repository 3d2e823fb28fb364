"""Reports, as the Store API takes, lists and hands them out. Source: P-62."""

from __future__ import annotations

from pandabase_django.sandbox.api.context import Call
from pandabase_django.sandbox.api.pages import page_of_held
from pandabase_django.sandbox.api.reports.files import url_of
from pandabase_django.sandbox.api.reports.rows import REPORT_TYPES, files_of, rows_of
from pandabase_django.sandbox.api.validation import Field, Invalid, check_query
from pandabase_django.sandbox.http.wire import Response, failure, success
from pandabase_django.sandbox.seed.timeline import DAY_MS, iso, parse_ms
from pandabase_django.sandbox.store.held import Item
from pandabase_django.sandbox.store.shapes import Json
from pandabase_django.sandbox.store.state import StoreState
from pandabase_django.sandbox.store.views import item_form

__all__ = ["REPORT_CHANGES", "get_download", "get_report", "list_reports", "post_report"]

_MOST_MS = 90 * DAY_MS
_KEPT_MS = 30 * DAY_MS
_MOST_UNFINISHED = 10
_UNFINISHED = ("PENDING", "PROCESSING")
_FORMATS = ("CSV", "JSON")
_QUERY = {
    "status": Field(str, choices=(*_UNFINISHED, "SUCCEEDED", "FAILED")),
    "type": Field(str, choices=REPORT_TYPES),
}


def post_report(call: Call) -> Response:
    """Ask for a report; it is made a little later."""
    body, state = call.body, call.state
    begins_ms, ends_ms = parse_ms(body["periodStart"]) or 0, parse_ms(body["periodEnd"]) or 0
    if not begins_ms < ends_ms:
        return failure(400, "periodStart must be before periodEnd")
    if ends_ms - begins_ms > _MOST_MS:
        return failure(400, "The period can't exceed 90 days")
    _work(call)
    unfinished = [one for _, one in state.reports.every() if one.payload["status"] in _UNFINISHED]
    if len(unfinished) >= _MOST_UNFINISHED:
        return failure(429, "10 reports are not finished yet")
    now_ms = state.clock.now_ms()

    def make(index: int) -> Item:
        payload = {
            "id": state.ids.make("report", index),
            "type": body["type"],
            "status": "PENDING",
            "formats": list(dict.fromkeys(body.get("formats", _FORMATS))),
            "periodStart": iso(begins_ms),
            "periodEnd": iso(ends_ms),
            "rowCount": None,
            "sizeBytes": None,
            "durationMs": None,
            "errorMessage": None,
            "requestedByAccountId": None,
            "requestedByTokenId": call.token.token_id,
            "startedAt": None,
            "completedAt": None,
            "createdAt": iso(now_ms),
            "updatedAt": iso(now_ms),
        }
        return Item(payload, created_ms=now_ms, updated_ms=now_ms)

    index = state.reports.add(make)
    return success(item_form(state.reports.touch(index)), status=201)


def list_reports(call: Call) -> Response:
    """Newest first."""
    query = call.request.query()
    check_query(query, _QUERY)
    _work(call)
    return page_of_held(call, call.state.reports, asked={name: query.get(name) for name in _QUERY})


def get_report(call: Call) -> Response:
    """One report."""
    return success(item_form(_found(call)))


def get_download(call: Call) -> Response:
    """Where its file is, for five minutes."""
    report, suffix = item_form(_found(call)), call.ids["format"]
    if suffix.upper() not in report["formats"]:
        return failure(404, "The report has no file of this format")
    if report["status"] != "SUCCEEDED":
        return failure(409, f"The report is {report['status']}")
    return success({"url": url_of(call, report["id"], suffix)})


def _found(call: Call) -> Item:
    _work(call)
    item = call.state.reports.find(call.index("report"))
    if item is None or item.deleted:
        raise Invalid("Report not found", status=404)
    return item


def _work(call: Call) -> None:
    """Make the reports whose time has come, and drop those of over 30 days."""
    state, wait_ms = call.state, round(call.services.settings.report_seconds * 1000)
    now_ms = state.clock.read_ms()
    for index, item in list(state.reports.every()):
        age_ms = now_ms - item.created_ms
        if age_ms > _KEPT_MS and not item.deleted:
            state.reports.touch(index).deleted = True
            state.report_files.pop(item.payload["id"], None)
        elif item.payload["status"] in _UNFINISHED and age_ms * 2 >= wait_ms:
            _start(state, index, at_ms=item.created_ms + wait_ms // 2)
            if age_ms >= wait_ms:
                _finish(state, index, at_ms=item.created_ms + wait_ms)


def _start(state: StoreState, index: int, *, at_ms: int) -> None:
    state.reports.touch(index).payload.update(
        status="PROCESSING", startedAt=iso(at_ms), updatedAt=iso(at_ms)
    )


def _finish(state: StoreState, index: int, *, at_ms: int) -> None:
    payload = state.reports.touch(index).payload
    begins_ms, ends_ms = parse_ms(payload["periodStart"]) or 0, parse_ms(payload["periodEnd"]) or 0
    rows = rows_of(state, payload["type"], begins_ms, ends_ms)
    files = {
        suffix: text
        for suffix, text in files_of(rows).items()
        if suffix.upper() in payload["formats"]
    }
    state.report_files[payload["id"]] = files
    payload.update(
        status="SUCCEEDED",
        rowCount=len(rows),
        sizeBytes=sum(len(text.encode("utf-8", "replace")) for text in files.values()),
        durationMs=at_ms - (parse_ms(payload["startedAt"]) or at_ms),
        completedAt=iso(at_ms),
        updatedAt=iso(at_ms),
    )


def _fail(state: StoreState, change: Json) -> list[str]:
    """A change: the report of this ``id`` fails, with this ``message``."""
    index = state.ids.index_of("report", str(change["id"]))
    if index is None or state.reports.find(index) is None:
        raise LookupError(f"no such report: {change['id']!r}")
    now = iso(state.clock.now_ms())
    message = str(change.get("message", "The report could not be made"))
    state.reports.touch(index).payload.update(
        status="FAILED", errorMessage=message, completedAt=now, updatedAt=now
    )
    return [state.ids.make("report", index)]


REPORT_CHANGES = {"fail_report": _fail}
