"""Synonyms from a hand-made folder in WordNet's format."""

from collections import Counter

import numpy as np
import pytest

from recse_lab.errors import LabError
from recse_lab.views import VIEWS, Vocabulary
from recse_lab.views.synonyms import replace_words
from recse_lab.views.wordnet import VARIABLE, WordNet, find_wordnet, first_senses, synset_words

LICENCE = (
    "  1 This is a made-up database in the format of wndb(5).  \n  2 It holds a few synsets.  \n"
)
SYNSETS = {
    "noun": [
        ["car", "auto", "motor_car"],
        ["car", "gondola"],
        ["dog", "hound"],
        ["in", "inch"],
        ["lone"],
        ["boat", "ship"],
    ],
    "verb": [["dog", "chase", "trail"]],
    "adj": [["galore(ip)", "abundant(a)"], ["fast", "quick"]],
    "adv": [["quickly", "fast", "Speedily"]],
}


@pytest.fixture
def wordnet(tmp_path):
    """index.POS and data.POS as the manual describes them, offsets in bytes and the count of words in hexadecimal."""
    for part, synsets in SYNSETS.items():
        data, senses = LICENCE.encode(), {}
        for words in synsets:
            for word in words:
                senses.setdefault(word.partition("(")[0].lower(), []).append(len(data))
            listed = " ".join(f"{word} 0" for word in words)
            line = f'{len(data):08d} 03 {part[0]} {len(words):02x} {listed} 001 @ 00000000 n 0000 | a gloss; "with [{part}] in it"  \n'
            data += line.encode()
        lines = []
        for lemma, offsets in sorted(senses.items()):
            pointers = ["@", "~"][: len(offsets)]
            places = " ".join(f"{o:08d}" for o in offsets)
            fields = [
                lemma,
                part[0],
                len(offsets),
                len(pointers),
                *pointers,
                len(offsets),
                0,
                places,
            ]
            lines.append(" ".join(map(str, fields)) + "  \n")
        (tmp_path / f"data.{part}").write_bytes(data)
        (tmp_path / f"index.{part}").write_text(LICENCE + "".join(lines))
    return tmp_path


@pytest.mark.parametrize(
    ("word", "synonyms"),
    [
        ("car", ("auto", "motor car")),  # the first sense only: no gondola
        ("Car", ("auto", "motor car")),
        ("dog", ("hound", "chase", "trail")),  # noun and verb
        ("galore", ("abundant",)),
        ("speedily", ("quickly", "fast")),
        ("fast", ("quick", "quickly", "Speedily")),
        ("lone", ()),
        ("in", ()),  # a function word, whatever WordNet says
        ("dogs", ()),
        ("zebra", ()),
    ],
)
def test_synonyms_are_read(wordnet, word, synonyms):
    assert WordNet(wordnet).synonyms(word) == synonyms


def test_lines_of_the_real_files_are_read():
    index = "dog n 7 5 @ ~ #m #p %p 7 1 02084071 10114209 10023039 09886220 07676602 03901548 02710044  "
    assert first_senses(LICENCE + index) == {"dog": 2084071}
    line = '02084071 05 n 03 dog 0 domestic_dog 0 Canis_familiaris 0 023 @ 02083346 n 0000 | a member; "the dog barked"'
    assert synset_words(line) == ["dog", "domestic dog", "Canis familiaris"]
    assert (
        len(synset_words("00000001 05 n 0b " + " ".join(f"w{i} 0" for i in range(11)) + " 000 | x"))
        == 11
    )


def test_where_the_files_lie(wordnet, monkeypatch, tmp_path_factory):
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(LabError, match=f"set {VARIABLE} to the folder"):
        find_wordnet()
    monkeypatch.setenv(VARIABLE, str(wordnet))
    assert find_wordnet() == wordnet
    above = tmp_path_factory.mktemp("WordNet-3.0")
    (above / "dict").symlink_to(wordnet)
    assert WordNet(above).synonyms("boat") == ("ship",)
    (wordnet / "data.adv").unlink()
    with pytest.raises(LabError, match=r"no data\.adv here"):
        find_wordnet()


def test_damaged_files_are_told(wordnet):
    (wordnet / "data.noun").write_bytes(b" " + (wordnet / "data.noun").read_bytes())
    with pytest.raises(LabError, match=r"data\.noun has no synset at \d+"):
        WordNet(wordnet).synonyms("boat")
    (wordnet / "index.noun").write_text("boat n one\n")
    with pytest.raises(LabError, match=r"index\.noun: this is no index"):
        WordNet(wordnet)


# ---- the view ----------------------------------------------------------------------------------------------------------

VOCABULARY = Vocabulary(np.arange(40) < 4, np.arange(40) >= 30)
ROW = np.array([1, 4, 5, 30, 6, 7, 8, 9, 10, 11, 12, 13, 2])  # ten words, the second of two pieces
OTHERS = {(4,): [[20]], (5, 30): [[21], [22, 31, 32]], (8,): [[23]], (12,): [[24]]}


def alternatives(pieces):
    return [np.array(other) for other in OTHERS.get(tuple(pieces.tolist()), [])]


def view(strength, max_length=40):
    return VIEWS["synonyms"](
        strength=strength, vocabulary=VOCABULARY, max_length=max_length, alternatives=alternatives
    )


@pytest.mark.parametrize(("strength", "number"), [(0.1, 1), (0.3, 3), (0.4, 4), (0.9, 4)])
def test_a_share_of_all_words_is_replaced_as_far_as_possible(strength, number):
    news = Counter()
    for seed in range(200):
        edited = view(strength)([ROW], seed=seed)[0]
        replaced = {20, 21, 22, 23, 24} & {*edited.tolist()}
        assert len(replaced) == number
        news.update(replaced)
        left = [token for token in edited if token < 20 or token == 30]
        assert left == [t for t in ROW if t in left]
    each = [news[20], news[21] + news[22], news[23], news[24]]
    assert np.abs(np.array(each) - 50 * number).max() < 4 * np.sqrt(200 * 0.25)
    assert abs(news[21] - news[22]) < 4 * np.sqrt(each[1])


def test_replaced_words_keep_their_place():
    word = np.array([-1, 0, 1, 1, 2, -1, 3, -1])
    ids = np.array([1, 4, 5, 30, 6, 2, 7, 2], dtype=np.uint16)
    edited = replace_words(ids, word, {3: np.array([9, 31]), 1: np.array([8])})
    assert edited.tolist() == [1, 4, 8, 6, 2, 9, 31, 2]
    assert edited.dtype == np.uint16
    assert replace_words(ids, word, {}).tolist() == ids.tolist()


def test_a_synonym_too_long_for_the_row_is_left_out():
    for seed in range(50):
        edited = view(1.0, max_length=len(ROW))([ROW], seed=seed)[0]
        assert len(edited) <= len(ROW)
        assert {20, 23, 24} <= {*edited.tolist()}
