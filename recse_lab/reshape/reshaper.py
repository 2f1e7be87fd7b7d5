"""From features to the standardised numbers an embedding is compared with.

The steps: weight the tokens, centre, raise, densify, standardise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from recse_lab.errors import LabError
from recse_lab.files import atomic_path
from recse_lab.reshape import OPERATORS, parse_operator
from recse_lab.reshape.controls import sentence_keys
from recse_lab.reshape.moments import Moments
from recse_lab.reshape.operator import Reshape
from recse_lab.reshape.weights import token_weights

Batch = tuple[
    Float[Tensor, "batch tokens hidden"], Int[Tensor, "batch tokens"], Bool[Tensor, "batch tokens"]
]
SMALLEST_STD = 1e-6
"""A column that varies less holds only rounding noise, and becomes 0."""


class Reshaper(nn.Module):
    """One or several operators with the statistics of a training corpus; it has no learned weights.

    ``forward`` returns the parts of a composition side by side, each standardised per column.

    Args:
        operator: As in ``parse_operator``: ``NAME``, ``NAME+NAME`` or ``shuffled:NAME``.
        hidden: Channels of the features.
        vocab: Entries of the vocabulary.
        dim: p, the side of the square, for operators that have one.
        weights: A key of ``WEIGHTS``.
        centring: ``none``, ``mean``, or ``top-K``: subtract the mean token, then remove the K
            leading principal components.

    Raises:
        LabError: The operator is unknown, or ``centring`` removes every channel.

    Source: weights of Arora, Liang & Ma (2017); centring by all-but-the-top (Mu & Viswanath 2018,
    arXiv:1702.01417, algorithm 1), over tokens of the corpus instead of word types.
    Standardisation and operators side by side, are ours.
    """

    behaviour: ClassVar[int] = 1
    """Version of the numbers. Raise it when they change: runs that use it get new ids."""

    token_weights: Tensor
    token_mean: Tensor
    components: Tensor
    mean: Tensor
    std: Tensor

    def __init__(
        self,
        operator: str,
        *,
        hidden: int,
        vocab: int,
        dim: int | None = None,
        weights: str = "uniform",
        centring: str = "none",
    ) -> None:
        super().__init__()
        self.shuffled, names = parse_operator(operator)
        self.parts = nn.ModuleList(OPERATORS[name](hidden, dim) for name in names)
        self.operator, self.hidden = operator, hidden
        self.weights, self.centring = weights, centring
        self.out_dim = sum(part.out_dim for part in self._parts)
        removed = int(centring.removeprefix("top-")) if centring.startswith("top-") else 0
        if removed >= hidden:
            raise LabError(
                f"reshape.centring {centring} removes {removed} components of {hidden} channels: "
                "nothing would be left."
            )
        self.register_buffer("token_weights", torch.ones(vocab))
        self.register_buffer("token_mean", torch.zeros(hidden))
        self.register_buffer("components", torch.zeros(hidden, removed))
        self.register_buffer("mean", torch.zeros(self.out_dim))
        self.register_buffer("std", torch.ones(self.out_dim))

    @property
    def _parts(self) -> list[Reshape]:
        return list(self.parts)  # type: ignore[arg-type]

    def forward(
        self,
        features: Float[Tensor, "batch tokens hidden"],
        ids: Int[Tensor, "batch tokens"],
        mask: Bool[Tensor, "batch tokens"],
    ) -> Float[Tensor, "batch out"]:
        """Return the standardised reshape of each sentence.

        ``mask`` is true on content tokens: special tokens and padding are excluded.
        """
        value = (self.raw(features, ids, mask) - self.mean) / self.std.clamp(min=SMALLEST_STD)
        return torch.where(self.std < SMALLEST_STD, torch.zeros_like(value), value)

    def raw(
        self,
        features: Float[Tensor, "batch tokens hidden"],
        ids: Int[Tensor, "batch tokens"],
        mask: Bool[Tensor, "batch tokens"],
    ) -> Float[Tensor, "batch out"]:
        """Return the reshape of each sentence before standardisation."""
        weights = self.token_weights[ids] * mask
        weights = weights / weights.sum(1, keepdim=True).clamp(min=torch.finfo(weights.dtype).tiny)
        centred = self.centre(features) * mask[..., None]
        keys = sentence_keys(ids, mask)
        return torch.cat([part(centred, mask, weights, keys) for part in self._parts], dim=1)

    def centre(self, features: Float[Tensor, "... hidden"]) -> Float[Tensor, "... hidden"]:
        """Subtract the mean token and, for top-K, the projection on the K leading components.

        Source: all-but-the-top (Mu & Viswanath 2018, arXiv:1702.01417), algorithm 1.
        """
        if self.centring == "none":
            return features
        centred = features - self.token_mean
        return centred - (centred @ self.components) @ self.components.T

    @torch.inference_mode()
    def fit(
        self,
        batches: Callable[[], Iterable[Batch]],
        *,
        counts: np.ndarray,
        document_frequency: np.ndarray,
        sentences: int,
    ) -> None:
        """Compute token weights, centring and standardisation from a sample, in constant memory.

        Args:
            batches: Returns the sample's batches; it is called once or twice.
            counts: How often each token occurs in the corpus.
            document_frequency: In how many sentences each token occurs.
            sentences: Sentences of the corpus.
        """
        vocab = len(self.token_weights)
        weights = token_weights(self.weights, counts[:vocab], document_frequency[:vocab], sentences)
        self.token_weights[: len(weights)] = torch.from_numpy(weights)
        if self.centring != "none":
            moments = Moments(self.hidden, covariance=True)
            for features, _, mask in batches():
                moments.add(features[mask])
            self.token_mean.copy_(moments.mean)
            if self.components.shape[1]:
                vectors = torch.linalg.eigh(moments.variance).eigenvectors  # ascending
                self.components.copy_(vectors[:, -self.components.shape[1] :].flip(1))
        moments = Moments(self.out_dim)
        for features, ids, mask in batches():
            moments.add(self.raw(features, ids, mask))
        self.mean.copy_(moments.mean)
        self.std.copy_(moments.variance.sqrt())

    def head(self, projection: int) -> TargetHead:
        """Return the learned side of a target: the operators' lifts, then one linear map."""
        return TargetHead(self._parts, projection)

    def save(self, path: Path) -> None:
        """Write the statistics as safetensors."""
        with atomic_path(path) as beside:
            save_file({k: v.contiguous() for k, v in self.state_dict().items()}, beside)

    def load(self, path: Path) -> None:
        """Read what ``save`` wrote."""
        self.load_state_dict(load_file(path))


class TargetHead(nn.Module):
    """Lifts each part where its operator learns something, then compresses all of them together.

    Source: "compressed" in reCSE (arXiv:2408.04975); a linear map to the shared projection, whose
    width of 256 is the default of the authors' scripts, is our reading.
    """

    def __init__(self, parts: list[Reshape], projection: int) -> None:
        super().__init__()
        self.widths = [part.out_dim for part in parts]
        self.lifts = nn.ModuleList(part.lift() or nn.Identity() for part in parts)
        self.compress = nn.Linear(sum(part.lifted_dim for part in parts), projection)

    def forward(self, reshaped: Float[Tensor, "batch out"]) -> Float[Tensor, "batch projection"]:
        """Project standardised reshaped features."""
        lifted = [
            lift(part)
            for lift, part in zip(self.lifts, reshaped.split(self.widths, dim=1), strict=True)
        ]
        return self.compress(torch.cat(lifted, dim=1))
