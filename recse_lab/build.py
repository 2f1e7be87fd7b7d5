"""From a configuration to live objects: the one place that knows both."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from recse_lab.config import ReshapeConfig, RunConfig, run_id
from recse_lab.data.corpora import Corpus
from recse_lab.data.manifest import corpus_path
from recse_lab.data.sts import SEVEN, StsTask, load_task, tasks_fingerprint
from recse_lab.data.tokens import TokenStore, build_tokens
from recse_lab.encoders.frozen import FrozenFeatures
from recse_lab.encoders.heads import HEADS
from recse_lab.encoders.transformer import (
    TransformerEncoder,
    best_precision,
    load_backbone,
    load_config,
    load_tokenizer,
    positions,
    resolve,
    token_budget,
    weights_fingerprint,
)
from recse_lab.errors import LabError
from recse_lab.reshape.reshaper import Reshaper
from recse_lab.reshape.store import FeatureStore, batches_by_length, build_store, open_store, store_size
from recse_lab.runs import cache_root
from recse_lab.training.arm import Arm
from recse_lab.training.trainer import Recipe

STATISTICS_ROWS = 50_000  # sentences that token statistics and standardisation are fitted on, evenly spaced

Notify = Callable[[str, int, int], None]
"""What is being prepared, how much of it is done, out of how much (0 = unknown)."""


def silent(what: str, done: int, total: int) -> None:
    """Notify nobody."""


def device() -> torch.device:
    """The accelerator where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def precision(choice: str) -> str:
    """``auto`` settled for this machine."""
    return best_precision(device()) if choice == "auto" else choice


def settle(config: RunConfig) -> RunConfig:
    """The configuration with everything that depends on machine or data decided, so that a run's id says what was run."""
    sample = config.evaluation.data_dir is None
    evaluation = config.evaluation.model_copy(
        update={
            "precision": precision(config.evaluation.precision),
            "tasks": config.evaluation.tasks
            if config.evaluation.tasks is not None
            else (("sample-sts",) if sample else SEVEN),
            "dev": config.evaluation.dev or ("sample-sts-dev" if sample else "stsb-dev"),
        }
    )
    training = config.training.model_copy(update={"precision": precision(config.training.precision)})
    return config.model_copy(update={"evaluation": evaluation, "training": training})


def open_corpus(paths: tuple[str, ...], column: str | None = None) -> Corpus:
    """The corpus behind file names; ``sample-corpus`` is the packaged one, ``wiki1m`` the pulled one."""
    return Corpus([corpus_path(path) for path in paths], column)


# A study asks the same of the same files for every cell.
_task = cache(load_task)
_weights = cache(weights_fingerprint)
_tokenizer = cache(load_tokenizer)
_architecture = cache(load_config)


@cache
def _corpus(paths: tuple[str, ...], column: str | None) -> tuple[Corpus, str]:
    corpus = open_corpus(paths, column)
    return corpus, corpus.fingerprint


@cache
def _tasks_fingerprint(names: tuple[str, ...], data_dir: str | None) -> str:
    return tasks_fingerprint([_task(name, data_dir) for name in names])


@dataclass
class Lab:
    """One settled configuration and what it is made of, each part read or built when first asked for, and once."""

    config: RunConfig
    notify: Notify = silent

    # ---- what the question is about --------------------------------------------------------------------------

    @cached_property
    def encoder_path(self) -> str:
        return resolve(self.config.encoder)

    @cached_property
    def corpus(self) -> Corpus:
        return _corpus(self.config.corpus, self.config.column)[0]

    @cached_property
    def tasks(self) -> list[StsTask]:
        return [_task(name, self.config.evaluation.data_dir) for name in self.config.evaluation.tasks or ()]

    @cached_property
    def dev_task(self) -> StsTask:
        assert self.config.evaluation.dev is not None
        return _task(self.config.evaluation.dev, self.config.evaluation.data_dir)

    @cached_property
    def fingerprints(self) -> dict[str, str]:
        """Contents of the weights, the corpus and the evaluation data."""
        evaluation = self.config.evaluation
        assert evaluation.tasks is not None
        assert evaluation.dev is not None
        return {
            "encoder": _weights(self.encoder_path),
            "corpus": _corpus(self.config.corpus, self.config.column)[1],
            "evaluation": _tasks_fingerprint((*evaluation.tasks, evaluation.dev), evaluation.data_dir),
        }

    @cached_property
    def id(self) -> str:
        return run_id(self.config.model_dump(mode="json"), self.fingerprints)

    # ---- shared work, kept in the cache --------------------------------------------------------------------------

    @cached_property
    def tokenizer(self) -> Any:
        return _tokenizer(self.encoder_path)

    @cached_property
    def tokens(self) -> TokenStore:
        limit = positions(_architecture(self.encoder_path))
        if self.config.model.max_length > limit:
            raise LabError(
                f"model.max_length {self.config.model.max_length}: {self.config.encoder} has positions for {limit} tokens."
            )
        return build_tokens(
            self.corpus, self.tokenizer, max_length=self.config.model.max_length, folder=cache_root() / "tokens",
            tokenizer_fingerprint=self.fingerprints["encoder"], progress=lambda n: self.notify("tokenising the corpus", n, 0),
        )  # fmt: skip

    @cached_property
    def frozen(self) -> FrozenFeatures:
        """Frozen features on the device that trains."""
        return FrozenFeatures(
            self.encoder_path, source=self._reshape.source, rows=self.tokens.rows, special_ids=self.tokens.meta["special_ids"],
            pad_id=self.tokenizer.pad_token_id or 0, device=device(),
        )  # fmt: skip

    @property
    def _reshape(self) -> ReshapeConfig:
        if self.config.reshape is None:
            raise LabError("this configuration has no reshape: it is SimCSE; give reshape.operator.")
        return self.config.reshape

    @property
    def store_identity(self) -> dict[str, Any]:
        """All that decides the numbers in a feature store; a shuffled one reads the same file."""
        reshape = self._reshape
        return {
            "corpus": self.fingerprints["corpus"], "encoder": self.fingerprints["encoder"], "max_length": self.config.model.max_length,
            "source": reshape.source, "operator": reshape.operator.removeprefix("shuffled:"), "dim": reshape.dim,
            "weights": reshape.weights, "centring": reshape.centring, "statistics_rows": STATISTICS_ROWS,
        }  # fmt: skip

    @property
    def store_folder(self) -> Path:
        text = json.dumps(self.store_identity, sort_keys=True)
        return cache_root() / "reshape" / hashlib.sha256(text.encode()).hexdigest()[:16]

    @cached_property
    def reshaper(self) -> Reshaper:
        """The reshape with the statistics of this corpus, fitted once and kept beside its store."""
        reshape = self._reshape
        reshaper = Reshaper(
            reshape.operator, hidden=_architecture(self.encoder_path).hidden_size, vocab=len(self.tokens.counts), dim=reshape.dim, weights=reshape.weights,
            centring=reshape.centring,
        ).to(device())  # fmt: skip
        file = self.store_folder.with_suffix(".statistics.safetensors")
        if file.is_file():
            reshaper.load(file)
            return reshaper
        count = min(STATISTICS_ROWS, len(self.tokens))
        sample = np.unique(np.linspace(0, len(self.tokens) - 1, count).astype(np.int64))

        def batches():
            self.notify("fitting the reshape's statistics", 0, 0)
            return map(self.frozen, batches_by_length(sample, self.tokens.lengths, token_budget(device())))

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
        return store_size(len(self.tokens), self.reshaper.out_dim)

    @cached_property
    def stored(self) -> FeatureStore | None:
        """The feature store of a separated reshape, built on first use; None where there is none."""
        if self.config.reshape is None or self.config.reshape.mode == "integrated":
            return None
        if (self.store_folder / "meta.json").is_file():
            return open_store(self.store_folder, self.store_identity, shuffled=self.reshaper.shuffled)
        size = self.store_bytes / 2**20
        what = f"reshaping {len(self.tokens):,} sentences ({self.config.reshape.operator}, {size:,.0f} MiB)"
        return build_store(
            self.store_folder, self.reshaper, self.frozen, self.tokens.lengths, self.store_identity, tokens_per_batch=token_budget(device()),
            progress=lambda done, total: self.notify(what, done, total),
        )  # fmt: skip

    # ---- what a run trains ---------------------------------------------------------------------------------------

    def encoder(self) -> TransformerEncoder:
        """A fresh encoder to be trained; the head is initialised from the seed."""
        model = self.config.model
        backbone = load_backbone(
            self.encoder_path, layers=model.layers, dropout=model.dropout, attention=model.attention
        )
        head = HEADS[model.head]
        torch.manual_seed(self.config.seed)
        return TransformerEncoder(
            backbone, self.tokenizer, pooling=model.pooling, keep_head=model.keep_head,
            max_length=self.config.evaluation.max_length,
            head=head(backbone.config.hidden_size, getattr(backbone.config, "initializer_range", 0.02)) if head else None,
        )  # fmt: skip

    def arm(self) -> Arm:
        """Encoder, head and projections of this configuration, on the device."""
        reshape = self.config.reshape
        encoder = self.encoder()
        if (
            reshape is not None
            and reshape.source > encoder.backbone.config.num_hidden_layers
            and reshape.mode == "integrated"
        ):
            raise LabError(
                f"reshape.source {reshape.source} is above the {self.config.model.layers} layers that are trained."
            )
        arm = Arm(
            encoder, views=2 if self.config.contrast.weight > 0 else 1, precision=self.config.training.precision,
            reshaper=self.reshaper if reshape else None, source=reshape.source if reshape else 0,
            projection=reshape.projection if reshape else 1,
        )  # fmt: skip
        return arm.to(device())

    def recipe(self) -> Recipe:
        """The training recipe, with epochs turned into steps."""
        training, reshape = self.config.training, self.config.reshape
        if len(self.tokens) < training.batch_size:
            raise LabError(
                f"{self.corpus.name}: {len(self.tokens)} sentences are fewer than one batch; lower training.batch_size "
                f"({training.batch_size}) or give a larger corpus."
            )
        per_epoch = len(self.tokens) // training.batch_size
        names = (
            "batch_size", "learning_rate", "schedule", "warmup_steps", "weight_decay", "clip", "eval_every", "patience",
            "sub_batches", "sort_batches",
        )  # fmt: skip
        return Recipe(
            steps=math.ceil(training.epochs * per_epoch) if training.steps is None else training.steps,
            weight=self.config.contrast.weight, temperature=self.config.contrast.temperature, seed=self.config.seed,
            reshape_weight=reshape.weight if reshape else 0.0, reshape_temperature=reshape.temperature if reshape else 0.05,
            **{name: getattr(training, name) for name in names},
        )  # fmt: skip
