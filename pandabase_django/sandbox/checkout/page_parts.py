"""The parts of the pay page, as HTML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from string import Template

from pandabase_django.sandbox.api.validation import Invalid
from pandabase_django.sandbox.checkout.pricing import EU
from pandabase_django.sandbox.checkout.purchase import Given, paid_quote
from pandabase_django.sandbox.checkout.sessions import merchant_form
from pandabase_django.sandbox.settings import Settings
from pandabase_django.sandbox.store.sessions import Session
from pandabase_django.sandbox.store.shapes import Json
from pandabase_django.sandbox.store.state import StoreState

__all__ = ["Shown", "render", "typed_problem"]

_COUNTRIES = EU | {"US", "GB", "CA", "BR", "IN", "JP", "KR", "AU", "CH", "NO"}
_NOTICES = {
    "PAID": "This checkout is paid. Thank you.",
    "PROCESSING": "Your payment is being processed. You may close this page.",
    "EXPIRED": "This checkout has expired. Go back to the shop and begin again.",
}
_WHOLE = ("JPY", "KRW")
"""Currencies without cents."""
_LOCALE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_PRICE = re.compile(r"[0-9]{1,5}(\.[0-9]{1,2})?")


@dataclass(frozen=True)
class Shown:
    """What a page shows of a session."""

    session: Session
    standing: str
    form: Mapping[str, str] = field(default_factory=dict)
    """What the buyer has typed so far."""
    problem: str = ""
    event: str = ""
    """What is sent to the page around a frame."""
    framed: bool = False


def typed_problem(session: Session, form: Mapping[str, str]) -> str:
    """What is wrong with what the buyer has typed; "" when nothing is."""
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", form.get("email", "")):
        return "Give an e-mail address."
    for place, line in enumerate(session.lines):
        if line.least is not None and not _PRICE.fullmatch(form.get(f"price_{place}", "")):
            return f"Give a price for {line.name}."
    for wanted in session.body.get("display", {}).get("fields", []):
        problem = _field_problem(wanted, form.get(f"field_{wanted['key']}", ""))
        if problem:
            return f"{wanted['label']['custom']} {problem}"
    return ""


def render(
    template: str, state: StoreState, shown: Shown, *, settings: Settings, query: Mapping[str, str]
) -> str:
    """The whole page."""
    session = shown.session
    body = session.body
    theme, locale = query.get("theme", ""), query.get("locale", "en")
    description = body.get("description")
    open_to_pay = shown.standing in ("OPEN", "FAILED")
    return Template(template).substitute(
        locale=locale if _LOCALE.fullmatch(locale) else "en",
        theme=f' data-theme="{theme}"' if theme in ("light", "dark") else "",
        title=escape(str(body.get("title", merchant_form(state)["name"]))),
        description=f"<p>{escape(description)}</p>" if description else "",
        script='<script src="/embed/embed.js"></script>' if shown.framed else "",
        session=escape(session.id),
        event=shown.event,
        message=escape(shown.problem),
        notice=_notice(shown),
        lines="".join(
            f'<tr><th scope="row">{escape(line.name)}</th><td>{line.quantity}</td>'
            f"<td>{_money(line.amount, line.currency)}</td></tr>"
            for line in session.lines
        ),
        sums=_sums(state, shown, settings),
        form=_form(session, shown.form) if open_to_pay else "",
    )


def _notice(shown: Shown) -> str:
    if shown.event == "cancel":
        return '<p class="notice" role="status">You left without paying.</p>'
    if shown.problem or shown.standing == "FAILED":
        text = shown.problem or "The payment was declined."
        return f'<p class="notice alarm" role="alert">{escape(text)}</p>'
    text = _NOTICES.get(shown.standing, "")
    return f'<p class="notice" role="status">{text}</p>' if text else ""


def _sums(state: StoreState, shown: Shown, settings: Settings) -> str:
    session = shown.session
    given = Given(
        country=shown.form.get("country", ""),
        region=shown.form.get("region", ""),
    )
    try:
        _, paid = paid_quote(state, session, given=given, settings=settings)
    except Invalid:
        return ""
    currency = session.lines[0].currency
    rows = [("Subtotal", paid.subtotal)]
    if paid.coupon:
        rows.append((f"Coupon {paid.coupon.code}", -paid.discount))
    rows.append((f"Tax {paid.tax_percent} %", paid.tax))
    shown_rows = [(name, amount, "") for name, amount in rows]
    shown_rows.append(("Total", paid.total, ' class="total"'))
    return "".join(
        f'<tr{kind}><th scope="row" colspan="2">{escape(name)}</th>'
        f"<td>{_money(amount, currency)}</td></tr>"
        for name, amount, kind in shown_rows
    )


def _form(session: Session, form: Mapping[str, str]) -> str:
    known: Json = session.body.get("customer", {})
    billing: Json = known.get("billing", {})
    country = form.get("country", billing.get("country", "US"))
    countries = sorted({*_COUNTRIES, country})
    parts = [
        _input("email", "E-mail", form.get("email", known.get("email", "")), kind="email"),
        _input("name", "Name", form.get("name", known.get("name", ""))),
        _select("country", "Country", [(code, code) for code in countries], country),
    ]
    for place, line in enumerate(session.lines):
        if line.least is not None:
            price = form.get(f"price_{place}", f"{line.amount / 100:.2f}")
            parts.append(_input(f"price_{place}", f"Your price for {line.name}", price))
    parts += [
        _custom(wanted, form.get(f"field_{wanted['key']}"))
        for wanted in session.body.get("display", {}).get("fields", [])
    ]
    return f"""<form method="post">
{"".join(parts)}
<button class="first" name="action" value="pay">Pay</button>
<button name="action" value="update">Update the total</button>
<button name="action" value="later">Pay by a slow method</button>
<button name="action" value="decline">Pay with a card that is declined</button>
<button name="action" value="leave" formnovalidate>Leave without paying</button>
</form>"""


def _custom(wanted: Json, typed: str | None) -> str:
    name, label = f"field_{wanted['key']}", wanted["label"]["custom"]
    rules: Json = wanted.get(wanted["type"], {})
    value = rules.get("default_value", "") if typed is None else typed
    needed = not wanted.get("optional", False)
    if wanted["type"] == "dropdown":
        options = [(option["value"], option["label"]) for option in rules["options"]]
        return _select(name, label, options if needed else [("", ""), *options], value)
    return _input(name, label, value, needed=needed)


def _field_problem(wanted: Json, value: str) -> str:
    rules: Json = wanted.get(wanted["type"], {})
    if not value:
        return "" if wanted.get("optional", False) else "is needed."
    if wanted["type"] == "dropdown":
        known = [option["value"] for option in rules["options"]]
        return "" if value in known else "is not one of the choices."
    if wanted["type"] == "numeric" and not (value.isascii() and value.isdigit()):
        return "takes digits."
    if not rules.get("minimum_length", 0) <= len(value) <= rules.get("maximum_length", 255):
        return "is too short or too long."
    return ""


def _input(name: str, label: str, value: str, *, kind: str = "text", needed: bool = False) -> str:
    required = " required" if needed or kind == "email" else ""
    return (
        f'<label>{escape(label)}<input type="{kind}" name="{escape(name)}" '
        f'value="{escape(value)}"{required}></label>'
    )


def _select(name: str, label: str, options: list[tuple[str, str]], value: str) -> str:
    shown = "".join(
        f'<option value="{escape(code)}"{" selected" if code == value else ""}>'
        f"{escape(text)}</option>"
        for code, text in options
    )
    return f'<label>{escape(label)}<select name="{escape(name)}">{shown}</select></label>'


def _money(amount: int, currency: str) -> str:
    if currency in _WHOLE:
        return escape(f"{amount:,} {currency}")
    return escape(f"{amount / 100:,.2f} {currency}")
