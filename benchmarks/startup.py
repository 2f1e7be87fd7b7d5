"""(e) How long a user waits for ``recse-lab --help``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.measure import Part, Row, Setup, say, timed

TIMES = 7


def run(setup: Setup) -> Part:
    """Wall time of the installed command in a process of its own."""
    command = [str(Path(sys.executable).with_name("recse-lab")), "--help"]

    def once() -> None:
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)

    once()  # the first one reads the files from the disk
    seconds = [timed(once)[0] for _ in range(TIMES)]
    say(f"e: {min(seconds):.2f} to {max(seconds):.2f} s")
    return Part(
        "recse-lab --help, wall seconds",
        [Row("recse-lab --help", "s", seconds, at_most=0.5)],
        [f"A new process each time, {TIMES} times after one that is not counted."],
        {"seconds": seconds},
    )
