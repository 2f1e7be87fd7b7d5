"""A saved state goes on bitwise: weights, buffers, moments and progress."""

from dataclasses import dataclass

import torch

from recse_lab.optimisation.checkpoint import resume, save_state
from recse_lab.optimisation.stepping import adamw


@dataclass
class Place:
    step: int = 0
    best: float | None = None


def parts(seed=0):
    torch.manual_seed(seed)
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    return module, adamw(module, learning_rate=0.1, weight_decay=0.01)


def move(module, optimizer, steps):
    for step in steps:
        torch.manual_seed(step)
        module(torch.randn(6, 3)).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    return {name: value.clone() for name, value in module.state_dict().items()}


def test_goes_on_bitwise_from_a_file(tmp_path):
    file = tmp_path / "state.safetensors"
    expected = move(*parts(), range(5))
    module, optimizer = parts()
    move(module, optimizer, range(3))
    save_state(file, module, optimizer, vars(Place(3, 0.25)))
    other, moments = parts(seed=9)
    assert resume(Place, file, other, moments) == Place(3, 0.25)
    found = move(other, moments, range(3, 5))
    assert all(torch.equal(found[name], value) for name, value in expected.items())


def test_without_a_file_it_starts_fresh(tmp_path):
    module, optimizer = parts()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    assert resume(Place, tmp_path / "state.safetensors", module, optimizer) == Place()
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
