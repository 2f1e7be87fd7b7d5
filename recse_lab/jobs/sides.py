"""The sides of a comparison: what a person names, as arms with finished runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from recse_lab.errors import LabError
from recse_lab.jobs.evaluate import evaluate
from recse_lab.jobs.machine import Notify, silent
from recse_lab.models.packaged import PACKAGED
from recse_lab.runs.collection import Arm
from recse_lab.runs.references import encoder_label, find_arm, run_label, run_or_encoder
from recse_lab.runs.store import Run


def find_sides(
    first: str | Sequence[str | Run],
    second: str | Sequence[str | Run],
    root: Path,
    *,
    data_dir: str | None = None,
    corpus: Sequence[str] | None = None,
    notify: Notify = silent,
) -> tuple[Arm, Arm]:
    """Find two sides; encoders are measured on the data of the stored runs they are compared with.

    Args:
        first: Names of runs, arms and encoders between commas, or a list of them; LABEL=… names
            the side. Arms are all their seeds; every other name is one repetition.
        second: The same.
        root: The run store.
        data_dir: Where encoders are measured. Default: where the runs were, else the sample.
        corpus: What baselines are fitted to.
        notify: Progress of measuring.

    Raises:
        LabError: A name stands for nothing, a run has not finished, or a run is named twice.
    """
    sides = [_Side(each, root) for each in (first, second)]
    if data_dir is None:
        data_dir = next((found for side in sides if (found := side.data_dir)), None)
    for side in sides:
        side.measure(root, data_dir, corpus, notify)
    return sides[0].arm(), sides[1].arm()


class _Side:
    """Runs and encoders of one side."""

    def __init__(self, named: str | Sequence[str | Run], root: Path) -> None:
        self.label, items = _split(named)
        self.found: list[Arm | Run | str] = []
        words = ",".join(item for item in items if isinstance(item, str))
        if isinstance(named, str) and "," in named and (arm := find_arm(root, words)):
            self.found = [arm]  # the commas are between its levels
        else:
            self.found = [_find(item, root) for item in items]
        self.label = self.label or ", ".join(map(_name, self.found))

    @property
    def runs(self) -> list[Run]:
        """The runs that are already stored."""
        parts = [each.distinct if isinstance(each, Arm) else [each] for each in self.found]
        return [run for part in parts for run in part if isinstance(run, Run)]

    @property
    def data_dir(self) -> str | None:
        """Where the first of its stored runs was measured."""
        folders = (run.record.config.evaluation.data_dir for run in self.runs)
        return next((folder for folder in folders if folder), None)

    def measure(
        self, root: Path, data_dir: str | None, corpus: Sequence[str] | None, notify: Notify
    ) -> None:
        """Measure its encoders."""
        for place, item in enumerate(self.found):
            if isinstance(item, str):
                baseline = corpus if "@" in item else None
                self.found[place] = evaluate(
                    item, root, data_dir=data_dir, corpus=baseline, notify=notify
                )

    def arm(self) -> Arm:
        """Its runs by seed; by position where no seed tells them apart.

        Raises:
            LabError: A run has not finished, or is named twice.
        """
        runs = self.runs
        for run in runs:
            if run.state != "done":
                raise LabError(f"run {run.id} is {run.state}; it can be compared when it is done.")
        if len({run.folder.resolve() for run in runs}) < len(runs):
            raise LabError(f"{self.label}: a run is named twice; name it once.")
        if len(self.found) == 1 and isinstance(self.found[0], Arm) and self.found[0].seedless:
            return Arm("", self.label, runs=self.found[0].runs, seedless=True)
        seeds = [run.record.config.seed for run in runs]
        distinct = None not in seeds and len(set(seeds)) == len(seeds)
        keys = seeds if distinct else range(len(runs))
        trained = all(run.record.config.trained for run in runs)
        return Arm(
            "",
            self.label,
            runs={int(key or 0): run for key, run in zip(keys, runs, strict=True)},
            planned=len(runs),
            seedless=len(runs) == 1 and not trained,
        )


def _split(named: str | Sequence[str | Run]) -> tuple[str, list[str | Run]]:
    """The label of a side, and its items."""
    items: list[str | Run]
    if not isinstance(named, str):
        items = [named] if isinstance(named, Run) else list(named)
        label = ""
    else:
        label, equals, rest = named.partition("=")
        if not equals:
            label, rest = "", named
        items = [item.strip() for item in rest.split(",") if item.strip()]
    if not items:
        raise LabError(f"{named!r} names nothing; give runs, arms or encoders.")
    return label, items


def _find(item: str | Run, root: Path) -> Arm | Run | str:
    """An arm, a run, or the name of an encoder."""
    if isinstance(item, Run):
        return item
    known = item in PACKAGED or "@" in item or Path(item).exists()
    if not known and (arm := find_arm(root, item)):
        return arm if len(arm.distinct) > 1 or arm.seedless else arm.distinct[0]
    found = None if item in PACKAGED else run_or_encoder(root, item)
    return item if found is None else found


def _name(item: Arm | Run | str) -> str:
    if isinstance(item, Arm):
        return item.label
    return encoder_label(item) if isinstance(item, str) else run_label(item)
