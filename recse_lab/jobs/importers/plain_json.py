"""JSON as other programs write it."""

from __future__ import annotations

import json
from typing import Any


def mapping(text: str) -> dict[str, Any] | None:
    """The mapping that a JSON text holds, or None. NaN, as Python writes it, is read."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
