"""Kill -9 before the k-th operation on the store, for every k, and go on.

A process is forked after the imports, so that a kill costs what the work costs. Operations are what
Python tells its audit hooks: files opened for writing, folders made, renames, unlinks, times set.
"""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

FORK = multiprocessing.get_context("fork")
CHANGES = {
    "os.mkdir",
    "os.rename",
    "os.remove",
    "os.rmdir",
    "os.utime",
    "os.chmod",
    "shutil.rmtree",
}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC


def changes(event: str, arguments: tuple, root: str) -> bool:
    """Whether an audited event is an operation that changes what lies below ``root``."""
    if event not in CHANGES and event != "open":
        return False
    path = arguments[0]
    if not isinstance(path, str | bytes | os.PathLike) or not os.fsdecode(path).startswith(root):
        return False
    return event != "open" or bool(arguments[2] & WRITING)


def killed_before(k: int, work: Callable[[], None], root: Path) -> bool:
    """Do the work in a process that kills itself before its k-th operation; whether it did."""

    def child() -> None:
        seen = 0

        def hook(event: str, arguments: tuple) -> None:
            nonlocal seen
            if changes(event, arguments, str(root)):
                seen += 1
                if seen == k:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        work()
        os._exit(0)

    process = FORK.Process(target=child)
    process.start()
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL), process.exitcode
    return process.exitcode != 0


def content(folder: Path, without: tuple[str, ...] = ()) -> dict[str, bytes]:
    """Every file below a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in without
    }
