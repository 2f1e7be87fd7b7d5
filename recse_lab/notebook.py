"""What `import recse_lab as lab` offers: train, measure, compare, probe, and read the run store."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console

from recse_lab.ablation.study import ablate as run_ablation
from recse_lab.ablation.study import default_workers, plan_study
from recse_lab.config.overrides import flatten
from recse_lab.config.reading import read_config
from recse_lab.errors import LabError, suggest
from recse_lab.figures.style import once
from recse_lab.jobs.evaluate import evaluate as run_evaluation
from recse_lab.jobs.probe import load_subject
from recse_lab.jobs.probe import probe as run_probe_job
from recse_lab.jobs.sides import find_sides
from recse_lab.jobs.train import train as run_training
from recse_lab.models.encoder import Encoder
from recse_lab.probes import PROBES, ProbeResult
from recse_lab.probes.dots import dots
from recse_lab.reports.comparison import ComparedSides
from recse_lab.reports.published import PUBLISHED
from recse_lab.runs.collection import StudyCollection, read_study
from recse_lab.runs.references import refer
from recse_lab.runs.store import Run, default_root, find_runs

Subject = str | Run
"""A run (an object, or a name as the command line takes it) or the name of an encoder."""


# ---- train, measure, compare -------------------------------------------------------------------


def train(
    encoder: str = "recse-lab/tiny",
    *,
    corpus: str | Sequence[str] = "sample-corpus",
    framework: str = "simcse",
    data_dir: str | Path | None = None,
    seed: int = 0,
    steps: int | None = None,
    options: dict[str, Any] | None = None,
    root: str | Path | None = None,
) -> Run:
    """Train an encoder by contrast and test it, as `recse-lab train` does.

    A finished run of the same question is returned as it is; an unfinished one is continued.

    Args:
        encoder: Folder, hub id, or a name of `recse-lab list encoders`.
        corpus: Files with one sentence per row, or ``sample-corpus``.
        framework: NAME or NAME+reshape of `recse-lab list frameworks`.
        data_dir: STS data in SentEval's layout; the packaged sample without it.
        seed: Of all randomness.
        steps: Optimiser steps; three epochs without it.
        options: Any other option by its dotted key, as ``{"training.batch_size": 128}``
            (`recse-lab list options`).
        root: The run store; ``$RECSE_LAB_RUNS`` or ``runs`` without it.

    Returns:
        The run; ``run.record.sts.average.spearman.all`` is its average, raw.

    Raises:
        LabError: Bad input, or a loss that is not finite.
    """
    given: dict[str, Any] = {
        "encoder": encoder,
        "corpus": [corpus] if isinstance(corpus, str) else list(corpus),
        "seed": seed,
    }
    if data_dir is not None:
        given["evaluation.data_dir"] = str(data_dir)
    if steps is not None:
        given["training.steps"] = steps
    config = read_config(None, framework=framework, overrides=given | (options or {}))
    return run_training(config, _root(root))


def evaluate(
    encoder: str,
    *,
    data_dir: str | Path | None = None,
    protocol: str = "simcse-2021",
    tasks: Sequence[str] | None = None,
    pooling: str | None = None,
    root: str | Path | None = None,
) -> Run:
    """Measure an encoder or a baseline by a named protocol, as `recse-lab eval` does.

    Args:
        encoder: Folder, hub id, packaged name, or NAME@ENCODER for a baseline.
        data_dir: STS or transfer data in SentEval's layout; the packaged sample without it.
        protocol: One of `recse-lab list protocols`.
        tasks: Only these tasks of the protocol.
        pooling: Other than the encoder states.
        root: The run store.

    Returns:
        The run; ``run.record.results.headline()`` has its numbers, raw.

    Raises:
        LabError: No such encoder, protocol, task or data.
    """
    folder = None if data_dir is None else str(data_dir)
    return run_evaluation(
        encoder, _root(root), protocol=protocol, data_dir=folder, tasks=tasks, pooling=pooling
    )


def compare(
    first: Subject | Sequence[Subject],
    second: Subject | Sequence[Subject],
    *,
    data_dir: str | Path | None = None,
    root: str | Path | None = None,
) -> ComparedSides:
    """Is ``first`` better than ``second``? As `recse-lab compare` answers it.

    Args:
        first: A run, an arm (STUDY/ARM: all its seeds), an encoder, or a list of them, which are
            repetitions of one side.
        second: The same. Runs are paired by seed where both sides have it.
        data_dir: Where encoders are measured; where the runs were, without it.
        root: The run store.

    Returns:
        The comparison: its text is the verdict; ``table()``, ``frame()``, ``plot()``.

    Raises:
        LabError: A name stands for nothing, or the sides cannot be compared.
    """
    folder = None if data_dir is None else str(data_dir)
    return ComparedSides(*find_sides(_named(first), _named(second), _root(root), data_dir=folder))


def load(
    subject: Subject, *, pooling: str | None = None, root: str | Path | None = None
) -> Encoder:
    """Load the encoder of a run, or an encoder or baseline by name.

    Args:
        subject: A run that kept its model, or an encoder.
        pooling: Other than the encoder states.
        root: The run store.

    Returns:
        An encoder; ``.encode(sentences)`` gives an array of one row per sentence.

    Raises:
        LabError: There is no such run or encoder, or the run kept no model.
    """
    return load_subject(_named(subject), _root(root), pooling=pooling)


def ablate(
    name: str | Path,
    *,
    quick: bool = False,
    seeds: int | None = None,
    workers: int | None = None,
    keep_models: bool = False,
    options: dict[str, Any] | None = None,
    root: str | Path | None = None,
) -> StudyCollection:
    """Run what the store lacks of a study, as `recse-lab ablate` does.

    Args:
        name: One of `recse-lab list experiments`, or a YAML file.
        quick: Its quick edition.
        seeds: Number of seeds, other than the study's own.
        workers: Processes that share the cores; one per core without it.
        keep_models: Whether trained encoders are kept.
        options: Options by dotted key that replace those of the study.
        root: The run store.

    Returns:
        The study; ``frame()`` has one row per arm and run.

    Raises:
        LabError: An unknown study or option, or missing data.
    """
    planned = plan_study(str(name), _root(root), quick=quick, seeds=seeds, overrides=options or {})
    run_ablation(
        planned,
        workers=workers or default_workers(),
        keep_models=keep_models,
        command=f"lab.ablate({str(name)!r})",
        console=Console(quiet=True),
    )
    return read_study(planned.folder)


# ---- the run store -----------------------------------------------------------------------------


def study(name: str, *, root: str | Path | None = None) -> StudyCollection:
    """Read a study of the run store.

    Args:
        name: Of a study that was run.
        root: The run store.

    Returns:
        Its arms with their runs: ``frame()`` is one row per arm and run, ``scores()`` one row per
        run and pair.

    Raises:
        LabError: There is no study of that name.
    """
    folder = _root(root) / name
    if not folder.is_dir():
        known = sorted(path.parent.name for path in _root(root).glob("*/study.json"))
        raise LabError(f"no study {name!r} in {_root(root)}; {suggest(name, known)}")
    return read_study(folder)


def run(name: str, *, root: str | Path | None = None) -> Run:
    """A stored run by its id, ``last``, or NAME@SEED.

    Raises:
        LabError: There is none, with the nearest name.
    """
    return refer(_root(root), name)


def runs(
    root: str | Path | None = None,
    *,
    study: str | None = None,
    state: str | None = None,
    encoder: str | None = None,
) -> pd.DataFrame:
    """The run store as a table to filter: one row per run.

    Args:
        root: The run store.
        study: Only runs of this study.
        state: Only runs in this state, as ``done``.
        encoder: Only runs of this encoder.

    Returns:
        Columns run, study, state, protocol, average and dev, scores by task, and every option by
        its dotted key. Scores are raw, and what the run's protocol leads with: compare runs of one
        protocol.
    """
    rows = []
    for found in find_runs(_root(root)):
        if study is not None and found.study != study:
            continue
        record = found.record
        if encoder is not None and record.config.encoder != encoder:
            continue
        if state is not None and found.state != state:
            continue
        scores = record.results.headline()
        own = {
            "run": found.id,
            "study": found.study,
            "state": found.state,
            "protocol": record.results.protocol.id,
            "average": scores.pop("average"),
            "dev": record.results.dev.spearman,
        }
        rows.append(own | scores | flatten(record.config.tree()))
    return pd.DataFrame(rows)


def published(collection: str = "sts", *, memory: bool = False) -> pd.DataFrame:
    """What others have published, each row with its source: ``sts``, ``transfer`` or ``ablations``.

    Rows recorded from memory are left out unless asked for; ``confidence`` marks them.

    Raises:
        LabError: No collection of that name.
    """
    if collection not in PUBLISHED:
        raise LabError(
            f"no published results called {collection!r}; there are {', '.join(PUBLISHED)}."
        )
    rows = PUBLISHED[collection]()
    return (rows if memory else rows.loc[rows["confidence"] != "memory"]).reset_index(drop=True)


# ---- probes ------------------------------------------------------------------------------------


class Probed:
    """A probe's result: ``frame()``, ``table``, ``curves``, ``plot()``, ``summary()``."""

    def __init__(self, result: ProbeResult) -> None:
        self.result = result

    @property
    def table(self) -> pd.DataFrame:
        """Every number with its interval, one per row."""
        return self.result.table

    @property
    def curves(self) -> dict[str, pd.DataFrame]:
        """Frames that the figures are drawn from."""
        return self.result.curves

    def frame(self) -> pd.DataFrame:
        """One row per encoder, one column per measure."""
        return self.result.frame()

    def summary(self) -> str:
        """A paragraph that says what the numbers say."""
        return PROBES[self.result.name].summary(self.result)

    def plot(self, which: str | None = None, *, measure: str | None = None, ax: Any = None) -> Any:
        """Draw a figure of the probe; as the value of a cell it is displayed once.

        Args:
            which: Name of the figure; the main one without it.
            measure: Draw one measure as dots with intervals instead.
            ax: Draw the measure into these axes.

        Raises:
            LabError: No figure or measure of that name.
        """
        if measure is not None or ax is not None:
            chosen = measure or str(self.result.table["measure"].iloc[0])
            drawn = dots(self.result, chosen, ax=ax)
            return once(drawn) if ax is None else drawn
        drawn = PROBES[self.result.name].figures(self.result)
        if which is not None and which not in drawn:
            raise LabError(
                f"{self.result.name} has no figure {which!r}; it has {', '.join(drawn)}."
            )
        for figure in drawn.values():
            once(figure)
        return drawn[which or next(iter(drawn))]

    def __repr__(self) -> str:
        return repr(self.result)

    def _repr_html_(self) -> str:
        return (
            f"<p><b>{self.result.name}</b> · {self.summary()}</p>{self.frame().round(3).to_html()}"
        )


def probe(
    name: str,
    subjects: Subject | Sequence[Subject],
    *,
    data_dir: str | Path | None = None,
    task: str | None = None,
    pooling: str | None = None,
    precision: str = "auto",
    corpus: str | Sequence[str] = (),
    root: str | Path | None = None,
    **options: Any,
) -> Probed:
    """Probe runs and encoders side by side, as `recse-lab probe` does.

    Args:
        name: One of `recse-lab list probes`.
        subjects: Runs, encoders, ``LABEL=…``, or a list of them.
        data_dir: STS data in SentEval's layout; the packaged sample without it.
        task: The graded pairs; STS-B, or sample-sts without data.
        pooling: Other than the encoders state.
        precision: auto, fp32 or bf16.
        corpus: Where words are counted, and what baselines are fitted to.
        root: The run store.
        **options: Options of the probe itself; `help(lab.polarity)` lists those of polarity.

    Raises:
        LabError: An unknown probe, run, encoder, task or option.
    """
    result = run_probe_job(
        name,
        [_named(s) for s in ([subjects] if isinstance(subjects, str | Run) else subjects)],
        root=_root(root),
        data_dir=None if data_dir is None else str(data_dir),
        task=task,
        pooling=pooling,
        precision=precision,
        corpus=[corpus] if isinstance(corpus, str) else corpus,
        **options,
    )
    return Probed(result)


def probing(name: str) -> Callable[..., Probed]:
    """A probe as a function with a signature of its own."""
    chosen = PROBES[name]

    def function(subjects: Subject | Sequence[Subject], **options: Any) -> Probed:
        return probe(name, subjects, **options)

    common = [
        p
        for p in inspect.signature(probe).parameters.values()
        if p.name not in ("name", "options", "subjects")
    ]
    own = [
        inspect.Parameter(each, inspect.Parameter.KEYWORD_ONLY, default=option.default)
        for each, option in chosen.options.items()
        if each not in {p.name for p in common}
    ]
    first = inspect.signature(probe).parameters["subjects"]
    listed = "\n".join(f"    {each}: {option.help}" for each, option in chosen.options.items())
    function.__signature__ = inspect.Signature([first, *common, *own])  # type: ignore[attr-defined]
    function.__name__ = function.__qualname__ = name.replace("-", "_")
    function.__doc__ = (
        f"{chosen.question}\n\nOptions as in ``lab.probe``, and of this probe:\n{listed}\n\n"
        f"{inspect.getdoc(chosen.measure)}"
    )
    return function


def __getattr__(name: str) -> Any:
    """Every probe as a function of its own: ``lab.polarity(run)`` is ``lab.probe("polarity",
    run)``.

    ``errors`` is available as ``lab.probe("errors", …)`` alone: ``recse_lab.errors`` is a module.
    """
    if name.replace("_", "-") not in PROBES:
        raise AttributeError(name)
    return probing(name.replace("_", "-"))


def _root(root: str | Path | None) -> Path:
    return Path(root) if root is not None else default_root()


def _named(subject: Any) -> Any:
    """Runs as the folders that name them, alone or in a list."""
    if isinstance(subject, Run):
        return str(subject.folder)
    return subject if isinstance(subject, str) else [_named(each) for each in subject]
