"""One command, one machine, one run: ``python -m benchmarks --data-dir SENTEVAL --corpus FILE``."""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
import tempfile
from pathlib import Path

PARTS = {
    "a": "evaluation",
    "b": "training",
    "c": "dev",
    "d": "planner",
    "e": "startup",
    "f": "frameworks",
    "g": "probes",
    "h": "transfer",
    "i": "steps",
}
INSTALL = 'pip install -c constraints.txt ".[benchmarks]"'


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="recse-lab beside sentence-transformers, and against its own targets.",
        epilog="a: evaluation of the seven STS tasks; b: training; c: dev evaluation; d: planner; "
        "e: recse-lab --help; f: a step of each framework; g: probes on 30,000 embeddings; h: "
        "transfer tasks; i: a step of the packaged sample.",
    )
    parser.add_argument(
        "--data-dir", required=True, help="STS data in SentEval's layout, or the folder above it"
    )
    parser.add_argument(
        "--corpus",
        nargs="+",
        default=["sample-corpus"],
        help="files with one sentence a row; default: the packaged sample",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("reports/benchmarks"), help="default: %(default)s"
    )
    parser.add_argument("--repeats", type=int, default=3, help="default: %(default)s")
    parser.add_argument(
        "--quick", action="store_true", help="a smoke test on little data; its numbers mean nothing"
    )
    parser.add_argument("--only", default=",".join(PARTS), help="some of %(default)s")
    given = parser.parse_args()
    given.only = [letter.strip() for letter in given.only.split(",")]
    if unknown := set(given.only) - set(PARTS):
        parser.error(f"--only {','.join(sorted(unknown))}: expected some of {','.join(PARTS)}")
    if given.repeats < 1:
        parser.error("--repeats must be at least 1")
    return given


def main() -> int:
    """Measure, print, write; 2 where something is missing."""
    given = arguments()
    os.environ["HF_HUB_OFFLINE"] = (
        "1"  # every file is on this machine, and nothing shall wait for a hub
    )
    signal.signal(
        signal.SIGTERM, lambda *_: sys.exit(143)
    )  # so that the folder below goes away then too
    with tempfile.TemporaryDirectory(prefix="recse-lab-benchmarks-") as scratch:
        os.environ["RECSE_LAB_CACHE"] = str(Path(scratch) / "cache")
        from benchmarks import report
        from benchmarks.measure import Setup
        from recse_lab.errors import LabError

        setup = Setup(
            given.data_dir, tuple(given.corpus), given.repeats, given.quick, Path(scratch)
        )
        about = report.environment()
        warnings = report.doubts(about, setup)
        parts = {}
        try:
            modules = {
                letter: importlib.import_module(f"benchmarks.{PARTS[letter]}")
                for letter in given.only
            }
            for letter, module in modules.items():
                parts[letter] = module.run(setup)
                report.write(
                    given.out, parts, about, setup, warnings
                )  # what was measured is kept, whatever comes next
        except ModuleNotFoundError as error:
            if error.name not in ("sentence_transformers", "datasets"):
                raise
            print(
                f"error: a, b and f need {error.name.replace('_', '-')}: {INSTALL}", file=sys.stderr
            )
            return 2
        except LabError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        report.print_table(parts, warnings)
        print(f"written: {given.out / 'summary.md'}, {given.out / 'results.json'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
