"""How money, times, payloads and the state of a thing are shown."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.formats import date_format, number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from pandabase_django.models import Store
from pandabase_django.models.stores import store_of
from pandabase_django.texts.amounts import EMPTY, money_text

__all__ = [
    "EMPTY",
    "NAMES_STORE",
    "Explanation",
    "badge",
    "breakable",
    "duration",
    "health_tone",
    "moment",
    "money",
    "name_and_id",
    "payload",
    "store_name",
    "with_quiet",
    "with_store",
]

_BETWEEN_WORDS = re.compile(r"(?<=[A-Z]_)(?=[A-Z])")
NAMES_STORE = "names_store"  # set on a row that names its store
HEALTH_TONES = {"OK": "good", "SUSPECT": "bad", "FAILED": "warn"}


@dataclass(frozen=True, slots=True)
class Explanation:
    """What the state of a thing means, in sentences for a person.

    Attributes:
        headline: The state in one line.
        happened: Up to now.
        means: For whoever asked for the thing, or uses it.
        next_step: What to do; what happens by itself when nothing has to be done.
    """

    headline: str
    happened: str
    means: str
    next_step: str


def money(minor: int | None, currency: str) -> str:
    """The same for a page; right-aligned in a table."""
    if minor is None:
        return EMPTY
    return format_html('<span class="pandabase-money">{}</span>', money_text(minor, currency))


def badge(text: str, *, tone: str) -> str:
    """A status as text in a border; the tone only adds to it.

    Args:
        text: What it says.
        tone: ``good``, ``bad``, ``warn``, ``busy`` or ``quiet``.
    """
    return format_html(
        '<span class="pandabase-badge pandabase-{}">{}</span>', tone, breakable(text)
    )


def breakable(text: str) -> str:
    """A word of the remote, such as PAYMENT_RECEIVED; a narrow cell may break it behind a "_"."""
    words = _BETWEEN_WORDS.split(str(text))
    return format_html_join(mark_safe("<wbr>"), "{}", ((word,) for word in words))


def health_tone(health: str) -> str:
    """The tone of a token's health."""
    return HEALTH_TONES.get(health, "quiet")


def duration(seconds: float) -> str:
    """A time span, as precise as its length makes useful."""
    if seconds < 10:
        return _("%(seconds)s s") % {"seconds": number_format(round(seconds, 1), use_l10n=True)}
    whole = round(seconds)
    if whole < 60:
        return _("%(seconds)s s") % {"seconds": whole}
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return _("%(minutes)d min %(seconds)d s") % {"minutes": minutes, "seconds": rest}
    hours, minutes = divmod(minutes, 60)
    return _("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": minutes}


def moment(value: datetime | None) -> str:
    """A time as all pages show it, to the second when pointed at; a dash when it is not known."""
    if value is None:
        return EMPTY
    at = localtime(value)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        at.isoformat(),
        at.strftime("%Y-%m-%d %H:%M:%S %Z"),
        date_format(at, "DATETIME_FORMAT"),
    )


def with_quiet(text: object, *quiet: object) -> str:
    """A cell's text, and below it in grey what does not decide: an id, a store."""
    lines = format_html_join(
        "", '<span class="pandabase-below">{}</span>', ((q,) for q in quiet if q)
    )
    return format_html('<span class="pandabase-cell-text">{}{}</span>', text, lines)


def with_store(row: Any, text: object, *quiet: object) -> str:
    """As ``with_quiet``, with the row's store at the end: one cell of each list is made by this.

    ``ListWithStores`` decides whether its rows name their stores; on other pages none does.
    """
    store = store_of(row) if getattr(row, NAMES_STORE, False) else ""
    return with_quiet(text, *quiet, store)


def name_and_id(row: Any, name: str | None) -> str:
    """The cell that leads to a row: its name, and below it the id; without a name the id."""
    return with_store(row, name, row.pk) if name else with_store(row, row.pk)


def store_name(store: Store) -> str:
    """What a store is called, and below it the id where that is something else."""
    return with_quiet(store, store.pk if store.title else "")


def payload(value: Any, *, title: str = "") -> str:
    """JSON, folded under a title: by default that it is as it was received."""
    try:
        text = json.dumps(value, indent=2, ensure_ascii=False)
    except RecursionError:
        text = _("This is nested too deeply to be shown.")
    return format_html(
        '<details><summary>{}</summary><pre class="pandabase-payload">{}</pre></details>',
        title or _("As received"),
        text,
    )
