"""The data sets that can be pulled, as stated in manifest.yaml, and their folders once pulled."""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import yaml

from recse_lab.errors import LabError
from recse_lab.files import cache_root

PULLS = {"wiki1m": "wiki1m", "sts": "senteval", "transfer": "senteval"}
"""What `recse-lab data pull` is asked for -> the download that holds it."""
PULLED = "pulled"
"""The data_dir that means what was pulled."""
RECORD = "pulled.json"
"""Beside pulled data: their origin, and the sha256 of every file as received."""


class Download(NamedTuple):
    """One file of a data set on a hub, at a commit; ``sha256`` is None where it is unknown."""

    name: str
    repo: str
    revision: str
    file: str
    sha256: str | None

    @property
    def folder(self) -> Path:
        """Where it goes."""
        return data_root() / self.name


class Pin(NamedTuple):
    """What is pinned of a file: its sha256, or its lines and the sha256 of all bytes but spaces."""

    sha256: str | None = None
    lines: int | None = None
    text: str | None = None


class DataSet(NamedTuple):
    """``files`` are paths below the folder of the download ``download``."""

    name: str
    kind: str
    download: str
    rows: int
    licence: str
    source: str
    files: dict[str, Pin]


@cache
def _manifest() -> dict:
    file = resources.files("recse_lab.data") / "manifest.yaml"
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def downloads() -> dict[str, Download]:
    """Every download by name."""
    return {name: Download(name, **about) for name, about in _manifest()["downloads"].items()}


def data_sets(download: str | None = None) -> list[DataSet]:
    """Every data set, or those of one download."""
    sets = [
        DataSet(**about | {"files": {file: Pin(**pin) for file, pin in about["files"].items()}})
        for about in _manifest()["sets"]
    ]
    return [each for each in sets if download in (None, each.download)]


def data_root() -> Path:
    """Return the folder of pulled data, with one folder per download."""
    return cache_root() / "data"


def pulled(what: str) -> Path:
    """Return the folder of what ``recse-lab data pull WHAT`` fetched.

    Raises:
        LabError: It was not pulled.
    """
    folder = data_root() / PULLS[what]
    if not (folder / RECORD).is_file():
        raise LabError(f"{folder}: nothing was pulled here yet; run `recse-lab data pull {what}`.")
    return folder


def corpus_path(name: str) -> str:
    """Return the file of a corpus: sample-corpus is packaged, wiki1m pulled, the rest are paths.

    Raises:
        LabError: wiki1m was not pulled.
    """
    if name == "sample-corpus":
        return str(resources.files("recse_lab.data.samples") / "sample-corpus.txt.gz")
    return str(pulled(name) / downloads()[name].file) if name == "wiki1m" else name


def senteval_folders(data_dir: str | Path) -> tuple[Path, ...]:
    """Where SentEval's sets may lie: in ``data_dir`` itself, or in one of its usual folders."""
    here = Path(data_dir)
    return here, here / "senteval", here / "data" / "downstream"
