"""The lease on a run: which process computes it, and how its work becomes the run.

Beside ``runs/<study>/<id>``, which is a whole run or absent, lies ``<id>.work`` while the run is
not finished:

- ``lease.<n>`` is created exclusively and touched by its holder. Whoever finds it expired creates
  ``lease.<n+1>``: one winner, and n only grows. Nobody removes or renames the lease of another.
- ``attempt.<n>`` holds the files of the run. The holder of n takes over the attempt before by
  renaming it, so that a holder who only stalled finds its folder gone and can write nothing more.
- A finished attempt becomes the run by one rename, which fails if the run exists.

A lease expires by the clock of the file system alone. On the machine of its holder it also ends
with the holder's process, so that a killed process costs no waiting.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from recse_lab.errors import LabError
from recse_lab.files import born, drop, lives, machine, remove, space, sweep, sync

LEASE_S = float(os.environ.get("RECSE_LAB_LEASE_S") or 60)
"""Seconds after which a lease that nobody touched has expired; each lease states its own."""

TOUCHES = 6
"""How often a holder touches its lease before it would expire."""


class Claimed(LabError):
    """Another process is computing this run."""


class Finished(Claimed):
    """Another process has finished this run since we looked."""


class LeaseLost(LabError):
    """This process stalled for so long that another one has taken the run over."""


class Lease:
    """A held run.

    Args:
        home: ``runs/<study>/<id>``.
        number: n of its lease, the fencing number.
    """

    def __init__(self, home: Path, number: int) -> None:
        self.home, self.number = home, number
        self.work = work_of(home)
        self.attempt = self.work / f"attempt.{number}"
        self._lost = False
        self._ended = threading.Event()
        self._beat = threading.Thread(target=self._touch_until_the_end, daemon=True)

    @property
    def path(self) -> Path:
        """The file of the lease."""
        return self.work / f"lease.{self.number}"

    def check(self) -> None:
        """Be sure that the run is still ours.

        Raises:
            LeaseLost: It is not.
        """
        if self._lost or newest(self.work, "lease") != self.number:
            raise self._loss()

    def _loss(self) -> LeaseLost:
        self._lost = True
        return LeaseLost(
            f"run {self.home.name} was taken over by another process, since this one stood still "
            f"for more than {LEASE_S:.0f} s; the other's result counts."
        )

    def begin(self) -> None:
        """Take over what the attempt before has left, or begin with nothing; sweep what is dead.

        Raises:
            LeaseLost: Another process has taken the run over.
        """
        while True:
            before = self._left_before()
            try:
                if before is None:
                    self.attempt.mkdir()
                else:
                    os.rename(before, self.attempt)
                break
            except FileNotFoundError:
                if not self.work.is_dir():
                    raise self._loss() from None
            except OSError:
                raise self._loss() from None
        for number in range(1, self.number):
            for name in ("lease", "attempt"):
                remove(self.work / f"{name}.{number}")
        sweep(self.home.parent, f".{self.home.name}.*.tmp", held=True)
        for folder in (self.attempt, *(p for p in self.attempt.rglob("*") if p.is_dir())):
            sweep(folder, ".*.tmp", held=True)
        (self.attempt / "claim.json").unlink(missing_ok=True)  # of an earlier edition
        self._beat.start()

    def _left_before(self) -> Path | None:
        """The last attempt; of an earlier edition, which worked in the run's own folder, that."""
        if number := newest(self.work, "attempt"):
            return self.work / f"attempt.{number}"
        return self.home if self.home.is_dir() and not is_whole(self.home) else None

    def publish(self, *, again: bool = False) -> None:
        """Make the attempt the run; what it needed to be resumed is left out.

        Args:
            again: Whether a run that is there already makes way.

        Raises:
            LeaseLost: Another process has taken the run over.
        """
        self.check()
        drop(self.attempt / "state")
        sync(self.attempt)
        if again:
            drop(self.home)
        try:
            os.rename(self.attempt, self.home)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTEMPTY, errno.EEXIST):
                raise self._loss() from error
            raise
        sync(self.home.parent)

    def release(self) -> None:
        """Let the next one have the run, at once."""
        self._ended.set()
        if self._beat.is_alive():
            self._beat.join()
        if self._lost or newest(self.work, "lease") != self.number:
            if is_whole(self.home) and not is_held(self.home):
                sweep_work(self.home)  # what we wrote before we knew
            return
        with suppress(OSError):
            self.attempt.rmdir()  # nothing was written
        if is_whole(self.home) or not newest(self.work, "attempt"):
            sweep_work(self.home)
        else:
            with suppress(OSError):
                os.utime(self.path, (0, 0))

    def _touch_until_the_end(self) -> None:
        touched = time.monotonic()
        while not self._ended.wait(LEASE_S / TOUCHES):
            with suppress(OSError):
                os.utime(self.path)  # the file system's own time
                touched = time.monotonic()
            stalled = time.monotonic() - touched > LEASE_S
            if stalled or newest(self.work, "lease") != self.number:
                self._lost = True
                return


@contextmanager
def leased(home: Path) -> Iterator[Lease]:
    """Hold the run of a folder for the current process.

    Raises:
        Claimed: Another process holds it.
        LabError: The system refuses to write.
    """
    lease = _take(home)
    try:
        lease.begin()
        yield lease
    finally:
        lease.release()


def _take(home: Path) -> Lease:
    work = work_of(home)
    holder = {
        "machine": machine(),
        "pid": os.getpid(),
        "born": born(os.getpid()),
        "seconds": LEASE_S,
    }
    for _ in range(10):
        with space(work):
            work.mkdir(parents=True, exist_ok=True)
        number = newest(work, "lease")
        if is_held(home):
            break
        lease = Lease(home, number + 1)
        try:
            with space(lease.path), lease.path.open("x", encoding="utf-8") as file:
                json.dump(holder, file)
        except FileExistsError:
            break
        except FileNotFoundError:  # the folder went with a run that was finished just now
            continue
        except BaseException:
            lease.release()
            raise
        return lease
    raise Claimed(
        f"run {home.name} is being computed by another process; "
        "the same command finds its result later."
    )


def work_of(home: Path) -> Path:
    """Where a run lies while it is not finished."""
    return home.with_name(f"{home.name}.work")


def place_of(home: Path) -> Path:
    """Where the files of a run lie now: the run, or else its last attempt."""
    if not home.is_dir() and (number := newest(work_of(home), "attempt")):
        return work_of(home) / f"attempt.{number}"
    return home


def newest(work: Path, kind: str) -> int:
    """The largest n of ``<kind>.<n>``; 0 where there is none."""
    try:
        names = os.listdir(work)
    except OSError:
        return 0
    numbers = (name.removeprefix(f"{kind}.") for name in names if name.startswith(f"{kind}."))
    return max((int(n) for n in numbers if n.isdecimal() and len(n) < 10), default=0)


def is_held(home: Path) -> bool:
    """Whether a process computes the run of a folder."""
    work = work_of(home)
    number = newest(work, "lease")
    return (bool(number) and _is_held(work / f"lease.{number}")) or _has_claim(home)


def _has_claim(home: Path) -> bool:
    """Whether a living process of an earlier edition works in the run's own folder."""
    try:
        claim = _holder((home / "claim.json").read_bytes())
    except OSError:
        return False
    return claim.get("host") == socket.gethostname() and _lives_on(claim)


def _lives_on(holder: dict[str, object]) -> bool:
    pid = holder.get("pid")
    return isinstance(pid, int) and lives(pid) and born(pid) == holder.get("born")


def is_whole(folder: Path) -> bool:
    """Whether a folder holds a finished run."""
    try:
        text = (folder / "status.json").read_bytes()
        return json.loads(text)["state"] == "done"
    except (OSError, ValueError, RecursionError, LookupError, TypeError):
        return False


def sweep_work(home: Path) -> None:
    """Remove what is left beside a finished run."""
    for _ in range(3):  # a reader may touch the clock meanwhile
        shutil.rmtree(work_of(home), ignore_errors=True)
        if not work_of(home).exists():
            return


def _is_held(path: Path) -> bool:
    try:
        with path.open("rb") as file:  # opening it has a network file system look again
            text, touched = file.read(10_000), os.fstat(file.fileno()).st_mtime
    except FileNotFoundError:
        return False
    if touched == 0:
        return False  # released
    holder = _holder(text)
    if holder.get("machine") == machine():
        return _lives_on(holder)
    seconds = holder.get("seconds")
    return clock(path.parent) - touched < (seconds if isinstance(seconds, float) else LEASE_S)


def _holder(text: bytes) -> dict[str, object]:
    """Who holds a lease; nothing of one that was never finished, which then expires by its age."""
    try:
        holder = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return holder if isinstance(holder, dict) else {}


def clock(folder: Path) -> float:
    """The time of the file system that a folder is on: hosts need not agree on theirs."""
    path = folder / "clock"
    try:
        path.touch()
        return path.stat().st_mtime
    except OSError:  # a store that can only be read
        return time.time()
