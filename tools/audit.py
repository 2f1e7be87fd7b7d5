"""Measure the code base against its own rules: `make audit`, or `python tools/audit.py [FOLDER]`
for another checkout.

Prints one line per rule: what is counted, and how many there are. Only syntax trees and text are
read; nothing is run. ``--list RULE`` names the places of one rule, ``--under PATH`` keeps to one
package.
"""

from __future__ import annotations

import argparse
import ast
import re
import subprocess
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

LONGEST_LINE, LONGEST_FUNCTION = 100, 80


class Place(NamedTuple):
    """A line of a file, and what stands there."""

    file: str
    line: int
    what: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.what}".rstrip()


class Module:
    """One Python file, parsed once."""

    def __init__(self, path: Path, root: Path) -> None:
        self.name = path.relative_to(root).as_posix()
        self.text = path.read_text(encoding="utf-8")
        self.lines = self.text.splitlines()

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def package(self) -> str:
        """First folder or module below the package ``recse_lab``."""
        return self.name.split("/")[1] if "/" in self.name else self.name

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node

    def public(self) -> Iterator[ast.FunctionDef | ast.ClassDef]:
        """Public functions, classes and methods; not what a private one holds, nor an overload or a
        property's setter.
        """
        yield from _public(self.tree.body)

    def raised(self, node: ast.AST) -> set[str]:
        """Names of exceptions that a function raises itself, in its own body; helpers it calls are
        not followed.
        """
        found = set()
        for each in _own(node):
            if isinstance(each, ast.Raise) and isinstance(each.exc, ast.Call):
                found.add(ast.unparse(each.exc.func).rpartition(".")[2])
        return found - {
            "AttributeError",
            "NotImplementedError",
            "AssertionError",
            "Exit",
            "StopIteration",
        }


def _public(body: list[ast.stmt]) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    for node in body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.name.startswith("_"):
            continue
        marks = [ast.unparse(mark) for mark in node.decorator_list]
        if any(mark == "overload" or mark.endswith(".setter") for mark in marks):
            continue
        yield node
        if isinstance(node, ast.ClassDef):
            yield from _public(node.body)


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """Nodes of a function without those of functions inside it."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(
            child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda
        ):
            yield child
            yield from _own(child)


class House:
    """A checkout: its package, its tests and everything else in Python that git tracks."""

    def __init__(self, root: Path, under: str = "") -> None:
        self.root = root
        command = ["git", "-C", str(root), "ls-files", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(
            [*command, "*.py"], capture_output=True, text=True, check=True
        ).stdout
        paths = [root / name for name in listed.splitlines() if (root / name).is_file()]
        self.modules = [Module(path, root) for path in paths if not path.is_symlink()]
        self.package = [m for m in self.modules if m.name.startswith(f"recse_lab/{under}")]
        self.tests = [m for m in self.modules if m.name.startswith("tests/")]

    def skips(self) -> list[Place]:
        return [
            Place(module.name, number)
            for module in self.modules
            for number, line in enumerate(module.lines, 1)
            if re.search(r"#\s*fmt: (skip|off)\s*$", line)
        ]

    def long_lines(self) -> list[Place]:
        return [
            Place(module.name, number, f"{len(line)} columns")
            for module in self.package
            for number, line in enumerate(module.lines, 1)
            if len(line) > LONGEST_LINE
        ]

    def or_empty(self) -> list[Place]:
        return [
            Place(module.name, number, line.strip()[:80])
            for module in self.package
            for number, line in enumerate(module.lines, 1)
            for _ in re.findall(r"\bor \{\}", line)
        ]

    def long_functions(self) -> list[Place]:
        return [
            Place(module.name, node.lineno, f"{node.name}, {length} lines")
            for module in self.package
            for node in module.functions()
            if (length := (node.end_lineno or node.lineno) - node.lineno + 1) > LONGEST_FUNCTION
        ]

    def undocumented(self) -> list[Place]:
        return [
            Place(module.name, node.lineno, node.name)
            for module in self.package
            for node in module.public()
            if not ast.get_docstring(node)
        ]

    def raises_unsaid(self) -> list[Place]:
        """Public functions that raise without a ``Raises:`` section."""
        return [
            Place(module.name, node.lineno, f"{node.name} raises {', '.join(sorted(raised))}")
            for module in self.package
            if module.package != "cli"  # a command's reader sees the sentence itself
            for node in module.public()
            if isinstance(node, ast.FunctionDef)
            and (raised := module.raised(node))
            and "Raises:" not in (ast.get_docstring(node) or "")
        ]

    def raising(self) -> list[Place]:
        return [
            Place(module.name, node.lineno, node.name)
            for module in self.package
            if module.package != "cli"
            for node in module.public()
            if isinstance(node, ast.FunctionDef) and module.raised(node)
        ]

    def formulas(self) -> list[Place]:
        return [Place(m.name, node.lineno, node.name) for m, node in self._formulas()]

    def without_source(self) -> list[Place]:
        return [
            Place(module.name, node.lineno, node.name)
            for module, node in self._formulas()
            if "Source:" not in (ast.get_docstring(node) or "")
            and "Source:" not in (ast.get_docstring(module.tree) or "")
        ]

    def _formulas(self) -> Iterator[tuple[Module, ast.FunctionDef | ast.ClassDef]]:
        """Classes and functions at the top of reshape/: the paper's own subject."""
        for module in self.package:
            if module.package == "reshape" and not module.name.endswith("__init__.py"):
                for node in module.tree.body:
                    if isinstance(
                        node, ast.FunctionDef | ast.ClassDef
                    ) and not node.name.startswith("_"):
                        yield module, node

    def tiers(self) -> list[Place]:
        """Tiers of the import test."""
        for module in self.tests:
            for node in module.tree.body:
                names = [t.id for t in getattr(node, "targets", []) if isinstance(t, ast.Name)]
                value = getattr(node, "value", None)
                if names == ["TIERS"] and isinstance(value, ast.Tuple):
                    return [
                        Place(module.name, tier.lineno, ast.unparse(tier))
                        for tier in node.value.elts
                    ]
        return []

    def logic(self) -> list[Module]:
        """Modules that hold logic: a function or a class with a body of its own."""
        return [m for m in self.package if any(True for _ in m.functions())]

    def unmirrored(self) -> list[Place]:
        """Modules that hold logic and have no test file of their name."""
        tests = {test.name for test in self.tests}
        return [
            Place(module.name, 1) for module in self.logic() if not mirrors(module.name) & tests
        ]


def mirrors(module: str) -> set[str]:
    """Where the tests of a module may stand: tests/<package>/test_<module>.py, or test_<package>.py
    for an __init__ and for the parts of a probe, which is one object.
    """
    path = Path(module).relative_to("recse_lab")
    if path.name == "__init__.py":
        place = path.parent.parent / f"test_{path.parent.name or 'package'}.py"
        return {
            f"tests/{place.as_posix()}",
            f"tests/{path.parent.as_posix()}/test_{path.parent.name}.py",
        }
    own = {f"tests/{(path.parent / f'test_{path.name}').as_posix()}"}
    if path.parent.parent.as_posix() == "probes":
        own.add(f"tests/probes/test_{path.parent.name}.py")
    return own


def report(house: House) -> Iterator[str]:
    """One line per rule."""
    lines = sum(len(module.lines) for module in house.package)
    long, public = len(house.long_lines()), sum(1 for m in house.package for _ in m.public())
    documented, raising = public - len(house.undocumented()), len(house.raising())
    formulas, logic = len(house.formulas()), len(house.logic())
    in_package = sum(place.file.startswith("recse_lab/") for place in house.skips())

    def share(part: int, whole: int) -> str:
        return f"{100 * part / whole:.1f} % ({part} of {whole})" if whole else "-"

    yield f"{'fmt: skip and fmt: off':<52}{len(house.skips())} ({in_package} in the package)"
    yield f"{f'lines over {LONGEST_LINE} columns':<52}{share(long, lines)}"
    yield f"{'or {} on what may be missing':<52}{len(house.or_empty())}"
    yield f"{f'functions over {LONGEST_FUNCTION} lines':<52}{len(house.long_functions())}"
    yield f"{'public definitions documented':<52}{share(documented, public)}"
    said = raising - len(house.raises_unsaid())
    yield f"{'functions that raise and say so':<52}{share(said, raising)}"
    sourced = formulas - len(house.without_source())
    yield f"{'definitions of reshape/ with a source':<52}{share(sourced, formulas)}"
    yield f"{'import tiers':<52}{len(house.tiers())}"
    mirrored = logic - len(house.unmirrored())
    yield f"{'modules with logic that have a test of their name':<52}{share(mirrored, logic)}"


RULES: dict[str, Callable[[House], list[Place]]] = {
    "skips": House.skips,
    "long-lines": House.long_lines,
    "or-empty": House.or_empty,
    "long-functions": House.long_functions,
    "undocumented": House.undocumented,
    "raises": House.raises_unsaid,
    "sources": House.without_source,
    "tiers": House.tiers,
    "mirrors": House.unmirrored,
}


def main() -> None:
    """Print the report, or the places of one rule."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", default=".", type=Path)
    parser.add_argument("--list", choices=RULES, dest="rule")
    parser.add_argument("--under", default="", help="a package, as reports/study")
    given = parser.parse_args()
    house = House(given.folder.resolve(), given.under)
    print(*(RULES[given.rule](house) if given.rule else report(house)), sep="\n")


if __name__ == "__main__":
    main()
