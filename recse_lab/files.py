"""Files that appear whole or not at all, locks, checked JSON, and the place of caches."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from recse_lab.errors import LabError


@contextmanager
def space(path: Path) -> Iterator[None]:
    """Report a full disk under ``path`` in one sentence.

    Raises:
        LabError: The disk is full.
    """
    try:
        yield
    except Exception as error:  # safetensors and arrow report a full disk in their own exceptions
        if getattr(error, "errno", None) == errno.ENOSPC or "No space left" in str(error):
            raise LabError(
                f"{path}: the disk is full; nothing half-written was kept; "
                "free some space and start again."
            ) from error
        raise


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a path beside ``path`` to write to, and rename it into place on success.

    On any error it is removed.

    Raises:
        LabError: The disk is full.
    """
    path = Path(path)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with space(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield beside
            if beside.is_dir() and path.is_dir():
                shutil.rmtree(path)
            os.replace(beside, path)
    finally:
        if beside.is_dir():
            shutil.rmtree(beside, ignore_errors=True)
        else:
            beside.unlink(missing_ok=True)


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
