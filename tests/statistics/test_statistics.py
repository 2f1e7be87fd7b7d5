"""The package exports what docs/statistics.md names, from its own modules."""

import re

from conftest import REPO

from recse_lab import statistics

EXPORTS = {
    name: value
    for name, value in vars(statistics).items()
    if getattr(value, "__module__", "").startswith("recse_lab.statistics.")
}


def test_the_documented_functions_are_exported():
    page = (REPO / "docs" / "statistics.md").read_text(encoding="utf-8")
    table = page.partition("## Which question has which function")[2].partition("\n## ")[0]
    named = set(re.findall(r"(?<![.\w])([a-z_]+)\(", table.partition("`compare` picks")[0]))
    assert named <= EXPORTS.keys()
    assert {"compare", "best_of", "holm", "factorial_effects"} <= named
