"""What this package does with every family of encoders, tried on small random ones.

A cell of the matrix is right, or refused in one sentence; anything else is a fault.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float

from recse_lab.config.reading import read_config
from recse_lab.errors import LabError
from recse_lab.jobs.machine import Notify, silent
from recse_lab.jobs.train import execute
from recse_lab.models.attention import attention_of
from recse_lab.models.batching import pad
from recse_lab.models.checks import reads_left_to_right, word_table
from recse_lab.models.families import FAMILIES, make_encoder, sample_sentences
from recse_lab.models.loading import load_backbone
from recse_lab.models.reference import (
    eager_model,
    eager_states,
    has_sentence_transformers,
    sentence_transformers_embeddings,
)
from recse_lab.models.saving import load_encoder
from recse_lab.models.transformer import TransformerEncoder

TOLERANCE = 1e-5
"""Largest difference of a number, relative to the largest number in its sentence."""

RATE = 0.3
"""The rate of dropout that is asked for and looked for."""


class Cell(NamedTuple):
    """How one check of one family ended."""

    state: str
    """right, refused, fault, or skipped (what it builds on was refused)."""
    told: str = ""
    """The sentence of a refusal, or what a fault is."""


@dataclass
class Subject:
    """A family under test, and what its checks share."""

    family: str
    root: Path
    sentences: tuple[str, ...] = field(default_factory=lambda: sample_sentences(64))

    @cached_property
    def folder(self) -> Path:
        """A random encoder of the family."""
        return make_encoder(self.family, self.root / self.family)

    @cached_property
    def texts(self) -> list[str]:
        """Sentences of one word up to more than an encoder can read."""
        return ["a", *self.sentences[:3], " ".join(self.sentences[:12])]

    @cached_property
    def encoder(self) -> TransformerEncoder:
        """The encoder as the package loads it, with mean pooling."""
        return load_encoder(str(self.folder), pooling="mean")

    @cached_property
    def corpus(self) -> Path:
        """A file of sentences to train on."""
        path = self.root / "corpus.txt"
        path.write_text("\n".join(self.sentences) + "\n", encoding="utf-8")
        return path

    @cached_property
    def trained(self) -> Path:
        """Folder of the encoder after a step of SimCSE."""
        return self.train("simcse")

    @property
    def pooling(self) -> str:
        """cls, or last where the first token sees no other."""
        return "last" if reads_left_to_right(self.encoder.backbone) else "cls"

    def train(self, framework: str, **options: Any) -> Path:
        """One step of a framework; returns the folder of the trained encoder."""
        given = {
            "encoder": str(self.folder),
            "corpus": [str(self.corpus)],
            "training.steps": 1,
            "training.batch_size": 16,
            "training.learning_rate": 1e-3,
            "training.precision": "fp32",
            "evaluation.precision": "fp32",
            "evaluation.tasks": [],
            "evaluation.selection": "last",
            **({} if framework == "promptbert" else {"model.pooling": self.pooling}),
            **options,
        }
        run = execute(read_config(None, framework=framework, overrides=given), self.root / "runs")
        folder = run.folder / "model" / "last"
        before, after = (word_table(load_backbone(str(each))) for each in (self.folder, folder))
        _expect(bool(torch.isfinite(after).all()), "weights are not finite after a step")
        _expect(not torch.equal(before, after), "a step changed no word embedding")
        return folder


def loads(subject: Subject) -> None:
    """It loads, and embeds every sentence by finite numbers that differ between sentences."""
    embeddings = subject.encoder.encode(subject.texts)
    _expect(bool(np.isfinite(embeddings).all()), "an embedding is not finite")
    _expect(bool(embeddings.std(0).max() > 1e-3), "all sentences have one embedding")


def equals_eager(subject: Subject) -> None:
    """All hidden states are those of transformers' eager attention, sentence by sentence.

    Under every attention that is not refused.
    """
    reference = eager_model(subject.folder)
    rows = subject.encoder.tokenize(subject.texts)
    expected = [eager_states(reference, row) for row in rows]
    for attention in ("auto", "plain", "sdpa", "eager"):
        try:
            encoder = load_encoder(str(subject.folder), pooling="mean", attention=attention)
        except LabError:
            if attention in ("auto", "eager"):
                raise
            continue
        used = attention_of(encoder.backbone)
        ids, mask = pad(rows, encoder.pad_id)
        with torch.inference_mode():
            layers = [state.numpy() for state in encoder.hidden_states(ids, mask)]
        _expect(len(layers) == len(expected[0]), "another number of hidden states")
        for i, (row, theirs) in enumerate(zip(rows, expected, strict=True)):
            ours = np.stack([layer[i, : len(row)] for layer in layers])
            _close(ours, theirs, f"hidden states under {used} attention")


def has_its_dropout(subject: Subject) -> None:
    """Every rate is the one asked for, at 0 training is testing, and above 0 passes differ."""
    ids, mask = pad(subject.encoder.tokenize(subject.texts[1:3]), subject.encoder.pad_id)
    backbone = load_backbone(str(subject.folder), dropout=RATE).train()
    states = [_states(backbone, ids, mask) for _ in range(2)]
    cosine = torch.cosine_similarity(states[0][:, 0], states[1][:, 0]).max().item()
    _expect(cosine < 0.999, f"two passes have cosine {cosine:.4f} at rate {RATE}")
    unlike = {
        f"{name}.{key}": value
        for name, module in backbone.named_modules()
        if not any(part in name for part in ("pooler", "classifier", "summary"))
        for key, value in vars(module).items()
        if (key == "p" and isinstance(module, torch.nn.Dropout))
        or ("drop" in key and "layer" not in key)
        if isinstance(value, float) and value != RATE
    }
    _expect(not unlike, f"other rates than {RATE}: {unlike}")
    still = load_backbone(str(subject.folder), dropout=0.0)
    _close(
        _states(still.train(), ids, mask).numpy(),
        _states(still.eval(), ids, mask).numpy(),
        "training at rate 0",
    )


def is_independent_of_its_batch(subject: Subject) -> None:
    """Neither batch mates nor their order nor their length change an embedding."""
    texts = [*subject.texts, *subject.sentences[10:20]]
    together = subject.encoder.encode(texts)
    alone = np.concatenate([subject.encoder.encode([text]) for text in texts])
    _close(together, alone, "embeddings in a batch")
    _close(subject.encoder.encode(texts[::-1])[::-1], together, "embeddings in another order")


def _trains(framework: str, subject: Subject, **options: Any) -> None:
    subject.train(framework, **options)


def trains_simcse(subject: Subject) -> None:
    """A step of SimCSE, with [CLS] or the last token."""
    _ = subject.trained


def opens_elsewhere(subject: Subject) -> None:
    """The trained encoder opens here and with transformers, with the same embeddings."""
    again = load_encoder(str(subject.trained))
    ours = again.encode(subject.texts)
    reference = eager_model(subject.trained)
    states = [eager_states(reference, row)[-1] for row in again.tokenize(subject.texts)]
    theirs = np.stack([state[0 if again.pooling == "cls" else -1] for state in states])
    _close(ours, theirs, "embeddings of the saved encoder")


def opens_with_sentence_transformers(subject: Subject) -> None:
    """The trained encoder opens with sentence-transformers, with the same embeddings."""
    ours = load_encoder(str(subject.trained)).encode(subject.texts)
    theirs = sentence_transformers_embeddings(subject.trained, subject.texts)
    _close(theirs, ours, "embeddings by sentence-transformers")


SMALL = {"reshape.dim": 8, "reshape.projection": 16}

CHECKS: dict[str, Callable[[Subject], None]] = {
    "loads": loads,
    "= eager": equals_eager,
    "dropout": has_its_dropout,
    "batch": is_independent_of_its_batch,
    "SimCSE": trains_simcse,
    "reCSE 0": partial(_trains, "recse", **SMALL, **{"reshape.source": 0}),
    "reCSE 1": partial(_trains, "recse", **SMALL, **{"reshape.source": 1}),
    "ESimCSE": partial(_trains, "esimcse"),
    "PromptBERT": partial(_trains, "promptbert"),
    "transformers": opens_elsewhere,
    "sentence-transformers": opens_with_sentence_transformers,
}
"""Column of the matrix -> check."""


def try_backbones(
    families: Sequence[str] | None = None,
    *,
    checks: Sequence[str] | None = None,
    notify: Notify = silent,
) -> Iterator[tuple[str, dict[str, Cell]]]:
    """Try families of encoders one after the other; yields the cells of each.

    Args:
        families: Names of ``FAMILIES``; all by default.
        checks: Names of ``CHECKS``; all by default, without sentence-transformers where it is not
            installed.
        notify: Is called with the progress.
    """
    names = list(families or FAMILIES)
    for done, name in enumerate(names):
        notify(f"testing {name}", done, len(names))
        with tempfile.TemporaryDirectory() as folder:
            yield name, _cells(Subject(name, Path(folder)), checks or tuple(CHECKS))


def _cells(subject: Subject, checks: Sequence[str]) -> dict[str, Cell]:
    cells: dict[str, Cell] = {}
    for check in checks:
        if "loads" in cells and cells["loads"].state != "right":
            cells[check] = Cell("skipped", "it does not load")
        elif check == "sentence-transformers" and not has_sentence_transformers():
            cells[check] = Cell("skipped", "sentence-transformers is not installed")
        else:
            cells[check] = _cell(CHECKS[check], subject)
    return cells


def _cell(check: Callable[[Subject], None], subject: Subject) -> Cell:
    try:
        check(subject)
    except LabError as error:
        told = str(error).replace(str(subject.folder), subject.family)
        return Cell("refused", told.removeprefix(f"{subject.family}: "))
    except Exception as error:  # a fault of any kind is what this looks for
        return Cell("fault", f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")
    return Cell("right")


class Wrong(AssertionError):
    """A number that is silently wrong."""


def _expect(true: bool, otherwise: str) -> None:
    if not true:
        raise Wrong(otherwise)


def _close(
    ours: Float[np.ndarray, "*shape"],
    theirs: Float[np.ndarray, "*shape"],
    what: str,
) -> None:
    scale = max(1.0, float(np.abs(theirs).max()))
    difference = float(np.abs(ours - theirs).max()) / scale
    _expect(difference <= TOLERANCE, f"{what} differ by {difference:.1e}")


@torch.no_grad()
def _states(backbone: torch.nn.Module, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return backbone(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states[-1]
