"""embedding-noise: Gaussian noise on every token."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from recse_lab.views.view import EmbeddingView


class EmbeddingNoise(EmbeddingView):
    """Adds Gaussian noise of strength × the root mean square of the sentence's embeddings.

    The scale gives a strength the same meaning on every encoder; it is not part of the gradient.
    Noise is drawn on the device of the embeddings, so that it differs between CPU and GPU.

    Source: ours, after NEFTune (Jain et al. 2024, arXiv:2310.05914, section 2), whose noise is
    uniform and scaled by α/√(Ld).
    """

    largest: ClassVar[float] = float("inf")

    def edit(
        self,
        embeddings: Float[Tensor, "batch tokens hidden"],
        ids: Int[np.ndarray, "batch tokens"],
        places: list[Int[np.ndarray, " _attended"]],
        randoms: list[np.random.Generator],
    ) -> Float[Tensor, "batch tokens hidden"]:
        """Add noise to every attended embedding."""
        device, lengths = embeddings.device, [len(place) for place in places]
        sentence = torch.from_numpy(np.repeat(np.arange(len(ids)), lengths)).to(device)
        at = sentence, torch.from_numpy(np.concatenate(places)).to(device)
        values = embeddings.detach()[at]
        noise, drawn = torch.empty_like(values), torch.Generator(device)
        for part, entries, rng in zip(
            noise.split(lengths), values.split(lengths), randoms, strict=True
        ):
            part.normal_(generator=drawn.manual_seed(int(rng.integers(2**63))))
            part *= self.strength * entries.square().mean().sqrt()
        return embeddings.index_put(at, noise, accumulate=True)
