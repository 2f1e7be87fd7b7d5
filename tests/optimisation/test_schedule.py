"""Lengths and learning rates of a training, by hand."""

import pytest

from recse_lab.config.schema import TrainingConfig
from recse_lab.errors import LabError
from recse_lab.optimisation.schedule import count_steps, learning_rate_factor


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        ({"epochs": 1}, 3),  # 3 whole batches of 32 in 100 sentences
        ({"epochs": 3}, 9),
        ({"epochs": 0.5}, 2),  # half a pass is a step and a half
        ({"epochs": 3, "steps": 7}, 7),
        ({"steps": 0}, 0),
    ],
)
def test_steps_are_those_given_or_those_of_the_epochs(options, steps):
    training = TrainingConfig(batch_size=32, **options)
    assert count_steps(100, training, corpus="c") == steps


def test_a_corpus_smaller_than_a_batch_is_refused():
    message = r"^c: 31 sentences are fewer than one batch; lower training.batch_size \(32\)"
    with pytest.raises(LabError, match=message):
        count_steps(31, TrainingConfig(batch_size=32), corpus="c")


def test_schedules_by_hand():
    factors = [learning_rate_factor(s, steps=10, warmup_steps=2) for s in (0, 1, 2, 6, 9)]
    assert factors == pytest.approx([0.0, 0.5, 1.0, 0.5, 0.125])
    assert learning_rate_factor(5, steps=10, schedule="cosine") == pytest.approx(0.5)
    assert learning_rate_factor(9, steps=10, schedule="constant") == 1.0


@pytest.mark.parametrize("warmup", [0, 1, 7])
def test_linear_is_the_rule_of_the_releases(warmup):
    """The lambda that the learning rate is multiplied with, step by step.

    Transcribed from github.com/huggingface/transformers at v4.2.1,
    src/transformers/optimization.py, ``get_linear_schedule_with_warmup``, the default scheduler of
    the Trainer in github.com/princeton-nlp/SimCSE at 49fa580 (requirements.txt pins 4.2.1); and
    github.com/yym6472/ConSERT at 03c9e8f, transformers/optimization.py, the same rule.
    """

    def lr_lambda(current_step):
        if current_step < warmup:
            return float(current_step) / float(max(1, warmup))
        return max(0.0, float(20 - current_step) / float(max(1, 20 - warmup)))

    found = [learning_rate_factor(s, steps=20, warmup_steps=warmup) for s in range(20)]
    assert found == pytest.approx([lr_lambda(s) for s in range(20)])


@pytest.mark.parametrize("schedule", ["linear", "cosine", "constant"])
def test_equals_transformers_own_schedules(schedule):
    import torch
    from transformers import get_scheduler

    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    name = {"constant": "constant_with_warmup"}.get(schedule, schedule)
    theirs = get_scheduler(name, optimizer, num_warmup_steps=4, num_training_steps=15)
    for step in range(15):
        ours = learning_rate_factor(step, steps=15, warmup_steps=4, schedule=schedule)
        assert ours == pytest.approx(theirs.get_last_lr()[0])
        optimizer.step()
        theirs.step()
