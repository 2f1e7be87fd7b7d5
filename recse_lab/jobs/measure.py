"""Measure an encoder: the test suite once, and a dev set again and again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from recse_lab.data.sts_sets import StsTask
from recse_lab.evaluation.space import alignment, uniformity
from recse_lab.evaluation.sts import cosine, score_pairs
from recse_lab.models.encoder import Encoder
from recse_lab.probes.similarity import mean_cosine, unit
from recse_lab.probes.spectra import effective_rank, moments, spectrum
from recse_lab.statistics.correlation import correlation

MEASURES = (
    "spearman",
    "alignment",
    "uniformity",
    "effective_rank",
    "top_share",
    "mean_cosine",
)
"""Of a dev evaluation; metrics.jsonl has them with ``dev_`` before the name."""
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
    """A dev task, tokenised and deduplicated once, measured at every dev evaluation."""

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
        """Measure an encoder on the dev set.

        Args:
            encoder: The encoder as it is now.

        Returns:
            spearman; alignment of the pairs with gold > 4; uniformity, effective_rank (not
            centred), top_share (of the squared singular values, the largest) and mean_cosine of
            all distinct sentences. None where undefined.
        """
        embeddings = encoder.encode_ids(self.rows, precision=self.precision)
        spearman = correlation(
            "spearman", self.gold, cosine(embeddings[self.first], embeddings[self.second])
        )
        measures: dict[str, Any] = dict.fromkeys(MEASURES)
        measures["spearman"] = None if np.isnan(spearman) else spearman
        if np.isfinite(embeddings).all() and (np.linalg.norm(embeddings, axis=1) > 0).all():
            rows = torch.from_numpy(embeddings)
            measures |= self._space(embeddings, F.normalize(rows, dim=1))
        return measures

    def _space(
        self, embeddings: Float[np.ndarray, "sentences dim"], rows: Float[Tensor, "sentences dim"]
    ) -> dict[str, float]:
        close = self.gold > ALIGNED_GOLD
        found = {"uniformity": float(uniformity(rows))}
        if close.any():
            found["alignment"] = float(alignment(rows[self.first[close]], rows[self.second[close]]))
        origin = embeddings.mean(0, dtype=np.float64)
        singular = spectrum(moments(embeddings, origin), origin).singular
        found["effective_rank"] = effective_rank(singular)
        found["top_share"] = float(singular[0] ** 2 / np.square(singular).sum())
        found["mean_cosine"] = mean_cosine(unit(embeddings))[0]
        return found
