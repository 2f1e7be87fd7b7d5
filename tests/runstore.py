"""A small run store with made-up scores: a study of two factors, evaluated encoders, an imported
result. Nothing in it is a finding.
"""

import json

import numpy as np
import pandas as pd

from recse_lab.data.sts_sets import SEVEN
from recse_lab.data.transfer_sets import TRANSFER
from recse_lab.evaluation.sts import sts_results
from recse_lab.files import write_json
from recse_lab.runs.store import Run

PAIRS = 80
EXAMPLES = 40  # of each transfer task
PROTOCOL = {"id": "simcse-2021", "printed": ["all"]}
FRAMEWORKS = {"SimCSE": 0.30, "ESimCSE": 0.35, "crop": 0.45}  # noise of the scores: less is better
GAIN = {"SimCSE": 0.00, "ESimCSE": 0.25, "crop": -0.30}  # what a reshape adds to it


def scores(noise, seed, tasks=SEVEN):
    """Gold from one generator for all runs, and scores that follow it as closely as ``noise``
    allows.
    """
    parts = []
    for place, task in enumerate(tasks):
        gold = np.random.default_rng(place).uniform(0, 5, PAIRS)
        rng = np.random.default_rng([seed, place, round(1000 * noise)])
        score = np.tanh((gold / 5 - 0.5) + noise * rng.normal(size=PAIRS))
        parts.append(
            pd.DataFrame(
                {
                    "task": task,
                    "subset": "s",
                    "pair": range(PAIRS),
                    "gold": gold,
                    "score": score.astype(np.float32),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def schema_of(results):
    """Accuracies are those of transfer tasks."""
    parts = results.get("tasks", {}).values()
    transfer = any({"accuracy", "n"} & part.keys() for part in parts)
    return "recse-lab/transfer/1" if transfer else "recse-lab/results/1"


def add_run(
    root, study, name, *, config, results, frame=None, cost=None, metrics=(), environment=None
):
    """One finished run."""
    run = Run(root / study / name)
    write_json(run.folder / "config.json", config)
    write_json(
        run.folder / "environment.json",
        {
            "commit": "0123456789ab",
            "date": "2026-01-02T03:04:05+00:00",
            "precision": "fp32",
            "attention": "plain",
            "device": "cpu AVX2",
            "torch": "2.0",
            **(environment or {}),
        },
    )
    write_json(run.folder / "results.json", {"schema": schema_of(results)} | results)
    if cost:
        write_json(run.folder / "cost.json", cost)
    if frame is not None:
        frame.to_parquet(run.scores if "score" in frame else run.predictions, index=False)
    if metrics:
        (run.folder / "metrics.jsonl").write_text(
            "".join(json.dumps(line) + "\n" for line in metrics)
        )
    run.set_status("done")
    return run


def add_trained(root, study, name, noise, seed, *, steps=20, drawn=None):
    """A trained run with everything that `ablate` stores; the best dev step is not the last."""
    frame = scores(noise, seed if drawn is None else drawn)
    looks = [
        {
            "step": step,
            "dev_spearman": 0.6 + step / 1000,
            "dev_alignment": 0.3 + step / 1000 + seed / 100,
            "dev_uniformity": -2 - step / 100,
        }
        for step in range(10, steps + 1, 10)
    ]
    last = (
        {"spearman": 0.5, "alignment": 0.25, "uniformity": -1.5}
        if not looks
        else {k[4:]: v for k, v in looks[-1].items() if k != "step"}
    )
    dev = {
        "task": "stsb-dev",
        "selection": "best",
        "spearman": 0.61,
        "step": 10 if looks else 0,
        "last": last,
    }
    config = {
        "encoder": "recse-lab/tiny",
        "seed": seed,
        "model": {"layers": None},
        "training": {"steps": steps, "batch_size": 64},
        "contrast": {"objective": "info-nce", "weight": 1.0},
        "view": None,
        "reshape": None,
    }
    cost = {
        "train_s": 2.0 + seed,
        "dev_s": 0.5,
        "test_s": 1.0,
        "tokens": 6000,
        "steps": steps,
        "peak_bytes": (100 + seed) * 2**20,
    }
    return add_run(
        root,
        study,
        name,
        config=config,
        results={"protocol": PROTOCOL, **sts_results(frame), "dev": dev},
        frame=frame,
        cost=cost,
        metrics=looks,
    )


def write_study(root, name, arms, seeds=(0, 1, 2)):
    """study.json of ``arms``: (arm, role, factors, own seeds or None, run of a seed)."""
    cells = [
        {"run": run(seed), "arm": arm, "role": role, "factors": factors, "seed": seed}
        for arm, role, factors, own, run in arms
        for seed in own or seeds
    ]
    named = {arm: {"name": arm, "seeds": own} for arm, _, _, own, _ in arms}
    write_json(
        root / name / "study.json",
        {
            "name": name,
            "spec": {"arms": list(named.values())},
            "cells": cells,
            "seeds": list(seeds),
        },
    )


def add_portability(root, seeds=(0, 1, 2)):
    """Three frameworks without and with a reshape, and an untrained encoder that no seed
    changes.
    """
    arms = [("untrained", "reference", {}, [0], lambda seed: "untrained")]
    add_trained(root, "portability", "untrained", 0.8, 0, steps=0)
    for framework, noise in FRAMEWORKS.items():
        for reshape, less in (("without", 0.0), ("with", GAIN[framework])):
            name = f"{framework}-{reshape}".lower()
            for seed in seeds:
                add_trained(root, "portability", f"{name}-{seed}", noise - less, seed)
            factors = {"framework": framework, "reshape": reshape}
            arms.append(("trained", "arm", factors, None, lambda seed, name=name: f"{name}-{seed}"))
    write_study(root, "portability", arms, seeds)


def add_evaluations(root):
    """Two encoders under one STS protocol, one of them under MTEB's too, and under a transfer
    protocol with a task missing in one.
    """
    for name, noise in (("a", 0.2), ("b", 0.6)):
        frame = scores(noise, 7)
        told = {"name": f"encoder-{name}", "pooling": "mean", "layers": 3, "baseline": None}
        config = {"encoder": f"encoder-{name}", "evaluation": {"protocol": "simcse-2021"}}
        add_run(
            root,
            "eval",
            f"sts-{name}",
            config=config,
            results={"protocol": PROTOCOL, "encoder": told, **sts_results(frame)},
            frame=frame,
        )
        tasks = {
            task: {"accuracy": 0.5 + place / 20, "f1": 0.8 if task == "mrpc" else None}
            for place, task in enumerate(TRANSFER)
        }
        if name == "b":
            del tasks["trec"]
        predictions = pd.concat(
            [
                pd.DataFrame(
                    {
                        "task": task,
                        "fold": 0,
                        "row": range(EXAMPLES),
                        "label": 1,
                        "predicted": 1
                        * (np.arange(EXAMPLES) < values["accuracy"] * EXAMPLES - 0.5),
                    }
                )
                for task, values in tasks.items()
            ]
        )
        average = {
            "accuracy": float(np.mean([t["accuracy"] for t in tasks.values()])),
            "tasks": list(tasks),
        }
        add_run(
            root,
            "eval",
            f"transfer-{name}",
            config=config | {"evaluation": {"protocol": "senteval-10fold"}},
            results={
                "protocol": {"id": "senteval-10fold"},
                "encoder": told,
                "tasks": tasks,
                "average": average,
            },
            frame=predictions,
        )
    names = (*SEVEN[:-1], "sickr-all")
    frame = scores(0.2, 7, names)
    add_run(
        root,
        "eval",
        "mteb-a",
        config={"encoder": "encoder-a", "evaluation": {"protocol": "mteb"}},
        frame=frame,
        results={
            "protocol": {"id": "mteb", "printed": ["all"]},
            "encoder": told | {"name": "encoder-a"},
            **sts_results(frame, names),
        },
    )


def add_imported(root):
    """A result of five tasks whose file gives an average of its own, over those five."""
    tasks = {
        task: {
            "pairs": None,
            "undefined": None,
            "spearman": {"all": 0.7, "mean": None, "wmean": None},
        }
        for task in SEVEN[:5]
    }
    average = {
        "tasks": list(SEVEN),
        "undefined": None,
        "spearman": {"all": 0.7, "mean": None, "wmean": None},
    }
    results = {"protocol": PROTOCOL, "tasks": tasks, "average": average}
    return add_run(
        root,
        "imported",
        "five",
        config={"encoder": "theirs", "imported": {"format": "simcse-log"}},
        results=results,
    )


def make_store(root):
    """All of it."""
    add_portability(root)
    add_evaluations(root)
    add_imported(root)
    return root
