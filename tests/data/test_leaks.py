"""What sets and corpora share: counted by hand on small sets, and the known numbers of the real
ones.
"""

import numpy as np
import pytest

from recse_lab.data.corpora import Corpus
from recse_lab.data.leaks import TEXT, WORDS, find_shared, readable_sets
from recse_lab.data.sts_sets import Pairs, StsTask


def task(name, *pairs):
    first, second = zip(*pairs, strict=True)
    return StsTask(name, {"s": Pairs(list(first), list(second), np.zeros(len(pairs), np.float32))})


@pytest.fixture
def tasks():
    return [
        task("sts12", ("A dog.", "A cat."), ("a cat.", "a  dog."), ("x", "y")),
        task("stsb", ("a dog", "a cat"), ("x", "Y"), ("x", "new"), ("y", "x")),
    ]


def test_pairs_in_either_order_and_repeats(tasks):
    shared = find_shared(tasks)
    assert shared.pairs[TEXT] == {"sts12": {"sts12": 1, "stsb": 1}, "stsb": {"sts12": 2, "stsb": 1}}
    assert shared.pairs[WORDS]["sts12"] == {"sts12": 1, "stsb": 3}
    assert shared.in_years == {TEXT: {"stsb": 2}, WORDS: {"stsb": 3}}
    assert [tuple(each) for each in shared.sets] == [("sts12", 3, 2, 4), ("stsb", 4, 3, 5)]


def test_sentences(tasks):
    shared = find_shared(tasks)
    assert shared.sentences[TEXT] == {"sts12": {"stsb": 2}, "stsb": {"sts12": 2}}
    assert shared.sentences[WORDS]["stsb"] == {"sts12": 4}


def test_a_corpus_that_holds_test_sentences(tasks, tmp_path):
    path = tmp_path / "corpus.txt"
    path.write_text("A DOG.\nan owl\n a dog.\nnew!\n")
    (found,) = find_shared(tasks, [Corpus(path)]).corpora
    assert found.sentences == 4
    assert (found.text, found.words) == ({"sts12": 1, "stsb": 0}, {"sts12": 1, "stsb": 2})


def test_the_real_sets(data_dir):
    shared = find_shared(readable_sets(data_dir), [Corpus(data_dir / "wiki/wikisplit.txt")])
    assert (shared.in_years[TEXT]["stsb-dev"], shared.in_years[TEXT]["stsb"]) == (893, 839)
    assert (shared.in_years[WORDS]["stsb-dev"], shared.in_years[WORDS]["stsb"]) == (1131, 1007)
    assert shared.pairs[TEXT]["stsb-dev"]["sts15"] == 415
    assert (shared.pairs[TEXT]["sts12"]["sts12"], shared.pairs[TEXT]["sts14"]["sts14"]) == (209, 77)
    assert not any(shared.corpora[0].words.values())
