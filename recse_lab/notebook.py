"""What `import recse_lab as lab` offers in a notebook: the run store as a table, and every probe as a labelled object."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from recse_lab.config.overrides import flatten
from recse_lab.errors import LabError
from recse_lab.evaluation.protocols import headline
from recse_lab.jobs.probe import probe as run_probe_job
from recse_lab.probes import PROBES, ProbeResult
from recse_lab.probes.dots import dots
from recse_lab.reports.published import PUBLISHED
from recse_lab.runs.store import Run, default_root, find_runs


class Probed:
    """A probe's result: ``frame()``, ``table``, ``curves``, ``plot()``, ``summary()``."""

    def __init__(self, result: ProbeResult) -> None:
        self.result = result

    @property
    def table(self) -> pd.DataFrame:
        """Every number with its interval, one a row."""
        return self.result.table

    @property
    def curves(self) -> dict[str, pd.DataFrame]:
        """What the figures are drawn from."""
        return self.result.curves

    def frame(self) -> pd.DataFrame:
        """One row an encoder, one column a measure."""
        return self.result.frame()

    def summary(self) -> str:
        """A paragraph that says what the numbers say."""
        return PROBES[self.result.name].summary(self.result)

    def plot(self, which: str | None = None, *, measure: str | None = None, ax: Any = None) -> Any:
        """The probe's figure of that name (its first by default); with ``measure`` or ``ax``, dots with intervals of one measure.

        Raises:
            LabError: No figure or measure of that name.
        """
        if measure is not None or ax is not None:
            return dots(self.result, measure or str(self.result.table["measure"].iloc[0]), ax=ax)
        drawn = PROBES[self.result.name].figures(self.result)
        if which is not None and which not in drawn:
            raise LabError(
                f"{self.result.name} has no figure {which!r}; it has {', '.join(drawn)}."
            )
        return drawn[which or next(iter(drawn))]

    def __repr__(self) -> str:
        return repr(self.result)

    def _repr_html_(self) -> str:
        return (
            f"<p><b>{self.result.name}</b> · {self.summary()}</p>{self.frame().round(3).to_html()}"
        )


def runs(root: str | Path | None = None) -> pd.DataFrame:
    """The run store as a table to filter: a row a run, with its study, state, protocol, scores (raw) and options.

    A score is what the run's protocol leads with, so compare runs of one protocol.
    """
    rows = []
    for run in find_runs(Path(root) if root is not None else default_root()):
        results = run.results or {}
        scores = headline(results)
        options = flatten(run.config or {})
        rows.append(
            {
                "run": run.id,
                "study": run.study,
                "state": run.state,
                "protocol": (results.get("protocol") or {}).get("id"),
                "average": scores.pop("average"),
                "dev": (results.get("dev") or {}).get("spearman"),
            }
            | scores
            | options
        )
    return pd.DataFrame(rows)


def published(collection: str = "sts", *, memory: bool = False) -> pd.DataFrame:
    """What others have published, each row with its source: ``sts``, ``transfer`` or ``ablations``.

    Rows written down from memory are left out unless asked for; ``confidence`` marks them.

    Raises:
        LabError: No collection of that name.
    """
    if collection not in PUBLISHED:
        raise LabError(
            f"no published results called {collection!r}; there are {', '.join(PUBLISHED)}."
        )
    rows = PUBLISHED[collection]()
    return (rows if memory else rows.loc[rows["confidence"] != "memory"]).reset_index(drop=True)


def probe(name: str, subjects: str | Run | Sequence[str | Run], **options: Any) -> Probed:
    """Any probe by name; ``subjects`` are run ids, run folders, encoders, ``LABEL=…``, or a list of them.

    Options: data_dir, task, pooling, precision, corpus, root (the run store), and those of the probe itself.

    Raises:
        LabError: As ``recse-lab probe``.
    """
    listed = [subjects] if isinstance(subjects, str | Run) else list(subjects)
    named = [str(s.folder) if isinstance(s, Run) else s for s in listed]
    root = Path(options.pop("root", None) or default_root())
    return Probed(run_probe_job(name, named, root=root, **options))


def __getattr__(name: str) -> Any:
    """Every probe as a function of its own: ``lab.polarity(run)`` is ``lab.probe("polarity", run)``.

    ``errors`` goes by ``lab.probe("errors", …)`` alone: ``recse_lab.errors`` is a module.
    """
    probe_name = name.replace("_", "-")
    if probe_name not in PROBES:
        raise AttributeError(name)

    def probing(subjects: str | Run | Sequence[str | Run], **options: Any) -> Probed:
        return probe(probe_name, subjects, **options)

    probing.__name__, probing.__doc__ = name, PROBES[probe_name].measure.__doc__
    return probing
