"""sample-sts keeps what its card promises."""

import csv
from collections import Counter
from importlib import resources

import numpy as np
import pytest

from recse_lab.data.sts_sets import load_task


@pytest.fixture(scope="module")
def rows():
    text = (resources.files("recse_lab.data.samples") / "sample-sts.tsv").read_text(
        encoding="utf-8"
    )
    return list(csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))


def words(sentence):
    return {word.strip(".,;:!?\"'") for word in sentence.lower().split()}


def overlap(row):
    first, second = words(row["sentence1"]), words(row["sentence2"])
    return len(first & second) / len(first | second)


def test_enough_distinct_pairs_in_two_splits(rows):
    splits = Counter(row["split"] for row in rows)
    assert splits["dev"] >= 200
    assert splits["test"] >= 400
    sentences = [row[key].strip().lower() for row in rows for key in ("sentence1", "sentence2")]
    assert len(set(sentences)) == len(sentences)
    assert [int(row["id"]) for row in rows] == list(range(len(rows)))


def test_gold_is_the_mean_of_writer_and_reader(rows):
    for row in rows:
        assert float(row["gold"]) == (float(row["writer"]) + float(row["reader"])) / 2
    grades = np.array([(float(row["writer"]), float(row["reader"])) for row in rows])
    assert np.abs(grades[:, 0] - grades[:, 1]).max() <= 1
    assert round(np.corrcoef(grades.T)[0, 1], 3) == 0.983  # as the card prints it


@pytest.mark.parametrize("split", ["dev", "test"])
def test_grades_and_registers_are_even(rows, split):
    here = [row for row in rows if row["split"] == split]
    cells = Counter((row["register"], row["writer"]) for row in here)
    assert len(cells) == 36
    assert len(set(cells.values())) == 1


def test_word_overlap_does_not_tell_the_grade(rows):
    high = [overlap(row) for row in rows if float(row["gold"]) >= 4]
    low = [overlap(row) for row in rows if float(row["gold"]) <= 2]
    assert np.mean(np.array(high) < 0.25) > 0.3
    assert np.mean(np.array(low) > 0.35) > 0.3


def test_lengths_are_spread(rows):
    lengths = np.array(
        [(len(row["sentence1"].split()) + len(row["sentence2"].split())) / 2 for row in rows]
    )
    assert lengths.min() >= 4
    for low, high in ((0, 8.5), (8.5, 15), (15, 30)):
        assert ((lengths >= low) & (lengths < high)).mean() > 0.2


def test_the_loader_reads_both_splits(rows):
    for name, split in (("sample-sts", "test"), ("sample-sts-dev", "dev")):
        pairs = load_task(name, None).subsets["sample"]
        wanted = [float(row["gold"]) for row in rows if row["split"] == split]
        np.testing.assert_allclose(pairs.gold, wanted)
