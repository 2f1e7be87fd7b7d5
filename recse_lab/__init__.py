"""recse-lab: train sentence encoders by contrast, vary one thing at a time, and print what follows with its uncertainty."""

from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """``import recse_lab as lab`` in a notebook: ``lab.runs()``, ``lab.probe(…)``, ``lab.polarity(run)`` … (recse_lab.notebook)."""
    import importlib.util

    if name.startswith("_"):
        raise AttributeError(name)
    if importlib.util.find_spec(f"recse_lab.{name}") is not None:
        return importlib.import_module(f"recse_lab.{name}")
    return getattr(importlib.import_module("recse_lab.notebook"), name)
