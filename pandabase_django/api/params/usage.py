"""Bodies, filters and paths: usage events and meters. Amounts are minor units.

Written by ``.ci/params.py``: change that, and not this file.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, TypedDict

__all__ = [
    "ProductMeterCreateBody",
    "ProductMeterPath",
    "ProductMeterUpdateBody",
    "UsageListFilters",
    "UsageListQuery",
    "UsageRecordBody",
    "UsageRecordEvent",
]


class _UsageRecordEvent(TypedDict):
    event_name: str
    quantity: int


class UsageRecordEvent(_UsageRecordEvent, total=False):
    """A part of a body."""

    event_at: str
    external_id: str
    metadata: dict[str, str]


class UsageRecordBody(TypedDict):
    """Body of ``usage_record``."""

    subscription_id: str
    events: Sequence[UsageRecordEvent]


_UsageListQueryWords = TypedDict("_UsageListQueryWords", {"from": "datetime | str"}, total=False)


class _UsageListQuery(_UsageListQueryWords):
    subscription_id: str


class UsageListQuery(_UsageListQuery, total=False):
    """Query of ``usage_list``."""

    meter_id: str
    to: datetime | str
    page: int
    limit: int


class _UsageListFilters(TypedDict):
    subscription_id: str


class UsageListFilters(_UsageListFilters, total=False):
    """Filters of the method for ``usage_list``."""

    meter_id: str
    from_: datetime | str
    to: datetime | str


class _ProductMeterCreateBody(TypedDict):
    eventName: str
    unitPrice: int
    aggregation: Literal["SUM", "MAX", "LAST", "COUNT"]


class ProductMeterCreateBody(_ProductMeterCreateBody, total=False):
    """Body of ``product_meter_create``."""

    unitQuantity: int
    settlement: Literal["ARREARS", "BASE_PLUS_OVERAGE"]
    includedUnits: int


class ProductMeterPath(TypedDict):
    """What the path of ``product_meter_get`` names."""

    product_id: str
    meter_id: str


class ProductMeterUpdateBody(TypedDict, total=False):
    """Body of ``product_meter_update``."""

    eventName: str
    unitPrice: int
    unitQuantity: int
    aggregation: Literal["SUM", "MAX", "LAST", "COUNT"]
    settlement: Literal["ARREARS", "BASE_PLUS_OVERAGE"]
    includedUnits: int | None
