"""A corpus -> an encoder.

Vocabulary, factorised token embeddings, masked language modelling, each step resumable.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from recse_lab.config.identity import run_id
from recse_lab.config.pretraining import PretrainConfig
from recse_lab.data.token_store import TokenStore, build_tokens
from recse_lab.errors import LabError, suggest
from recse_lab.files import atomic_path, cache_root
from recse_lab.jobs.behaviour import behaviour_of_pretraining
from recse_lab.jobs.computing import OnStep, computing, logger
from recse_lab.jobs.environment import environment
from recse_lab.jobs.inputs import open_corpus
from recse_lab.jobs.interrupt import stoppable
from recse_lab.jobs.machine import Notify, device, precision, silent
from recse_lab.jobs.memory import peak_bytes
from recse_lab.models.factorisation import cooccurrences, factorise, positive_pmi
from recse_lab.models.folders import CARD, resolve
from recse_lab.models.loading import load_tokenizer, weights_fingerprint
from recse_lab.models.positions import positions
from recse_lab.optimisation.schedule import count_steps
from recse_lab.pretraining import loop
from recse_lab.pretraining.vocabulary import train_wordpiece
from recse_lab.runs.leases import Finished
from recse_lab.runs.records import Config, Cost, Fingerprints, PretrainResults
from recse_lab.runs.store import Run

POSITIONS = 128  # positions of a new encoder unless its architecture says otherwise


class PretrainingBuilder:
    """A pretraining configuration and its parts, each built once, when first asked for."""

    def __init__(self, config: PretrainConfig, notify: Notify = silent) -> None:
        training = config.training.model_copy(
            update={"precision": precision(config.training.precision)}
        )
        self.config, self.notify = config.model_copy(update={"training": training}), notify
        self.corpus = open_corpus(config.corpus, config.column)

    @cached_property
    def fingerprints(self) -> dict[str, str]:
        """Contents of the corpus, and of a tokenizer that was given."""
        given = self.config.tokenizer
        return {"corpus": self.corpus.fingerprint} | (
            {"tokenizer": weights_fingerprint(resolve(given))} if given else {}
        )

    @cached_property
    def id(self) -> str:
        """Identity of the run: hash of what it asks."""
        return run_id(self.config, self.fingerprints, behaviour_of_pretraining(self.config))

    @cached_property
    def tokenizer(self) -> Any:
        """The tokenizer that was given, or one learnt from the corpus.

        Raises:
            LabError: It has no mask token.
        """
        if self.config.tokenizer:
            tokenizer = load_tokenizer(resolve(self.config.tokenizer))
            if tokenizer.mask_token_id is None:
                raise LabError(
                    f"{self.config.tokenizer}: this tokenizer has no mask token, "
                    "which the task needs."
                )
            return tokenizer
        self.notify("learning the vocabulary", 0, 0)
        vocabulary = self.config.vocabulary
        limit = self.config.architecture.get("max_position_embeddings", POSITIONS)
        return train_wordpiece(self.corpus, **vocabulary.model_dump(), max_length=limit)

    @cached_property
    def tokens(self) -> TokenStore:
        """The corpus in tokens, from the cache if it was tokenised before."""
        identity = json.dumps(
            [self.config.vocabulary.model_dump(), self.fingerprints], sort_keys=True
        )
        return build_tokens(
            self.corpus,
            self.tokenizer,
            max_length=self.config.training.max_length,
            folder=cache_root() / "tokens",
            tokenizer_fingerprint=hashlib.sha256(identity.encode()).hexdigest(),
            progress=lambda done: self.notify("tokenising the corpus", done, 0),
        )

    def model(self) -> nn.Module:
        """A fresh masked language model.

        Its token embeddings are factorised from the corpus if the configuration says so.

        Raises:
            LabError: The architecture cannot be built.
        """
        from transformers import AutoModelForMaskedLM

        architecture = dict(self.config.architecture)
        kind = architecture.pop("model_type", "bert")
        settings = _architecture(
            kind,
            {
                "max_position_embeddings": POSITIONS,
                **architecture,
                "vocab_size": len(self.tokenizer),
                "pad_token_id": self.tokenizer.pad_token_id,
            },
        )
        if self.config.training.max_length > positions(settings):
            raise LabError(
                f"training.max_length {self.config.training.max_length}: "
                "the architecture has positions for "
                f"{positions(settings)} tokens."
            )
        torch.manual_seed(self.config.seed)
        model = AutoModelForMaskedLM.from_config(settings)
        if self.config.factorisation is not None:
            embeddings = model.get_input_embeddings().weight
            found = self.factorised(embeddings.shape[1])
            seen = np.linalg.norm(found, axis=1) > 0
            with torch.no_grad():
                embeddings[torch.from_numpy(seen)] = torch.from_numpy(found[seen])
        return model.to(device())

    def factorised(self, dim: int) -> np.ndarray:
        """Token embeddings vocab × dim from the corpus.

        Tokens without a positive association are rows of zeros.

        Raises:
            LabError: Fewer tokens than dimensions.
        """
        how = self.config.factorisation
        assert how is not None
        if len(self.tokenizer) < dim:
            raise LabError(
                f"a vocabulary of {len(self.tokenizer)} tokens cannot be factorised into {dim} "
                "dimensions; raise vocabulary.size, "
                "lower the architecture's size, or set factorisation to null."
            )
        self.notify("factorising the corpus", 0, 0)
        special = self.tokens.special_ids
        rows = self.tokens.rows(np.arange(len(self.tokens)))
        content = (row[~np.isin(row, special)] for row in rows)
        counts = cooccurrences(content, len(self.tokenizer), window=how.window)
        matrix = positive_pmi(counts, smoothing=how.smoothing)
        found = factorise(matrix, dim, exponent=how.exponent, seed=self.config.seed)
        seen = np.diff(matrix.indptr) > 0
        found[~seen] = 0
        return found * (how.scale / np.sqrt((found[seen] ** 2).mean()))

    @cached_property
    def steps(self) -> int:
        """Optimiser steps of the training."""
        return count_steps(len(self.tokens), self.config.training, corpus=self.corpus.name)


def _architecture(kind: str, fields: dict[str, Any]) -> Any:
    """A transformers configuration that knows every field it is given."""
    from transformers import CONFIG_MAPPING, AutoConfig

    if kind not in CONFIG_MAPPING:
        hint = suggest(kind, CONFIG_MAPPING, "give a model type that transformers knows, as bert.")
        raise LabError(f"architecture.model_type {kind!r} is unknown; {hint}")
    known = AutoConfig.for_model(kind).to_dict()
    for name in fields:
        if name not in known:
            hint = suggest(name, known, f"see the configuration of a {kind} in transformers.")
            raise LabError(f"architecture.{name}: a {kind} has no such field; {hint}")
    try:
        settings = AutoConfig.for_model(kind, **fields)
    except Exception as error:  # transformers validates its configurations in exceptions of its own
        raise LabError(f"architecture: {str(error).splitlines()[-1].strip()}") from error
    if settings.hidden_size % settings.num_attention_heads:
        raise LabError(
            f"architecture.hidden_size {settings.hidden_size} is no multiple of "
            f"num_attention_heads {settings.num_attention_heads}."
        )
    return settings


def execute_pretraining(
    config: PretrainConfig,
    study: Path,
    *,
    on_step: OnStep = lambda line, steps: None,
    notify: Notify = silent,
    should_stop: Callable[[], bool] = lambda: False,
) -> Run:
    """Pretrain (or continue) under ``study/<id>/``; the encoder is its ``model/last``.

    A finished run is returned as it is.

    Raises:
        LabError: Something the user can mend; the run is marked failed with the same sentence.
        Interrupted: ``should_stop`` said so; the run is marked interrupted and continues next time.
        Claimed: Another process is computing this run.
    """
    builder = PretrainingBuilder(config, notify)
    run = Run(study / builder.id)
    if run.tidy():
        return run
    with suppress(Finished), computing(run):
        Config.check(builder.config.model_dump(mode="json"), Config.FILE).write(run.folder)
        Fingerprints.check(builder.fingerprints, Fingerprints.FILE).write(run.folder)
        environment(precision=builder.config.training.precision).write(run.folder)
        _compute(builder, run, on_step, should_stop)
    return run


def _compute(
    builder: PretrainingBuilder, run: Run, on_step: OnStep, should_stop: Callable[[], bool]
) -> None:
    config, steps, began = builder.config, builder.steps, time.monotonic()
    model, tokenizer = builder.model(), builder.tokenizer
    progress = loop.pretrain(
        model,
        builder.tokens,
        config.training,
        run.folder / "state",
        steps=steps,
        seed=config.seed,
        mask_id=tokenizer.mask_token_id,
        pad_id=tokenizer.pad_token_id,
        special_ids=builder.tokens.special_ids,
        log=logger(run, on_step, steps),
        should_stop=should_stop,
    )
    with atomic_path(run.folder / "model" / "last") as folder:
        save(model.to(getattr(torch, config.save_dtype)), tokenizer, folder)
    lines = run.metrics()[-max(1, steps // 20) :]
    PretrainResults(
        steps=progress.step,
        tokens=progress.tokens,
        vocabulary=len(tokenizer),
        parameters=sum(p.numel() for p in model.parameters()),
        unknown_rate=unknown_rate(builder.tokens, tokenizer),
        last_loss=float(np.mean([line["loss"] for line in lines])),
        last_accuracy=float(np.mean([line["accuracy"] for line in lines])),
    ).write(run.folder)
    Cost(
        train_s=progress.train_s,
        last_attempt_s=time.monotonic() - began,
        tokens=progress.tokens,
        steps=progress.step,
        dev_s=0.0,
        test_s=0.0,
        peak_bytes=peak_bytes(),
    ).write(run.folder)


def save(model: nn.Module, tokenizer: Any, folder: Path) -> None:
    """Write an encoder's folder.

    Weights with their masked-language-model head, tokenizer, and our card (mean pooling).
    """
    from transformers.utils import logging as hf_logging

    hf_logging.disable_progress_bar()
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder, safe_serialization=True)  # type: ignore[operator]
    tokenizer.save_pretrained(folder)
    card = {"pooling": "mean", "max_length": tokenizer.model_max_length, "head": "none"}
    (folder / CARD).write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")


def unknown_rate(tokens: TokenStore, tokenizer: Any) -> float:
    """Share of the corpus's running tokens that are [UNK]."""
    return float(tokens.counts[tokenizer.unk_token_id] / tokens.counts.sum())


def pretrain(
    config: PretrainConfig,
    root: Path,
    *,
    out: Path | None = None,
    on_step: OnStep = lambda line, steps: None,
    notify: Notify = silent,
) -> Run:
    """Make an encoder from a corpus under ``root/pretrain/``, and copy its folder to ``out``.

    Raises:
        LabError: Bad input, a loss that is not finite, or an ``out`` that holds something else.
        Interrupted: Ctrl-C; the state is saved.
    """
    from recse_lab.jobs.pretrain import execute_pretraining

    if out is not None and out.exists() and not (out / "config.json").is_file():
        raise LabError(
            f"{out}: exists and is no encoder's folder; give another place for the encoder."
        )
    with stoppable() as should_stop:
        run = execute_pretraining(
            config, root / "pretrain", on_step=on_step, notify=notify, should_stop=should_stop
        )
    if out is not None:
        with atomic_path(out) as beside:
            shutil.copytree(run.folder / "model" / "last", beside)
    return run
