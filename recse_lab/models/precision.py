"""In which precision matrix products run."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    pass


def best_precision(device: torch.device | str = "cpu") -> str:
    """bf16 where the hardware multiplies it natively, fp32 elsewhere."""
    if torch.device(device).type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    capability = torch.backends.cpu.get_cpu_capability()
    native = (
        capability.startswith("AVX512")
        and getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)()
    )
    return "bf16" if native else "fp32"


def autocast(device: torch.device, precision: str):
    """Context in which matrix products run in ``precision`` (fp32 or bf16)."""
    return torch.autocast(device.type, torch.bfloat16) if precision == "bf16" else nullcontext()
