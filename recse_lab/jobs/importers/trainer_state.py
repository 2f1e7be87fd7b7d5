"""trainer_state.json of a Hugging Face Trainer that evaluated on STS sets, as SimCSE's does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from recse_lab.errors import LabError
from recse_lab.jobs.importers.imported import Imported
from recse_lab.jobs.importers.plain_json import mapping

LAYOUT = "a Trainer's trainer_state.json (log_history)"
SIMCSE = ("eval_stsb_spearman", "eval_sickr_spearman", "eval_avg_sts")
LOOK = re.compile(r"eval_([\w-]*sts[\w-]*)_spearman(_cosine)?")
"""eval_stsb_spearman of SimCSE; eval_sts-dev_spearman_cosine of sentence-transformers."""


def read(path: Path, text: str) -> list[Imported] | None:
    """Read one run with its lines of metrics and its dev result; None without a log_history.

    ``dev_spearman`` is that of STS-B, or else of the first STS set; the rest keeps its name in
    the file. The selection is ``best`` where the trainer kept the best checkpoint, else ``last``.

    Raises:
        LabError: It has no Spearman correlation on an STS set, or one beyond 1 or no number.
    """
    state = mapping(text)
    if state is None or not isinstance(state.get("log_history"), list):
        return None
    lines = [
        line
        for line in state["log_history"]
        if isinstance(line, dict) and isinstance(line.get("step"), int)
    ]
    names = list(dict.fromkeys(name for line in lines for name in line if LOOK.fullmatch(name)))
    if not names:
        others = sorted({name for line in lines for name in line if name.startswith("eval_")})
        raise LabError(
            f"{path}: no eval_stsb_spearman, or another Spearman correlation on an STS set, "
            "in its log_history"
            f" ({'it has ' + ', '.join(others[:6]) if others else 'nothing was evaluated'})."
        )
    chosen = next((name for name in names if name == SIMCSE[0]), names[0])
    steps: dict[int, dict[str, Any]] = {}
    for line in lines:
        told = {
            "dev_spearman" if name == chosen else name: _finite(value)
            for name, value in line.items()
        }
        steps.setdefault(line["step"], {}).update(told)
    metrics = [steps[step] for step in sorted(steps)]
    evaluations = [
        (line["step"], line["dev_spearman"])
        for line in metrics
        if line.get("dev_spearman") is not None
    ]
    beyond = [
        value for _, value in evaluations if not isinstance(value, int | float) or abs(value) > 1
    ]
    if beyond or not evaluations:
        what = f"{beyond[0]!r} is no correlation" if beyond else "it is undefined at every step"
        raise LabError(f"{path}: {chosen}: {what}.")
    kept = str(state.get("best_model_checkpoint") or "")
    step, spearman = (
        max(evaluations, key=lambda evaluation: evaluation[1]) if kept else evaluations[-1]
    )
    named = LOOK.fullmatch(chosen)
    dev = {
        "task": "stsb-dev" if chosen == SIMCSE[0] or named is None else named[1],
        "selection": "best" if kept else "last",
        "spearman": spearman,
        "step": step,
        "checks": len(evaluations),
        "last": {"spearman": evaluations[-1][1]},
        "stopped_early": None,
    }
    simcse = all(any(name in line for line in lines) for name in SIMCSE)
    about = {
        "steps": state.get("max_steps"),
        "epochs": state.get("num_train_epochs"),
        "metric": chosen,
    }
    name = (
        Path(kept).name
        if kept and not Path(kept).name.startswith("checkpoint-")
        else path.resolve().parent.name
    )
    return [
        Imported(
            name,
            "simcse-2021" if simcse else None,
            {},
            {"average": None, "dev": dev},
            metrics,
            about,
        )
    ]


def _finite(value: Any) -> Any:
    return None if value != value else value
