"""What a baseline is made from.

The network it starts from, the corpus it is fitted on, and what was fitted before.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from recse_lab.code import code_hash
from recse_lab.data.corpora import Corpus
from recse_lab.data.token_store import TokenStore, build_tokens
from recse_lab.errors import LabError
from recse_lab.files import atomic_path, cache_root
from recse_lab.models.encoder import Encoder
from recse_lab.models.folders import resolve
from recse_lab.models.loading import weights_fingerprint
from recse_lab.models.saving import load_encoder
from recse_lab.models.transformer import TransformerEncoder
from recse_lab.reshape.moments import Moments

CHUNK = 4096  # sentences embedded between two updates of the moments

Notify = Callable[[str, int, int], None]


def digest(identity: Mapping[str, Any]) -> str:
    """sha256 of names and values."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()


class FittedMoments(NamedTuple):
    """Float64 moments of an encoder's embeddings of a corpus."""

    fingerprint: str
    sentences: int
    mean: Float[np.ndarray, " dim"]
    covariance: Float[np.ndarray, "dim dim"]
    """Divided by ``sentences``."""


@dataclass
class Fitting:
    """One baseline's spec and options.

    Everything is read when first asked for: what is in the cache reads no corpus.
    """

    spec: str
    encoder: str
    corpus: Corpus
    pooling: str | None
    layers: int | None
    max_length: int | None
    precision: str
    rows: int
    device: torch.device | str
    notify: Notify

    @cached_property
    def weights(self) -> str:
        """Fingerprint of the encoder's folder."""
        return weights_fingerprint(resolve(self.encoder))

    def network(self) -> TransformerEncoder:
        """The encoder with the options asked for."""
        model = load_encoder(
            self.encoder, pooling=self.pooling, layers=self.layers, max_length=self.max_length
        )
        return model.to(self.device)

    def words(self) -> TransformerEncoder:
        """The encoder for its tokenizer, width and word embeddings.

        Pooling and layers do not matter.
        """
        return load_encoder(self.encoder, pooling="mean", layers=1, max_length=self.max_length)

    def identity(self, model: TransformerEncoder) -> str:
        """Fingerprint of a network with its options."""
        depth = model.backbone.config.num_hidden_layers
        return digest(
            {
                "weights": self.weights,
                "pooling": model.pooling,
                "layers": depth,
                "max_length": model.max_length,
            }
        )

    def tokens(self, model: Encoder) -> TokenStore:
        """All of the corpus, in the encoder's tokens."""
        return build_tokens(
            self.corpus,
            model.tokenizer,
            max_length=model.max_length,
            folder=cache_root() / "tokens",
            tokenizer_fingerprint=self.weights,
            progress=lambda done: self.notify("tokenising the corpus", done, 0),
        )

    def cloud(self, model: Encoder, inner: str) -> FittedMoments:
        """Moments of the embeddings of at most ``rows`` sentences, evenly spaced over the corpus.

        Args:
            model: The encoder.
            inner: Its fingerprint.

        Raises:
            LabError: An embedding is not finite.
        """
        identity: dict[str, Any] = {
            "moments": inner,
            "corpus": self.corpus.fingerprint,
            "rows": self.rows,
        }
        if model.backbone is not None:
            identity["precision"] = self.precision
        kept = self.kept(identity, lambda: self._moments(model))
        return FittedMoments(
            digest(identity), int(kept["count"][0]), kept["mean"], kept["covariance"]
        )

    def _moments(self, model: Encoder) -> dict[str, np.ndarray]:
        tokens = self.tokens(model)
        sample = evenly_spaced(len(tokens), self.rows)
        moments = Moments(model.hidden, covariance=True)
        for start in range(0, len(sample), CHUNK):
            rows = tokens.rows(sample[start : start + CHUNK])
            moments.add(torch.from_numpy(model.encode_ids(rows, precision=self.precision)))
            self.notify(f"fitting {self.spec}", start + len(rows), len(sample))
        if not torch.isfinite(moments.variance).all():
            raise LabError(
                f"{self.spec}: some embeddings of {self.corpus.name} are not finite; "
                "nothing can be fitted."
            )
        return {
            "count": np.array([moments.count]),
            "mean": moments.mean.numpy(),
            "covariance": moments.variance.numpy(),
        }

    def kept(
        self, identity: Mapping[str, Any], compute: Callable[[], dict[str, np.ndarray]]
    ) -> dict[str, np.ndarray]:
        """Arrays fitted before under this identity, else ``compute()``, which is then stored."""
        code = code_hash("models", "pooling.py", "data/token_store.py", "reshape/moments.py")
        path = cache_root() / "baselines" / f"{digest({**identity, 'code': code})}.safetensors"
        if path.is_file():
            with suppress(SafetensorError):  # damaged: fitted again
                return load_file(path)
        found = {name: np.ascontiguousarray(value) for name, value in compute().items()}
        with atomic_path(path) as beside:
            save_file(found, beside)
        return found


def evenly_spaced(total: int, rows: int) -> np.ndarray:
    """At most ``rows`` of ``total`` row numbers, first and last among them."""
    return np.unique(np.linspace(0, total - 1, min(rows, total)).astype(np.int64))
