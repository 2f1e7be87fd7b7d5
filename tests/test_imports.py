"""Imports run one way, heavy libraries stay in their packages, and what must open fast opens
without them.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import recse_lab

PACKAGE = Path(recse_lab.__file__).parent

# A module imports from tiers further down, and from its own package. docs/architecture.md says the
# same in a
# sentence.
TIERS = (
    ("cli", "notebook"),
    ("reports", "ablation"),
    ("jobs",),
    ("probes", "training", "pretraining", "runs"),
    ("config", "evaluation", "models", "figures"),
    ("data", "objectives", "optimisation", "pooling", "reshape", "statistics", "views"),
    ("files", "code"),
)
ENTRANCES = ("__init__.py", "__main__.py")  # above all tiers
DEPTH = {name: depth for depth, tier in enumerate(TIERS) for name in tier}

# Where else a library may be imported than everywhere.
HOMES = {
    "transformers": ("models/", "pretraining/", "jobs/pretrain.py"),
    "matplotlib": ("figures/", "probes/", "reports/"),
    "seaborn": ("figures/", "probes/", "reports/"),
    "typer": ("cli/",),
    "accelerate": ("training/", "pretraining/"),
}
MODULES = {path.relative_to(PACKAGE).as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))}


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything a module imports, wherever in it; not what it imports for
    type checkers alone.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    unseen = [
        node
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and ast.unparse(branch.test) == "TYPE_CHECKING"
        for statement in branch.body
        for node in ast.walk(statement)
    ]
    for node in ast.walk(tree):
        if node in unseen:
            continue
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}, line {node.lineno}: a relative import"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def part_of(module: str) -> str:
    """The first name below the package."""
    return module.split("/")[0].removesuffix(".py")


@pytest.mark.parametrize("module", [name for name in MODULES if name not in ENTRANCES])
def test_imports_run_one_way(module):
    here = part_of(module)
    if here == "errors":
        return
    assert here in DEPTH, (
        f"{module}: a package without a tier; add it to TIERS and to docs/architecture.md"
    )
    for line, name in imports(MODULES[module]):
        there = name.split(".")[1] if name.startswith("recse_lab.") else None
        if there in (None, here, "__version__", "errors"):  # errors is everybody's
            continue
        assert DEPTH[there] > DEPTH[here], (
            f"recse_lab/{module}, line {line}: {here} may not import {name}"
        )


@pytest.mark.parametrize("library", HOMES)
def test_a_library_stays_where_it_belongs(library):
    strangers = [
        f"recse_lab/{module}, line {line}"
        for module, path in MODULES.items()
        if not module.startswith(HOMES[library])
        for line, name in imports(path)
        if name.split(".")[0] == library
    ]
    assert not strangers


def test_the_tiers_are_those_of_the_document():
    text = (PACKAGE.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    order = text[text.index("Imports run one way:") :].partition(":")[2].partition(";")[0]
    told = [name.strip() for part in order.split("→") for name in part.split(",")]
    assert told == [name for tier in TIERS for name in tier]


HEAVY = ("torch", "transformers", "accelerate", "safetensors")


@pytest.mark.parametrize(
    "statement",
    [
        "import recse_lab.runs.store, recse_lab.config, recse_lab.data.sts_sets",
        "import recse_lab.reports.study.writing, recse_lab.reports.published",
        "import recse_lab.cli",
        "from recse_lab.cli import main; sys.argv[1:] = ['--help']; main()",
        "from recse_lab.cli import main; sys.argv[1:] = ['train', '--help']; main()",
        "from recse_lab.cli import main; sys.argv[1:] = ['runs', 'ls']; main()",
        "from recse_lab.cli import main; sys.argv[1:] = ['list', 'experiments']; main()",
    ],
)
def test_opens_without(statement):
    code = (
        f"import sys\ntry:\n    {statement}\nexcept SystemExit as stop:\n    assert not "
        "stop.code, stop.code\n"
    )
    code += f"print('heavy:', *[name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].split() == ["heavy:"]


def test_help_needs_no_numbers_library():
    code = (
        "import sys, recse_lab.cli; assert not {'numpy', 'pandas', 'scipy', 'matplotlib'} & "
        "sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
