"""Licences: new ones, those that came to another status, and all of them in turn.

A key's keyed hash is a part of the digest. So when the first encryption key changes, every licence
is another one than before, and its hash is made again as its turn comes, or by a full sync.
"""

from __future__ import annotations

from dataclasses import replace

from pandabase_django.api import schemas
from pandabase_django.api.client import Client
from pandabase_django.api.resources.base import LicenseLists
from pandabase_django.crypto.keyring import current_keyring
from pandabase_django.crypto.secret import Secret
from pandabase_django.models import License
from pandabase_django.services.sync.mirror.resource import Resource, Schedule
from pandabase_django.services.sync.readings.counts import Counts
from pandabase_django.services.sync.readings.newest import Newest
from pandabase_django.services.sync.readings.rolling import Rolling

__all__ = ["LICENSES"]


def _hashed(data: object) -> schemas.License:
    item = schemas.read_license(data)
    key = Secret(item.reveal().strip())
    return replace(item, key_hash=current_keyring().lookup_hash(key)) if key != _NONE else item


_NONE = Secret("")


def _list(client: Client) -> LicenseLists:
    return LicenseLists(client, read=_hashed)


LICENSES: Resource[schemas.License] = Resource(
    name="licenses",
    model=License,
    schedule=Schedule.SELDOM,
    listing=_list,
    permission="LICENSES_READ",
    # The list can't be sorted.
    readings=[
        Newest(query={}),
        Rolling(query={}),
        Counts(statuses=License.Status.values, query={}),
    ],
)
