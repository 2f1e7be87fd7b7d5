"""trainer_state.json of a Hugging Face Trainer that evaluated on STS sets, as SimCSE's does."""

from __future__ import annotations

import math
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


SIZE = re.compile(r"-(\d+)_spearman")
"""Of an embedding cut to so many dimensions: eval_sts-dev-256_spearman_cosine."""
CHECKPOINT = re.compile(r"checkpoint-(\d+)/?$")


def read(path: Path, text: str) -> list[Imported] | None:
    """Read one run with its lines of metrics and its dev result; None without a log_history.

    ``dev_spearman`` is that of STS-B, or else of the first STS set, at the largest of several
    sizes of embedding; the rest keeps its name in the file. Where the trainer kept the best
    checkpoint the selection is ``best`` and the step is that checkpoint's, whatever it was chosen
    by; else it is ``last``.

    Raises:
        LabError: It has no Spearman correlation on an STS set, or one beyond 1 or no number, or it
            does not say at which step the checkpoint was kept.
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
    chosen = SIMCSE[0] if SIMCSE[0] in names else max(names, key=_size)
    steps: dict[int, dict[str, Any]] = {}
    for line in lines:
        told = {
            "dev_spearman" if name == chosen else name: _finite(value)
            for name, value in line.items()
        }
        steps.setdefault(line["step"], {}).update(told)
    metrics = [steps[step] for step in sorted(steps)]
    evaluations = _evaluations(path, chosen, metrics)
    kept = str(state.get("best_model_checkpoint") or "")
    last = max(evaluations)
    step = _kept_step(path, state, lines) if kept else last
    spearman = evaluations.get(step)
    named = LOOK.fullmatch(chosen)
    dev = {
        "task": "stsb-dev" if chosen == SIMCSE[0] or named is None else named[1],
        "selection": "best" if kept else "last",
        "spearman": spearman,
        "step": step,
        "checks": len(evaluations),
        "last": {"spearman": evaluations[last]},
        "stopped_early": None,
    }
    simcse = all(any(name in line for line in lines) for name in SIMCSE)
    about = {
        "steps": state.get("max_steps"),
        "epochs": state.get("num_train_epochs"),
        "metric": chosen,
    }
    own = bool(kept) and CHECKPOINT.search(kept) is None
    name = Path(kept).name if own else path.resolve().parent.name
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


def _evaluations(path: Path, chosen: str, metrics: list[dict[str, Any]]) -> dict[int, float]:
    """Step -> Spearman on the dev set, where it is defined."""
    evaluations = {
        line["step"]: line["dev_spearman"]
        for line in metrics
        if line.get("dev_spearman") is not None
    }
    beyond = [
        value
        for value in evaluations.values()
        if not isinstance(value, int | float) or abs(value) > 1
    ]
    if beyond or not evaluations:
        what = f"{beyond[0]!r} is no correlation" if beyond else "it is undefined at every step"
        raise LabError(f"{path}: {chosen}: {what}.")
    return evaluations


def _size(name: str) -> int:
    """The size of embedding in a metric's name (sts-dev-256); larger than any where it has none."""
    found = SIZE.search(name)
    return int(found[1]) if found else 2**31


def _kept_step(path: Path, state: dict[str, Any], lines: list[dict[str, Any]]) -> int:
    """The step whose weights were kept: as the state says, as its folder's name says, or where the
    metric it was chosen by had its best value.
    """
    step = state.get("best_global_step")
    if isinstance(step, int) and not isinstance(step, bool):
        return step
    if found := CHECKPOINT.search(str(state["best_model_checkpoint"])):
        return int(found[1])
    best = state.get("best_metric")
    where = [
        line["step"]
        for line in lines
        if any(name.startswith("eval_") and value == best for name, value in line.items())
    ]
    if best is None or not where:
        raise LabError(
            f"{path}: it kept {state['best_model_checkpoint']} and does not say at which step: "
            "there is no best_global_step, no checkpoint-STEP in that name, and no evaluation with "
            f"the best_metric {best}."
        )
    return where[0]


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
