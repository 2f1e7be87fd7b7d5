"""What made a result: the commit of the code, the command line, the time."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

from recse_lab.code import PACKAGE


def command_line(program: str = "recse-lab") -> str:
    """The command that was given to ``program``.

    Files in the folder RECSE_LAB_DATA are named by that variable, so that a report says what others
    have to type and holds no path of this machine.
    """
    data = os.environ.get("RECSE_LAB_DATA")

    def shown(argument: str) -> str:
        path = Path(argument)
        if data and path.exists() and path.resolve().is_relative_to(Path(data).resolve()):
            return (
                Path("$RECSE_LAB_DATA") / path.resolve().relative_to(Path(data).resolve())
            ).as_posix()
        return shlex.quote(argument)

    return " ".join([program, *map(shown, sys.argv[1:])])


def commit() -> str | None:
    """The commit of this code, +dirty with uncommitted changes; None outside a repository."""
    here = PACKAGE.parent
    if not (here / ".git").exists():
        return None
    try:
        head = git(here, "rev-parse", "--short=12", "HEAD").strip()
        return head + ("+dirty" if git(here, "status", "--porcelain", "--", "recse_lab") else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def git(folder: Path, *arguments: str) -> str:
    """Run a git command in ``folder`` and return what it prints.

    Raises:
        CalledProcessError: It fails.
        FileNotFoundError: There is no git.
    """
    return subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True
    ).stdout
