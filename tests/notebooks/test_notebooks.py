"""Notebooks run top to bottom on the packaged data alone, draw, and read as articles."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NAMES = (
    "alignment-uniformity",
    "compare-two-runs",
    "mechanisms",
    "score-distributions",
    "what-reshape-does",
)
ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")  # nbformat 4.5
PLACE = re.compile(r"/(?:home|root|work|tmp|Users|opt|mnt|var|usr|private)/|[A-Za-z]:\\\\")
LARGEST = 600_000

# Figures of the last pyplot state are kept by no one, so every drawing is counted where it is made.
COUNTED = """
import atexit, matplotlib.figure
_drawn, _made = [], matplotlib.figure.Figure.__init__
def _counting(self, *arguments, **options):
    _drawn.append(self)
    _made(self, *arguments, **options)
matplotlib.figure.Figure.__init__ = _counting
atexit.register(lambda: print("figures with axes:", sum(bool(figure.axes) for figure in _drawn)))
"""


def read(name: str) -> dict[str, Any]:
    return json.loads((FOLDER / f"{name}.ipynb").read_text(encoding="utf-8"))


def sources(notebook: dict[str, Any], kind: str) -> list[str]:
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == kind]


def test_every_notebook_is_tested():
    assert sorted(path.stem for path in FOLDER.glob("*.ipynb")) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_is_nbformat_with_ids(name):
    notebook = read(name)
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)
    for cell in notebook["cells"]:
        assert ID.fullmatch(cell["id"])
        assert cell["cell_type"] in ("markdown", "code")
        assert isinstance(cell["metadata"], dict)
        assert ("outputs" in cell) == ("execution_count" in cell) == (cell["cell_type"] == "code")


@pytest.mark.parametrize("name", NAMES)
def test_names_no_place_on_a_machine_and_is_small(name):
    path = FOLDER / f"{name}.ipynb"
    assert path.stat().st_size < LARGEST
    for cell in read(name)["cells"]:
        for output in cell.get("outputs", []):
            output.get("data", {}).pop("image/png", None)  # base64 has slashes of its own
        assert not PLACE.search(json.dumps(cell, ensure_ascii=False)), cell["id"]


@pytest.mark.parametrize("name", NAMES)
def test_reads_as_an_article(name):
    notebook = read(name)
    prose, code = sources(notebook, "markdown"), sources(notebook, "code")
    assert prose[0].startswith("# ")
    assert "**Question.**" in prose[0]
    assert "## What this cannot say" in prose[-1]
    assert sum(len(text.split()) for text in prose) > 300
    assert all(not line.startswith(("%", "!")) for text in code for line in text.splitlines())
    kinds = [cell["cell_type"] for cell in notebook["cells"]]
    assert kinds[0] == kinds[-1] == "markdown"


@pytest.mark.parametrize("name", NAMES)
def test_stored_outputs_are_of_one_run_from_the_top_or_absent(name):
    counts = [
        cell["execution_count"] for cell in read(name)["cells"] if cell["cell_type"] == "code"
    ]
    assert counts in ([None] * len(counts), list(range(1, len(counts) + 1)))


@pytest.mark.parametrize("name", NAMES)
def test_runs_top_to_bottom_and_draws(name, tmp_path):
    # As in a kernel, the main module has no file that a worker process would run again.
    script = "\n\n".join([COUNTED, *sources(read(name), "code")])
    kept = {key: os.environ[key] for key in ("PATH", "PYTHONPATH", "HOME") if key in os.environ}
    own = {
        "RECSE_LAB_RUNS": str(tmp_path / "runs"),
        "RECSE_LAB_CACHE": str(tmp_path / "cache"),
        "TMPDIR": str(tmp_path),
    }
    alone = {"MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONUTF8": "1"}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=kept | own | alone,
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    drawn = re.search(r"figures with axes: (\d+)", done.stdout)
    assert drawn is not None
    assert int(drawn[1]) >= 1
