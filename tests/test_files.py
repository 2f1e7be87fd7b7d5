"""Files appear whole or not at all, and one process at a time holds a lock."""

import errno
import json
import math
import signal
import subprocess
import sys

import pytest
from filelock import FileLock, Timeout

from recse_lab.errors import LabError
from recse_lab.files import atomic_path, exclusive, read_json, write_json

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
