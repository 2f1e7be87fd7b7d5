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
    assert factors == pytest.approx([0.5, 1.0, 1.0, 0.5, 0.125])
    assert learning_rate_factor(5, steps=10, schedule="cosine") == pytest.approx(0.5)
    assert learning_rate_factor(9, steps=10, schedule="constant") == 1.0
