"""Measure an encoder: the test suite once, and a dev set again and again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F

from recse_lab.data.sts_sets import StsTask
from recse_lab.evaluation.space import alignment, uniformity
from recse_lab.evaluation.sts import cosine, score_pairs
from recse_lab.models.encoder import Encoder
from recse_lab.statistics.correlation import correlation

ALIGNED_GOLD = 4.0  # pairs above this count as positive (method note, section 7)


def score_tasks(
    encoder: Encoder,
    tasks: Sequence[StsTask],
    *,
    precision: str = "fp32",
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Per-pair cosines of all tasks, every distinct sentence encoded once."""
    return score_pairs(
        tasks, lambda sentences: encoder.encode(sentences, precision=precision, progress=progress)
    )


class DevSet:
    """A dev task, tokenised and deduplicated once, measured at every look."""

    def __init__(self, task: StsTask, encoder: Encoder, *, precision: str = "fp32") -> None:
        index: dict[str, int] = {}
        pairs = list(task.subsets.values())
        first = [index.setdefault(s, len(index)) for p in pairs for s in p.first]
        second = [index.setdefault(s, len(index)) for p in pairs for s in p.second]
        self.first, self.second = np.array(first), np.array(second)
        self.gold = np.concatenate([p.gold for p in pairs])
        self.rows = encoder.tokenize(list(index))
        self.precision = precision

    def __call__(self, encoder: Encoder) -> dict[str, Any]:
        """Spearman, alignment (gold > 4) and uniformity (all distinct sentences).

        None where undefined.
        """
        embeddings = encoder.encode_ids(self.rows, precision=self.precision)
        spearman = correlation(
            "spearman", self.gold, cosine(embeddings[self.first], embeddings[self.second])
        )
        measures: dict[str, Any] = {
            "spearman": None if np.isnan(spearman) else spearman,
            "alignment": None,
            "uniformity": None,
        }
        unit = F.normalize(torch.from_numpy(embeddings), dim=1)
        close = self.gold > ALIGNED_GOLD
        if np.isfinite(embeddings).all() and (np.linalg.norm(embeddings, axis=1) > 0).all():
            measures["uniformity"] = float(uniformity(unit))
            if close.any():
                measures["alignment"] = float(
                    alignment(unit[self.first[close]], unit[self.second[close]])
                )
        return measures
