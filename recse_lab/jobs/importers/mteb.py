"""Results of MTEB, one task per file: the first layout, and the one with ``scores`` since 1.8."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from recse_lab.errors import LabError
from recse_lab.jobs.importers.imported import Imported, LeftOut, sts_task
from recse_lab.jobs.importers.plain_json import mapping

LAYOUT = (
    'a result of MTEB ({"scores": {"test": [...]}}, or {"test": {"cos_sim": {"spearman": ...}}})'
)
TASKS = {
    "STS12": "sts12",
    "STS13": "sts13",
    "STS14": "sts14",
    "STS15": "sts15",
    "STS16": "sts16",
    "STSBenchmark": "stsb",
    "SICK-R": "sickr-all",  # all 9,927 pairs are its test split
}
META = "model_meta.json"
SPLITS = {"test": "", "validation": "-dev", "dev": "-dev"}
SPEARMAN = ("cosine_spearman", "cos_sim_spearman")  # a main score may be of the dot product
PEARSON = ("cosine_pearson", "cos_sim_pearson")
REVISION = re.compile(r"[0-9a-f]{7,40}|external|no_revision_available")


def read(path: Path, text: str) -> list[Imported] | LeftOut | None:
    """Read one task, to be joined with the others of its folder; None without scores and test.

    MTEB writes raw correlations; results copied from model cards are ×100: a number is beyond 1.
    Tasks that are none of the seven, and the description of a model, are left out.

    Raises:
        LabError: There is no correlation of cosines in it.
    """
    result = mapping(text)
    if result is not None and path.name == META:
        return LeftOut("it describes the model and has no result")
    if result is None or not isinstance(result.get("scores", result.get("test")), dict):
        return None
    task = result.get("task_name") or result.get("mteb_dataset_name") or path.stem
    if not isinstance(task, str) or task not in TASKS:
        return LeftOut(f"MTEB task {task!r} has no counterpart here; there are {', '.join(TASKS)}")
    splits = SPLITS if task == "STSBenchmark" else {"test": ""}
    tasks = {
        TASKS[task] + splits[s]: _task(path, s, scores) for s, scores in _scores(result, splits)
    }
    if not tasks:
        raise LabError(f"{path}: no test split of {task} in it.")
    name, revision = _model(path)
    about = {"revision": revision, "mteb_version": result.get("mteb_version")}
    return [Imported(name, "mteb", tasks, about=about, joins=str(path.resolve().parent))]


def _scores(
    result: Mapping[str, Any], splits: Iterable[str]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Split and flat scores of the English, or only, subset."""
    for split in splits:
        if "scores" in result:
            subsets = [
                scores for scores in result["scores"].get(split) or [] if isinstance(scores, dict)
            ]
            named = [
                scores
                for scores in subsets
                if scores.get("hf_subset") in ("default", "en", "en-en")
            ]
            for scores in (named or subsets)[:1]:
                yield split, _flat(scores)
        elif isinstance(result.get(split), dict):
            yield split, _flat(result[split])


def _flat(scores: Mapping[str, Any]) -> dict[str, Any]:
    nested = {
        f"{name}_{inner}": value
        for name, part in scores.items()
        if isinstance(part, dict)
        for inner, value in part.items()
    }
    return {**scores, **nested}


def _task(path: Path, split: str, scores: Mapping[str, Any]) -> dict[str, Any]:
    spearman = next(
        (scores[name] for name in SPEARMAN if isinstance(scores.get(name), int | float)), None
    )
    if spearman is None:
        raise LabError(
            f"{path}: no cosine Spearman correlation in its split {split}; expected "
            f"{' or '.join(SPEARMAN)}, as main_score and spearman may be of another similarity."
        )
    pearson = next(
        (scores[name] for name in PEARSON if isinstance(scores.get(name), int | float)), None
    )
    if not math.isfinite(spearman):
        return sts_task(None, None, "the file has no finite number")
    if pearson is not None and not math.isfinite(pearson):
        pearson = None
    return sts_task(_raw(path, spearman), None if pearson is None else _raw(path, pearson))


def _raw(path: Path, correlation: float) -> float:
    raw = correlation / 100 if abs(correlation) > 1 else float(correlation)
    if abs(raw) > 1:
        raise LabError(f"{path}: {correlation} is no correlation, raw or ×100.")
    return raw


def _model(path: Path) -> tuple[str, str | None]:
    """Name and revision of the model, from model_meta.json beside the file or from its folders."""
    folder = path.resolve().parent
    meta = folder / META
    told = mapping(meta.read_text(encoding="utf-8")) if meta.is_file() else None
    if told and told.get("name"):
        return str(told["name"]), told.get("revision")
    revision = folder.name if REVISION.fullmatch(folder.name) else None
    return (folder.parent if revision else folder).name.replace("__", "/"), revision
