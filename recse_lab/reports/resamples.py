"""STS averages of stored runs on bootstrap resamples of the pairs.

They are computed once per scores.parquet and kept in the cache.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np
import pandas as pd
from jaxtyping import Float

from recse_lab.code import code_hash
from recse_lab.data.sts_sets import SEVEN
from recse_lab.files import atomic_path, cache_root
from recse_lab.runs.store import Run
from recse_lab.statistics import bootstrap_sts

RESAMPLES = 1000
AT_ONCE = 25  # runs whose scores are held in memory together


class Resampled(NamedTuple):
    """Averages of one run.

    Averages over the same ``pairs`` (a hash of the gold scores) use the same resamples, so that
    they can be compared.
    """

    pairs: str
    averages: Float[np.ndarray, " resamples"]


def resampled(runs: Sequence[Run], tasks: Sequence[str] = SEVEN) -> dict[str, Resampled]:
    """Mean over tasks of the pooled Spearman on ``RESAMPLES`` resamples, by run id.

    NaN where a run has none.

    Raises:
        LabError: Two runs have the same gold scores but different pairs.
    """
    folder = cache_root() / "resamples"
    files = {run.id: folder / f"{_key(run, tasks)}.npz" for run in runs}
    found = {run.id: _read(files[run.id]) for run in runs}
    lacking = {run.id: run for run in runs if found[run.id] is None}
    for start in range(0, len(lacking), AT_ONCE):
        frames = {
            run.id: _scores(run, tasks) for run in list(lacking.values())[start : start + AT_ONCE]
        }
        pairs = {
            id_: hashlib.sha256(frame["gold"].to_numpy(float).tobytes()).hexdigest()
            for id_, frame in frames.items()
        }
        for same in dict.fromkeys(pairs.values()):
            ids = [id_ for id_ in frames if pairs[id_] == same]
            values = bootstrap_sts([frames[id_] for id_ in ids], tasks=tasks, resamples=RESAMPLES)
            for id_, averages in zip(ids, values.T, strict=True):
                with atomic_path(files[id_]) as beside, beside.open("wb") as file:
                    np.savez(file, pairs=np.array(same), averages=averages)
                found[id_] = Resampled(same, averages)
    return {id_: kept for id_, kept in found.items() if kept is not None}


def _key(run: Run, tasks: Sequence[str]) -> str:
    """Hash of what determines the numbers: scores, tasks, number of resamples, and the code."""
    code = code_hash(
        "statistics/rank_bootstrap.py", "statistics/correlation.py", "evaluation/sts.py"
    )
    digest = hashlib.sha256(f"{RESAMPLES} {list(tasks)} {code}".encode())
    digest.update(run.scores.read_bytes())
    return digest.hexdigest()[:24]


def _scores(run: Run, tasks: Sequence[str]) -> pd.DataFrame:
    frame = run.read_scores()
    return frame.loc[frame["task"].isin(list(tasks))]


def _read(path: Path) -> Resampled | None:
    """Cached averages; None without a file, or with a damaged one, which is then replaced."""
    try:
        with np.load(path) as kept:
            return Resampled(str(kept["pairs"]), kept["averages"])
    except (OSError, EOFError, ValueError, KeyError, BadZipFile):
        return None
