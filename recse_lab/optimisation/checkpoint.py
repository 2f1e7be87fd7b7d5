"""The state to resume from: one safetensors file, whole or absent, with nothing in it that could run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from recse_lab.errors import LabError
from recse_lab.files import atomic_path

MOMENTS = ("exp_avg", "exp_avg_sq", "step")


def save_state(
    path: Path, arm: nn.Module, optimizer: torch.optim.Optimizer, progress: dict[str, Any]
) -> None:
    """Write parameters, buffers, AdamW's moments and ``progress`` (plain JSON: step, best score …)."""
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
                        m: file.get_tensor(f"{m}/{name}").to(_home(m, parameter)) for m in MOMENTS
                    }
    except Exception as error:
        raise LabError(
            f"{path}: this state cannot be resumed from ({error}); delete the run's folder to start it anew."
        ) from error
    return progress


def _kept(arm: nn.Module) -> dict[str, torch.Tensor]:
    """Parameters and persistent buffers, each once."""
    return dict(arm.named_parameters()) | {
        name: b for name, b in arm.named_buffers() if name in arm.state_dict()
    }


def _home(moment: str, parameter: nn.Parameter) -> torch.device:
    fused_on_accelerator = parameter.device.type != "cpu"
    return parameter.device if moment != "step" or fused_on_accelerator else torch.device("cpu")
