"""Careless and hostile input, made from valid input by seed: `make fuzz`.

Every kind gives the arguments of a command line and writes the files that they name. The law is in
tests/test_fuzz.py: success, or one sentence and exit code 2.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import yaml


class World(NamedTuple):
    """What the inputs are made from."""

    encoder: Path
    corpus: Path
    senteval: Path
    run: Path
    """A finished run."""
    folder: Path
    """Where files of this input may lie."""


Kind = Callable[[random.Random, World], list[str]]

VALUES: list[Any] = [
    *(None, True, False, 0, -1, 1, 2, 10**9, 10**30, -(2**63), 0.5, -0.1, 1e308, float("nan")),
    *(float("inf"), "", " ", "auto", "none", "null", "ü", "a" * 5000, "../..", "/dev/null", "\x00"),
    *("💥", "=1+1", "{}", "[1", [], [1, 2], ["a", "a"], {}, {"a": {"b": 1}}, [[]], "1e3", "0x10"),
]
OPTIONS = {
    "model.pooling": ["mean", "cls", "last", "bogus"],
    "model.layers": [1, 2, 99],
    "model.dropout": [0.0, 0.1, 1.0],
    "model.head": ["none", "tanh", "auto"],
    "training.batch_size": [2, 8, 400],
    "training.learning_rate": [1e-3, 0.0],
    "training.chunk_tokens": [16, 1],
    "contrast.temperature": [0.05, 1.0],
    "contrast.queue": [0.0, 2.0],
    "reshape.operator": ["channel-gram", "token-gram", "mean", "bogus"],
    "reshape.dim": [2, 4, 1000],
    "reshape.mode": ["separated", "integrated"],
    "reshape.source": [0, 1, 50],
    "view.family": ["crop", "word-deletion"],
    "seed": [0, 7],
    "seeds.order": [0, 3],
    "evaluation.protocol": ["simcse-2021", "mteb", "bogus"],
}
WORDS = ["train", "eval", "ablate", "probe", "report", "runs", "compare", "import", "pretrain"]
WORDS += [
    "doctor",
    "explain",
    "list",
    "data",
    "reshape",
    "selftest",
    "last",
    "all",
    "claims",
    "sts",
]
WORDS += ["sts", "polarity", "ls", "show", "diff", "check", "build", "--help", "--json", "--out"]
WORDS += ["--set", "--seeds", "--encoder", "--corpus", "--data-dir", "--quick", "--dry-run", "@0"]


def value(rng: random.Random) -> Any:
    """Some value that an option might be given."""
    return rng.choice(VALUES)


def mangled(rng: random.Random, content: bytes) -> bytes:
    """A file as accidents leave it: cut, doubled, with other bytes, lines or marks."""
    lines = content.split(b"\n")
    at, place = rng.randrange(len(lines)), rng.randrange(len(content) or 1)
    junk = rng.choice([b"\x00\x01", b"\xff\xfe", b"\t\t\t", b'"', b"NaN", b"\xc3\x28", b"9" * 5000])
    return rng.choice(
        [
            lambda: content[:place],
            lambda: content[:place] + junk + content[place:],
            lambda: b"\n".join([*lines[:at], *lines[at + 1 :]]),
            lambda: b"\n".join([*lines[:at], junk, *lines[at:]]),
            lambda: content.replace(b"\t", b",", 3),
            lambda: b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n"),
            lambda: content + content,
            lambda: b"",
        ]
    )()


def edited(rng: random.Random, tree: Any) -> Any:
    """A document with one value replaced, removed, moved or added somewhere inside."""
    if isinstance(tree, dict) and tree and rng.random() < 0.7:
        key = rng.choice(list(tree))
        what = rng.random()
        if what < 0.15:
            return {name: inner for name, inner in tree.items() if name != key}
        if what < 0.3:
            return {**tree, rng.choice(["bogus", "", 3, "set", "seed"]): value(rng)}
        return {**tree, key: edited(rng, tree[key])}
    if isinstance(tree, list) and tree and rng.random() < 0.7:
        at = rng.randrange(len(tree))
        return [*tree[:at], edited(rng, tree[at]), *tree[at + 1 :]]
    return value(rng)


def written(path: Path, tree: Any) -> Path:
    """A YAML file of any tree."""
    path.write_text(yaml.safe_dump(tree, allow_unicode=True), encoding="utf-8")
    return path


def base(world: World) -> dict[str, Any]:
    """A training of one step that works."""
    return {
        "encoder": str(world.encoder),
        "corpus": str(world.corpus),
        "model": {"pooling": "mean", "max_length": 16},
        "training": {"steps": 1, "batch_size": 8, "precision": "fp32"},
        "evaluation": {"data_dir": str(world.senteval), "tasks": [], "precision": "fp32"},
    }


# ---- kinds ------------------------------------------------------------------------------------


def configuration(rng: random.Random, world: World) -> list[str]:
    """A configuration file with something wrong."""
    tree = base(world)
    for _ in range(rng.randint(1, 3)):
        tree = edited(rng, tree)
    return ["train", "--config", str(written(world.folder / "c.yaml", tree))]


def options(rng: random.Random, world: World) -> list[str]:
    """Options by --set, some of them contradictory."""
    path = written(world.folder / "c.yaml", base(world))
    chosen = rng.sample(list(OPTIONS), rng.randint(1, 4))
    pairs = [
        f"{name}={rng.choice(OPTIONS[name]) if rng.random() < 0.7 else value(rng)}"
        for name in chosen
    ]
    return ["train", "--config", str(path), *(part for pair in pairs for part in ("--set", pair))]


def document(rng: random.Random, world: World) -> list[str]:
    """A file that is no configuration, or one that explodes."""
    text = rng.choice(
        [
            "a: &a [1]\n" + "".join(f"b{i}: &b{i} [*a, *a]\n" for i in range(9)),
            "[" * 2000,
            "{a: " * 2000,
            "!!python/object/apply:os.system [ls]",
            "encoder: !!binary aGVsbG8=",
            "- just\n- a\n- list",
            "\ttabs: first",
            "a: 1\na: 2",
            "9" * 6000,
            "encoder: " + "9" * 6000,
            "? [complex]\n: key",
            "",
        ]
    )
    path = world.folder / "d.yaml"
    path.write_text(text, encoding="utf-8")
    command = ["train", "--config"] if rng.random() < 0.5 else ["ablate"]
    return [*command, str(path), *(["--dry-run"] if command[0] == "ablate" else [])]


def study(rng: random.Random, world: World) -> list[str]:
    """A study file with something wrong."""
    tree = {
        "name": "fuzzed",
        "question": "?",
        "cost": "none",
        "base": base(world),
        "arms": [
            {"name": "SimCSE", "role": "reference"},
            {"name": "crop", "framework": "crop", "sweep": {"view.strength": [0.1, 0.2]}},
        ],
        "seeds": 2,
        "claims": [
            {
                "name": "helps",
                "question": "?",
                "first": {"arm": "crop"},
                "second": {"arm": "SimCSE"},
                "above": 0,
                "margin": 0.5,
                "reason": "half a point",
            }
        ],
        "report": {"x": "view.strength", "against": "SimCSE"},
    }
    for _ in range(rng.randint(1, 3)):
        tree = edited(rng, tree)
    extra = rng.choice([[], ["--until", "decided"], ["--seeds", "3"], ["--quick"], ["--join"]])
    path = written(world.folder / "s.yaml", tree)
    return ["ablate", str(path), "--dry-run", *extra]


def command_line(rng: random.Random, world: World) -> list[str]:
    """Words in no order."""
    words = [*WORDS, str(world.encoder), str(world.folder), str(world.run)]
    words += [str(value(rng)) for _ in range(3)]
    words = [word for word in words if "\x00" not in word]
    line = [rng.choice(words) for _ in range(rng.randint(1, 6))]
    # What computes for minutes, or serves, is left out.
    return line if not {"selftest", "pull"} & set(line) else ["list", *line[:1]]


def corpus(rng: random.Random, world: World) -> list[str]:
    """A corpus as accidents leave it."""
    ending = rng.choice(["txt", "csv", "tsv", "jsonl", "parquet", "txt.gz", "doc"])
    lines = world.corpus.read_text(encoding="utf-8").splitlines()[:40]
    text = {
        "csv": "id,text\n" + "".join(f'{i},"{line}"\n' for i, line in enumerate(lines)),
        "tsv": "id\ttext\n" + "".join(f"{i}\t{line}\n" for i, line in enumerate(lines)),
        "jsonl": "".join(json.dumps({"text": line}) + "\n" for line in lines),
    }.get(ending, "\n".join(lines) + "\n")
    path = world.folder / f"c.{ending}"
    path.write_bytes(mangled(rng, text.encode()))
    tree = base(world) | {"corpus": str(path)}
    return ["train", "--config", str(written(world.folder / "c.yaml", tree))]


def sts_file(rng: random.Random, world: World) -> list[str]:
    """STS data as accidents leave them."""
    root = world.folder / "senteval"
    shutil.copytree(world.senteval, root, dirs_exist_ok=True)
    file = rng.choice(sorted(path for path in root.rglob("*") if path.is_file()))
    file.write_bytes(mangled(rng, file.read_bytes()))
    return ["eval", str(world.encoder), "--data-dir", str(root), "--precision", "fp32"]


def run_folder(rng: random.Random, world: World) -> list[str]:
    """A store with a damaged run."""
    store = world.folder / "store"
    home = store / world.run.parent.name / world.run.name
    shutil.copytree(world.run, home, dirs_exist_ok=True)
    file = rng.choice(sorted(path for path in home.iterdir() if path.is_file()))
    if file.suffix == ".json" and rng.random() < 0.6:
        file.write_text(json.dumps(edited(rng, json.loads(file.read_text()))))
    elif file.suffix == ".json" and rng.random() < 0.3:
        file.write_text("[" * 100_000)
    else:
        file.write_bytes(mangled(rng, file.read_bytes()))
    name = home.name
    return [
        *rng.choice(
            [
                ["runs", "ls"],
                ["runs", "show", name],
                ["report", "sts"],
                ["report", "cost"],
                ["doctor", name, name],
                ["explain", name, "--published", "simcse"],
                ["compare", name, name],
                ["report", "claims", "--out", str(world.folder / "out")],
            ]
        ),
        "--runs",
        str(store),
    ]


def imported(rng: random.Random, world: World) -> list[str]:
    """Another program's results, damaged."""
    step = {"step": 5, "eval_stsb_spearman": 0.5, "eval_sickr_spearman": 0.4, "eval_avg_sts": 0.45}
    state = {"log_history": [step], "best_model_checkpoint": "checkpoint-5", "best_metric": 0.5}
    scores = {"cosine_spearman": 0.8, "cosine_pearson": 0.8, "hf_subset": "default"}
    mteb = {"task_name": "STS12", "scores": {"test": [scores]}}
    head = "| STS12 | STSBenchmark | Avg. |\n| 60.00 | 70.00 | 65.00 |\n"
    kind = rng.choice(["state", "mteb", "log", "csv"])
    if kind in ("state", "mteb"):
        tree = edited(rng, state if kind == "state" else mteb)
        content = json.dumps(tree).encode()
        content = mangled(rng, content) if rng.random() < 0.3 else content
    elif kind == "log":
        content = mangled(rng, f"------ test ------\n{head}".encode())
    else:
        rows = "epoch,steps,cosine_pearson,cosine_spearman\n1,10,0.5,0.6\n"
        content = mangled(rng, rows.encode())
    path = world.folder / rng.choice(["a.json", "a.log", "a.csv"])
    path.write_bytes(content)
    return ["import", str(path)]


def card(rng: random.Random, world: World) -> list[str]:
    """Reports whose cards are damaged."""
    reports = world.folder / "reports"
    folder = reports / "x"
    folder.mkdir(parents=True)
    tree = {
        "schema": "recse-lab/card/1",
        "name": "x",
        "title": "x",
        "question": "?",
        "summary": ["s"],
        "tables": [{"title": "t", "columns": [{"label": "a", "kind": "text"}], "rows": []}],
        "figures": ["f.png"],
        "provenance": [],
        "runs": [],
    }
    text = json.dumps(edited(rng, tree))
    (folder / "card.json").write_bytes(
        mangled(rng, text.encode()) if rng.random() < 0.3 else text.encode()
    )
    return ["report", "all", "--out", str(reports), "--runs", str(world.run.parent.parent)]


KINDS: dict[str, Kind] = {
    "configuration": configuration,
    "options": options,
    "document": document,
    "study": study,
    "command line": command_line,
    "corpus": corpus,
    "STS file": sts_file,
    "run folder": run_folder,
    "import": imported,
    "card": card,
}
