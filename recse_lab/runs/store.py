"""The run store: plain files under runs/<study>/<id>/, each whole or absent, read without torch."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recse_lab.errors import LabError
from recse_lab.files import now, read_json
from recse_lab.runs.claims import claimed, is_held
from recse_lab.runs.records import (
    REMEDY,
    MetricsLine,
    RunRecord,
    State,
    Status,
    read_metrics,
)

if TYPE_CHECKING:
    import pandas as pd


def default_root() -> Path:
    """Where runs are kept: RECSE_LAB_RUNS, or ``runs`` in the current folder."""
    return Path(os.environ.get("RECSE_LAB_RUNS", "runs"))


class Run:
    """One folder of the store. Only the process that holds its claim writes to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    @property
    def id(self) -> str:
        """Name of the folder: the question of the run."""
        return self.folder.name

    @property
    def study(self) -> str:
        """Name of the study that the run is kept under."""
        return self.folder.parent.name

    def _json(self, name: str) -> dict[str, Any] | None:
        path = self.folder / name
        if not path.is_file():
            return None
        tree = read_json(path, REMEDY)
        if name != "results.json":
            tree.pop("schema", None)
        return tree

    @property
    def config(self) -> dict[str, Any] | None:
        return self._json("config.json")

    @property
    def environment(self) -> dict[str, Any] | None:
        return self._json("environment.json")

    @property
    def results(self) -> dict[str, Any] | None:
        return self._json("results.json")

    @property
    def cost(self) -> dict[str, Any] | None:
        return self._json("cost.json")

    @property
    def scores(self) -> Path:
        """Scores of STS tasks, one row per pair."""
        return self.folder / "scores.parquet"

    @property
    def predictions(self) -> Path:
        """Predictions of transfer tasks, one row per example."""
        return self.folder / "predictions.parquet"

    def read_scores(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """``scores``, or some of its columns.

        Raises:
            LabError: It is damaged.
        """
        return _read_parquet(self.scores, columns)

    def read_predictions(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """``predictions``, or some of its columns.

        Raises:
            LabError: It is damaged.
        """
        return _read_parquet(self.predictions, columns)

    @property
    def record(self) -> RunRecord:
        """What the folder holds now, as typed records that are read when they are asked for."""
        return RunRecord(self.folder)

    @property
    def status(self) -> Status:
        """State and message. A run whose process is gone while it was running was interrupted.

        Raises:
            LabError: status.json is damaged.
        """
        status = self.record.status
        if status.state == "running" and not is_held(self.folder):
            message = "its process ended without a message"
            return Status(state="interrupted", message=message, at=status.at)
        return status

    @property
    def state(self) -> State:
        """Planned, running, done, failed or interrupted.

        Raises:
            LabError: status.json is damaged.
        """
        return self.status.state

    def set_status(self, state: State, message: str | None = None) -> None:
        """Write the state of the run.

        Raises:
            LabError: The disk is full.
        """
        Status(state=state, message=message, at=now()).write(self.folder)

    def metrics(self) -> list[MetricsLine]:
        """Lines of metrics.jsonl; an incomplete last line, of a killed process, is left out.

        Raises:
            LabError: Another line is damaged.
        """
        return read_metrics(self.folder)

    def claim(self) -> AbstractContextManager[None]:
        """Hold this run for the current process.

        Raises:
            Claimed: Another living process holds it.
            LabError: The disk is full.
        """
        return claimed(self.folder)


def _read_parquet(path: Path, columns: Sequence[str] | None) -> pd.DataFrame:
    import pandas as pd
    from pyarrow import ArrowException

    try:
        return pd.read_parquet(path, columns=list(columns) if columns else None)
    except (ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise LabError(
            f"{path}: damaged ({' '.join(str(error).split())[:200]}); {REMEDY}."
        ) from error


def find_runs(root: Path) -> list[Run]:
    """All runs below ``root``, by study and id."""
    return [Run(path.parent) for path in sorted(Path(root).glob("*/*/config.json"))]


def find_run(root: Path, prefix: str) -> Run:
    """The run whose id begins with ``prefix``, or with what follows STUDY/ in it.

    Raises:
        LabError: There is none, or several, or two studies have the id with different results
            (computed by other code or on another machine).
    """
    study, _, beginning = prefix.rpartition("/")
    runs = [
        run for run in find_runs(root) if run.id.startswith(beginning) and study in ("", run.study)
    ]
    distinct = sorted({run.id for run in runs})
    if len(distinct) != 1:
        what = (
            f"{len(distinct)} runs begin with it ({', '.join(distinct[:5])}…)"
            if distinct
            else "no run begins with it"
        )
        raise LabError(f"run {prefix!r}: {what} in {root}; `recse-lab runs ls` lists them.")
    done = [run for run in runs if run.state == "done"]
    if any(run.results != done[0].results for run in done):
        named = " or ".join(f"{run.study}/{run.id}" for run in done)
        raise LabError(
            f"run {prefix!r} has other results in each of {len(done)} studies; give {named}."
        )
    return (done or runs)[0]
