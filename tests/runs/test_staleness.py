"""Stale is what today's code or data would compute differently; comments are not."""

import ast
import subprocess

import pytest
from runstore import add_trained

from recse_lab.files import read_json, write_json
from recse_lab.reports.stale_marks import STALE, UNKNOWN, mark_stale
from recse_lab.reports.tables import Cell, Column, Row, Table
from recse_lab.runs.staleness import Freshness, changed_modules, freshness
from recse_lab.runs.store import Run

CODE = '"""Says."""\n\ndef double(x):\n    """Twice."""\n    return 2 * x  # x\n'


def git(folder, *arguments):
    name = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    return subprocess.run(
        ["git", "-C", str(folder), *name, *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def package(tmp_path):
    """A package under git with modules that runs need and modules that none needs; its commit."""
    root = tmp_path / "package"
    modules = ("training/trainer.py", "statistics/seeds.py", "reports/page/page.py")
    for module in (*modules, "models/tiny/model.safetensors", "models/tiny/README.md"):
        (root / module).parent.mkdir(parents=True, exist_ok=True)
        (root / module).write_text(CODE)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    return root, git(tmp_path, "rev-parse", "HEAD")


@pytest.mark.parametrize(
    ("module", "text", "changed"),
    [
        ("training/trainer.py", CODE.replace("2 *", "3 *"), ("package/training/trainer.py",)),
        ("training/trainer.py", None, ("package/training/trainer.py",)),
        (
            "training/trainer.py",
            CODE.replace("Twice.", "Two times.").replace("# x", "# the double") + "\n\n",
            (),
        ),
        ("training/newcomer.py", CODE, ()),
        ("statistics/seeds.py", CODE.replace("2 *", "3 *"), ()),
        ("reports/page/page.py", CODE.replace("2 *", "3 *"), ()),
        (
            "models/tiny/model.safetensors",
            "other weights",
            ("package/models/tiny/model.safetensors",),
        ),
        ("models/tiny/README.md", "told otherwise", ()),
    ],
)
def test_code_is_compared_as_it_runs(package, module, text, changed):
    root, commit = package
    assert changed_modules(commit, root) == ()
    changed_modules.cache_clear()
    (root / module).write_text(text) if text is not None else (root / module).unlink()
    assert changed_modules(commit, root) == changed
    git(root.parent, "add", "-A")
    git(root.parent, "commit", "-qm", "second", "--allow-empty")
    changed_modules.cache_clear()
    assert changed_modules(commit, root) == changed


def test_other_packaged_weights_make_only_their_own_runs_stale(tmp_path, monkeypatch):
    from recse_lab.runs import staleness as stale

    monkeypatch.setattr(
        stale, "changed_modules", lambda commit: ("recse_lab/models/tiny/model.safetensors",)
    )
    for name, encoder, state in (
        ("a", "bag@recse-lab/tiny", "stale"),
        ("b", "all-minilm-l6-v2", "current"),
    ):
        run = Run(tmp_path / "s" / name)
        write_json(run.folder / "config.json", {"encoder": encoder})
        write_json(run.folder / "environment.json", {"commit": "c"})
        assert stale.freshness(run).code == state


MOVES = [
    (("execution.py",), ("jobs/train.py",), CODE, ()),
    (("execution.py",), ("jobs/train.py",), CODE.replace("2 *", "3 *"), ("package/execution.py",)),
    (("execution.py",), ("elsewhere.py",), CODE, ("package/execution.py",)),
    (("encoders/heads.py",), ("models/heads.py",), CODE, ()),
    (("encoders/pooling.py",), ("pooling.py",), CODE.replace("Twice", "Two times"), ()),
    (("encoders/tiny/model.safetensors",), ("models/tiny/model.safetensors",), CODE, ()),
    (("evaluation/seeds.py",), ("statistics/seeds.py",), CODE.replace("2 *", "3 *"), ()),
    (("build.py",), ("jobs/build.py",), CODE, None),
    (("build.py", "execution.py"), ("jobs/build.py",), CODE, ("package/execution.py",)),
]


@pytest.mark.parametrize(("before", "after", "text", "changed"), MOVES)
def test_a_file_that_has_moved_is_compared_where_it_is_now(tmp_path, before, after, text, changed):
    """A module that came apart is unknown, unless another one is known to have changed."""
    root = tmp_path / "package"
    for name in before:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(CODE)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    commit = git(tmp_path, "rev-parse", "HEAD")
    for name in before:
        (root / name).unlink()
    for name in after:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    assert changed_modules(commit, root) == changed
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "moved")
    changed_modules.cache_clear()
    assert changed_modules(commit, root) == changed


def test_every_target_of_a_move_exists():
    from recse_lab.runs.staleness import MOVED, PACKAGE, PRODUCING

    targets = [target for targets in MOVED.values() for target in targets]
    assert [name for name in (*targets, *PRODUCING) if not (PACKAGE / name).exists()] == []


def test_every_module_that_makes_runs_is_looked_at():
    """All that the modules which fill runs import, apart from what only names or stores things."""
    from recse_lab.runs.staleness import PACKAGE, PRODUCING

    names_only = ("runs/", "config/", "errors.py", "files.py", "code.py", "statistics/")
    names_only += ("probes/result.py", "probes/spectra.py")  # of probes, not of runs
    names_only += tuple(
        f"jobs/{name}.py"
        for name in ("behaviour", "computing", "environment", "interrupt", "machine", "memory")
    )
    todo, seen = ["jobs/train.py", "jobs/evaluate.py"], set()
    while todo:
        module = todo.pop()
        if module in seen or module.startswith(names_only):
            continue
        seen.add(module)
        for node in ast.walk(ast.parse((PACKAGE / module).read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("recse_lab."):
                path = "/".join((node.module or "").split(".")[1:])
                there = (
                    f"{path}.py" if (PACKAGE / f"{path}.py").is_file() else f"{path}/__init__.py"
                )
                todo.append(there)
    missed = [m for m in seen if not any(m == p or m.startswith(f"{p}/") for p in PRODUCING)]
    assert missed == []
    assert {"models/transformer.py", "training/loop.py", "jobs/shared_work.py"} <= seen


def test_what_cannot_be_told(package):
    root, commit = package
    assert changed_modules(f"{commit}+dirty", root) is None
    assert changed_modules("0123456789ab", root) is None
    assert changed_modules("None", root) is None
    assert changed_modules(commit, root / "training") is None  # no repository begins there


def test_data_that_have_changed_make_a_run_stale(tmp_path, corpus_file):
    from recse_lab.data.corpora import Corpus
    from recse_lab.data.sts_sets import load_task, tasks_fingerprint

    run = add_trained(tmp_path, "s", "a", 0.3, 0)
    config = read_json(run.folder / "config.json")
    config |= {"corpus": [str(corpus_file)], "column": None}
    config |= {"evaluation": {"tasks": ["sample-sts"], "dev": "sample-sts-dev", "data_dir": None}}
    write_json(run.folder / "config.json", config)
    assert freshness(run).data == "unknown"  # no fingerprint is stored
    evaluation = tasks_fingerprint(
        [load_task(name, None) for name in ("sample-sts", "sample-sts-dev")]
    )
    write_json(
        run.folder / "fingerprints.json",
        {"corpus": Corpus([corpus_file]).fingerprint, "evaluation": evaluation},
    )
    assert freshness(run).data == "current"
    for name in ("corpus", "evaluation"):
        write_json(
            run.folder / "fingerprints.json",
            {"corpus": Corpus([corpus_file]).fingerprint, "evaluation": evaluation, name: "other"},
        )
        assert freshness(run).data == "stale"
    write_json(run.folder / "config.json", config | {"corpus": [str(tmp_path / "gone.txt")]})
    write_json(run.folder / "fingerprints.json", {"corpus": "any", "evaluation": evaluation})
    assert freshness(run).data == "unknown"


def test_rows_are_marked_and_the_notes_say_why(tmp_path):
    found = {
        "fresh": Freshness("current", "current", "c1"),
        "old": Freshness("stale", "current", "c2"),
        "moved": Freshness("current", "stale", "c1"),
        "dirty": Freshness("unknown", "unknown", "c3+dirty"),
        "far": Freshness("current", "unknown", "c1"),
    }
    rows = [Row({"m": Cell(name)}, runs=(Run(tmp_path / "s" / name),)) for name in found]
    both = Row({"m": Cell("both"), "x": Cell(0.5)}, runs=(rows[0].runs[0], rows[1].runs[0]))
    published = Row({"m": Cell("theirs")}, kind="published")
    table = Table("t", [Column("m", "m", "text"), Column("x", "x")], [*rows, both, published])
    marked = mark_stale(table, lambda run: found[run.id])
    marks = {row.cells["m"].value: row.cells["m"].mark for row in marked.rows}
    assert marks == {
        "fresh": "",
        "old": STALE,
        "moved": STALE,
        "dirty": UNKNOWN,
        "far": "",
        "both": STALE,
        "theirs": "",
    }
    notes = " ".join(marked.notes)
    for part in (
        "1 of 5 runs has changed since commit c2",
        "1 of 5 runs it cannot",
        "c3+dirty",
        "2 of 5 runs were not found",
    ):
        assert part in notes
