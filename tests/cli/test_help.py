"""Help, lists and defaults on the screen."""

import re

import pytest
import typer

from recse_lab import __version__
from recse_lab.cli import app
from recse_lab.cli.inspect import LISTS
from recse_lab.cli.train import NAMES
from recse_lab.config.overrides import flatten
from recse_lab.config.reading import read_config

COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]


def test_the_version(call):
    code, out, _ = call("--version")
    assert (code, out) == (0, f"recse-lab {__version__}\n")


def test_list_alone_shows_its_choices(call):
    code, out, _ = call("list")
    assert code == 0
    assert re.findall(r"^(\w+) ", out, re.MULTILINE) == list(LISTS)


def test_list_of_an_unknown_thing(call):
    code, _, err = call("list", "operatrs")
    assert code == 2
    assert "did you mean operators?" in err


@pytest.mark.parametrize("name", [n for n, c in COMMANDS.items() if not hasattr(c, "commands")])
def test_every_command_has_an_example(name):
    assert f"recse-lab {name}" in (COMMANDS[name].help or "")


def test_the_defaults_that_help_shows_are_true():
    tree = {"encoder": "recse-lab/tiny"}
    options = [
        flatten(read_config(None, framework=name, overrides=tree).model_dump())
        for name in ("simcse", "recse")
    ]
    shown = {
        p.name: p.show_default
        for p in COMMANDS["train"].params
        if isinstance(p.show_default, str) and p.name in NAMES
    }
    true = {name: {str(o.get(NAMES[name].replace("__", "."))) for o in options} for name in shown}
    del shown["layers"], shown["corpus"], shown["data_dir"]  # absent means all, or the sample
    assert {n: v for n, v in shown.items() if v not in true[n]} == {}
