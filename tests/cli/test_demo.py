"""What `make demo` runs, on what the package carries, with every connection refused; and the wheel
that carries it.
"""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import REPO

NO_NETWORK = """
import socket

def refuse(self, address, *rest):
    if self.family in (socket.AF_INET, socket.AF_INET6):
        raise OSError(f"this test has no network: {address}")
    return connect(self, address, *rest)

connect = socket.socket.connect
socket.socket.connect = socket.socket.connect_ex = refuse
"""


@pytest.fixture
def cut_off(tmp_path):
    """An environment in which no Python process reaches a network; runs and cache are fresh."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(NO_NETWORK)
    places = {"RECSE_LAB_RUNS": str(tmp_path / "runs"), "RECSE_LAB_CACHE": str(tmp_path / "cache")}
    return (
        os.environ
        | places
        | {"PYTHONPATH": str(tmp_path / "site"), "HF_HOME": str(tmp_path / "hub")}
    )


def lab(*arguments, env, cwd):
    code = "from recse_lab.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=env,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=400,
    )


def test_the_network_is_really_cut(cut_off, tmp_path):
    code = "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9')"
    done = subprocess.run([sys.executable, "-c", code], env=cut_off, capture_output=True, text=True)
    assert "this test has no network" in done.stderr


def test_demo_from_the_package_alone(cut_off, tmp_path):
    short = [
        "--set",
        "training.steps=4",
        "--set",
        "training.eval_every=2",
        "--set",
        "reshape.dim=[8]",
    ]
    done = lab(
        "ablate",
        "reshape-dim",
        "--quick",
        "--out",
        tmp_path / "reports",
        *short,
        env=cut_off,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    report = tmp_path / "reports" / "reshape-dim-quick"
    for name in ("table.md", "figure.png", "page.html", "summary.md"):
        assert (report / name).is_file()
        assert str(report / name) in done.stdout
    assert "channel-gram" in done.stdout
    page = (report / "page.html").read_text(encoding="utf-8")
    assert "http://" not in page
    assert "https://" not in page
    assert "data:image/png;base64," in page


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """A wheel built from the checkout."""
    pytest.importorskip(
        "setuptools", reason="a wheel is built with setuptools, which the dev extra installs"
    )
    out = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(out),
        str(REPO),
    ]
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    (path,) = out.glob("*.whl")
    return path


def test_the_wheel_carries_encoder_sentences_and_studies(wheel):
    with zipfile.ZipFile(wheel) as file:
        names = {info.filename: info.file_size for info in file.infolist()}
    for name in (
        "models/tiny/model.safetensors",
        "models/tiny/tokenizer.json",
        "models/tiny/README.md",
        "experiments/reshape-dim.yaml",
        "experiments/pretrain/tiny.yaml",
        "data/samples/sample-sts.tsv",
        "data/samples/sample-corpus.txt.gz",
        "data/manifest.yaml",
        "data/samples/topics/railway.txt",
        "data/samples/handwritten/news.txt",
        "reports/published/sts.csv",
    ):
        assert f"recse_lab/{name}" in names
    assert names["recse_lab/models/tiny/model.safetensors"] <= 6_000_000
    assert not [
        name for name in names if name.startswith(("tests/", "experiments/", "benchmarks/"))
    ]


def test_the_wheel_works_outside_the_checkout(wheel, cut_off, tmp_path):
    with zipfile.ZipFile(wheel) as file:
        file.extractall(tmp_path / "installed")
    env = cut_off | {
        "PYTHONPATH": os.pathsep.join([str(tmp_path / "installed"), cut_off["PYTHONPATH"]])
    }
    where = subprocess.run(
        [sys.executable, "-c", "import recse_lab; print(recse_lab.__file__)"],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert where.stdout.startswith(str(tmp_path / "installed"))
    done = lab("eval", "recse-lab/tiny", env=env, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "sample-sts 540" in done.stdout
    done = lab("list", "experiments", env=env, cwd=tmp_path)
    assert "reshape-dim" in done.stdout
