"""Bar charts as SVG, drawn on the server: no script, no style attribute, and a table behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

__all__ = ["Bar", "bar_chart"]

WIDTH, HEIGHT = 600, 160
LEFT, RIGHT, TOP, BOTTOM = 4, 4, 22, 20
GAP = 2


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: how tall, and what it says when pointed at."""

    value: float
    label: str


def bar_chart(
    bars: Sequence[Bar], *, title: str, first: str, last: str, highest: str
) -> SafeString:
    """A chart that scales with its place.

    Args:
        bars: From left to right; values below zero are drawn as nothing.
        title: What it shows, for those who do not see it.
        first: The text below the first bar.
        last: The text below the last one.
        highest: What the tallest bar is worth.
    """
    top = max((bar.value for bar in bars), default=0)
    room = HEIGHT - TOP - BOTTOM
    step = (WIDTH - LEFT - RIGHT) / max(1, len(bars))
    drawn = format_html_join(
        "",
        '<g><title>{}</title><rect class="pandabase-bar-room" x="{}" y="{}" width="{}" '
        'height="{}"/><rect class="pandabase-bar" x="{}" y="{}" width="{}" height="{}" rx="1"/>'
        "</g>",
        (
            (
                bar.label,
                _number(LEFT + number * step),
                TOP,
                _number(step),
                room,
                _number(LEFT + number * step + GAP / 2),
                _number(HEIGHT - BOTTOM - _height(bar.value, top, room)),
                _number(max(1.0, step - GAP)),
                _number(_height(bar.value, top, room)),
            )
            for number, bar in enumerate(bars)
        ),
    )
    base = HEIGHT - BOTTOM
    return format_html(
        '<svg class="pandabase-chart" viewBox="0 0 {} {}" role="img" aria-label="{}">'
        '<line class="pandabase-axis" x1="{}" y1="{}" x2="{}" y2="{}"/>'
        '<line class="pandabase-grid-line" x1="{}" y1="{}" x2="{}" y2="{}"/>'
        '<text x="{}" y="{}">{}</text>{}'
        '<text x="{}" y="{}">{}</text><text x="{}" y="{}" text-anchor="end">{}</text></svg>',
        *(WIDTH, HEIGHT, title),
        *(LEFT, base, WIDTH - RIGHT, base),
        *(LEFT, TOP, WIDTH - RIGHT, TOP),
        *(LEFT, TOP - 6, highest, drawn),
        *(LEFT, HEIGHT - 5, first, WIDTH - RIGHT, HEIGHT - 5, last),
    )


def _height(value: float, top: float, room: float) -> float:
    if value <= 0 or top <= 0:
        return 0.0
    return max(1.0, room * value / top)


def _number(value: float) -> str:
    """Never with a decimal comma, whatever the language."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
