"""The run store: plain files under runs/<study>/<id>/, each whole or absent, readable without torch."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recse_lab.errors import LabError

if TYPE_CHECKING:
    import pandas as pd
from recse_lab.files import now, read_json, space, write_json

# ---- runs --------------------------------------------------------------------------------------------------------


def default_root() -> Path:
    """Where runs are kept: RECSE_LAB_RUNS, or ``runs`` in the current folder."""
    return Path(os.environ.get("RECSE_LAB_RUNS", "runs"))


ANEW = "delete the run's folder to compute it anew"


class Run:
    """One folder of the store. Reading is plain file reading; only the process that holds the claim writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def study(self) -> str:
        return self.folder.parent.name

    def _json(self, name: str) -> dict[str, Any] | None:
        path = self.folder / name
        return read_json(path, ANEW) if path.is_file() else None

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
        """A score a pair, of STS tasks."""
        return self.folder / "scores.parquet"

    @property
    def predictions(self) -> Path:
        """A predicted class an example, of transfer tasks."""
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
    def status(self) -> dict[str, Any]:
        """State planned, running, done, failed or interrupted. A running one whose process is gone was interrupted."""
        status = self._json("status.json") or {"state": "planned", "message": None}
        if status["state"] == "running" and not _alive(self._claim()):
            status |= {"state": "interrupted", "message": "its process ended without a word"}
        return status

    @property
    def state(self) -> str:
        return self.status["state"]

    def set_status(self, state: str, message: str | None = None) -> None:
        write_json(self.folder / "status.json", {"state": state, "message": message, "at": now()})

    def metrics(self) -> list[dict[str, Any]]:
        """Lines of metrics.jsonl; an incomplete last line, of a killed process, is left out.

        Raises:
            LabError: Another line is damaged.
        """
        path = self.folder / "metrics.jsonl"
        lines = path.read_bytes().split(b"\n")[:-1] if path.is_file() else []
        found = []
        for number, text in enumerate(lines, 1):
            try:
                line = json.loads(text)
                if not isinstance(line, dict):
                    raise ValueError("no JSON object")
                found.append(line)
            except ValueError as error:
                raise LabError(f"{path}, line {number}: damaged ({error}); {ANEW}.") from error
        return found

    @contextmanager
    def claim(self) -> Iterator[None]:
        """Hold this run for the current process.

        Raises:
            Claimed: Another living process holds it.
            LabError: The disk is full.
        """
        path = self.folder / "claim.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(2):
            try:
                file = path.open("x", encoding="utf-8")
                break
            except FileExistsError:
                if _alive(self._claim()):
                    raise self._claimed() from None
                path.unlink(missing_ok=True)
        else:
            raise self._claimed()
        try:
            with space(path), file:
                json.dump(
                    {"pid": os.getpid(), "host": socket.gethostname(), "born": _born(os.getpid())},
                    file,
                )
            yield
        finally:
            path.unlink(missing_ok=True)

    def _claimed(self) -> Claimed:
        return Claimed(
            f"run {self.id} is being computed by another process; the same command finds its result later."
        )

    def _claim(self) -> dict[str, Any] | None:
        """Who computes this run; None where nobody does, or where a process ended before it could say."""
        for _ in range(2):
            try:
                claim = self._json("claim.json")
                if claim is None or {"pid", "host", "born"} <= claim.keys():
                    return claim
            except (LabError, FileNotFoundError):
                time.sleep(0.1)  # it may be about to
        return None


def _read_parquet(path: Path, columns: Sequence[str] | None) -> pd.DataFrame:
    import pandas as pd
    from pyarrow import ArrowException

    try:
        return pd.read_parquet(path, columns=list(columns) if columns else None)
    except (ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise LabError(
            f"{path}: damaged ({' '.join(str(error).split())[:200]}); {ANEW}."
        ) from error


class Claimed(LabError):
    """Another process is computing this run."""


def _born(pid: int) -> str | None:
    """When a process started, where the system tells: a process id alone may have been given away again.

    "ended" for one that is dead and merely not yet collected by its parent.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return "ended" if fields[0] in "ZX" else fields[19]


def _alive(claim: dict[str, Any] | None) -> bool:
    if claim is None:
        return False
    if claim["host"] != socket.gethostname():
        return True  # cannot be looked at from here; its user removes claim.json
    try:
        os.kill(claim["pid"], 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return _born(claim["pid"]) == claim["born"]


def find_runs(root: Path) -> list[Run]:
    """All runs below ``root``, by study and id."""
    return [Run(path.parent) for path in sorted(Path(root).glob("*/*/config.json"))]


def find_run(root: Path, prefix: str) -> Run:
    """The run whose id begins with ``prefix``, or with what follows STUDY/ in it.

    Raises:
        LabError: None, or several, or one id with other results in two studies: of other code, on another machine.
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
