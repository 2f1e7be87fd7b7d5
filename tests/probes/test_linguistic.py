"""Accuracies of encoders that hold a property, hold it in part, or hold nothing."""

import numpy as np
import pytest

from recse_lab.data.transfer_sets import Examples, TransferTask
from recse_lab.errors import LabError
from recse_lab.probes.linguistic import LINGUISTIC_PROBE, linguistic

SIZES = {"train": 120, "dev": 40, "test": 60}


def task_of(name, classes):
    """Sentences that name their class and their number."""
    splits, start = {}, 0
    for split, size in SIZES.items():
        label = np.arange(size) % classes
        splits[split] = Examples(
            [f"{c} {start + i} {name}" for i, c in enumerate(label)], None, label
        )
        start += size
    return TransferTask(name, tuple("abc"[:classes]), splits)


TASKS = {"tense": task_of("tense", 2), "tree-depth": task_of("tree-depth", 3)}


def knows(sentences):
    """One-hot of the class."""
    return np.eye(4, dtype=np.float32)[[int(s.split()[0]) for s in sentences]]


def knows_nothing(sentences):
    return np.ones((len(sentences), 4), np.float32)


def knows_tense(sentences):
    rows = knows(sentences)
    rows[[s.endswith("tree-depth") for s in sentences]] = 1
    return rows


def broken(sentences):
    return np.full((len(sentences), 4), np.nan, np.float32)


@pytest.fixture(scope="module")
def found():
    encoders = {"nothing": knows_nothing, "all": knows, "tense": knows_tense, "broken": broken}
    return linguistic(TASKS, encoders, against="nothing", resamples=200)


def test_accuracies_are_those_of_what_an_encoder_holds(found):
    table = found.table.set_index(["encoder", "measure"])
    for task, share in {"tense": 1 / 2, "tree-depth": 1 / 3}.items():
        assert table.loc[("all", task), "value"] == 1
        assert table.loc[("nothing", task), "value"] == pytest.approx(share)
        assert found.about["majority"][task] == pytest.approx(share)
    assert table.loc[("all", "average"), "value"] == 1
    assert table.loc[("nothing", "average"), "value"] == pytest.approx(5 / 12)
    assert table.loc[("tense", "tree-depth"), "value"] == pytest.approx(1 / 3)
    line = table.loc[("nothing", "tense")]
    half = 1.96 * np.sqrt(0.25 / SIZES["test"])
    assert (line["high"] - line["low"]) / 2 == pytest.approx(half, rel=0.2)
    assert table.loc[("all", "tense minus nothing"), "low"] > 0
    same = table.loc[("tense", "tree-depth minus nothing")]
    assert (same["value"], same["low"], same["high"]) == (0, 0, 0)
    assert "not finite" in table.loc[("broken", "tense"), "note"]


def test_words_and_picture(found):
    text = LINGUISTIC_PROBE.summary(found)
    assert (
        "- all: 100 % of the test sentences on average; beside nothing more is read of Tense "
        "(semantics) and TreeDepth (syntax), less of nothing." in text
    )
    assert "Undefined for broken" in text
    (figure,) = LINGUISTIC_PROBE.figures(found).values()
    (axes,) = figure.axes
    ticks = [label.get_text() for label in axes.get_yticklabels()]
    assert ticks == ["Tense (semantics)", "TreeDepth (syntax)"]


def test_more_classes_than_a_byte_holds():
    """Word content has 1,000 classes: predictions are kept in a wide enough type."""
    labels = np.tile(np.arange(200), 2)
    part = Examples([f"{c} {i}" for i, c in enumerate(labels)], None, labels)
    task = TransferTask("word-content", tuple(map(str, range(200))), dict.fromkeys(SIZES, part))

    def encode(sentences):
        return 5 * np.eye(200, dtype=np.float32)[[int(s.split()[0]) for s in sentences]]

    table = linguistic({"word-content": task}, {"e": encode}, resamples=20).table
    assert table.set_index("measure").loc["word-content", "value"] == 1


def test_an_unknown_reference_is_refused_before_anything_is_encoded():
    def never(sentences):
        raise AssertionError

    with pytest.raises(LabError, match="'other' is none of the encoders"):
        linguistic(TASKS, {"e": never}, against="other")
