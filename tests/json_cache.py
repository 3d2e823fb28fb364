"""A cache that keeps JSON alone."""

from __future__ import annotations

import json
from typing import Any

from django.core.cache.backends.locmem import LocMemCache
from django.core.serializers.json import DjangoJSONEncoder

__all__ = ["JSON_CACHE", "JsonCache"]


class JsonCache(LocMemCache):
    """As django-redis with its JSONSerializer, which sites choose that unpickle nothing."""

    def _kept(self, value: Any) -> Any:
        return value if type(value) is int else json.dumps(value, cls=DjangoJSONEncoder)

    def add(self, key: str, value: Any, *args: Any, **kwargs: Any) -> bool:
        return super().add(key, self._kept(value), *args, **kwargs)

    def set(self, key: str, value: Any, *args: Any, **kwargs: Any) -> None:
        super().set(key, self._kept(value), *args, **kwargs)

    def get(self, key: str, default: Any = None, *args: Any, **kwargs: Any) -> Any:
        found = super().get(key, None, *args, **kwargs)
        if found is None:
            return default
        return json.loads(found) if isinstance(found, str) else found


JSON_CACHE = {"default": {"BACKEND": f"{__name__}.JsonCache", "LOCATION": "json"}}
