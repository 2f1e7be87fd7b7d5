"""Rewrite sample-corpus.txt.gz from composed and hand-written sentences, always the same bytes.

python -m recse_lab.data.samples.generate

A frame (one line of ``frames/<register>.txt``) is a sentence with choices, ``(a|b|)``, and slots.
``{place}`` draws from the section [place] of the topic (``topics/*.txt``) or of ``words.txt``.
``{a agent}``, ``{the agent}``, ``{agents}`` and ``{two agents}`` mention a noun, in one sentence
always the same one; ``{agent2}`` is another. ``{does}`` is the verb of an action in the form of
"does"; with it go ``{noun}``, or ``{thing}`` with an adjective now and then, ``{manner}``, and
``{way}``, a manner without a time. ``{is thing}`` agrees with the thing. ``{doing tip}`` inflects a
tip; ``{I tip}``, ``{their tip}`` and ``{your problem}`` retell.
"""

from __future__ import annotations

import gzip
import random
import re
from collections import Counter
from itertools import cycle, islice, product
from pathlib import Path
from typing import Any, NamedTuple

from recse_lab.data.samples import grammar

HERE = Path(__file__).parent
REGISTERS = ("captions", "news", "howto", "forum", "encyclopaedia", "dialogue")
COUNT = 24_000
SHORTEST, LONGEST = 4, 30  # words
SHARED = 0.003  # at most this share of the sentences begin with the same five words

CHOICE = re.compile(r"\(([^()]*)\)")
SLOT = re.compile(r"\{(?:(\w+) )?([A-Za-z]+)(\d?)\}")
TWICE = re.compile(r"\b(\w+) \1\b", re.I)
TIME = re.compile(
    r"\b(minute|hour|day|night|week|month|year|season|holiday|centur|time|twice|once|early|every"
    r"|before|after|until|during|throughout|ahead|since|while|because)"
)
AGREEMENT = {
    verb: pair for pair in (("is", "are"), ("was", "were"), ("has", "have")) for verb in pair
}
RETOLD = {"their": "they", "your": "you"}
COUNTS = ("two", "two", "two", "three", "four", "several", "a few", "half a dozen")
LATER = (0, 3, 8, 17, 24)  # years after a date in [since]

Words = dict[str, list[Any]]


class Action(NamedTuple):
    """Something people do: a verb, what they do it to, how, and what that can be like."""

    verb: str
    nouns: list[str]
    manners: list[str]
    adjectives: list[str]


class Composed(NamedTuple):
    """A sentence and where it comes from."""

    text: str
    register: str
    topic: str
    frame: str


def read_words(path: Path) -> Words:
    """Section → entries: several to a line, or one action or kind."""
    words: Words = {}
    section: list[Any] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = words.setdefault(line.strip("[]"), [])
        elif " | " in line:
            verb, *parts = line.split(" | ")
            section.append(Action(verb, *(part.split(", ") for part in parts)))
        elif " = " in line:
            section.append(line)
        elif line:
            section.extend(line.split("; "))
    return words


def read_lines(path: Path) -> list[str]:
    """The lines of a text file that are not empty; none where there is no file."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [line.strip() for line in lines if line.strip()]


def seen(words: Words) -> Words:
    """A topic's words without the actions that no picture shows."""
    return words | {
        "action": [action for action in words["action"] if action.verb not in words["unseen"]]
    }


class Scene:
    """The words of one sentence, each drawn once, so that a second mention agrees."""

    def __init__(self, rng: random.Random, words: Words):
        self.rng, self.words = rng, words
        self.drawn: dict[tuple[str, str], Any] = {}

    def say(self, frame: str) -> str:
        """The frame with its choices made and its slots filled, as a sentence."""
        while CHOICE.search(frame):
            frame = CHOICE.sub(lambda match: self.rng.choice(match[1].split("|")), frame)
        return grammar.sentence(self.fill(frame))

    def fill(self, text: str) -> str:
        """``text`` with its slots filled; what is drawn may have slots of its own."""
        return SLOT.sub(lambda match: self.fill(self.slot(*match.groups())), text)

    def slot(self, head: str | None, name: str, number: str) -> str:
        """What stands for ``{head name number}``; a capital letter asks for one."""
        if name[0].isupper():
            text = self.slot(head, name.lower(), number)
            return text[0].upper() + text[1:]
        if name in grammar.FORMS:
            return grammar.conjugate(self.draw("action", number).verb, name)
        if head in grammar.FORMS:
            return grammar.conjugate(self.draw(name, number), head)
        if head == "I":
            return "I " + grammar.retell(grammar.conjugate(self.draw(name, number), "did"), "I")
        if head in RETOLD:
            return grammar.retell(self.draw(name, number), RETOLD[head])
        return self.mention(head, name, number)

    def mention(self, head: str | None, name: str, number: str) -> str:
        """A noun phrase, or the verb that agrees with it; ~ marks no plural, * no singular."""
        many = name not in self.words and name.endswith("s")
        noun = self.draw(name.removesuffix("s") if many else name, number)
        text, mark = noun.rstrip("~*"), noun[-1]
        if head in AGREEMENT:
            return AGREEMENT[head][mark == "*" or (many and mark != "~")]
        if many and mark not in "~*":
            text = grammar.plural(text)
        if head == "two":
            head = "some" if mark in "~*" else self.rng.choice(COUNTS)
        elif head == "a" and mark in "~*":
            head = None
        return f"{head} {text}" if head else text

    def draw(self, name: str, number: str) -> Any:
        """The word for ``name``: the one drawn before, or a new one that no other number has."""
        key = name, number
        if key not in self.drawn:
            others = [word for (other, _), word in self.drawn.items() if other == name]
            self.drawn[key] = self.rng.choice(
                [word for word in self.pool(name, number) if word not in others]
            )
        return self.drawn[key]

    def pool(self, name: str, number: str) -> list[Any]:
        """The words there are for ``name``."""
        match name:
            case "noun" | "manner" | "adjective":
                return getattr(self.draw("action", number), name + "s")
            case "thing":
                noun = self.draw("noun", number)
                return [noun, noun, f"{self.draw('adjective', number)} {noun}"]
            case "way":
                manners = self.draw("action", number).manners
                return [manner for manner in manners if not TIME.search(manner)] or manners
            case "kind" | "definition":
                return [self.draw("entry", number).split(" = ")[name == "definition"]]
            case "entry":
                return self.words["kind"]
            case "first":
                return self.words["woman"] + self.words["man"]
            case "name":
                return [f"{self.draw('first', number)} {self.draw('surname', number)}"]
            case "year":
                dates = [int(date) for date in self.words["since"] if date.isdigit()]
                return [str(date + later) for date in dates for later in LATER]
            case _:
                return self.words[name]


def compose(count: int = COUNT, seed: int = 0) -> list[Composed]:
    """Return ``count`` distinct sentences in equal parts from registers and topics."""
    rng = random.Random(seed)
    common = read_words(HERE / "words.txt")
    topics = {
        path.stem: common | read_words(path) for path in sorted((HERE / "topics").glob("*.txt"))
    }
    frames = {register: read_lines(HERE / "frames" / f"{register}.txt") for register in REGISTERS}
    found: dict[str, Composed] = {}
    openings: Counter[tuple[str, ...]] = Counter()
    for (topic, words), register in islice(cycle(product(topics.items(), REGISTERS)), count):
        words = seen(words) if register == "captions" else words
        while True:
            frame = rng.choice(frames[register])
            text = Scene(rng, words).say(frame)
            parts = text.split()
            opening = tuple(parts[:5])
            if (
                text not in found
                and SHORTEST <= len(parts) <= LONGEST
                and openings[opening] < SHARED * count
                and not TWICE.search(text)
            ):
                break
        found[text] = Composed(text, register, topic, frame)
        openings[opening] += 1
    return list(found.values())


def corpus(count: int = COUNT, seed: int = 0) -> list[str]:
    """The composed sentences and the hand-written ones, shuffled."""
    written = [
        line
        for register in REGISTERS
        for line in read_lines(HERE / "handwritten" / f"{register}.txt")
    ]
    lines = list(dict.fromkeys([*written, *(sentence.text for sentence in compose(count, seed))]))
    random.Random(seed).shuffle(lines)
    return lines


def write(path: Path) -> None:
    """Write the corpus to ``path``, gzipped, with the same bytes every time."""
    with (
        path.open("wb") as raw,
        gzip.GzipFile(fileobj=raw, mode="wb", filename="", mtime=0) as file,
    ):
        file.write(("\n".join(corpus()) + "\n").encode())


if __name__ == "__main__":
    write(HERE / "sample-corpus.txt.gz")
