"""Work that runs share through the cache: tokens, statistics of a reshape, and feature stores."""

from __future__ import annotations

import hashlib
import json
import sys
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError

from recse_lab.code import code_hash
from recse_lab.config.schema import ReshapeConfig
from recse_lab.data.corpora import Corpus
from recse_lab.data.token_store import TokenStore, build_tokens
from recse_lab.errors import LabError
from recse_lab.files import cache_root
from recse_lab.jobs.inputs import (
    Inputs,
    architecture_of,
    check_aligned_columns,
    corpus_of,
    tokenizer_of,
)
from recse_lab.jobs.machine import device
from recse_lab.models.batching import token_budget
from recse_lab.models.frozen import FrozenFeatures
from recse_lab.models.positions import positions
from recse_lab.models.readouts.prompt import special_tokens
from recse_lab.reshape import OPERATORS, parse_operator
from recse_lab.reshape.feature_store import (
    FeatureStore,
    batches_by_length,
    build_store,
    open_store,
    store_size,
)
from recse_lab.reshape.reshaper import Reshaper

RESHAPE_CODE = (
    *(
        f"reshape/{name}.py"
        for name in ("operator", "moments", "reshaper", "feature_store", "weights")
    ),
    "models/frozen.py",
    "models/loading.py",
    "models/batching.py",
    "models/checks.py",
    "models/dropout.py",
    "models/attention.py",
    "data/token_store.py",
)
"""Code that decides the numbers of every feature store, whatever the operator."""

STATISTICS_ROWS = 50_000
"""Sentences, evenly spaced, that token statistics and standardisation are fitted on."""


class SharedWork(Inputs):
    """Inputs with what is computed from them once for all runs that share it."""

    @cached_property
    def tokenizer(self) -> Any:
        """The tokenizer of the encoder."""
        return tokenizer_of(self.encoder_path)

    @cached_property
    def tokens(self) -> TokenStore:
        """The tokenised corpus.

        Raises:
            LabError: model.max_length is beyond the positions of the encoder.
        """
        limit = positions(architecture_of(self.encoder_path))
        if self.longest_row > limit:
            raise LabError(
                f"model.max_length {self.config.model.max_length}: {self.config.encoder} has "
                f"positions for {limit} tokens."
            )
        return self._tokens_of(self.corpus)

    @property
    def longest_row(self) -> int:
        """Tokens of the longest row of the corpus, special tokens included.

        ``model.max_length``, which counts the sentence's own tokens if there is a prompt.

        Source: github.com/kongds/Prompt-BERT, train.py, ``prepare_features``: the template is laid
        around ``max_seq_length`` content tokens.
        """
        length = self.config.model.max_length
        if self.config.prompt is not None:
            length += sum(map(len, special_tokens(self.tokenizer)))
        return length

    def _tokens_of(self, corpus: Corpus) -> TokenStore:
        return build_tokens(
            corpus,
            self.tokenizer,
            max_length=self.longest_row,
            folder=cache_root() / "tokens",
            tokenizer_fingerprint=self.fingerprints["encoder"],
            progress=lambda n: self.notify("tokenising the corpus", n, 0),
        )

    @cached_property
    def frozen(self) -> FrozenFeatures:
        """Frozen features on the device that trains."""
        return FrozenFeatures(
            self.encoder_path,
            source=self._reshape.source,
            rows=self.tokens.rows,
            special_ids=self.tokens.meta["special_ids"],
            pad_id=self.tokenizer.pad_token_id or 0,
            device=device(),
        )

    @property
    def _reshape(self) -> ReshapeConfig:
        if self.config.reshape is None:
            raise LabError(
                "this configuration has no reshape: it is SimCSE; give reshape.operator."
            )
        return self.config.reshape

    @property
    def store_identity(self) -> dict[str, Any]:
        """All that decides a feature store's numbers; shuffled operators read the same file."""
        reshape = self._reshape
        return {
            "corpus": self.fingerprints["corpus"],
            "encoder": self.fingerprints["encoder"],
            "max_length": self.longest_row,
            "source": reshape.source,
            "operator": reshape.operator.removeprefix("shuffled:"),
            "dim": reshape.dim,
            "weights": reshape.weights,
            "centring": reshape.centring,
            "statistics_rows": STATISTICS_ROWS,
            "code": self._reshape_code,
        }

    @property
    def _reshape_code(self) -> str:
        """Hash of the operators in use and of the code they build on, but of no other operator."""
        names = parse_operator(self._reshape.operator)[1]
        modules = [sys.modules.get(OPERATORS[name].__module__) for name in names]
        # An operator that was written in a notebook has no file.
        files = {getattr(module, "__file__", None) for module in modules}
        return code_hash(*RESHAPE_CODE, *filter(None, files))

    @property
    def store_folder(self) -> Path:
        """Where the feature store of this reshape is kept."""
        text = json.dumps(self.store_identity, sort_keys=True)
        return cache_root() / "reshape" / hashlib.sha256(text.encode()).hexdigest()[:16]

    @cached_property
    def reshaper(self) -> Reshaper:
        """The reshape with the statistics of this corpus, fitted once and kept beside its store."""
        reshape = self._reshape
        reshaper = Reshaper(
            reshape.operator,
            hidden=architecture_of(self.encoder_path).hidden_size,
            vocab=len(self.tokens.counts),
            dim=reshape.dim,
            weights=reshape.weights,
            centring=reshape.centring,
        ).to(device())
        file = self.store_folder.with_suffix(".statistics.safetensors")
        if file.is_file():
            with suppress(SafetensorError):  # damaged: fitted again
                reshaper.load(file)
                return reshaper
        count = min(STATISTICS_ROWS, len(self.tokens))
        sample = np.unique(np.linspace(0, len(self.tokens) - 1, count).astype(np.int64))

        def batches():
            self.notify("fitting the reshape's statistics", 0, 0)
            return map(
                self.frozen, batches_by_length(sample, self.tokens.lengths, token_budget(device()))
            )

        reshaper.fit(
            batches,
            counts=self.tokens.counts,
            document_frequency=self.tokens.document_frequency,
            sentences=len(self.tokens),
        )
        reshaper.save(file)
        return reshaper

    @property
    def store_bytes(self) -> int:
        """Size of the feature store, in bytes."""
        return store_size(len(self.tokens), self.reshaper.out_dim)

    @cached_property
    def stored(self) -> FeatureStore | None:
        """The feature store of a separated reshape, built on first use; None without one."""
        reshape = self.config.reshape
        if reshape is None or reshape.mode == "integrated":  # as the roles view and residual are
            return None
        if (self.store_folder / "meta.json").is_file():
            return open_store(
                self.store_folder, self.store_identity, shuffled=self.reshaper.shuffled
            )
        size = self.store_bytes / 2**20
        reshaper = self.reshaper
        what = f"reshaping {len(self.tokens):,} sentences ({reshape.operator}, {size:,.0f} MiB)"
        built = build_store(
            self.store_folder,
            reshaper,
            self.frozen,
            self.tokens.lengths,
            self.store_identity,
            tokens_per_batch=token_budget(device()),
            progress=lambda done, total: self.notify(what, done, total),
        )
        # Training reads the store: free the backbone's device memory.
        self.__dict__.pop("frozen", None)
        return built

    @cached_property
    def partners(self) -> list[TokenStore | None]:
        """Tokenised positives and hard negatives of every row; None without such a column.

        Raises:
            LabError: The columns are not aligned with the sentences.
        """
        config = self.config
        columns = (config.positives, config.negatives)
        given = [column for column in columns if column is not None]
        if given:
            check_aligned_columns(config.corpus, (config.column, *given))
        return [
            None if column is None else self._tokens_of(corpus_of(config.corpus, column)[0])
            for column in columns
        ]
