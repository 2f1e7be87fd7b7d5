"""Studies as files: read by name, resolved, and refused by line."""

import re

import pytest
from study_files import GRAM, study_text

from recse_lab.ablation.experiments import experiment_files, load_spec
from recse_lab.errors import LabError


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("small", "eval", "line 1: name: no study may be called train, eval"),
        ("seeds: 3", "seeds: two", "line 11: seeds: expected a number, not 'two'."),
        ("seeds: 3", "seeds: 1.5", "line 11: seeds: input should be a valid integer"),
        ("seeds: 3", "seeds: [0, 0, 1]", "line 11: seeds: 0 is given twice"),
        (GRAM, GRAM + ", rolle: arm", "line 10: unknown option arms.2.rolle; did you mean role?"),
        (
            GRAM,
            GRAM + ", xyz: arm",
            "line 10: unknown option arms.2.xyz; known: name, framework, baseline, set",
        ),
        (
            GRAM,
            GRAM + ", framework: simsce",
            "line 10: arms.2.framework: unknown framework 'simsce'; did you mean simcse?",
        ),
        (GRAM, GRAM + ", seeds: [7]", "line 10: arms.2.seeds: 7 is not a seed of the study."),
        (GRAM, GRAM + ", seeds: [0, 7]", "line 10: arms.2.seeds: 7 is not a seed of the study."),
        (
            GRAM,
            GRAM + ", set: {seed: 3}",
            "line 10: arms.2.set.seed: a study sets the seed of every run itself",
        ),
        (
            GRAM,
            GRAM + ", skip: [{foo: 1}]",
            "line 10: arms.2: skip.0: unknown factor 'foo'; known: mask, reshape.dim.",
        ),
        (
            GRAM,
            GRAM + ", skip: [{reshape.dim: '4'}]",
            "line 10: arms.2: skip.0: reshape.dim has no level '4'; it has 2, 4.",
        ),
        (
            GRAM,
            GRAM + ", same: [{when: {foo: 1}, then: {}}]",
            "line 10: arms.2: same.0.when: unknown factor 'foo'",
        ),
        (
            GRAM,
            GRAM + ", same: [{when: {mask: a}, then: {mask: c}}]",
            "arms.2: same.0.then: mask has no level 'c'; it has 'a', 'b'.",
        ),
        (
            "dim: [2, 4]",
            "dim: 4",
            "line 10: arms.2.sweep.reshape.dim: input should be a valid list (given: 4).",
        ),
        ("dim: [2, 4]", "dim: []", "line 10: arms.2.sweep: reshape.dim: there is no level."),
        ("dim: [2, 4]", "dim: [4, 4]", "line 10: arms.2.sweep: reshape.dim: 4 is given twice."),
        (
            '"a": {}',
            '"a": {framework: simsce}',
            "line 10: arms.2.sweep: mask: unknown framework 'simsce'",
        ),
        (
            "dim: [2]",
            "dimm: [4]",
            "line 12: quick.sweep: unknown factor 'reshape.dimm'; did you mean reshape.dim?",
        ),
        (
            "x: reshape.dim",
            "x: reshape.dimm",
            "line 13: report.x: unknown factor 'reshape.dimm'; did you mean reshape.dim?",
        ),
        ("x: reshape.dim", "y: foo", "line 13: report.y: unknown factor 'foo'"),
        ("x: reshape.dim", "effects: [foo]", "line 13: report.effects: unknown factor 'foo'"),
        (
            "x: reshape.dim",
            "x: reshape.dim, figure: heat-map",
            "line 13: report: figure: a figure of heat-map needs y.",
        ),
        ("against: SimCSE", "against: SimCES", "line 13: report.against: there is no arm SimCES."),
        (
            "SimCSE}",
            "SimCSE, against_level: {reshape.dim: 99}}",
            "line 13: report.against_level: reshape.dim has no level 99; it has 2, 4.",
        ),
        (
            "SimCSE}",
            "SimCSE, against_level: {foo: 3}}",
            "line 13: report.against_level: unknown factor 'foo'",
        ),
    ],
)
def test_a_mistake_is_reported_with_its_line(tmp_path, old, new, message):
    (tmp_path / "a.yaml").write_text(study_text(old, new))
    with pytest.raises(
        LabError, match=re.escape(f"a.yaml, {message}" if message.startswith("line") else message)
    ):
        load_spec(str(tmp_path / "a.yaml"))


def test_every_packaged_study_is_read():
    assert len(experiment_files()) >= 10
    for name in experiment_files():
        spec = load_spec(name)
        assert spec.name == name
        assert spec.origin.lines["name"] >= 1


def test_a_study_of_the_current_folder_wins(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "experiments").mkdir()
    text = study_text("name: small", "name: arms")
    (tmp_path / "experiments" / "arms.yaml").write_text(text)
    assert load_spec("arms").question == "Does p matter?"


def test_extends_takes_the_base_and_keeps_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "small.yaml").write_text(study_text())
    (tmp_path / "child.yaml").write_text("""name: child
extends: small
question: Another one?
cost: seconds
base: {reshape.dim: 8}
arms: [{name: only, sweep: {reshape.dim: [1, 2]}}]
report: {against: only}
""")
    child, parent = load_spec(str(tmp_path / "child.yaml")), load_spec("small")
    assert child.base == {"encoder": "recse-lab/tiny", "reshape": {"projection": 8, "dim": 8}}
    assert child.seeds == parent.seeds == 3
    assert [arm.name for arm in child.arms] == ["only"]


@pytest.mark.parametrize(
    ("parent", "message"),
    [
        ("smal", "which is not an experiment; did you mean small?"),
        ("small", "which extends itself"),
    ],
)
def test_extends_what_cannot_be_extended(tmp_path, monkeypatch, parent, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "experiments").mkdir()
    text = study_text().replace("seeds: 3", f"extends: {parent}")
    (tmp_path / "experiments" / "small.yaml").write_text(text)
    with pytest.raises(LabError, match=re.escape(message)):
        load_spec("small")


def test_an_unknown_study_has_the_nearest_name():
    with pytest.raises(LabError, match=r"no experiment 'reshape-dmi'; did you mean reshape-dim\?"):
        load_spec("reshape-dmi")
