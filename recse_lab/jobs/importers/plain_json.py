"""JSON as other programs write it."""

from __future__ import annotations

import json
from typing import Any


def mapping(text: str) -> dict[str, Any] | None:
    """What a JSON text holds, if it is a mapping; None otherwise. NaN, which Python writes, is read."""
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None
