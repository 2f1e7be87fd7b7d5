"""From a configuration to live objects: the one place that knows both."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError

from recse_lab.code import code_hash
from recse_lab.config.identity import run_id
from recse_lab.config.schema import ReshapeConfig, RunConfig
from recse_lab.data.corpora import Corpus, check_aligned
from recse_lab.data.manifest import corpus_path
from recse_lab.data.sts_sets import SEVEN, StsTask, load_task, tasks_fingerprint
from recse_lab.data.token_store import TokenStore, build_tokens
from recse_lab.errors import LabError
from recse_lab.files import cache_root
from recse_lab.jobs.behaviour import behaviour_of_run
from recse_lab.jobs.machine import Notify, device, precision, silent
from recse_lab.models.attention import best_attention
from recse_lab.models.baselines import Baseline, is_baseline, load_baseline, parse_baseline
from recse_lab.models.batching import token_budget
from recse_lab.models.folders import resolve
from recse_lab.models.frozen import FrozenFeatures
from recse_lab.models.heads import HEADS
from recse_lab.models.loading import load_backbone, load_config, load_tokenizer, weights_fingerprint
from recse_lab.models.masked_lm import check_masked_lm, load_masked_lm
from recse_lab.models.positions import longest_sentence, positions
from recse_lab.models.readouts import Pooled, Prompt, Readout, Residual
from recse_lab.models.readouts.prompt import parse_template
from recse_lab.models.transformer import TransformerEncoder
from recse_lab.models.vocabulary_view import exchange_words, vocabulary_of
from recse_lab.objectives import recse_terms
from recse_lab.optimisation.schedule import count_steps
from recse_lab.reshape import OPERATORS, parse_operator
from recse_lab.reshape.feature_store import (
    FeatureStore,
    batches_by_length,
    build_store,
    open_store,
    store_size,
)
from recse_lab.reshape.reshaper import Reshaper
from recse_lab.reshape.token_view import ReshapedTokens
from recse_lab.training import loop
from recse_lab.training.arm import Arm, Edit
from recse_lab.training.loop import Objective, Progress
from recse_lab.training.queue import MomentumContrast
from recse_lab.views import VIEWS, TextView
from recse_lab.views.wordnet import WordNet, find_wordnet

RESHAPE_CODE = (
    *(
        f"reshape/{name}.py"
        for name in ("operator", "moments", "reshaper", "feature_store", "weights")
    ),
    "models/frozen.py",
    "models/loading.py",
    "models/batching.py",
    "models/dropout.py",
    "models/attention.py",
    "data/token_store.py",
)

"""What makes the numbers of a feature store, whatever the operator."""

STATISTICS_ROWS = (
    50_000  # sentences that token statistics and standardisation are fitted on, evenly spaced
)


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
    training = config.training.model_copy(
        update={"precision": precision(config.training.precision)}
    )
    model = config.model
    if model.attention == "auto":
        model = model.model_copy(
            update={"attention": best_attention(_architecture(backbone_path(config.encoder)))}
        )
    settled = config.model_copy(
        update={"evaluation": evaluation, "training": training, "model": model}
    )
    refuse_impossible(settled)
    return settled


def backbone_path(encoder: str) -> str:
    """Folder or hub id of an encoder, or of the encoder behind a baseline."""
    return resolve(parse_baseline(encoder).encoder if is_baseline(encoder) else encoder)


def refuse_impossible(config: RunConfig) -> None:
    """Refuse what this encoder cannot do, before anything is computed; nothing but configs and tokenizers is read.

    Raises:
        LabError: Training a baseline, a prompt or a masking view without a mask token, mlm-substitution without a language
            model, embedding edits without an embedding layer, an operator wider than the hidden size.
    """
    if is_baseline(config.encoder):
        if config.training.steps != 0:
            raise LabError(
                f"{config.encoder}: a training-free baseline is not trained; set training.steps to 0."
            )
        return
    where, reshape = resolve(config.encoder), config.reshape
    architecture = _architecture(where)
    families = [view.family for view in (config.anchor_view, config.view) if view is not None]
    if config.prompt is not None:
        for template in (config.prompt.template, config.prompt.second):
            parse_template(template, _tokenizer(where), max_length=config.model.max_length)
    for family in families:
        if (
            family in ("span-masking", "mlm-substitution")
            and _tokenizer(where).mask_token_id is None
        ):
            raise LabError(
                f"view {family} needs a mask token, and the tokenizer of {config.encoder} has none."
            )
        if family == "mlm-substitution":
            check_masked_lm(config.encoder)
        if family == "synonyms":
            find_wordnet()
    if reshape is not None and reshape.dim is not None and reshape.role != "view":
        for name in parse_operator(reshape.operator)[1]:
            if OPERATORS[name].uses_dim:
                OPERATORS[name](architecture.hidden_size, reshape.dim)


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
def _aligned(paths: tuple[str, ...], columns: tuple[str | None, ...]) -> None:
    check_aligned([_corpus(paths, column)[0] for column in columns])


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
        return backbone_path(self.config.encoder)

    @cached_property
    def corpus(self) -> Corpus:
        return _corpus(self.config.corpus, self.config.column)[0]

    @cached_property
    def partners(self) -> list[TokenStore | None]:
        """Positives and hard negatives of every row, tokenised; None where the configuration names no column."""
        columns = (self.config.positives, self.config.negatives)
        if any(columns):
            _aligned(
                self.config.corpus,
                (self.config.column, *(column for column in columns if column is not None)),
            )
        return [
            None if column is None else self._tokens_of(_corpus(self.config.corpus, column)[0])
            for column in columns
        ]

    @cached_property
    def tasks(self) -> list[StsTask]:
        return [
            _task(name, self.config.evaluation.data_dir)
            for name in self.config.evaluation.tasks or ()
        ]

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
        baseline = (
            {"baseline": self.config.encoder.partition("@")[0]}
            if is_baseline(self.config.encoder)
            else {}
        )
        others = {
            name: _corpus(self.config.corpus, column)[1]
            for name, column in (
                ("positives", self.config.positives),
                ("negatives", self.config.negatives),
            )
            if column is not None
        }
        return (
            baseline
            | others
            | {
                "encoder": _weights(self.encoder_path),
                "corpus": _corpus(self.config.corpus, self.config.column)[1],
                "evaluation": _tasks_fingerprint(
                    (*evaluation.tasks, evaluation.dev), evaluation.data_dir
                ),
            }
        )

    @cached_property
    def id(self) -> str:
        return run_id(self.config, self.fingerprints, behaviour_of_run(self.config))

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
        return self._tokens_of(self.corpus)

    def _tokens_of(self, corpus: Corpus) -> TokenStore:
        return build_tokens(
            corpus,
            self.tokenizer,
            max_length=self.config.model.max_length,
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
        """All that decides the numbers in a feature store; a shuffled one reads the same file."""
        reshape = self._reshape
        return {
            "corpus": self.fingerprints["corpus"],
            "encoder": self.fingerprints["encoder"],
            "max_length": self.config.model.max_length,
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
        """Of the operators that are used and of all they stand on: another operator beside them makes no store old."""
        used = [
            sys.modules.get(OPERATORS[name].__module__)
            for name in parse_operator(self._reshape.operator)[1]
        ]
        files = {
            getattr(module, "__file__", None) for module in used
        }  # one written in a notebook has none
        return code_hash(*RESHAPE_CODE, *filter(None, files))

    @property
    def store_folder(self) -> Path:
        text = json.dumps(self.store_identity, sort_keys=True)
        return cache_root() / "reshape" / hashlib.sha256(text.encode()).hexdigest()[:16]

    @cached_property
    def reshaper(self) -> Reshaper:
        """The reshape with the statistics of this corpus, fitted once and kept beside its store."""
        reshape = self._reshape
        reshaper = Reshaper(
            reshape.operator,
            hidden=_architecture(self.encoder_path).hidden_size,
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
        return store_size(len(self.tokens), self.reshaper.out_dim)

    @cached_property
    def stored(self) -> FeatureStore | None:
        """The feature store of a separated reshape, built on first use; None where there is none."""
        if (
            self.config.reshape is None or self.config.reshape.mode == "integrated"
        ):  # so are the roles view and residual
            return None
        if (self.store_folder / "meta.json").is_file():
            return open_store(
                self.store_folder, self.store_identity, shuffled=self.reshaper.shuffled
            )
        size = self.store_bytes / 2**20
        reshaper = self.reshaper
        what = f"reshaping {len(self.tokens):,} sentences ({self.config.reshape.operator}, {size:,.0f} MiB)"
        built = build_store(
            self.store_folder,
            reshaper,
            self.frozen,
            self.tokens.lengths,
            self.store_identity,
            tokens_per_batch=token_budget(device()),
            progress=lambda done, total: self.notify(what, done, total),
        )
        # Training reads the store: the backbone behind it shall not lie on the device.
        self.__dict__.pop("frozen", None)
        return built

    # ---- what a run trains ---------------------------------------------------------------------------------------

    def encoder(self) -> TransformerEncoder:
        """A fresh encoder to be trained; head and residual are initialised from the seed."""
        model, reshape = self.config.model, self.config.reshape
        backbone = load_backbone(
            self.encoder_path, layers=model.layers, dropout=model.dropout, attention=model.attention
        )
        hidden, depth = backbone.config.hidden_size, backbone.config.num_hidden_layers
        if reshape is not None and reshape.mode == "integrated" and reshape.source > depth:
            raise LabError(
                f"reshape.source {reshape.source} is above the {depth} layers that are trained."
            )
        torch.manual_seed(self.config.seed)
        head, initializer_range = (
            HEADS[model.head],
            getattr(backbone.config, "initializer_range", 0.02),
        )
        return TransformerEncoder(
            backbone,
            self.tokenizer,
            # The head is drawn before a residual: both come from the one stream of this seed.
            head=head(hidden, initializer_range, kept=model.keep_head) if head else None,
            readout=self.readout(backbone.config),
            max_length=self.config.evaluation.max_length,
        )

    def readout(self, architecture: Any) -> Readout:
        """How the hidden states of a backbone with this configuration become one vector."""
        config, prompt, readout = self.config, self.config.prompt, Pooled(self.config.model.pooling)
        if prompt is not None:
            readout = Prompt(
                (prompt.template, prompt.second),
                self.tokenizer,
                max_length=longest_sentence(
                    architecture, self.tokenizer, config.evaluation.max_length
                ),
                debias=prompt.debias,
            )
        if config.reshape is not None and config.reshape.role == "residual":
            hidden = architecture.hidden_size
            readout = Residual(readout, self.reshaper, hidden, source=config.reshape.source)
        return readout

    def baseline(self) -> Baseline:
        """The training-free baseline this configuration names."""
        model = self.config.model
        return load_baseline(
            self.config.encoder,
            self.corpus,
            pooling=model.pooling,
            layers=model.layers,
            max_length=self.config.evaluation.max_length,
            precision=self.config.evaluation.precision,
            device=device(),
            notify=self.notify,
        )

    def edit(self, place: str) -> Edit | None:
        """The edit of the first (``anchor_view``) or second (``view``) pass, None where there is none."""
        chosen = self.config.view if place == "view" else self.config.anchor_view
        reshape = self.config.reshape
        if place == "view" and reshape is not None and reshape.role == "view":
            return ReshapedTokens(reshape.operator, torch.tensor(self.tokens.special_ids))
        if chosen is None:
            return None
        kind = VIEWS[chosen.family]
        given = {name: EDIT_NEEDS[name](self) for name in kind.needs}
        return kind(strength=chosen.strength, vocabulary=vocabulary_of(self.tokenizer), **given)  # type: ignore[return-value]

    def arm(self) -> Arm:
        """Encoder, head, views and projections of this configuration, on the device."""
        reshape, contrast = self.config.reshape, self.config.contrast
        target = reshape is not None and reshape.role == "target"
        encoder = self.encoder()
        edits = self.edit("anchor_view"), self.edit("view")
        on_embeddings = [e for e in edits if e is not None and not isinstance(e, TextView)]
        if on_embeddings and not hasattr(encoder.backbone, "embeddings"):
            raise LabError(
                f"{self.config.encoder}: this architecture has no embedding layer that a view could edit."
            )
        size = round(contrast.queue * self.config.training.batch_size)
        queue = MomentumContrast(encoder, size=size, momentum=contrast.momentum) if size else None
        arm = Arm(
            encoder,
            passes=2 if contrast.weight > 0 else 1,
            edits=edits,
            precision=self.config.training.precision,
            fixed_mask=self.config.model.dropout_mask == "fixed",
            reshaper=self.reshaper if target else None,
            source=self._reshape.source if target else 0,
            projection=self._reshape.projection if target else 1,
            queue=queue,
        )
        return arm.to(device())

    @cached_property
    def steps(self) -> int:
        """Optimiser steps of the training."""
        training = self.config.training
        return count_steps(
            len(self.tokens),
            batch_size=training.batch_size,
            epochs=training.epochs,
            steps=training.steps,
            corpus=self.corpus.name,
        )

    def objective(self) -> Objective:
        """From the arm's output to the terms that a step minimises."""
        contrast, reshape = self.config.contrast, self.config.reshape
        terms: dict[str, Any] = {"contrast": contrast.contrast(), "weight": contrast.weight}
        if reshape is not None and reshape.role == "target":
            terms |= {"reshape_contrast": reshape.contrast(), "reshape_weight": reshape.weight}
        return partial(recse_terms, **terms)

    def train(self, arm: Arm, folder: Path, **hooks: Any) -> Progress:
        """Train ``arm`` as configured, its state in ``folder``; hooks as in ``training.loop.train``.

        Raises:
            Interrupted: The hook ``should_stop`` said so; the state is saved.
            LabError: Loss, gradient or weights are not finite.
        """
        positives, negatives = self.partners
        return loop.train(
            arm,
            self.tokens,
            self.config.training,
            folder,
            objective=self.objective(),
            steps=self.steps,
            seed=self.config.seed,
            stored=self.stored,
            positives=positives,
            negatives=negatives,
            **hooks,
        )


# What a view may ask for beside its strength and the vocabulary.
EDIT_NEEDS: dict[str, Callable[[Lab], Any]] = {
    "max_length": lambda lab: longest_sentence(_architecture(lab.encoder_path), lab.tokenizer),
    "predict": lambda lab: load_masked_lm(lab.config.encoder, device=device()),
    "alternatives": lambda lab: exchange_words(lab.tokenizer, WordNet().synonyms),
}
