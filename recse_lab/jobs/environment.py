"""Where and with what a run is computed."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import Any

import torch

from recse_lab import __version__
from recse_lab.files import now
from recse_lab.jobs.machine import device
from recse_lab.runs.provenance import command_line, commit


def environment(**settings: str | None) -> dict[str, Any]:
    """Where and with what a run is computed: everything that may move a number beside its configuration.

    ``settings``: what was settled for this machine, as precision and attention implementation.
    """
    where = device()
    packages = (
        "torch",
        "transformers",
        "accelerate",
        "numpy",
        "scipy",
        "tokenizers",
        "safetensors",
    )
    return {
        "recse_lab": __version__,
        "commit": commit(),
        "command": command_line(),
        "date": now(),
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
        "device": torch.cuda.get_device_name()
        if where.type == "cuda"
        else f"cpu {torch.backends.cpu.get_cpu_capability()}",
        "threads": torch.get_num_threads(),
        "platform": platform.platform(),
        **settings,
    }
