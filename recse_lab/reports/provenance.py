"""The line under every table: what its numbers come from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from recse_lab.runs.store import Run


def provenance(runs: Sequence[Run], *, aggregation: str = "") -> str:
    """Protocol (and aggregation), runs, seeds, rule of selection, machine, commit and date of everything in a table."""
    environments = [run.environment or {} for run in runs]
    environments = [
        e | {"precision": e.get("precision") or e.get("evaluation_precision")} for e in environments
    ]
    results = [run.results or {} for run in runs]

    def told(values: Sequence[Any]) -> str:
        return ", ".join(sorted({str(value) for value in values if value is not None})) or "none"

    dates = sorted(str(e["date"])[:10] for e in environments if e.get("date"))
    span = " to ".join(dict.fromkeys([dates[0], dates[-1]])) if dates else "no date"
    machine = "; ".join(
        f"{key} {told([e.get(key) for e in environments])}"
        for key in ("precision", "attention", "device", "threads", "torch")
        if any(key in e for e in environments)
    )
    return (
        f"Protocol {told([(r.get('protocol') or {}).get('id') for r in results])}{f' ({aggregation})' if aggregation else ''}; {len(runs)} run{'s' if len(runs) != 1 else ''}; "
        f"seeds {told([(run.config or {}).get('seed') for run in runs])}; "
        f"weights tested: {told([(r.get('dev') or {}).get('selection') for r in results])}; {machine}; "
        f"commit {told([e.get('commit') for e in environments])}; {span}."
    )
