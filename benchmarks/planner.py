"""(d) Laying out a study whose cells are all in the store: seconds a cell, each time in a new
process.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.measure import ENCODER, Part, Row, Setup, say
from recse_lab.ablation.runner import to_run
from recse_lab.ablation.study import Study, plan_study
from recse_lab.runs.store import Run

STUDY = "reshape-dim"


def lay_out(root: Path, data_dir: str, corpus: list[str]) -> Study:
    """The study on the user's data, as ``recse-lab ablate`` plans it."""
    given = {"encoder": ENCODER, "corpus": corpus, "evaluation.data_dir": data_dir}
    return plan_study(STUDY, root, overrides=given)


def run(setup: Setup) -> Part:
    """Mark every cell as done, then plan again and again."""
    root = setup.scratch / "runs"
    study = lay_out(root, setup.data_dir, list(setup.corpus))
    cells = {cell.id for cell in study.cells}
    for name in cells:
        Run(study.folder / name).set_status("done")
    command = [sys.executable, "-m", "benchmarks.planner", str(root), setup.data_dir, *setup.corpus]
    taken = []
    for repeat in range(setup.repeats):
        answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
        taken.append(json.loads(answer))
        assert taken[-1]["to_run"] == 0
        say(
            f"d: repeat {repeat + 1} of {setup.repeats}: {taken[-1]['seconds']:.2f} s for "
            f"{len(cells)} cells"
        )
    return Part(
        f"planner, seconds a cell of {STUDY}",
        [
            Row(
                "plan and to_run",
                "s",
                [once["seconds"] / len(cells) for once in taken],
                at_most=0.5,
            )
        ],
        [
            f"{len(cells)} cells, all done in the store. Each repeat is a new process: it reads "
            "the study, fingerprints encoder, corpus and STS data, settles every configuration, "
            "computes every run's id and reads its state; Python's imports are not in it."
        ],
        {"plans": taken},
    )


def main(root: str, data_dir: str, *corpus: str) -> None:
    """Plan once and print how long it took."""
    began = time.perf_counter()
    study = lay_out(Path(root), data_dir, list(corpus))
    planned = time.perf_counter()
    wanted = to_run(study.folder, study.cells, "missing")
    ended = time.perf_counter()
    print(json.dumps({"seconds": ended - began, "plan": planned - began, "to_run": len(wanted)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
