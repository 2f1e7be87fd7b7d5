"""Options that exclude each other are refused, and only where they matter."""

import re

import pytest
from spellings import config_of

from recse_lab.errors import LabError

VIEW = {"family": "crop", "strength": 0.1}
TARGET, VIEW_ROLE = {"dim": 4}, {"role": "view", "operator": "mean"}

REFUSED = [
    ({"model.pooling": "prompt"}, "model.pooling prompt needs a template"),
    ({"prompt": {}, "model.pooling": "mean"}, "model.pooling mean must go"),
    ({"contrast.weight": 0}, "there is no reshape: nothing would be trained"),
    (
        {"contrast.weight": 0, "reshape": {"role": "residual"}},
        "role residual trains through it: nothing would be trained",
    ),
    (
        {"contrast.weight": 0, "reshape": TARGET, "view": VIEW},
        "no second pass, and view would be left unused",
    ),
    (
        {"contrast.weight": 0, "reshape": TARGET, "contrast.queue": 1},
        "no second pass, and contrast.queue would be left unused",
    ),
    (
        {"model.dropout_mask": "fixed", "contrast.weight": 0, "reshape": TARGET},
        "fixed needs two passes, and contrast.weight 0 makes one",
    ),
    (
        {"model.dropout_mask": "fixed", "anchor_view": VIEW},
        "two passes of one shape, and anchor_view changes it",
    ),
    ({"model.dropout_mask": "fixed", "prompt": {}}, "one shape, and prompt changes it"),
    (
        {"contrast.objective": "off-dropout", "contrast.queue": 1.0},
        "and contrast.queue is none of these",
    ),
    (
        {"contrast.objective": "off-dropout", "reshape": VIEW_ROLE},
        "and reshape.role view is none of these",
    ),
    ({"reshape": VIEW_ROLE, "view": VIEW}, "and so is view: take one of them"),
    ({"reshape": VIEW_ROLE, "prompt": {}}, "reshape.role view has no prompt; role target has"),
    ({"reshape": {"mode": "integrated"}, "prompt": {}}, "take separated"),
    ({"negatives": "hard"}, "negatives needs positives"),
    ({"contrast.objective": "supervised"}, "objective supervised needs positives"),
    ({"negatives": "hard", "positives": "sent1"}, "negatives needs contrast.objective supervised"),
]
"""Options, and what is wrong with them."""

ALLOWED_UNTRAINED = [options for options, _ in REFUSED[2:]]
"""What an untrained encoder does not use cannot contradict itself."""


@pytest.mark.parametrize(("options", "message"), REFUSED)
def test_a_contradiction_is_refused_in_one_sentence(options, message):
    with pytest.raises(LabError, match=re.escape(message)) as refusal:
        config_of(options)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("options", ALLOWED_UNTRAINED)
def test_an_untrained_encoder_contradicts_nothing(options):
    assert not config_of({**options, "training.steps": 0}).trained


@pytest.mark.parametrize(
    "options",
    [
        {"contrast.weight": 0, "reshape": TARGET},
        {"reshape": TARGET, "view": VIEW},
        {"prompt": {}, "reshape": TARGET},
        {"positives": "sent1"},
        {"positives": "sent1", "negatives": "hard", "contrast.objective": "supervised"},
        {"model.dropout_mask": "fixed"},
        {"contrast.objective": "off-dropout", "reshape": TARGET, "model.dropout_mask": "fixed"},
    ],
)
def test_what_goes_together_is_accepted(options):
    assert config_of(options).trained
