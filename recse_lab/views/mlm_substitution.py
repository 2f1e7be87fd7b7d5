"""mlm-substitution: some tokens are replaced by predictions of a language model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from recse_lab.views.view import Ids, MaskingView, Vocabulary, generator, share, split_words

Predict = Callable[[list[np.ndarray], list[np.ndarray]], Tensor]
"""Sentences and the positions asked for in each -> logits "places vocab", sentence by sentence."""

TOP = 20


def sample_top(
    logits: Float[Tensor, "places vocab"],
    draws: Float[np.ndarray, " places"],
    forbidden: Bool[np.ndarray, " vocab"],
    top: int = TOP,
) -> Int[np.ndarray, " places"]:
    """Sample from the ``top`` likeliest tokens that are not forbidden.

    The sample is by inversion of uniform ``draws`` in [0, 1), one per place.

    Source: top-k sampling (Fan, Lewis & Dauphin 2018, arXiv:1805.04833).
    """
    banned = torch.from_numpy(forbidden).to(logits.device)
    best = logits.float().masked_fill(banned, -torch.inf).topk(min(top, int((~forbidden).sum())))
    cumulative = best.values.double().softmax(1).cumsum(1).cpu().numpy()
    index = (draws[:, None] * cumulative[:, -1:] >= cumulative).sum(1)
    return np.take_along_axis(best.indices.cpu().numpy(), index[:, None], 1)[:, 0]


class MaskedLMSubstitution(MaskingView):
    """Masks a share of the tokens and samples them from the backbone's own language model.

    All chosen tokens of a sentence are masked at once, and each is sampled from its 20 likeliest
    tokens, never a special one. The old token is not excluded, so that fewer than the share change.
    Logits carry the rounding of the batch they were computed in: where a draw falls that close to a
    boundary (about one in a million), batch mates can matter.

    Source: Gao et al. (2021), SimCSE, arXiv:2104.08821, table 1, "MLM k%: use BERT to replace k% of
    words"; the top-20 sampling is ours.
    """

    unit: ClassVar[Literal["word", "token"]] = "token"
    needs: ClassVar[tuple[str, ...]] = ("predict",)

    def __init__(self, *, strength: float, vocabulary: Vocabulary, predict: Predict) -> None:
        super().__init__(strength=strength, vocabulary=vocabulary)
        self.predict = predict

    def __call__(self, rows: Sequence[Ids], *, seed: int) -> list[Ids]:
        """Edit sentences given as token ids, with one call of the language model for all."""
        edited, hidden, places, draws = list(rows), [], [], []
        for i, ids in enumerate(rows):
            rng = generator(seed, ids)
            tokens = np.flatnonzero(split_words(ids, self.vocabulary, self.unit).word >= 0)
            place = np.sort(rng.permutation(tokens)[: share(len(tokens), self.strength, rng)])
            if len(place):
                masked = ids.copy()
                masked[place] = self.mask_id
                hidden.append(i)
                places.append(place)
                draws.append(rng.random(len(place)))
                edited[i] = masked
        if hidden:
            logits = self.predict([edited[i] for i in hidden], places)
            sampled = sample_top(logits, np.concatenate(draws), self.vocabulary.special)
            ends = np.cumsum([len(place) for place in places])
            for i, place, drawn in zip(hidden, places, np.split(sampled, ends[:-1]), strict=True):
                edited[i][place] = drawn
        return edited
