"""The claim on a run: which process computes it."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from recse_lab.errors import LabError
from recse_lab.files import read_json, space

CLAIM_FILE = "claim.json"


class Claimed(LabError):
    """Another process is computing this run."""


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Hold the run of a folder for the current process.

    Raises:
        Claimed: Another living process holds it.
        LabError: The disk is full.
    """
    path = folder / CLAIM_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    for _ in range(2):
        try:
            file = path.open("x", encoding="utf-8")
            break
        except FileExistsError:
            if is_held(folder):
                raise _refusal(folder) from None
            path.unlink(missing_ok=True)
    else:
        raise _refusal(folder)
    try:
        with space(path), file:
            pid = os.getpid()
            json.dump({"pid": pid, "host": socket.gethostname(), "born": _born(pid)}, file)
        yield
    finally:
        path.unlink(missing_ok=True)


def is_held(folder: Path) -> bool:
    """Whether a living process computes the run of a folder."""
    return _alive(_read_claim(folder))


def _refusal(folder: Path) -> Claimed:
    return Claimed(
        f"run {folder.name} is being computed by another process; "
        "the same command finds its result later."
    )


def _read_claim(folder: Path) -> dict[str, Any] | None:
    """Who computes a run; None if nobody does, or if a process ended before it could write it."""
    path = folder / CLAIM_FILE
    for _ in range(2):
        if not path.is_file():
            return None
        try:
            claim = read_json(path)
            if {"pid", "host", "born"} <= claim.keys():
                return claim
        except (LabError, FileNotFoundError):
            time.sleep(0.1)  # its process may be about to write it
    return None


def _born(pid: int) -> str | None:
    """Start time of a process, where the system has it: process ids are given away again.

    "ended" for a dead process that its parent has not collected yet.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return "ended" if fields[0] in "ZX" else fields[19]


def _alive(claim: dict[str, Any] | None) -> bool:
    if claim is None:
        return False
    if claim["host"] != socket.gethostname():
        return True  # cannot be checked from this machine; its user removes claim.json
    try:
        os.kill(claim["pid"], 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return _born(claim["pid"]) == claim["born"]
