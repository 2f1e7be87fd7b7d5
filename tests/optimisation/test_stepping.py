"""Addressed seeds, the groups of AdamW, and the refusal of numbers that are not finite."""

import numpy as np
import pytest
import torch

from recse_lab.errors import LabError
from recse_lab.optimisation.stepping import adamw, refuse_nonfinite, step_seed


def test_a_seed_is_a_function_of_run_step_and_process():
    addresses = [(seed, step, process) for seed in (0, 1) for step in (0, 7) for process in (0, 1)]
    seeds = [step_seed(*address) for address in addresses]
    assert seeds == [step_seed(*address) for address in addresses]
    assert len(set(seeds)) == len(addresses)
    assert all(0 <= seed < 2**63 for seed in seeds)  # what torch.manual_seed takes


def test_weights_decay_and_biases_norms_and_frozen_parameters_do_not():
    module = torch.nn.Sequential(
        torch.nn.Linear(3, 4), torch.nn.LayerNorm(4), torch.nn.Linear(4, 4)
    )
    module[2].requires_grad_(False)
    decayed, others = adamw(module, learning_rate=0.1, weight_decay=0.5).param_groups
    assert [p is module[0].weight for p in decayed["params"]] == [True]
    assert {id(p) for p in others["params"]} == {
        id(p) for p in (module[0].bias, module[1].weight, module[1].bias)
    }
    assert (decayed["weight_decay"], others["weight_decay"]) == (0.5, 0.0)


@pytest.mark.parametrize(
    ("saved", "kept"), [(True, "is kept in"), (False, "no state had been saved yet")]
)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_is_not_finite_stops_with_step_and_rows(tmp_path, saved, kept, value):
    state = tmp_path / "state.safetensors"
    if saved:
        state.touch()
    with pytest.raises(LabError, match=rf"^step 5: the loss is .*rows 8, 3, … \(3 .*{kept}"):
        refuse_nonfinite("loss", torch.tensor(value), 4, np.array([8, 3, 1]), state)
    refuse_nonfinite("loss", torch.tensor(1e30), 4, np.array([8, 3, 1]), state)
