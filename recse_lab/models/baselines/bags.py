"""Baselines without a network.

Weighted means of static token vectors, of the backbone or factorised from a corpus.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from recse_lab.data.token_store import vocabulary_size
from recse_lab.errors import LabError
from recse_lab.models.baselines.fitting import Fitting, digest
from recse_lab.models.baselines.linear import Mapped, without_principal
from recse_lab.models.baselines.wrapped import TrainingFree
from recse_lab.models.batching import tokenize
from recse_lab.models.factorisation import cooccurrences, factorise, positive_pmi
from recse_lab.models.transformer import TransformerEncoder
from recse_lab.reshape.weights import token_weights

CHUNK = 4096  # sentences summed together


def content_tokens(tokenizer: Any) -> Float[np.ndarray, " vocab"]:
    """1 for tokens that stand for text, the unknown one included.

    0 for [CLS], [SEP], padding and other special tokens.
    """
    content = np.ones(vocabulary_size(tokenizer), dtype=np.float32)
    content[sorted(set(tokenizer.all_special_ids) - {tokenizer.unk_token_id})] = 0
    return content


class Bag(TrainingFree):
    """(1/n) Σ weight(tokenᵢ) · vector(tokenᵢ) over the n content tokens of a sentence.

    Zero if none of them has a vector.
    """

    vectors: Tensor
    content: Tensor
    pooling = "bag"
    backbone = None
    head = None

    def __init__(
        self,
        vectors: Float[np.ndarray, "vocab dim"],
        weights: Float[np.ndarray, " vocab"],
        *,
        tokenizer: Any,
        max_length: int,
        fingerprint: str,
        fitted_on: str | None,
    ) -> None:
        super().__init__(fingerprint=fingerprint, fitted_on=fitted_on)
        self.tokenizer, self.max_length = tokenizer, max_length
        content = content_tokens(tokenizer)
        self.register_buffer("vectors", torch.from_numpy(vectors * (weights * content)[:, None]))
        self.register_buffer("content", torch.from_numpy(content)[:, None])

    @property
    def hidden(self) -> int:
        """Dimensions of an embedding."""
        return self.vectors.shape[1]

    @property
    def device(self) -> torch.device:
        """Where the vectors lie."""
        return self.vectors.device

    def tokenize(self, sentences: Sequence[str]) -> list[np.ndarray]:
        """Token ids with special tokens, cut at ``max_length``."""
        return tokenize(self.tokenizer, sentences, max_length=self.max_length)

    @torch.inference_mode()
    def encode_ids(
        self,
        rows: Sequence[np.ndarray],
        *,
        precision: str = "fp32",
        progress: Callable[[int, int], None] | None = None,
    ) -> Float[np.ndarray, "sentences dim"]:
        """Embeddings of tokenised sentences; there is no network to run in ``precision``."""
        out = np.empty((len(rows), self.hidden), dtype=np.float32)
        for start in range(0, len(rows), CHUNK):
            chunk = rows[start : start + CHUNK]
            ids = torch.from_numpy(np.concatenate(chunk).astype(np.int64)).to(self.device)
            ends = np.cumsum([len(row) for row in chunk])
            begins = torch.from_numpy(np.concatenate([[0], ends[:-1]])).to(self.device)
            total, count = (
                F.embedding_bag(ids, table, begins, mode="sum")
                for table in (self.vectors, self.content)
            )
            out[start : start + len(chunk)] = (total / count.clamp(min=1)).cpu().numpy()
            if progress:
                progress(start + len(chunk), len(rows))
        return out


def _word_matrix(fitting: Fitting, model: TransformerEncoder) -> tuple[str, np.ndarray]:
    """The backbone's own word embeddings, without positions and norm."""
    embeddings: Any = model.backbone.get_input_embeddings()
    table = embeddings.weight.detach().cpu().numpy()
    return digest({"vectors": "backbone", "weights": fitting.weights}), table[
        : vocabulary_size(model.tokenizer)
    ]


def _factorised(fitting: Fitting, model: TransformerEncoder) -> tuple[str, np.ndarray]:
    """Vectors as wide as the encoder, from the co-occurrences in the whole corpus.

    Zero for a token without a positive association.
    """
    identity = {
        "vectors": "ppmi",
        "weights": fitting.weights,
        "corpus": fitting.corpus.fingerprint,
        "max_length": model.max_length,
        "dim": model.hidden,
    }

    def fit() -> dict[str, np.ndarray]:
        tokens = fitting.tokens(model)
        fitting.notify("factorising the corpus", 0, 0)
        rows = tokens.rows(np.arange(len(tokens)))
        content = (row[~np.isin(row, tokens.special_ids)] for row in rows)
        matrix = positive_pmi(cooccurrences(content, len(model.tokenizer)))
        seen = int((np.diff(matrix.indptr) > 0).sum())
        if seen < model.hidden:
            raise LabError(
                f"{fitting.spec}: {seen} tokens of {fitting.corpus.name} keep company more often "
                "than by chance, which is too "
                f"few for vectors of {model.hidden} numbers; give a larger corpus."
            )
        return {"vectors": factorise(matrix, model.hidden)}

    return digest(identity), fitting.kept(identity, fit)["vectors"]


def _sif(fitting: Fitting, model: TransformerEncoder) -> tuple[str, np.ndarray]:
    """a / (a + p(token)), a = 1e-3, p from the whole corpus (Arora et al. 2017, eq. 3)."""
    identity = {
        "token weights": "sif",
        "weights": fitting.weights,
        "corpus": fitting.corpus.fingerprint,
        "max_length": model.max_length,
    }

    def fit() -> dict[str, np.ndarray]:
        tokens = fitting.tokens(model)
        return {
            "weights": token_weights("sif", tokens.counts, tokens.document_frequency, len(tokens))
        }

    return digest(identity), fitting.kept(identity, fit)["weights"]


def _uniform(fitting: Fitting, model: TransformerEncoder) -> tuple[str, np.ndarray]:
    return "uniform", np.ones(len(model.tokenizer), dtype=np.float32)


Part = Callable[[Fitting, TransformerEncoder], tuple[str, np.ndarray]]
"""Gives a fingerprint and an array whose first axis is the vocabulary."""


def _bag(fitting: Fitting, vectors: Part, weights: Part, removed: int | None) -> Bag | Mapped:
    model = fitting.words()
    (of_vectors, table), (of_weights, weight) = vectors(fitting, model), weights(fitting, model)
    fingerprint = digest(
        {
            "kind": "bag",
            "vectors": of_vectors,
            "token weights": of_weights,
            "max_length": model.max_length,
        }
    )
    needs_corpus = vectors is not _word_matrix or weights is not _uniform
    bag = Bag(
        table,
        weight,
        tokenizer=model.tokenizer,
        max_length=model.max_length,
        fingerprint=fingerprint,
        fitted_on=fitting.corpus.name if needs_corpus else None,
    ).to(fitting.device)
    return without_principal(fitting, bag, fingerprint, removed) if removed else bag


def bag(fitting: Fitting, number: int | None) -> Bag | Mapped:
    """Mean of the backbone's word embeddings.

    N principal components are removed; none by default.
    """
    return _bag(fitting, _word_matrix, _uniform, number)


def bag_sif(fitting: Fitting, number: int | None) -> Bag | Mapped:
    """SIF-weighted mean of the backbone's word embeddings (Arora et al. 2017).

    N principal components are removed; none by default, one in the paper.
    """
    return _bag(fitting, _word_matrix, _sif, number)


def ppmi(fitting: Fitting, number: int | None) -> Bag | Mapped:
    """Mean of vectors factorised from a corpus, positive PMI and SVD (Levy et al. 2015).

    N principal components are removed; none by default.
    """
    return _bag(fitting, _factorised, _uniform, number)


def ppmi_sif(fitting: Fitting, number: int | None) -> Bag | Mapped:
    """SIF-weighted mean of vectors factorised from a corpus.

    N principal components are removed; none by default.
    """
    return _bag(fitting, _factorised, _sif, number)
