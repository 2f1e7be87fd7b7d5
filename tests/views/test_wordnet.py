"""WordNet's files as they are published: reading, finding, damage."""

import pytest

from recse_lab.errors import LabError
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
    """index.POS and data.POS as the manual describes them, offsets in bytes and the count of words
    in hexadecimal.
    """
    for part, synsets in SYNSETS.items():
        data, senses = LICENCE.encode(), {}
        for words in synsets:
            for word in words:
                senses.setdefault(word.partition("(")[0].lower(), []).append(len(data))
            listed = " ".join(f"{word} 0" for word in words)
            line = (
                f"{len(data):08d} 03 {part[0]} {len(words):02x} {listed} 001 @ 00000000 n "
                f'0000 | a gloss; "with [{part}] in it"  \n'
            )
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
    index = (
        "dog n 7 5 @ ~ #m #p %p 7 1 02084071 10114209 10023039 09886220 07676602 03901548 "
        "02710044  "
    )
    assert first_senses(LICENCE + index) == {"dog": 2084071}
    line = (
        "02084071 05 n 03 dog 0 domestic_dog 0 Canis_familiaris 0 023 @ 02083346 n 0000 | a "
        'member; "the dog barked"'
    )
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
    with pytest.raises(LabError, match=r"index\.noun: this is not an index"):
        WordNet(wordnet)
