"""The packaged minimal pairs are what their card says, and a damaged file is refused with its
line.
"""

import re
from collections import Counter

import numpy as np
import pytest

from recse_lab.data.minimal_pair_items import CHANGES, COLUMNS, KEEPS, PHENOMENA, load_minimal_pairs
from recse_lab.errors import LabError

ITEMS = load_minimal_pairs()
SENTENCES = ("base", "edit", "paraphrase")


def words(sentence):
    """Words without case and the punctuation around them."""
    return [
        word for word in (part.strip(".,;:?!\"'()") for part in sentence.casefold().split()) if word
    ]


def distance(first, second):
    """Levenshtein's, in words, or in the letters of a word."""
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, 1):
        diagonal, row[0] = row[0], i
        for j, b in enumerate(second, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (a != b))
    return row[-1]


def test_distance_by_hand():
    assert distance("abc", "ac") == 1
    assert distance("abc", "cba") == 2
    assert distance("ab", "xaby") == 2


def test_at_least_sixty_a_phenomenon_and_the_expectations_of_the_card():
    assert tuple(ITEMS.columns) == COLUMNS
    assert tuple(dict.fromkeys(ITEMS["phenomenon"])) == PHENOMENA
    kinds = Counter(zip(ITEMS["phenomenon"], ITEMS["expect"], strict=True))
    expected = {(name, CHANGES): 62 for name in PHENOMENA[:6]}
    assert kinds == expected | {
        ("word-order", CHANGES): 31,
        ("word-order", KEEPS): 31,
        ("typos", KEEPS): 62,
    }
    assert ITEMS["id"].is_unique
    assert (ITEMS["id"].str.replace(r"-\d+$", "", regex=True) == ITEMS["phenomenon"]).all()


def test_no_sentence_occurs_twice_and_no_three_begin_alike():
    every = [" ".join(words(s)) for column in SENTENCES for s in ITEMS[column]]
    assert [s for s, n in Counter(every).items() if n > 1] == []
    openings = Counter(tuple(words(s)[:3]) for s in ITEMS["base"])
    assert max(openings.values()) <= 2


@pytest.mark.parametrize("column", SENTENCES)
def test_every_sentence_is_one_clean_line_of_5_to_20_words(column):
    for sentence in ITEMS[column]:
        assert 5 <= len(words(sentence)) <= 20, sentence
        assert re.search(r'[.?!]"?$', sentence), sentence
        assert sentence[0].isupper() or sentence[0] == '"', sentence
        assert sentence.count('"') in (0, 2), sentence
        assert sentence == " ".join(sentence.split()), sentence
        assert sentence.isascii(), sentence
        assert not re.search(r" [.,?!]|\b(\w+) \1\b(?<!had had)|\|", sentence), sentence


def test_edits_are_small_and_paraphrases_change_at_least_as_much():
    for row in ITEMS.to_dict("records"):
        base, edit, paraphrase = (words(row[column]) for column in SENTENCES)
        changed = distance(base, edit)
        assert changed >= 1, row
        assert changed <= 4 or row["phenomenon"] == "word-order", row
        assert distance(base, paraphrase) >= max(2, changed), row


def test_reordered_items_have_the_same_words():
    for row in ITEMS.loc[ITEMS["phenomenon"].isin(["role-swap", "word-order"])].to_dict("records"):
        assert sorted(words(row["base"])) == sorted(words(row["edit"])), row


def test_typos_change_letters_of_words_that_stay_in_place():
    for row in ITEMS.loc[ITEMS["phenomenon"] == "typos"].to_dict("records"):
        base, edit = words(row["base"]), words(row["edit"])
        assert len(base) == len(edit), row
        for right, wrong in zip(base, edit, strict=True):
            assert distance(right, wrong) <= 2, (
                row
            )  # in letters; two for neighbours that changed places


def test_word_overlap_alone_orders_changes_wrongly_and_keeps_rightly():
    """The claim of the card and the figure, on cosines of bags of words."""

    def cosine(first, second):
        a, b = Counter(words(first)), Counter(words(second))
        dot = sum(a[word] * b[word] for word in a)
        return dot / np.sqrt(sum(v * v for v in a.values()) * sum(v * v for v in b.values()))

    nearer = np.array(
        [
            cosine(row["base"], row["paraphrase"]) > cosine(row["base"], row["edit"])
            for row in ITEMS.to_dict("records")
        ]
    )
    changes = (ITEMS["expect"] == CHANGES).to_numpy()
    assert nearer[changes].mean() < 0.05
    assert nearer[~changes].mean() < 0.05


# ---- files
# ------------------------------------------------------------------------------

HEADER = "\t".join(COLUMNS)
GOOD = "a-1\tnegation\tchanges\tIt is so.\tIt is not so.\tThat's how things are."


def test_reads_a_file(tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text(f"{HEADER}\n{GOOD}\n", encoding="utf-8")
    assert load_minimal_pairs(path).to_dict("records") == [
        dict(zip(COLUMNS, GOOD.split("\t"), strict=True))
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: the header must be id, phenomenon"),
        (f"{HEADER}\tmore\n{GOOD}", "line 1: the header"),
        (HEADER, "no item in it"),
        (f"{HEADER}\n{GOOD}\na-2\tnegation\tchanges\tOne.\tTwo.", "line 3: 5 fields instead of 6"),
        (f"{HEADER}\n{GOOD}\n\n", "line 3: 1 fields instead of 6"),
        (
            f"{HEADER}\n{GOOD.replace('negation', 'irony')}",
            "line 2: the phenomenon 'irony' is none of negation",
        ),
        (
            f"{HEADER}\n{GOOD.replace('changes', 'Changes')}",
            "line 2: expect is 'Changes', neither changes nor keeps",
        ),
        (f"{HEADER}\n{GOOD.replace('It is not so.', ' ')}", "line 2: nothing in edit"),
        (
            f"{HEADER}\n{GOOD.replace('It is not so.', 'It is so.')}",
            "line 2: two of its sentences are the same",
        ),
        (f"{HEADER}\n{GOOD}\n{GOOD}", "line 3: the id 'a-1' is that of line 2"),
    ],
)
def test_a_damaged_file_is_refused_with_its_line(tmp_path, text, message):
    path = tmp_path / "pairs.tsv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(LabError, match=re.escape(message)) as refused:
        load_minimal_pairs(path)
    assert str(path) in str(refused.value)


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(LabError, match=r"none\.tsv: it cannot be read"):
        load_minimal_pairs(tmp_path / "none.tsv")
    (tmp_path / "latin.tsv").write_bytes(b"caf\xe9")
    with pytest.raises(LabError, match=r"latin\.tsv: it cannot be read as UTF-8"):
        load_minimal_pairs(tmp_path / "latin.tsv")
