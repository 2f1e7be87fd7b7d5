"""The audit counts what a small made-up checkout holds."""

import subprocess
import sys

import pytest
from conftest import REPO

MODULE = (
    '''"""A module."""

def documented(x):
    """Do it.

    Raises:
        ValueError: Never.
    """
    raise ValueError("no")


def silent():
    raise ValueError("no")


class _Private:
    def undocumented(self): ...


VALUE = (silent() or {}).get("a")
ROW = [1,  2]  # fmt: %s
'''
    % "skip"
)  # so that the audit does not count this file
LONG = '"""' + "x" * 120 + '"""\n\ndef f():\n' + "    x = 1\n" * 80
TIERS = 'TIERS = (("cli",), ("files",))\n\n\ndef test_it():\n    pass\n'


@pytest.fixture
def checkout(tmp_path):
    files = {
        "recse_lab/module.py": MODULE,
        "recse_lab/reshape/long.py": LONG,
        "tests/test_imports.py": TIERS,
        "tests/test_module.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    return tmp_path


def audit(folder, *options):
    command = [sys.executable, str(REPO / "tools" / "audit.py"), str(folder), *options]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.mark.parametrize(
    ("rule", "places"),
    [
        ("skips", ["recse_lab/module.py:21"]),
        ("long-lines", ["recse_lab/reshape/long.py:1 126 columns"]),
        ("or-empty", ['recse_lab/module.py:20 VALUE = (silent() or {}).get("a")']),
        ("long-functions", ["recse_lab/reshape/long.py:3 f, 81 lines"]),
        ("undocumented", ["recse_lab/module.py:12 silent", "recse_lab/reshape/long.py:3 f"]),
        ("raises", ["recse_lab/module.py:12 silent raises ValueError"]),
        ("sources", ["recse_lab/reshape/long.py:3 f"]),
        ("tiers", ["tests/test_imports.py:1 ('cli',)", "tests/test_imports.py:1 ('files',)"]),
        ("mirrors", ["recse_lab/reshape/long.py:1"]),
    ],
)
def test_the_places_of_a_rule(checkout, rule, places):
    assert audit(checkout, "--list", rule) == places


def test_the_report_counts_them(checkout):
    report = "\n".join(audit(checkout))
    assert "1 (1 in the package)" in report
    assert "50.0 % (1 of 2)" in report  # one of two raising functions says so
    assert report.splitlines()[-2].split() == ["import", "tiers", "2"]
