"""The run store: plain files under runs/<study>/<id>/, each whole or absent, read without torch."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from recse_lab.errors import LabError
from recse_lab.files import now
from recse_lab.runs.leases import (
    Lease,
    is_held,
    is_whole,
    leased,
    place_of,
    sweep_work,
    work_of,
)
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
    """One run of the store. Only the process that holds its lease writes to it.

    Args:
        home: ``runs/<study>/<id>``, where a finished run lies.
    """

    def __init__(self, home: Path) -> None:
        self.home = Path(home)
        self._lease: Lease | None = None

    @property
    def folder(self) -> Path:
        """Where the files lie now: ``home``, or an attempt while the run is not finished."""
        return place_of(self.home) if self._lease is None else self._lease.attempt

    @property
    def id(self) -> str:
        """Name of the home: the question of the run."""
        return self.home.name

    @property
    def study(self) -> str:
        """Name of the study that the run is kept under."""
        return self.home.parent.name

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
        folder = self.folder
        status = Status.read(folder)
        if status.state == "running" or (status.state == "done" and folder != self.home):
            if is_held(self.home):
                return Status(state="running", at=status.at)
            if is_whole(self.home):  # it was finished while we looked
                return Status.read(self.home)
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

    def tidy(self) -> bool:
        """Whether the run is finished; then what a killed process left beside it is removed."""
        if not is_whole(self.home):
            return False
        if work_of(self.home).is_dir() and not is_held(self.home):
            sweep_work(self.home)
        return True

    def keep(self) -> None:
        """Be sure that the run is still held; called between two steps of its computation.

        Raises:
            LeaseLost: Another process has taken it over.
        """
        if self._lease is not None:
            self._lease.check()

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

    @contextmanager
    def claim(self) -> Iterator[Lease]:
        """Hold this run for the current process; meanwhile ``folder`` is its attempt.

        Raises:
            Claimed: Another process holds it.
            LabError: The system refuses to write.
        """
        with leased(self.home) as lease:
            self._lease = lease
            try:
                yield lease
            finally:
                self._lease = None


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
    finished = {path.parent for path in Path(root).glob("*/*/config.json")}
    at_work = {
        path.parents[1].with_suffix("")
        for path in Path(root).glob("*/*.work/attempt.*/config.json")
    }
    return [Run(home) for home in sorted(finished | at_work)]


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
    if any(run.record.results.tree() != done[0].record.results.tree() for run in done):
        named = " or ".join(f"{run.study}/{run.id}" for run in done)
        raise LabError(
            f"run {prefix!r} has other results in each of {len(done)} studies; give {named}."
        )
    return (done or runs)[0]
