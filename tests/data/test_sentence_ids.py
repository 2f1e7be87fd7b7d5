"""Ids of sentences shared across tasks."""

import numpy as np

from recse_lab.data.sentence_ids import normalised, sentence_ids


def test_ids_ignore_case_and_white_space_and_nothing_else():
    ids = sentence_ids(["A man sings.", "a  MAN\tsings. ", "A man sings", "A man sang."])
    assert ids.dtype == np.int64
    assert ids[0] == ids[1]
    assert len(set(ids.tolist())) == 3


def test_punctuation_can_be_ignored():
    first, second = sentence_ids(["Well-known, he said.", "well known he said"], punctuation=False)
    assert first == second
    assert normalised("It's  OK", punctuation=False) == "it s ok"


def test_an_id_never_changes():
    """Stored scores keep their ids: a change here would separate old runs from new ones."""
    assert sentence_ids(["A man is playing a guitar."]).tolist() == [6240071645074732061]


def test_no_sentences_have_no_ids():
    assert sentence_ids([]).shape == (0,)
