"""Where and with what a run is computed."""

from __future__ import annotations

import platform
from importlib.metadata import version

import torch

from recse_lab import __version__
from recse_lab.files import now
from recse_lab.jobs.machine import device
from recse_lab.runs.provenance import command_line, commit
from recse_lab.runs.records import Environment

PACKAGES = ("torch", "transformers", "accelerate", "numpy", "scipy", "tokenizers", "safetensors")


def environment(**settings: str | None) -> Environment:
    """Describe this machine: everything that may move a number besides a run's configuration.

    Args:
        **settings: What was settled for this machine, as precision and attention.
    """
    on_gpu = device().type == "cuda"
    capability = torch.backends.cpu.get_cpu_capability()
    tree = {
        "recse_lab": __version__,
        "commit": commit(),
        "command": command_line(),
        "date": now(),
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
        "device": torch.cuda.get_device_name() if on_gpu else f"cpu {capability}",
        "threads": torch.get_num_threads(),
        "platform": platform.platform(),
        **settings,
    }
    return Environment.check(tree, Environment.FILE)
