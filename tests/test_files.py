"""Files appear whole or not at all, and one process at a time holds a lock."""

import errno
import json
import math
import signal
import subprocess
import sys

import pytest
from filelock import FileLock, Timeout

from recse_lab import files
from recse_lab.errors import LabError
from recse_lab.files import atomic_path, exclusive, machine, read_json, sweep, write_json

TEXT = {"capture_output": True, "text": True, "check": True}

HOLDER = """
import sys, time
from pathlib import Path
from recse_lab.files import exclusive
with exclusive(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_an_error_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    file = tmp_path / "a.json"
    write_json(file, {"old": 1})

    def interrupted():
        with atomic_path(file) as beside:
            beside.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        interrupted()
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert read_json(file) == {"old": 1}


def test_a_folder_replaces_a_folder(tmp_path):
    for text in ("old", "new"):
        with atomic_path(tmp_path / "folder") as beside:
            beside.mkdir()
            (beside / text).write_text(text)
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["new"]


def test_a_full_disk_is_reported_in_one_sentence(tmp_path):
    with (
        pytest.raises(LabError, match=r"a\.json: the disk is full"),
        atomic_path(tmp_path / "a.json"),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_numbers_that_are_not_finite_become_null(tmp_path):
    write_json(tmp_path / "a.json", {"x": math.nan, "y": [math.inf, 1.5]})
    assert json.loads((tmp_path / "a.json").read_text()) == {"x": None, "y": [None, 1.5]}


@pytest.mark.parametrize("text", ["", "{", "[1]", "{}", "\udcff"])
def test_damaged_json_is_refused_with_what_to_do(tmp_path, text):
    file = tmp_path / "a.json"
    file.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(LabError, match=r"a\.json: damaged .*; delete it\."):
        read_json(file, "delete it")


def test_a_lock_excludes_others_and_ends_with_its_process_even_when_that_is_killed(tmp_path):
    path = tmp_path / "store"
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(Timeout):
            FileLock(tmp_path / "store.lock", timeout=0.2).acquire()
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    with exclusive(path):
        pass


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (errno.EDQUOT, "your disk quota is used up"),
        (errno.EFBIG, "larger than this system lets a file be"),
        (errno.EROFS, "the disk is read-only"),
    ],
)
def test_every_refusal_is_one_sentence(tmp_path, number, told):
    with pytest.raises(LabError, match=told), atomic_path(tmp_path / "a.json"):
        raise OSError(number, "refused")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_swept(tmp_path):
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], **TEXT)
    left = tmp_path / f".a.json.{machine()}-{int(ended.stdout)}-0.tmp"
    foreign, living = tmp_path / ".a.json.elsewhere-1-0.tmp", tmp_path / ".a.json.x.tmp"
    for path in (left, foreign, living):
        path.touch()
    write_json(tmp_path / "a.json", {"a": 1})
    assert {path.name for path in tmp_path.iterdir()} == {"a.json", foreign.name, living.name}


def test_a_folder_is_exchanged_in_one_step_or_put_back(tmp_path, monkeypatch):
    """Where the system has no such call and the process is killed between two renames."""
    folder = tmp_path / "best"
    folder.mkdir()
    (folder / "old").touch()
    aside = tmp_path / f".best.{machine()}-1-0.old"
    folder.rename(aside)
    sweep(tmp_path, ".*.tmp", held=True)
    assert [path.name for path in folder.iterdir()] == ["old"]
    monkeypatch.setattr(files, "_exchange", lambda one, other: False)
    with atomic_path(folder) as beside:
        beside.mkdir()
        (beside / "new").touch()
    assert [path.name for path in tmp_path.rglob("*")] == ["best", "new"]


def test_weights_are_as_readable_as_their_neighbours(tmp_path):
    with atomic_path(tmp_path / "model") as beside:
        beside.mkdir()
        (beside / "config.json").touch()
        (beside / "model.safetensors").touch(mode=0o600)
    modes = {path.stat().st_mode for path in (tmp_path / "model").iterdir()}
    assert len(modes) == 1
