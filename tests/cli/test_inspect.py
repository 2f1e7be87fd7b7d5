"""What `recse-lab list` prints."""

from typer.testing import CliRunner

from recse_lab.cli import app
from recse_lab.config.frameworks import FRAMEWORKS


def printed(*arguments):
    result = CliRunner().invoke(app, ["list", *arguments], env={"COLUMNS": "400"})
    assert result.exit_code == 0
    return result.output


def test_a_long_list_of_frameworks_says_what_is_whose():
    short, long = printed("frameworks"), printed("frameworks", "--long")
    for name, framework in FRAMEWORKS.items():
        assert f"{name} " in short
        assert framework.about in long
        for whose in ("paper", "release", "ours"):
            assert f"{whose}: {getattr(framework, whose)}" in long
    assert "paper:" not in short
