"""One sentence of ten words and its edits under many seeds, for tests of text views."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from recse_lab.views import VIEWS, Vocabulary

VOCABULARY = Vocabulary(np.arange(40) < 4, np.arange(40) >= 30, 3)
CLS, SEP, MASK = 1, 2, 3
TEN = np.array([CLS, *range(4, 14), SEP])


def views(name, strength, row=TEN, seeds=400, **needs):
    """Return the edits of one sentence under the first seeds."""
    kind: Any = VIEWS[name]
    view = kind(strength=strength, vocabulary=VOCABULARY, **needs)
    return [view([row], seed=seed)[0] for seed in range(seeds)]


def fits(observed, expected):
    """Whether a chi-square test does not reject; all seeds are fixed, so this cannot flicker."""
    assert sum(observed) == pytest.approx(sum(expected))
    return chisquare(observed, expected).pvalue > 0.001


PAD = 0


def batch(lengths, hidden=10, seed=0):
    """Padded ids, attention mask, and embeddings without a zero in them."""
    rng = np.random.default_rng(seed)
    ids = np.full((len(lengths), max(lengths) + 2), PAD)
    for i, n in enumerate(lengths):
        ids[i, : n + 2] = [CLS, *rng.integers(4, 40, n), SEP]
    embeddings = rng.normal(size=(*ids.shape, hidden)) + 5.0
    return torch.tensor(embeddings), torch.tensor(ids != PAD).long(), torch.tensor(ids)
