"""A view or an objective of one's own: a class and a dict line are trained, listed and swept, with
no other file touched.
"""

from dataclasses import dataclass

import numpy as np
import torch

from recse_lab.ablation.plan import plan
from recse_lab.ablation.spec import StudySpec
from recse_lab.jobs.train import execute
from recse_lab.objectives import CONTRASTS, Contrast
from recse_lab.views import VIEWS, TextView


class Reversed(TextView):
    """The words in reverse order, at any strength above 0."""

    def edit(self, sentence, rng):
        out = sentence.ids.copy()
        content = np.flatnonzero(sentence.word >= 0)
        out[content] = sentence.ids[content[::-1]]
        return out


@dataclass(frozen=True, kw_only=True)
class Squared(Contrast):
    """Mean squared distance of the two views, times a scale."""

    scale: float = 1.0

    def __call__(self, anchors, positives, negatives=None):
        return self.scale * (anchors - positives).square().sum(1).mean()


def test_a_new_view_and_objective_are_trained_listed_and_swept(
    monkeypatch, tiny, corpus_file, small_senteval, tmp_path, call
):
    monkeypatch.setitem(VIEWS, "reversed", Reversed)
    monkeypatch.setitem(CONTRASTS, "squared", Squared)
    for family, name, about in (
        ("views", "reversed", "reverse order"),
        ("objectives", "squared", "squared distance"),
    ):
        code, out, _ = call("list", family)
        assert code == 0
        assert name in out
        assert about in out
    spec = StudySpec.model_validate(
        {
            "name": "mine",
            "question": "?",
            "cost": "seconds",
            "seeds": 1,
            "base": {
                "encoder": str(tiny),
                "corpus": str(corpus_file),
                "model": {"pooling": "mean", "max_length": 16, "dropout": 0.0},
                "training": {"steps": 2, "batch_size": 16, "precision": "fp32"},
                "evaluation": {
                    "data_dir": str(small_senteval),
                    "precision": "fp32",
                    "tasks": ["stsb"],
                },
            },
            "arms": [
                {"name": "plain"},
                {
                    "name": "views",
                    "set": {"view.strength": 1.0},
                    "sweep": {"view.family": ["reversed", "crop"]},
                },
                {
                    "name": "objective",
                    "set": {"contrast.objective": "squared"},
                    "sweep": {"contrast.options.scale": [1.0, 2.0]},
                },
            ],
            "report": {"against": "plain"},
        }
    )
    losses = {}
    for cell in plan(spec):
        run = execute(cell.lab.config, tmp_path / "runs", keep_model=False)
        losses[cell.label] = run.metrics()[0]["loss"]
    assert (
        losses["objective scale=2.0 seed 0"] == 2 * losses["objective scale=1.0 seed 0"] == 0
    )  # no dropout: both views are one
    assert losses["views family=reversed seed 0"] != losses["plain seed 0"]
    assert torch.isfinite(torch.tensor(list(losses.values()))).all()
