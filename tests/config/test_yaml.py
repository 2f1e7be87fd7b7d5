"""YAML with line numbers."""

import pytest

from recse_lab.config.overrides import parse_assignment
from recse_lab.config.yaml import read_yaml
from recse_lab.errors import LabError


def test_an_exponent_makes_a_number_wherever_it_stands(tmp_path):
    """YAML 1.1 reads 3e-5 as text."""
    (tmp_path / "a.yaml").write_text("rate: 3e-5\nlevels: [1e-3, 1E+2, -.5e0]\ntext: '3e-5'\n")
    tree, _ = read_yaml(tmp_path / "a.yaml")
    assert tree == {"rate": 3e-5, "levels": [1e-3, 100.0, -0.5], "text": "3e-5"}
    assert parse_assignment("training.learning_rate=3e-5") == ("training.learning_rate", 3e-5)
    assert parse_assignment("reshape.weight=[1e-3, 1]") == ("reshape.weight", [1e-3, 1])


def test_every_option_has_its_line(tmp_path):
    (tmp_path / "a.yaml").write_text("a:\n  b: 1\n  c: [x, {d: 2}]\n# nothing\ne: 3\n")
    tree, lines = read_yaml(tmp_path / "a.yaml")
    assert tree == {"a": {"b": 1, "c": ["x", {"d": 2}]}, "e": 3}
    assert lines == {"a": 1, "a.b": 2, "a.c": 3, "a.c.0": 3, "a.c.1": 3, "a.c.1.d": 3, "e": 5}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"a: 1\na: 2\n", "line 2: a is given before, in line 1"),
        (b"- a\n", "expected a mapping of options"),
        (b"a: [\n", "line 2: not valid YAML"),
        (b"\xff\xfe", "not a YAML text file"),
    ],
)
def test_what_is_not_a_mapping_of_options_is_refused(tmp_path, text, message):
    (tmp_path / "a.yaml").write_bytes(text)
    with pytest.raises(LabError, match=message):
        read_yaml(tmp_path / "a.yaml")


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path, message in ((tmp_path / "b.yaml", "no such file"), (tmp_path, "not a YAML text")):
        with pytest.raises(LabError, match=message):
            read_yaml(path)


def test_aliases_that_explode_are_refused_at_once(tmp_path):
    lines = ["a0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 11)]
    (tmp_path / "a.yaml").write_text("\n".join(lines))
    with pytest.raises(LabError, match="unfold to more than 100,000 entries"):
        read_yaml(tmp_path / "a.yaml")


def test_an_alias_is_read(tmp_path):
    (tmp_path / "a.yaml").write_text("a: &x {b: 1}\nc: *x\n")
    assert read_yaml(tmp_path / "a.yaml")[0] == {"a": {"b": 1}, "c": {"b": 1}}


def test_a_number_too_long_is_refused(tmp_path):
    (tmp_path / "a.yaml").write_text("a: " + "9" * 5_000)
    with pytest.raises(LabError, match="not valid YAML"):
        read_yaml(tmp_path / "a.yaml")
