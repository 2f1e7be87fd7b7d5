"""What every view promises: one strength, and randomness addressed by seed and sentence."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from torch import Tensor

from recse_lab.errors import LabError


@dataclass(frozen=True)
class Vocabulary:
    """What a view knows of the tokenizer, as plain data."""

    special: Bool[np.ndarray, " vocab"]
    """Tokens that belong to no word: [CLS], [SEP], padding, the mask."""
    continuation: Bool[np.ndarray, " vocab"]
    """Tokens that go on with the word before them."""
    mask_id: int | None = None

    def __len__(self) -> int:
        return len(self.special)


class Sentence(NamedTuple):
    """One sentence and where its words lie."""

    ids: Int[np.ndarray, " tokens"]
    word: Int[np.ndarray, " tokens"]
    """The number of the word a token belongs to, 0 … words − 1; −1 on special tokens."""
    words: int


def generator(seed: int, ids: Int[np.ndarray, " tokens"]) -> np.random.Generator:
    """Randomness that depends on the seed and the sentence's own ids, and on nothing else."""
    text = seed.to_bytes(8, "little") + ids.astype("<i8").tobytes()
    key = np.frombuffer(hashlib.blake2b(text, digest_size=16).digest(), "<u8")
    return np.random.Generator(np.random.Philox(key=key))


def split_words(
    ids: Int[np.ndarray, " tokens"], vocabulary: Vocabulary, unit: str = "word"
) -> Sentence:
    """Number the words of a sentence; with the unit ``token`` every token that is not special is a word of its own."""
    content = ~vocabulary.special[ids]
    begins = content.copy()
    if unit == "word":
        begins[1:] &= ~(vocabulary.continuation[ids[1:]] & content[:-1])
    number = np.cumsum(begins) - 1
    return Sentence(ids, np.where(content, number, -1), int(begins.sum()))


def share(count: int, strength: float, rng: np.random.Generator) -> int:
    """strength × count, rounded up or down at random so that it is exact on average, for short sentences too."""
    return int(count * strength + rng.random())


def marked(chosen: Int[np.ndarray, " chosen"], words: int) -> Bool[np.ndarray, " words+1"]:
    """True on the chosen words. The last entry is false: it is where the word number −1 of a special token points."""
    marks = np.zeros(words + 1, dtype=bool)
    marks[chosen] = True
    return marks


class View:
    """A positive made from a sentence. ``strength`` 0 is the identity.

    Laws (tests/contracts): the same seed and sentence give the same view, whatever the batch, its order or the number
    of workers; another seed gives another one; nothing is written to; a sentence never becomes empty. Two views of one
    step want two seeds.

    Raises:
        LabError: The strength lies outside 0 … ``largest``.
    """

    kind: ClassVar[Literal["text", "embedding"]]
    """Whether token ids are edited, or the embeddings of the tokens."""
    needs: ClassVar[tuple[str, ...]] = ()
    """Keyword arguments of the constructor besides ``strength`` and ``vocabulary``."""
    largest: ClassVar[float] = 1.0
    behaviour: ClassVar[int] = 1
    """Version of the numbers. Raise it when they change: runs that use it get new ids."""

    def __init__(self, *, strength: float, vocabulary: Vocabulary) -> None:
        self.check(strength)
        self.strength, self.vocabulary = strength, vocabulary

    @classmethod
    def check(cls, strength: float) -> None:
        """Refuse a strength that this view cannot have.

        Raises:
            LabError: It lies outside 0 … ``largest``.
        """
        if not (np.isfinite(strength) and 0 <= strength <= cls.largest):
            allowed = (
                f"from 0 to {cls.largest:g}" if np.isfinite(cls.largest) else "a number, 0 or more"
            )
            raise LabError(f"{cls.__name__}: strength must be {allowed}, and {strength} is not.")


class TextView(View):
    """A view that edits token ids: one method, for one sentence."""

    kind: ClassVar[Literal["text", "embedding"]] = "text"
    unit: ClassVar[Literal["word", "token"]] = "word"
    """What is edited as a whole: a word with all its pieces, or a token."""

    def __call__(
        self, rows: Sequence[Int[np.ndarray, " tokens"]], *, seed: int
    ) -> list[Int[np.ndarray, " tokens"]]:
        """Edit sentences given as token ids, special tokens included; one without a word is returned as it is."""
        if self.strength == 0:
            return list(rows)
        edited = []
        for ids in rows:
            sentence = split_words(ids, self.vocabulary, self.unit)
            edited.append(self.edit(sentence, generator(seed, ids)) if sentence.words else ids)
        return edited

    def edit(self, sentence: Sentence, rng: np.random.Generator) -> Int[np.ndarray, " tokens"]:
        """The edited ids of a sentence of at least one word, at a strength above 0; ``sentence`` is not written to."""
        raise NotImplementedError


class MaskingView(TextView):
    """A text view that needs a mask token.

    Raises:
        LabError: The vocabulary has none.
    """

    def __init__(self, *, strength: float, vocabulary: Vocabulary) -> None:
        super().__init__(strength=strength, vocabulary=vocabulary)
        if vocabulary.mask_id is None:
            raise LabError(
                f"{type(self).__name__} needs a mask token, and this encoder's tokenizer has none."
            )
        self.mask_id = vocabulary.mask_id


class EmbeddingView(View):
    """A view that edits the embeddings of the tokens. The attention mask stays as it is; gradients flow through.

    ConSERT edits what leaves the embedding layer, positions, layer norm and dropout behind it. Of the word embeddings
    alone an erased token would still say where it stood.
    """

    kind: ClassVar[Literal["text", "embedding"]] = "embedding"

    def __call__(
        self,
        embeddings: Float[Tensor, "batch tokens hidden"],
        mask: Int[Tensor, "batch tokens"],
        ids: Int[Tensor, "batch tokens"],
        *,
        seed: int,
    ) -> Float[Tensor, "batch tokens hidden"]:
        """Edit the embeddings of padded sentences; padding is left as it is."""
        if self.strength == 0:
            return embeddings
        attended, rows = mask.cpu().numpy().astype(bool), ids.cpu().numpy()
        places = [np.flatnonzero(row) for row in attended]
        randoms = [generator(seed, row[place]) for row, place in zip(rows, places, strict=True)]
        return self.edit(embeddings, rows, places, randoms)

    def edit(
        self,
        embeddings: Float[Tensor, "batch tokens hidden"],
        ids: Int[np.ndarray, "batch tokens"],
        places: list[Int[np.ndarray, " attended"]],
        randoms: list[np.random.Generator],
    ) -> Float[Tensor, "batch tokens hidden"]:
        """The edited embeddings, at a strength above 0. ``places`` are the attended tokens of each sentence and
        ``randoms`` its own randomness."""
        raise NotImplementedError
