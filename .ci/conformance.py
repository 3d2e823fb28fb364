"""Asks a sandbox, by schemathesis, whether it answers as the vendor's descriptions say.

    python .ci/conformance.py SCHEMATHESIS DESCRIPTIONS [EXAMPLES]

SCHEMATHESIS is its program, DESCRIPTIONS the folder with the vendor's three files, EXAMPLES how
many requests are drawn for each operation. The descriptions are read as they are, but for what
``READINGS`` changes and says why. Exit code 0: nothing differs.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pandabase_django.sandbox import Sandbox

Json = dict[str, Any]
SEED = "20260630"
BASES = {"core": "/v2/core", "checkout": "/v2", "storefront": "/v2/storefront"}
PROGRAM_ERROR = 2
_ERROR = {
    "type": "object",
    "required": ["ok", "error"],
    "properties": {"ok": {"enum": [False]}, "error": {"type": "string"}},
}
_TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"


def _operations(description: Json) -> Iterator[tuple[str, Json]]:
    for path, methods in description["paths"].items():
        for operation in methods.values():
            yield path, operation


def _schemas(found: Any) -> Iterator[Json]:
    """Every object inside."""
    if isinstance(found, dict):
        yield found
        found = list(found.values())
    if isinstance(found, list):
        for inner in found:
            yield from _schemas(inner)


def general_statuses(description: Json, sandbox: Sandbox) -> None:
    """The vendor's page on errors names statuses that any operation may answer (P-09)."""
    answer = {"description": "", "content": {"application/json": {"schema": _ERROR}}}
    for _, operation in _operations(description):
        for status in ("400", "401", "403", "404", "409", "422", "429"):
            operation["responses"].setdefault(status, answer)


def no_other_fields(description: Json, sandbox: Sandbox) -> None:
    """Whether unknown fields of a body are refused is not said: the sandbox refuses them (P-46)."""
    bodies = [operation.get("requestBody") for _, operation in _operations(description)]
    shared = description.get("components", {}).get("schemas", {})
    asked = {name: one for name, one in shared.items() if not _is_answer(name)}
    for schema in _schemas([bodies, asked]):
        if isinstance(schema.get("properties"), dict):
            schema.setdefault("additionalProperties", False)


def _is_answer(name: str) -> bool:
    return name.startswith(("Storefront", "Merchant", "LineItem")) or name in (
        "EstimateResponse",
        "CheckoutSession",
        "Pagination",
        "CategoryRef",
    )


def nullable_is_null(description: Json, sandbox: Sandbox) -> None:
    """Two files are of OpenAPI 3.1, and write null as 3.0 did, where 3.1 reads nothing in it."""
    for schema in _schemas(description):
        if schema.pop("nullable", False) is True:
            schema["type"] = [schema["type"], "null"]
            if "enum" in schema:
                schema["enum"] = [*schema["enum"], None]


def open_enumerations(description: Json, sandbox: Sandbox) -> None:
    """Samples have the type DIGITAL, and products prices by usage: both are not listed (P-26)."""
    for name, schema in description.get("components", {}).get("schemas", {}).items():
        if name.startswith("StorefrontProduct"):
            for field in ("productType", "pricingModel"):
                schema["properties"][field] = {"type": "string"}


def two_letters_are_a_country(description: Json, sandbox: Sandbox) -> None:
    """Codes of countries are said in words to be ISO 3166, and only their length in the schema."""
    for schema in _schemas(description):
        if "ISO 3166" in str(schema.get("description")):
            schema["pattern"] = "^[A-Z]{2}$"


def keys_of_both_texts(description: Json, sandbox: Sandbox) -> None:
    """Two texts allow different idempotency keys: those count that fit both (P-10).

    Every operation has the header, and one rule holds for all: it is tried with writes.
    """
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            keys = [one for one in operation["parameters"] if one.get("name") == "idempotency-key"]
            for one in keys:
                one["schema"]["pattern"] = "^[A-Za-z0-9_-]{8,32}$"
                if method == "get" and path != "/stores/{storeId}/":
                    operation["parameters"].remove(one)


def samples_are_answers(description: Json, sandbox: Sandbox) -> None:
    """The Store API's file describes no answer, but shows a sample of each: its members count."""
    for path, operation in _operations(description):
        name = path.rpartition("/")[2]
        for status, answer in operation["responses"].items():
            found = answer.get("content", {}).get("application/json", {})
            if status < "300" and "example" in found:
                found["schema"]["properties"]["data"] = _like(
                    found["example"]["data"], name=name, top=True
                )


MAY_LACK = {
    # Samples of events have an empty customer, so a few seeded orders have one too (P-30).
    "customer": {"id", "email", "firstName", "lastName", "guest"},
    # The sample is of a card; a payment by another method has none.
    "paymentMethod": {"cardBrand", "cardLastFour"},
    # Of a subscription that is not charged by usage, the text promises this answer and no more.
    "usage": {"currency", "currentPeriod", "pastPeriods"},
}
"""What answers may lack of what the sample of an object of this name shows."""


def _like(sample: Any, *, name: str = "", top: bool = False) -> Json:
    if sample is None:
        return {}
    if isinstance(sample, bool):
        return {"type": ["boolean", "null"]}
    if isinstance(sample, (int, float)):
        return {"type": ["number", "null"]}
    if isinstance(sample, str):
        dated = {"pattern": _TIME} if re.match(_TIME, sample) else {}
        return {"type": ["string", "null"], **dated}
    if isinstance(sample, list):
        return {"type": "array", "items": _like(sample[0]) if sample else {}}
    return {
        "type": "object" if top else ["object", "null"],
        "required": [key for key in sample if key not in MAY_LACK.get(name, ())],
        "properties": {key: _like(value, name=key) for key, value in sample.items()},
    }


def ids_that_exist(description: Json, sandbox: Sandbox) -> None:
    """Random ids would find nothing: of each kind some are named that are there, and one is not."""
    stored = _stored_ids(sandbox)
    for _, operation in _operations(description):
        parameters = [
            description["components"]["parameters"][one["$ref"].rpartition("/")[2]]
            if "$ref" in one
            else one
            for one in operation["parameters"]
        ]
        for one in parameters:
            name = one["name"].replace("_id", "Id")
            if one["in"] == "path" and name in stored:
                one["schema"] = {"type": "string", "enum": stored[name]}
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        fields = body.get("schema", {}).get("properties", {})
        if "subscription_id" in fields:
            fields["subscription_id"] = {"type": "string", "enum": stored["subscriptionId"]}
    bought = description.get("components", {}).get("schemas", {}).get("CatalogItem")
    if bought:
        bought["properties"]["product_id"]["enum"] = stored["productId"]


def _stored_ids(sandbox: Sandbox) -> dict[str, list[str]]:
    kinds = {
        "productId": "products",
        "categoryId": "categories",
        "couponId": "coupons",
        "payoutId": "payouts",
        "orderId": "orders",
        "customerId": "customers",
        "licenseId": "licenses",
        "subscriptionId": "subscriptions",
        "caseId": "cases",
        "refundId": "refunds",
        "disputeId": "disputes",
        "paymentId": "payments",
    }
    stored = {
        name: [one["id"] for one in sandbox.dump(kind)[:24:6]] + ["unknown_0123456789"]
        for name, kind in kinds.items()
    }
    return {**stored, **_made_ids(sandbox), "storeId": [sandbox.store_id]}


def _made_ids(sandbox: Sandbox) -> dict[str, list[str]]:
    """Of what no store begins with, some are made."""
    hooks = [sandbox.add_webhook(f"https://shop.example/{number}") for number in range(4)]
    by_usage = {"productType": "SUBSCRIPTION", "pricingModel": "USAGE_BASED"}
    meters = []
    for index in range(0, 24, 6):
        sandbox.change([{"op": "edit_product", "index": index, "fields": by_usage}])
        meters += sandbox.change([{"op": "create_meter", "product": index, "event": "tokens"}])
    period = {"periodStart": "2024-11-01T00:00:00Z", "periodEnd": "2024-12-01T00:00:00Z"}
    asked = Request(
        url=f"{sandbox.url}/v2/core/stores/{sandbox.store_id}/reports",
        data=json.dumps({"type": "PAYMENT_ACTIVITY", **period}).encode(),
        headers={"Authorization": f"Bearer {sandbox.bearer_token.secret}"},
    )
    with urlopen(asked) as answer:
        report = json.load(answer)["data"]["id"]
    return {
        "webhookId": [hook["id"] for hook in hooks],
        "meterId": meters,
        "reportId": [report, "unknown_0123456789"],
    }


READINGS: tuple[Callable[[Json, Sandbox], None], ...] = (
    samples_are_answers,
    general_statuses,
    no_other_fields,
    nullable_is_null,
    open_enumerations,
    two_letters_are_a_country,
    keys_of_both_texts,
    ids_that_exist,
)


RULES = {
    "POST /stores/{storeId}/products/": "a category is unknown, or a subscription has no interval",
    "PATCH /stores/{storeId}/products/{productId}": "a category is unknown",
    "POST /stores/{storeId}/products/{productId}/meters/": "the product is not charged by usage",
    "POST /stores/{storeId}/orders/{orderId}/retry-fulfillment": "nothing has failed",
    "POST /stores/{storeId}/refunds/orders/{orderId}": "the order can't be refunded",
    "POST /stores/{storeId}/disputes/{disputeId}/evidence": "evidence is not awaited",
    "POST /stores/{storeId}/subscriptions/{subscriptionId}/cancel": "it is cancelled",
    "POST /stores/{storeId}/subscriptions/{subscriptionId}/pause": "it is not active",
    "POST /stores/{storeId}/subscriptions/{subscriptionId}/resume": "it is not paused",
    "POST /stores/{storeId}/subscriptions/{subscriptionId}/reactivate": "nothing to take back",
    "POST /stores/{storeId}/subscriptions/{subscriptionId}/change": "it is not active",
    "POST /stores/{storeId}/usage/": "the subscription is not active",
    "POST /stores/{storeId}/cases/{caseId}/messages": "the case is closed",
    "POST /stores/{storeId}/reports/": "the period is none, or too long",
    "GET /stores/{storeId}/analytics/overview": "a custom period lacks a date",
    "GET /stores/{storeId}/analytics/gross-volume": "a custom period lacks a date",
    "GET /stores/{storeId}/analytics/orders-by-country": "a custom period lacks a date",
    "POST /stores/{storeId}/checkouts": "the sum, the stock, or the coupon is not right",
    "POST /stores/{storeId}/checkouts/estimate": "the stock, or the coupon is not right",
}
"""What refuses a body that the schema allows, with 400 (of usage, and of keys of refunds, 422)."""


def _configuration() -> str:
    fine = ["2xx", 401, 403, 404, 409, 429]
    # One method that a path does not have stands for all: they are told apart in one place.
    parts = ['[phases.coverage]\nunexpected-methods = ["PUT"]\n']
    for name in RULES:
        more = [400, 422] if name.endswith(("/usage/", "/refunds/orders/{orderId}")) else [400]
        parts.append(
            f"[[operations]]\ninclude-name = {json.dumps(name)}\n"
            f"checks.positive_data_acceptance.expected-statuses = {json.dumps(fine + more)}\n"
        )
    return "\n".join(parts)


def main(program: str, folder: str, examples: str = "4") -> int:
    """Ask about each description; returns the exit code."""
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        place = Path(scratch)
        (place / "schemathesis.toml").write_text(_configuration())
        runs = []
        for name, base in BASES.items():
            # A sandbox each: what one run deletes, another would miss.
            sandbox = Sandbox(seed=3, products=30, orders=300, report_seconds=0.0)
            stack.enter_context(sandbox)
            description = json.loads((Path(folder) / f"{name}-openapi.json").read_text())
            for change in READINGS:
                change(description, sandbox)
            file, said = place / f"{name}.json", place / f"{name}.txt"
            file.write_text(json.dumps(description))
            arguments = [program, "run", str(file), "--url", sandbox.url + base]
            arguments += ["--checks", "all", "--seed", SEED, "-n", examples, "--no-color"]
            arguments += ["--generation-database", "none", "--continue-on-failure"]
            if name == "core":
                secret = sandbox.bearer_token.secret
                arguments += ["--header", f"Authorization: Bearer {secret}"]
            with said.open("w") as out:
                run = subprocess.Popen(arguments, cwd=place, stdout=out, stderr=subprocess.STDOUT)
            runs.append((run, said))
        codes = []
        for run, said in runs:
            codes.append(run.wait())
            sys.stdout.write(said.read_text())
    return max(codes)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if len(sys.argv) in (3, 4) else PROGRAM_ERROR)
