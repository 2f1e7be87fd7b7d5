"""The packaged corpus: its grammar against tables, its bytes against the generator, its balance and
its variety.
"""

import gzip
import os
import random
import re
import subprocess
import sys
from collections import Counter

import pytest

from recse_lab.data.samples import grammar
from recse_lab.data.samples.generate import (
    COUNT,
    HERE,
    REGISTERS,
    Scene,
    compose,
    corpus,
    read_lines,
    read_words,
    write,
)

ARTICLES = """
an hour; an honest vet; an heirloom; a university; a unit; a uniform; an uninvited guest; an
unidentified bird; an unmarked grave; a European; a eulogy; a ewe; a one-eyed tortoise; a once
busy port; a used car; a useful tool; an usher; a utensil; an umbrella; an urban fox; a uranium
mine; a ukulele; a U-turn; an X-ray; an x-ray; an MRI scan; a NASA engineer; an SOS; an LED; a USB
stick; an L-shaped desk; an 8-bit register; an 11-year-old; a 110-page report; a house; a
historian; an owl; an eel; an index card; a yacht; a toddler
"""
PLURALS = """
rail rails; herd of elephants: herds of elephants; letter to the parents: letters to the parents;
glass: glasses; man: men; fisherman: fishermen; woman: women; German: Germans; shaman: shamans;
child: children; stepchild: stepchildren; person: people; salesperson: salespeople; fish: fish;
jellyfish: jellyfish; sheep: sheep; aircraft: aircraft; fox: foxes; species: species; tooth:
teeth; mouse: mice; calf: calves; wolf: wolves; midwife: midwives; roof: roofs; chief: chiefs;
handkerchief: handkerchiefs; diary: diaries; valley: valleys; bus: buses; box: boxes; brush:
brushes; monarch: monarchs; patch: patches; stomach: stomachs; quiz: quizzes; potato: potatoes;
photo: photos; crisis: crises; larva: larvae; in-law: in-laws; mother-in-law: mothers-in-law;
passer-by: passers-by; great-uncle: great-uncles; worn rail: worn rails; bucket full of sand:
buckets full of sand; man with a moustache: men with a moustache
"""
# infinitive, third person, past, -ing, participle
VERBS = """
mend mends mended mending mended
catch catches caught catching caught
carry carries carried carrying carried
survey surveys surveyed surveying surveyed
tie ties tied tying tied
dye dyes dyed dyeing dyed
free frees freed freeing freed
tag tags tagged tagging tagged
fit fits fitted fitting fitted
fix fixes fixed fixing fixed
sew sews sewed sewing sewn
train trains trained training trained
cancel cancels cancelled cancelling cancelled
signal signals signalled signalling signalled
unveil unveils unveiled unveiling unveiled
haul hauls hauled hauling hauled
edit edits edited editing edited
open opens opened opening opened
reckon reckons reckoned reckoning reckoned
admit admits admitted admitting admitted
repot repots repotted repotting repotted
unplug unplugs unplugged unplugging unplugged
panic panics panicked panicking panicked
echo echoes echoed echoing echoed
quiz quizzes quizzed quizzing quizzed
have has had having had
do does did doing done
be is was being been
lay lays laid laying laid
relay relays relaid relaying relaid
repair repairs repaired repairing repaired
remind reminds reminded reminding reminded
unwind unwinds unwound unwinding unwound
hand-feed hand-feeds hand-fed hand-feeding hand-fed
deep-fry deep-fries deep-fried deep-frying deep-fried
write writes wrote writing written
forget forgets forgot forgetting forgotten
hang hangs hung hanging hung
read reads read reading read
learn learns learnt learning learnt
"""


@pytest.fixture(scope="module")
def composed():
    return compose()


@pytest.fixture(scope="module")
def lines():
    return gzip.decompress((HERE / "sample-corpus.txt.gz").read_bytes()).decode().splitlines()


def entries(table):
    return [" ".join(entry.split()) for entry in table.split(";")]


@pytest.mark.parametrize("right", entries(ARTICLES))
def test_articles(right):
    article, noun = right.split(" ", 1)
    assert grammar.articles(f"It was a {noun}.") == f"It was {right}."
    assert grammar.articles(f"A {noun}.") == f"{article.capitalize()} {noun}."


def test_a_letter_is_no_article():
    assert grammar.articles("Vitamin A is here.") == "Vitamin A is here."
    assert grammar.articles('He said: "A apple a egg."') == 'He said: "An apple an egg."'


@pytest.mark.parametrize("entry", entries(PLURALS))
def test_plurals(entry):
    one, many = entry.split(": ") if ": " in entry else entry.split(" ")
    assert grammar.plural(one) == many


@pytest.mark.parametrize("forms", VERBS.strip().splitlines())
def test_verb_forms(forms):
    infinitive, *others = forms.split()
    assert [
        grammar.conjugate(infinitive, form) for form in ("does", "did", "doing", "done")
    ] == others
    assert grammar.conjugate(f"{infinitive} off the net", "did") == f"{others[1]} off the net"


def test_the_first_person_retold():
    assert (
        grammar.retell("I'm sure my dog hates me and I am mad", "you")
        == "you're sure your dog hates you and you are mad"
    )
    assert (
        grammar.retell("check your bag where you are going", "they")
        == "check their bag where they are going"
    )
    assert (
        grammar.retell("check your bag where you are going", "I") == "check my bag where I am going"
    )


def test_a_sentence_begins_and_ends():
    assert grammar.sentence("a  owl , it seems") == "An owl, it seems."
    assert grammar.sentence('"is it a owl?" she asked.') == '"Is it an owl?" she asked.'


def test_a_scene_keeps_its_words():
    words = read_words(HERE / "words.txt") | read_words(HERE / "topics" / "sea.txt")
    words |= {"agent": ["fisherman", "diver"], "place": ["on the quay"]}
    frame = "{place}, {two agents} met (a|a) {agent2}, and the {agents} (left|left)"

    class Last(random.Random):
        def choice(self, pool):
            return pool[-1]

    assert (
        Scene(Last(), words).say(frame)
        == "On the quay, half a dozen divers met a fisherman, and the divers left."
    )
    words["action"] = [
        words["action"][0]._replace(nouns=["timber~"], adjectives=["heavy"], manners=["by crane"])
    ]
    frame = "{things} {are things} {done} {manner}, and {two things} {was thing} {doing} {a thing}"
    assert (
        Scene(Last(), words).say(frame)
        == "Heavy timber is mended by crane, and some heavy timber was mending heavy timber."
    )


def test_the_packaged_file_is_what_the_generator_makes(lines):
    assert lines == corpus()


def test_the_same_bytes_every_time(tmp_path):
    write(tmp_path / "here.gz")
    script = (
        "import sys, pathlib; from recse_lab.data.samples.generate import write; "
        "write(pathlib.Path(sys.argv[1]))"
    )
    environment = os.environ | {"PYTHONHASHSEED": "12345"}
    subprocess.run(
        [sys.executable, "-c", script, tmp_path / "there.gz"], env=environment, check=True
    )
    assert (tmp_path / "here.gz").read_bytes() == (tmp_path / "there.gz").read_bytes()
    assert compose(60, seed=1) == compose(60, seed=1) != compose(60, seed=2)


def test_size(lines, composed):
    assert len(lines) == len(set(lines)) >= 20_000
    assert {sentence.text for sentence in composed} <= set(lines)
    assert len(composed) == COUNT
    assert (HERE / "sample-corpus.txt.gz").stat().st_size < 900_000


def test_the_handwritten_sentences_are_there(lines):
    written = {
        line
        for register in REGISTERS
        for line in read_lines(HERE / "handwritten" / f"{register}.txt")
    }
    assert written <= set(lines)
    if all((HERE / "handwritten" / f"{register}.txt").exists() for register in REGISTERS):
        assert len(written) >= 1_500


@pytest.mark.parametrize(
    "mistake",
    [
        r"[^.!?]$",  # no end
        r"  |^ | [,;:.!?]",  # spaces
        r"[.!?,;:]\.|\.[!?]",  # two marks (an abbreviation is followed by a word)
        r"[{}()|~*\[\]]|\bNone\b",  # what frames and lexicon are written in
        r"^\"?[a-z]",  # no capital
        r"\b[Aa] (?!one\b|once\b|eu|ewe)[aeio]",  # a eel
        r"\b[Aa]n [bcdfgjklmnpqrstvwz]",  # an cat
        r"\b(?!that|had)(\w+) \1\b",  # the the
        r"\b(is|are) \w+ (is|are) being\b",
        r"\b(two|three|four|several|a few|half a dozen) (\w+man|child|woman)\b",
    ],
)
def test_no_sentence_has_this(lines, mistake):
    assert [line for line in lines if re.search(mistake, line)] == []


def test_lengths(composed):
    lengths = [len(sentence.text.split()) for sentence in composed]
    assert min(lengths) >= 4
    assert max(lengths) <= 30
    assert 12.5 < sum(lengths) / len(lengths) < 14.5


def test_balance(composed):
    topics = {path.stem for path in (HERE / "topics").glob("*.txt")}
    for parts, named in ((set(REGISTERS), "register"), (topics, "topic")):
        counts = Counter(getattr(sentence, named) for sentence in composed)
        assert set(counts) == parts
        assert max(counts.values()) - min(counts.values()) <= len(REGISTERS)


def test_no_frame_and_no_opening_prevails(composed):
    frames = Counter((sentence.register, sentence.frame) for sentence in composed)
    assert max(frames.values()) <= 0.03 * len(composed)
    assert all(sum(register == r for register, _ in frames) >= 12 for r in REGISTERS)
    openings = Counter(tuple(sentence.text.split()[:5]) for sentence in composed)
    assert max(openings.values()) <= 0.005 * len(composed)


def test_vocabulary(lines):
    assert len({word for line in lines for word in re.findall(r"[a-z]+", line.lower())}) >= 9_000


@pytest.mark.parametrize(
    "path", sorted((HERE / "topics").glob("*.txt")), ids=lambda path: path.stem
)
def test_a_topic_is_complete(path):
    words = read_words(path)
    assert {
        "agent",
        "place",
        "body",
        "action",
        "cause",
        "outcome",
        "rule",
        "problem",
        "tip",
        "kind",
    } <= set(words)
    assert all(len(entries) >= 3 for name, entries in words.items() if name not in ("since", "era"))
    assert all(len(part) >= 2 for action in words["action"] for part in action[1:])
    assert all(" = " in kind for kind in words["kind"])
