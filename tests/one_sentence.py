"""One sentence through a reshape operator, for values by hand."""

import numpy as np
import torch

from recse_lab.reshape import OPERATORS
from recse_lab.reshape.operator import EPSILON


def root(v):
    """The signed root in NumPy."""
    return np.sign(v) * (np.sqrt(np.abs(v) + EPSILON) - np.sqrt(EPSILON))


def reshape_one(name, x, a, dim=4, **options):
    """Apply an operator to one sentence: features x, "tokens hidden", and weights a."""
    features, weights = torch.from_numpy(x)[None], torch.from_numpy(a)[None]
    mask = torch.ones(1, len(x), dtype=torch.bool)
    return (
        OPERATORS[name](x.shape[1], dim, **options)
        .double()(features, mask, weights, torch.zeros(1, dtype=torch.long))[0]
        .numpy()
    )
