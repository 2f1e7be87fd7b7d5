"""``python -m simulations``: minutes of one core, then reports/statistics; ``--report`` draws it
again.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from simulations import choices, designs, graphs, intervals, laws, report, stopping
from simulations.outcomes import keep

PARTS = {
    "laws": laws.parts,
    "stopping": stopping.parts,
    "graphs": graphs.parts,
    "designs": designs.parts,
    "choices": choices.parts,
    "intervals": intervals.parts,
}


def main() -> None:
    """Simulate part by part, keeping each as it ends, and write the report from what is kept."""
    parser = argparse.ArgumentParser(prog="python -m simulations", description=__doc__)
    parser.add_argument("--replicates", type=int, default=4000, help="default: %(default)s")
    parser.add_argument("--only", default=",".join(PARTS), help=f"some of {','.join(PARTS)}")
    parser.add_argument(
        "--out", type=Path, default=Path("reports/statistics"), help="default: %(default)s"
    )
    parser.add_argument(
        "--data-dir",
        type=Path,
        default=Path("data/senteval"),
        help="SentEval's folder, whose sharing graphs are read; default: %(default)s",
    )
    parser.add_argument(
        "--report", action="store_true", help="simulate nothing, write the report from the table"
    )
    given = parser.parse_args()
    names = given.only.split(",")
    if unknown := set(names) - set(PARTS):
        parser.error(f"--only {','.join(sorted(unknown))}: expected some of {','.join(PARTS)}")
    if not given.report:
        for name in names:
            data = (given.data_dir,) if name == "graphs" else ()
            for table in PARTS[name](given.replicates, *data):
                keep(table, given.out / "table.csv")
    report.write(given.out)


if __name__ == "__main__":
    main()
