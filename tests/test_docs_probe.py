"""docs/add-a-probe.md does what it says: the probe runs from the command line."""

import json
import re

import numpy as np
import pytest
from conftest import REPO

from recse_lab.probes import PROBES

PAGE = (REPO / "docs" / "add-a-probe.md").read_text(encoding="utf-8")
FILE, LINE = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def space(monkeypatch):
    found: dict = {}
    exec(compile(FILE, "docs/add-a-probe.md", "exec"), found)
    monkeypatch.setitem(PROBES, *next(iter(eval("{" + LINE + "}", found).items())))
    return found


def test_the_measure_is_that_of_its_docstring(space):
    x = np.random.default_rng(0).normal(size=(40, 5)) + 1
    rows = x / np.linalg.norm(x, axis=1, keepdims=True)
    mean = rows.mean(0) / np.linalg.norm(rows.mean(0))
    found = space["centroid"]({"e": x.astype(np.float32)}, resamples=50).table.iloc[0]
    assert found["value"] == pytest.approx((rows @ mean).mean(), rel=1e-6)
    assert found["low"] < found["value"] < found["high"]
    both = np.concatenate([x, -x]).astype(np.float32)
    assert "cancel" in space["centroid"]({"e": both}, resamples=5).table.iloc[0]["note"]


def test_the_probe_runs_from_the_command_line(space, tiny, call, tmp_path):
    options = ["--precision", "fp32", "--json", tmp_path / "p.json", "--out", tmp_path / "out"]
    code, out, err = call("probe", "centroid", f"a={tiny}", *options)
    assert code == 0, err
    (line,) = json.loads((tmp_path / "p.json").read_text())["measures"]
    assert -1 <= line["low"] <= line["value"] <= line["high"] <= 1
    assert f"a: {line['value']:.2f}" in out
    assert (tmp_path / "out" / "centroid.png").is_file()
