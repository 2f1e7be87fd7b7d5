"""Train, evaluate, ablate, report: what the command line and the notebooks call."""

from __future__ import annotations

import inspect
import shutil
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from recse_lab.ablation.plan import Cell, plan, write_study
from recse_lab.ablation.spec import StudySpec, edition, load_spec
from recse_lab.ablation.study import Outcome, Rerun, run_study
from recse_lab.build import Lab, Notify, device, settle, silent
from recse_lab.config import PretrainConfig, RunConfig, make_config, merge, read_yaml, without
from recse_lab.errors import LabError
from recse_lab.execution import OnStep, environment, execute
from recse_lab.frameworks import framework_options
from recse_lab.probes.base import ProbeResult
from recse_lab.store import Run, atomic_path, command_line


def read_config(
    path: str | Path | None,
    *,
    framework: str | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> RunConfig:
    """One run's configuration from a YAML file, a framework (NAME or NAME+reshape) and options, each laid upon the one before.

    Raises:
        LabError: An unknown framework or option, a value out of range (file and line).
    """
    tree, lines = read_yaml(path) if path is not None else ({}, {})
    if framework is not None:
        tree = merge(tree, framework_options(framework))
    tree = merge(tree, overrides or {})
    if "encoder" not in tree:
        raise LabError(
            f"{path or 'options'}: no encoder; give --encoder, a folder, a hub id or recse-lab/tiny."
        )
    return make_config(tree, where=str(path or "options"), lines=without(lines, overrides or {}))


@contextmanager
def stoppable() -> Iterator[Callable[[], bool]]:
    """Yield a question that becomes true with the first Ctrl-C (or SIGTERM); a second Ctrl-C ends at once."""
    asked = False

    def handle(number: int, frame: Any) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def train(
    config: RunConfig,
    root: Path,
    *,
    on_step: OnStep = lambda line, steps: None,
    notify: Notify = silent,
) -> Run:
    """Train and test one configuration under ``root/train/``; a finished run is returned, an unfinished one continued.

    Raises:
        LabError: Bad input, or a loss that is not finite.
        Interrupted: Ctrl-C; the state is saved.
    """
    with stoppable() as should_stop:
        return execute(
            config, root / "train", on_step=on_step, notify=notify, should_stop=should_stop
        )


def read_pretrain_config(
    path: str | Path, overrides: Mapping[str, Any] | None = None
) -> PretrainConfig:
    """A pretraining configuration from a YAML file with options laid upon it.

    Raises:
        LabError: An unknown option, a value out of range (file and line).
    """
    tree, lines = read_yaml(path)
    lines = without(lines, overrides or {})
    return make_config(
        merge(tree, overrides or {}), where=str(path), lines=lines, kind=PretrainConfig
    )


def pretrain(
    config: PretrainConfig,
    root: Path,
    *,
    out: Path | None = None,
    on_step: OnStep = lambda line, steps: None,
    notify: Notify = silent,
) -> Run:
    """Make an encoder from a corpus under ``root/pretrain/``, and copy its folder to ``out``.

    Raises:
        LabError: Bad input, a loss that is not finite, or an ``out`` that holds something else.
        Interrupted: Ctrl-C; the state is saved.
    """
    from recse_lab.pretraining import execute_pretraining

    if out is not None and out.exists() and not (out / "config.json").is_file():
        raise LabError(
            f"{out}: exists and is no encoder's folder; give another place for the encoder."
        )
    with stoppable() as should_stop:
        run = execute_pretraining(
            config, root / "pretrain", on_step=on_step, notify=notify, should_stop=should_stop
        )
    if out is not None:
        with atomic_path(out) as beside:
            shutil.copytree(run.folder / "model" / "last", beside)
    return run


def build_reshape(config: RunConfig, *, notify: Notify = silent) -> Lab:
    """Build (or open) the feature store of a configuration, ``lab.stored`` in ``lab.store_folder``.

    Raises:
        LabError: There is no reshape in it, it is integrated, or the disk is full.
    """
    lab = Lab(settle(config), notify)
    if lab.config.reshape is None or lab.config.reshape.mode == "integrated":
        raise LabError(
            "only a separated reshape has a feature store; set reshape.mode to separated."
        )
    return lab


def evaluate(encoder: str, root: Path, **options: Any) -> Run:
    """Measure an encoder or a training-free baseline under a protocol; options as ``recse_lab.evaluating.evaluate`` has them.

    Raises:
        LabError: As there.
    """
    from recse_lab.evaluating import evaluate

    return evaluate(encoder, root, **options)


def import_results(
    files: Sequence[str | Path], root: Path, *, name: str | None = None
) -> list[Run]:
    """Keep results that another program measured as runs under ``root/imported/``.

    Raises:
        LabError: A file that is absent, of no known layout, or damaged; then nothing is written.
    """
    from recse_lab.imports import import_files

    return import_files([Path(file) for file in files], root, name=name)


@dataclass(frozen=True)
class Study:
    """A planned study and where it lives."""

    spec: StudySpec
    cells: list[Cell]
    folder: Path


def plan_study(
    name: str,
    root: Path,
    *,
    quick: bool = False,
    full: bool = False,
    seeds: int | list[int] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Study:
    """Read a study and lay out its cells; nothing is computed or written.

    Raises:
        LabError: An unknown study, a mistake in it or in an override, an edition that it has not, missing data.
    """
    size = "quick" if quick else "full" if full else None
    spec = edition(load_spec(name), size=size, overrides=overrides, seeds=seeds)
    return Study(spec, plan(spec), root / (f"{spec.name}-{size}" if size else spec.name))


def ablate(
    study: Study,
    *,
    rerun: Rerun = "missing",
    workers: int = 1,
    keep_models: bool = False,
    console: Console | None = None,
    command: str | None = None,
) -> Outcome:
    """Run what the store lacks of a study. The report is a step of its own, ``recse_lab.reporting``."""
    write_study(study.folder, study.spec, study.cells, command or command_line())
    return run_study(
        study.folder,
        study.cells,
        rerun=rerun,
        workers=workers,
        keep_models=keep_models,
        console=console or Console(),
    )


def default_workers() -> int:
    """One worker a core on CPU, where small models gain little from threads; one on an accelerator."""
    import os

    return 1 if device().type != "cpu" else len(os.sched_getaffinity(0))


# ---- probes ------------------------------------------------------------------------------------------------------


def probe(
    name: str,
    subjects: Sequence[str],
    *,
    root: Path,
    data_dir: str | None = None,
    task: str | None = None,
    pooling: str | None = None,
    precision: str = "auto",
    corpus: Sequence[str] = (),
    notify: Notify = silent,
    **options: Any,
) -> ProbeResult:
    """Probe runs and encoders side by side.

    Raises:
        LabError: An unknown probe, run or encoder, an option the probe has not, or what the probe itself refuses.
    """
    from recse_lab.probes import PROBES
    from recse_lab.probing import run_probe

    if name in PROBES:
        known = inspect.signature(PROBES[name]).parameters
        for option in options:
            if option not in known:
                raise LabError(f"probe {name} has no option {option}; leave it out.")
    return run_probe(
        name,
        subjects,
        root=root,
        data_dir=data_dir,
        task=task,
        pooling=pooling,
        precision_=precision,
        corpus=corpus,
        notify=notify,
        **options,
    )


def probe_table(result: ProbeResult) -> Any:
    """For a terminal: a row a measure, a column an encoder, each number with its interval."""
    from rich.table import Table

    encoders = list(dict.fromkeys(result.table["encoder"]))
    out = Table(
        box=None,
        pad_edge=False,
        title=f"{result.name}, {result.about['task']}",
        title_justify="left",
    )
    out.add_column("measure", overflow="fold")
    for encoder in encoders:
        out.add_column(encoder, justify="right", overflow="fold")
    rows: dict[str, dict[str, str]] = {}
    for line in result.table.to_dict("records"):
        interval = f" [{line['low']:.3f}, {line['high']:.3f}]" if line["low"] == line["low"] else ""
        number = f"{line['value']:.3f}{interval}" if line["value"] == line["value"] else "–"
        rows.setdefault(line["measure"], {})[line["encoder"]] = number
    for measure, cells in rows.items():
        out.add_row(measure, *(cells.get(encoder, "") for encoder in encoders))
    return out


def probe_summary(result: ProbeResult) -> str:
    """A paragraph that says what the numbers say."""
    from recse_lab.reporting.probes import PAGES

    return PAGES[result.name].summary(result)


def probe_json(result: ProbeResult) -> dict[str, Any]:
    """Schema recse-lab/probe/1: what was measured, every number, environment."""
    return {
        "schema": "recse-lab/probe/1",
        "probe": result.name,
        "about": result.about,
        "measures": result.table.to_dict("records"),
        "environment": environment(),
    }


def write_probe(result: ProbeResult, out: Path) -> list[Path]:
    """Write table.csv, summary.md, the figures and a card into ``out``; return their paths."""
    from recse_lab.reporting.card import Card, write_card
    from recse_lab.reporting.probes import PAGES, QUESTIONS
    from recse_lab.reporting.probes.measures import measures
    from recse_lab.reporting.published import slug
    from recse_lab.reporting.style import close, save

    page = PAGES[result.name]
    paths = []
    for name, figure in page.figures(result).items():
        paths += save(figure, out / slug(name))
        close(figure)
    listing, lists = (
        (page.markdown(result), page.listings(result)) if result.name == "errors" else ("", [])
    )
    pictures = [f"![{path.stem}]({path.name})" for path in paths if path.suffix == ".png"]
    subjects = [f"- {label}: `{spec}`" for label, spec in result.about["subjects"].items()]
    about = environment()
    computed = (
        f"Pairs: {result.about['task']}; precision {result.about['precision']}; torch {about['torch']}; commit {about['commit']}; "
        f"{str(about['date'])[:10]}."
    )
    summary = page.summary(result)
    text = "\n".join(
        [
            f"# {result.name}",
            "",
            summary,
            "",
            *pictures,
            "",
            listing,
            "## How it was computed",
            "",
            "```",
            str(about["command"]),
            "```",
            "",
            f"{computed} All numbers: table.csv.",
            "",
            *subjects,
            "",
        ]
    )
    for name, content in (
        ("summary.md", text),
        ("table.csv", result.table.to_csv(index=False, float_format="%.6g")),
    ):
        with atomic_path(out / name) as beside:
            beside.write_text(content, encoding="utf-8")
        paths.append(out / name)
    card = Card(
        result.name,
        result.name,
        QUESTIONS[result.name],
        summary.split("\n\n"),
        [*lists, measures(result)],
        [path.name for path in paths if path.suffix == ".png"],
        [f"`{about['command']}`", computed, "\n".join(subjects)],
        result.about["runs"],
    )
    return [*paths, write_card(out, card)]
