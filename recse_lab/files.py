"""Files that appear whole or not at all, locks, checked JSON, and the place of caches."""

from __future__ import annotations

import ctypes
import errno
import hashlib
import itertools
import json
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from recse_lab.errors import LabError

REFUSALS = {
    errno.ENOSPC: ("the disk is full", "free some space and start again"),
    errno.EDQUOT: ("your disk quota is used up", "free some space and start again"),
    errno.EFBIG: (
        "the file would be larger than this system lets a file be",
        "raise the limit (`ulimit -f`), or use another disk",
    ),
    errno.EROFS: ("the disk is read-only", "give another place"),
    errno.EIO: ("the disk reports an input/output error", "check the disk"),
}
"""Why a system refuses a write, and what to do about it."""

_RENAME_EXCHANGE = 2
_HERE = -100  # AT_FDCWD: paths are relative to the current folder
_numbers = itertools.count()


@contextmanager
def space(path: Path) -> Iterator[None]:
    """Report what the system refuses under ``path`` (a full disk, a quota …) in one sentence.

    Raises:
        LabError: It refuses to write.
    """
    try:
        yield
    except LabError:
        raise
    except Exception as error:  # safetensors and arrow report a full disk in their own exceptions
        if (why := _refusal(error)) is None:
            raise
        raise LabError(f"{path}: {why[0]}; nothing half-written was kept; {why[1]}.") from error


def _refusal(error: Exception) -> tuple[str, str] | None:
    text = str(error)
    named = (code for code in REFUSALS if os.strerror(code) in text or f"os error {code})" in text)
    number = getattr(error, "errno", None)
    return REFUSALS.get(next(named, -1) if number is None else number)


@cache
def machine() -> str:
    """A short name of this machine and its process table, within which a process id has a meaning.

    Two containers of one host have two, and so has one host before and after a restart.
    """
    parts = [socket.gethostname()]
    for place in ("/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid"):
        with suppress(OSError):
            link = os.path.islink(place)
            parts.append(os.readlink(place) if link else Path(place).read_text().strip())
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:8]


os.register_at_fork(after_in_child=machine.cache_clear)  # the child may have another table


def born(pid: int) -> str | None:
    """Start time of a process, where the system has it: process ids are given away again.

    "ended" for a dead process that its parent has not collected yet.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return "ended" if fields[0] in "ZX" else fields[19]


def lives(pid: int) -> bool:
    """Whether a process of this machine exists and has not ended."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return born(pid) != "ended"


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a path beside ``path`` to write to, and put it into place on success.

    What is there before stays until the new is whole, on the disk too, and is replaced in one step.
    On any error the new is removed. What a killed process left beside ``path`` is removed as well.

    Raises:
        LabError: The system refuses to write.
    """
    path = Path(path)
    owner = f"{machine()}-{os.getpid()}-{next(_numbers)}"
    beside = path.with_name(f".{path.name}.{owner}.tmp")
    try:
        with space(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            sweep(path.parent, f".{path.name}.*.tmp")
            yield beside
            _as_readable_as_others(beside)
            sync(beside)
            if not (beside.is_dir() and path.is_dir()):
                os.replace(beside, path)
            elif not _exchange(beside, path):
                # Without such a call there is a moment with neither; `sweep` puts the old back.
                aside = path.with_name(f".{path.name}.{owner}.old")
                os.rename(path, aside)
                os.rename(beside, path)
                shutil.rmtree(aside)
            sync(path.parent)
    finally:
        remove(beside)


def _as_readable_as_others(path: Path) -> None:
    """Give files the permissions of new ones: safetensors keeps its own to their owner."""
    for file in path.rglob("*.safetensors") if path.is_dir() else [path]:
        file.chmod(0o666 & ~_umask())


@cache
def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def drop(path: Path) -> None:
    """Remove a folder so that it is whole or gone at any moment."""
    if path.is_dir():
        aside = path.with_name(f".{path.name}.{machine()}-{os.getpid()}-{next(_numbers)}.tmp")
        os.rename(path, aside)
        remove(aside)


def sweep(folder: Path, pattern: str, *, held: bool = False) -> None:
    """Remove temporary files of processes that have ended.

    Args:
        folder: Where they lie.
        pattern: Their names, with ``.tmp`` at the end.
        held: Whether the caller holds the folder, so that whatever lies there is nobody's.
    """
    for found in folder.glob(pattern):
        if held or _abandoned(found):
            remove(found)
    for found in folder.glob(f"{pattern.removesuffix('tmp')}old"):
        if held or _abandoned(found):
            place = found.with_name(found.name[1:].rsplit(".", 2)[0])
            if place.exists():
                remove(found)
            else:
                os.rename(found, place)


def _abandoned(path: Path) -> bool:
    """Whether a process of this machine left a temporary file behind."""
    where, _, rest = path.name.rsplit(".", 2)[1].partition("-")
    pid = rest.partition("-")[0]
    return where == machine() and pid.isdecimal() and not lives(int(pid))


def sync(path: Path) -> None:
    """Have the system write a file, or a folder and the files below it, to its disk."""
    below = sorted(path.rglob("*")) if path.is_dir() and path.suffix == ".tmp" else []
    for each in (*below, path):
        with suppress(PermissionError):  # of a file without read permission
            number = os.open(each, os.O_RDONLY)
            try:
                with suppress(OSError):  # some file systems have no such call for folders
                    os.fsync(number)
            finally:
                os.close(number)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two folders in one step, where the system can."""
    call = getattr(ctypes.CDLL(None), "renameat2", None)
    if call is None:
        return False
    return call(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _RENAME_EXCHANGE) == 0


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Let one process at a time work on ``path``; the others wait here.

    The lock is held on a file beside ``path``. The system releases it when its process ends, also
    when the process is killed, and the file may stay.

    Raises:
        OSError: The folder cannot be written.
    """
    from filelock import FileLock  # it imports asyncio, and most commands lock nothing

    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f"{path.name}.lock")):
        yield


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON, whole or not at all; NaN and infinity become null."""
    with atomic_path(path) as beside:
        beside.write_text(
            json.dumps(_finite(value), indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
        )


def read_json(
    path: Path, mend: str = "restore it, or delete it and give the command that wrote it again"
) -> dict[str, Any]:
    """Read one JSON file that holds a non-empty object.

    Raises:
        LabError: It is damaged; ``mend`` says what to do.
    """
    try:
        value = json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:  # no JSON, or no UTF-8
        raise LabError(f"{path}: damaged ({error}); {mend}.") from error
    except RecursionError:
        raise LabError(f"{path}: damaged (nested too deep); {mend}.") from None
    if not isinstance(value, dict) or not value:
        raise LabError(f"{path}: damaged (no JSON object with something in it); {mend}.")
    return value


def _finite(value: Any) -> Any:
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    if isinstance(value, dict):
        return {str(k): _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    return value


def cache_root() -> Path:
    """Return the folder of tokenised corpora, feature stores and pulled data.

    It is $RECSE_LAB_CACHE, or else recse-lab in the user's cache folder.
    """
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("RECSE_LAB_CACHE") or Path(home) / "recse-lab")


def now() -> str:
    """Return the time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
