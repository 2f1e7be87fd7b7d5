"""A made-up study whose runs all differ."""

import numpy as np
import pandas as pd
import pytest

from recse_lab.evaluation.protocols import find_protocol
from recse_lab.evaluation.sts import sts_results
from recse_lab.files import write_json
from recse_lab.reports.study.numbers import read_numbers
from recse_lab.runs.store import Run

ARMS = [("untrained", "reference", [0]), ("SimCSE", "reference", None), ("reCSE", "arm", None)]
LEVELS, SEEDS = ("mean", "cls"), (0, 1, 2)


@pytest.fixture
def study(tmp_path):
    """A study of three arms at two levels; the scores of every run differ."""
    rng = np.random.default_rng(0)
    gold = rng.uniform(0, 5, 60)
    cells = []
    for arm, role, seeds in ARMS:
        for level in LEVELS:
            for seed in seeds or SEEDS:
                run = Run(tmp_path / f"{arm}-{level}-{seed}")
                noise = {"untrained": 3, "SimCSE": 2, "reCSE": 1}[arm] + (level == "cls")
                scores = pd.DataFrame(
                    {
                        "task": "sample-sts",
                        "subset": "sample",
                        "pair": range(60),
                        "gold": gold,
                        "score": gold + noise * rng.normal(size=60),
                    }
                )
                run.folder.mkdir()
                scores.to_parquet(run.scores)
                results = {
                    "schema": "recse-lab/results/1",
                    "protocol": find_protocol("simcse-2021").told(),
                    "dev": {"spearman": None, "selection": "last"},
                }
                write_json(run.folder / "results.json", results | sts_results(scores))
                write_json(run.folder / "environment.json", {"date": "2026-01-01T00:00:00+00:00"})
                run.set_status("done")
                cells.append(
                    {
                        "run": run.id,
                        "arm": arm,
                        "role": role,
                        "factors": {"model.pooling": level},
                        "seed": seed,
                    }
                )
    arms = [
        {"name": arm, "role": role, "seeds": seeds, "set": {}, "sweep": {}}
        for arm, role, seeds in ARMS
    ]
    spec = {
        "question": "?",
        "base": {
            "corpus": ["/home/me/wiki.txt"],
            "evaluation": {"data_dir": "/home/me/data", "selection": "last"},
        },
        "arms": arms,
        "report": {"x": "model.pooling", "against": "SimCSE"},
    }
    write_json(
        tmp_path / "study.json",
        {
            "name": "s",
            "spec": spec,
            "cells": cells,
            "seeds": list(SEEDS),
            "commands": ["recse-lab ablate s"],
        },
    )
    return read_numbers(tmp_path)
