"""Training-free baselines.

Encoders like any other, named NAME[-N]@ENCODER, fitted on a corpus where they need one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch

from recse_lab.data.corpora import Corpus
from recse_lab.errors import LabError, suggest
from recse_lab.models.baselines.bags import Bag, bag, bag_sif, ppmi, ppmi_sif
from recse_lab.models.baselines.fitting import Fitting, Notify
from recse_lab.models.baselines.linear import all_but_the_top, whitening
from recse_lab.models.baselines.redrawn import random
from recse_lab.models.baselines.wrapped import WrappedEncoder

Baseline = Bag | WrappedEncoder
"""An ``Encoder`` with a ``fingerprint``.

``fitted_on`` is the corpus's name, None if it needs none.
"""

BASELINES: dict[str, Callable[[Fitting, int | None], Baseline]] = {
    "whitening": whitening,
    "all-but-the-top": all_but_the_top,
    "bag": bag,
    "bag-sif": bag_sif,
    "ppmi": ppmi,
    "ppmi-sif": ppmi_sif,
    "random": random,
}
"""Fitting and the spec's number -> encoder in inference mode, on the fitting's device."""

BEHAVIOUR: dict[str, int] = {}
"""Version of a baseline's numbers, 1 where none is given. Raise it when they change."""

FITTED_ON = 50_000  # sentences whose embeddings moments are taken of, evenly spaced


class Spec(NamedTuple):
    """A baseline's name, taken apart."""

    name: str
    number: int | None
    encoder: str


def is_baseline(name: str) -> bool:
    """Whether a name reads NAME@ENCODER; a folder is an encoder whatever it is called."""
    return (
        "@" in name and "/" not in name.partition("@")[0] and not Path(name).expanduser().exists()
    )


def parse_baseline(spec: str) -> Spec:
    """``whitening-64@recse-lab/tiny`` in its parts.

    Raises:
        LabError: An unknown baseline, no encoder, or a baseline of a baseline.
    """
    text, _, encoder = spec.partition("@")
    parts = re.fullmatch(r"(?P<name>.+?)(?:-(?P<number>\d{1,9}))?", text)
    name = parts["name"] if parts else text
    if name not in BASELINES:
        raise LabError(f"{spec}: unknown baseline {name!r}; {suggest(name, BASELINES)}")
    if not encoder:
        raise LabError(
            f"{spec}: no encoder behind the @; give {text}@recse-lab/tiny, or a folder or hub id."
        )
    if is_baseline(encoder):
        raise LabError(
            f"{spec}: a baseline of a baseline is not made; give an encoder behind the @."
        )
    return Spec(name, int(parts["number"]) if parts and parts["number"] else None, encoder)


def load_baseline(
    spec: str,
    corpus: Corpus,
    *,
    pooling: str | None = None,
    layers: int | None = None,
    max_length: int | None = None,
    precision: str = "fp32",
    rows: int = FITTED_ON,
    device: torch.device | str = "cpu",
    notify: Notify = lambda what, done, total: None,
) -> Baseline:
    """A training-free baseline; what is fitted on the corpus is kept in the cache.

    Options that a baseline does not have (pooling and layers of a bag) change nothing, its
    fingerprint included.

    Args:
        spec: NAME[-N]@ENCODER, as whitening-64@recse-lab/tiny.
        corpus: Sentences it is fitted on; tokens are counted in all of them.
        pooling: Pooling of the encoder instead of the stated one.
        layers: Number of backbone layers kept.
        max_length: Longest sentence in tokens.
        precision: fp32 or bf16, of the embeddings that moments are taken of.
        rows: At most so many sentences, evenly spaced over the corpus, give mean and covariance.
        device: Where the baseline computes.
        notify: Called with what is done, the number done, and of all.

    Raises:
        LabError: An unknown name, a number out of range, an encoder that cannot be loaded, or a
            corpus that is too small.
    """
    name, number, encoder = parse_baseline(spec)
    fitting = Fitting(
        spec=spec,
        encoder=encoder,
        corpus=corpus,
        pooling=pooling,
        layers=layers,
        max_length=max_length,
        precision=precision,
        rows=rows,
        device=device,
        notify=notify,
    )
    return BASELINES[name](fitting, number).eval()
