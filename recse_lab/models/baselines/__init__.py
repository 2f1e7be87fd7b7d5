"""Training-free baselines: encoders like any other, named NAME[-N]@ENCODER, fitted on a corpus where they need one."""

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
"""Each is an ``Encoder`` with a ``fingerprint``, and ``fitted_on``: the corpus's name, None where it needs none."""

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
    """The baseline ``spec`` (NAME[-N]@ENCODER), fitted on ``corpus`` where it is fitted at all, and kept in the cache.

    Mean, covariance and principal components are those of the embeddings, computed in ``precision``, of at most ``rows`` sentences
    evenly spaced over the corpus; tokens are counted in all of it. Options that a baseline does not have (pooling and layers
    of a bag) change nothing, its fingerprint included.

    Raises:
        LabError: An unknown name, a number out of range, an encoder that cannot be loaded, a corpus too small.
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
