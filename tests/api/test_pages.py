"""What a page and a reply say of themselves, and how a list is read on."""

from __future__ import annotations

import responses

from tests.api.wire.sending import URL, client


def listed(page: int, *ids: str, total: int = 5, pages: int = 3) -> dict[str, object]:
    numbers = {"page": page, "limit": 2, "total": total, "totalPages": pages}
    return {"ok": True, "data": {"items": [{"id": one} for one in ids], "pagination": numbers}}


def test_a_page_is_iterated_and_knows_whether_there_is_more(
    remote: responses.RequestsMock,
) -> None:
    remote.get(URL, json=listed(2, "prd_3", "prd_4"), headers={"X-Request-ID": "req_7", "X-Y": "z"})
    remote.get(URL, json=listed(3, "prd_5"))
    opened = client()
    page = opened.products.list(page=2, limit=2)
    assert [product.id for product in page] == ["prd_3", "prd_4"]
    assert (page.has_more, page.request_id, page.headers["x-y"]) == (True, "req_7", "z")
    assert not opened.products.list(page=3, limit=2).has_more


def test_reading_goes_on_from_a_page(remote: responses.RequestsMock) -> None:
    for number, ids in ((2, ("prd_3", "prd_4")), (3, ("prd_5",))):
        remote.get(URL, json=listed(number, *ids))
    found = client().products.iterate(page=2, limit=2, sort_by="createdAt")
    assert [product.id for product in found] == ["prd_3", "prd_4", "prd_5"]
    assert [call.request.params["page"] for call in remote.calls] == ["2", "3"]
    assert {call.request.params["sortBy"] for call in remote.calls} == {"createdAt"}


def test_pages_say_where_to_resume(remote: responses.RequestsMock) -> None:
    for number, ids in ((2, ("prd_3", "prd_4")), (3, ("prd_5",))):
        remote.get(URL, json=listed(number, *ids))
    found = [(page.page, len(page.items)) for page in client().products.pages(page=2, limit=2)]
    assert found == [(2, 2), (3, 1)]


def test_a_reply_shows_headers_and_request_id(remote: responses.RequestsMock) -> None:
    headers = {"X-Request-ID": "req_8", "X-RateLimit-Remaining": "59", "Set-Cookie": "a=secret"}
    remote.get(f"{URL}/prd_1", json={"ok": True, "data": {"id": "prd_1"}}, headers=headers)
    reply = client().request("product_get", params={"product_id": "prd_1"})
    assert reply.request_id == "req_8"
    assert reply.headers["x-ratelimit-remaining"] == "59"
    assert "secret" not in repr(reply)
