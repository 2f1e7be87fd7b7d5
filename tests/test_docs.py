"""The documentation does what it says: the worked example obeys the laws and trains, and every file
of a run is described.
"""

import os
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from conftest import REPO

from recse_lab import pooling
from recse_lab.config.overrides import flatten
from recse_lab.config.reading import make_config
from recse_lab.jobs.train import execute
from recse_lab.reshape import OPERATORS
from recse_lab.reshape.operator import EPSILON
from recse_lab.runs.store import find_runs

EXAMPLE = (REPO / "docs" / "add-an-operator.md").read_text(encoding="utf-8")
FILE, LINE, TRANSCRIPTION, FUNCTION, POOLING_LINE = re.findall(
    r"^```python\n(.*?)^```", EXAMPLE, re.DOTALL | re.MULTILINE
)


def enrolled(module: str, block: str, line: str, family: str) -> str:
    """A plugin that does what the reader of the example does: add the code to its module, and the
    line to its dict.
    """
    return (
        f"import {module} as home\n"
        f"exec(compile({block!r}, 'docs/add-an-operator.md', 'exec'), vars(home))\n"
        f"home.{family}.update(eval('{{' + {line!r} + '}}', vars(home)))\n"
    )


@pytest.mark.parametrize(
    ("plugin", "laws", "name"),
    [
        (enrolled("recse_lab.reshape", FILE, LINE, "OPERATORS"), "reshape", "spread"),
        (
            enrolled("recse_lab.pooling", FUNCTION, POOLING_LINE, "POOLINGS"),
            "pooling",
            "extremes",
        ),
    ],
)
def test_the_example_obeys_the_laws(tmp_path, plugin, laws, name):
    (tmp_path / "newcomer.py").write_text(plugin, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "newcomer",
        "-o",
        "addopts=-q --import-mode=importlib",  # the newcomer imports what shapes are checked in
        f"tests/contracts/test_{laws}_laws.py",
        "-k",
        name,
    ]
    paths = os.pathsep.join([str(tmp_path), str(REPO)])
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider"],
        cwd=REPO,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert len(re.findall(r"^\.+", done.stdout, re.MULTILINE)[0]) >= 5


@pytest.fixture
def spread(monkeypatch):
    space: dict = {}
    exec(compile(FILE, "docs/add-an-operator.md", "exec"), space)
    monkeypatch.setitem(OPERATORS, "spread", space["Spread"])
    return space["Spread"]


def test_the_example_equals_its_transcription(spread):
    space = {"np": np, "EPSILON": EPSILON}
    exec(TRANSCRIPTION, space)
    rng = np.random.default_rng(0)
    x, a = rng.normal(size=(7, 5)), rng.dirichlet(np.ones(7))
    features, weights = torch.from_numpy(x)[None], torch.from_numpy(a)[None]
    out = spread(5)(
        features, torch.ones(1, 7, dtype=torch.bool), weights, torch.zeros(1, dtype=torch.long)
    )[0]
    np.testing.assert_allclose(out.numpy(), space["spread"](x, a), atol=1e-12)


@pytest.fixture
def options(tiny, corpus_file, small_senteval):
    return {
        "encoder": str(tiny),
        "corpus": str(corpus_file),
        "training": {"steps": 2, "batch_size": 16, "precision": "fp32"},
        "evaluation": {"data_dir": str(small_senteval), "tasks": ["stsb"], "precision": "fp32"},
    }


@pytest.mark.parametrize("operator", ["spread", "spread+mean", "shuffled:spread"])
def test_the_example_trains(spread, options, tmp_path, operator):
    run = execute(make_config(options | {"reshape": {"operator": operator}}), tmp_path / "s")
    assert run.record.config.tree()["reshape"]["dim"] is None
    assert run.metrics()[-1]["reshape"] > 0


def test_the_pooling_trains(options, tmp_path, monkeypatch):
    space = dict(vars(pooling))
    exec(FUNCTION, space)
    monkeypatch.setitem(pooling.POOLINGS, "extremes", space["extremes"])
    run = execute(make_config(options | {"model": {"pooling": "extremes"}}), tmp_path / "s")
    assert run.state == "done"


def test_formats_describes_what_a_run_writes(options, tmp_path):
    text = (REPO / "docs" / "formats.md").read_text(encoding="utf-8")
    execute(make_config(options | {"reshape": {"operator": "mean"}}), tmp_path / "runs" / "s")
    (run,) = find_runs(tmp_path / "runs")
    files = {path.name for path in run.folder.iterdir() if path.is_file()}
    files |= {path.name for path in (tmp_path / "cache").glob("*/*/*")}
    keys = {
        *run.record.cost.tree(),
        *run.metrics()[-1],
        *run.record.results.tree(),
        *run.record.results.tree()["dev"],
        *run.record.results.tree()["tasks"]["stsb"],
    }
    keys |= {key.rsplit(".", 1)[-1] for key in flatten(run.record.results.tree()["average"])}
    missing = sorted(
        name for name in files | keys if not re.search(rf"\b{re.escape(name)}\b", text)
    )
    assert not missing
