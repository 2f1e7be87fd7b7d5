"""The state to resume from.

One safetensors file, whole or absent, with nothing in it that could run.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from recse_lab.errors import LabError
from recse_lab.files import atomic_path

MOMENTS = ("exp_avg", "exp_avg_sq", "step")
"""State that AdamW keeps for every parameter."""

CHECKPOINT_S = 120.0
"""Seconds after which a training loop saves its state, whatever the step."""

ProgressT = TypeVar("ProgressT")


def save_state(
    path: Path, arm: nn.Module, optimizer: torch.optim.Optimizer, progress: dict[str, Any]
) -> None:
    """Write parameters, buffers and AdamW's moments.

    Args:
        path: The file, which appears whole or not at all.
        arm: The trained module.
        optimizer: Its AdamW.
        progress: Plain JSON: step, best score and the like.
    """
    tensors = {f"arm/{name}": value.detach() for name, value in _kept(arm).items()}
    for name, parameter in arm.named_parameters():
        for moment in MOMENTS:
            if parameter in optimizer.state:
                tensors[f"{moment}/{name}"] = optimizer.state[parameter][moment].detach()
    with atomic_path(path) as beside:
        save_file(
            {k: v.contiguous() for k, v in tensors.items()},
            beside,
            metadata={"progress": json.dumps(progress)},
        )


def load_state(path: Path, arm: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Restore what ``save_state`` wrote and return its ``progress``.

    Raises:
        LabError: The file is damaged or belongs to another arm.
    """
    try:
        with safe_open(path, framework="pt") as file:
            names = set(file.keys())
            progress = json.loads(file.metadata()["progress"])
            with torch.no_grad():
                for name, value in _kept(arm).items():
                    value.copy_(file.get_tensor(f"arm/{name}"))
            for name, parameter in arm.named_parameters():
                if f"exp_avg/{name}" in names:
                    optimizer.state[parameter] = {
                        m: file.get_tensor(f"{m}/{name}").to(_moment_device(m, parameter))
                        for m in MOMENTS
                    }
    except Exception as error:
        raise LabError(
            f"{path}: this state cannot be resumed from ({error}); "
            "delete the run's folder to start again."
        ) from error
    return progress


def resume(
    kind: type[ProgressT], path: Path, arm: nn.Module, optimizer: torch.optim.Optimizer
) -> ProgressT:
    """Restore a saved state and return its progress; a fresh ``kind`` if nothing was saved.

    Raises:
        LabError: As ``load_state``.
    """
    return kind(**load_state(path, arm, optimizer)) if path.exists() else kind()


def _kept(arm: nn.Module) -> dict[str, torch.Tensor]:
    """Parameters and persistent buffers, each once."""
    return dict(arm.named_parameters()) | {
        name: b for name, b in arm.named_buffers() if name in arm.state_dict()
    }


def _moment_device(moment: str, parameter: nn.Parameter) -> torch.device:
    fused_on_accelerator = parameter.device.type != "cpu"
    # A fused AdamW keeps its step counter on the accelerator, too.
    return parameter.device if moment != "step" or fused_on_accelerator else torch.device("cpu")
