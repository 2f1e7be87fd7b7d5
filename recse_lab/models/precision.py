"""In which precision matrix products run."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from jaxtyping import Float
from torch import Tensor


def best_precision(device: torch.device | str = "cpu") -> str:
    """bf16 if the hardware multiplies it natively, else fp32."""
    if torch.device(device).type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    return "bf16" if _cpu_multiplies_bf16() else "fp32"


def _cpu_multiplies_bf16() -> bool:
    if not torch.backends.cpu.get_cpu_capability().startswith("AVX512"):
        return False
    capabilities = getattr(torch.cpu, "get_capabilities", dict)  # torch has it since 2.13
    return bool(capabilities().get("avx512_bf16", False))


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """Context in which matrix products run in ``precision`` (fp32 or bf16)."""
    return torch.autocast(device.type, torch.bfloat16) if precision == "bf16" else nullcontext()


def full(value: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """The value in float32, from half precision; a float64 stays what it is."""
    return value.to(torch.promote_types(value.dtype, torch.float32))
