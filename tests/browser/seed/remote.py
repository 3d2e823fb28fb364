"""What the seed does to the remote itself."""

from __future__ import annotations

from typing import Any

import requests

__all__ = ["change"]


def change(remote: dict[str, Any], op: str, **options: Any) -> list[str]:
    """Change the sandbox by its control URL; returns the ids of what changed."""
    wanted = [{"op": op, **options}]
    reply = requests.post(f"{remote['control_url']}/changes", json=wanted, timeout=60)
    reply.raise_for_status()
    ids: list[str] = reply.json()["data"]["ids"]
    return ids
