"""The line under every table: what its numbers come from."""

from __future__ import annotations

from collections.abc import Sequence

from recse_lab.runs.store import Run


def provenance(runs: Sequence[Run], *, aggregation: str = "") -> str:
    """Describe what the numbers of a table come from.

    Returns:
        Protocol (and aggregation), runs, seeds, selection of weights, machine, commits and dates.

    Raises:
        LabError: A file of a run is damaged.
    """
    environments = [run.record.environment for run in runs]
    results = [run.record.results for run in runs]
    machine = {
        "precision": [e.settled_precision for e in environments],
        "attention": [e.attention for e in environments],
        "device": [e.device for e in environments],
        "threads": [e.threads for e in environments],
        "torch": [e.torch for e in environments],
    }
    about = "; ".join(
        f"{name} {_distinct(values)}"
        for name, values in machine.items()
        if name == "precision" or any(value is not None for value in values)
    )
    protocols = _distinct([each.protocol.id for each in results])
    return (
        f"Protocol {protocols}{f' ({aggregation})' if aggregation else ''}; "
        f"{len(runs)} run{'s' if len(runs) != 1 else ''}; "
        f"seeds {_distinct([run.record.config.seed for run in runs])}; "
        f"weights tested: {_distinct([each.dev.selection for each in results])}; {about}; "
        f"commit {_distinct([e.commit for e in environments])}; "
        f"{_dates([e.date for e in environments])}."
    )


def _distinct(values: Sequence[object]) -> str:
    return ", ".join(sorted({str(value) for value in values if value is not None})) or "none"


def _dates(dates: Sequence[str | None]) -> str:
    days = sorted(date[:10] for date in dates if date)
    return " to ".join(dict.fromkeys([days[0], days[-1]])) if days else "no date"
