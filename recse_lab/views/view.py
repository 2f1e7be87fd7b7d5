"""The interface of every view: one strength, and randomness addressed by seed and sentence."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple, TypeAlias

import numpy as np
from jaxtyping import Bool, Float, Int, Integer
from torch import Tensor

from recse_lab.errors import LabError

Ids: TypeAlias = Integer[np.ndarray, " _tokens"]
"""Token ids of one sentence, or one number per token; sentences of a list differ in length."""


@dataclass(frozen=True)
class Vocabulary:
    """The part of a tokenizer that views use, as plain data."""

    special: Bool[np.ndarray, " vocab"]
    """Tokens that belong to no word: [CLS], [SEP], padding, the mask."""
    continuation: Bool[np.ndarray, " vocab"]
    """Tokens that continue the word before them."""
    mask_id: int | None = None

    def __len__(self) -> int:
        return len(self.special)


class Sentence(NamedTuple):
    """One sentence and the positions of its words."""

    ids: Ids
    word: Ids
    """The number of the word a token belongs to, 0 … words − 1; −1 on special tokens."""
    words: int


def generator(seed: int, ids: Ids) -> np.random.Generator:
    """Return randomness that depends on the seed and the sentence's own ids alone."""
    text = seed.to_bytes(8, "little") + ids.astype("<i8").tobytes()
    key = np.frombuffer(hashlib.blake2b(text, digest_size=16).digest(), "<u8")
    return np.random.Generator(np.random.Philox(key=key))


def split_words(ids: Ids, vocabulary: Vocabulary, unit: str = "word") -> Sentence:
    """Number the words of a sentence.

    With the unit ``token``, every token that is not special is a word of its own.
    """
    content_mask = ~vocabulary.special[ids]
    begins = content_mask.copy()
    if unit == "word":
        begins[1:] &= ~(vocabulary.continuation[ids[1:]] & content_mask[:-1])
    number = np.cumsum(begins) - 1
    return Sentence(ids, np.where(content_mask, number, -1), int(begins.sum()))


def share(count: int, strength: float, rng: np.random.Generator) -> int:
    """Return strength × count, rounded up or down at random so that it is exact on average."""
    return int(count * strength + rng.random())


def marked(chosen: Int[np.ndarray, " chosen"], words: int) -> Bool[np.ndarray, " marks"]:
    """Return marks that are true on the chosen words.

    The last entry is false: the word number −1 of a special token points there.
    """
    marks = np.zeros(words + 1, dtype=bool)
    marks[chosen] = True
    return marks


class View:
    """Makes a positive from a sentence; strength 0 is the identity.

    Laws (tests/contracts): the same seed and sentence give the same view, whatever the batch, its
    order or the number of workers; another seed gives another view; the input is not modified; a
    sentence never becomes empty. Two views of one step need two seeds.

    Args:
        strength: How much is edited, in the unit of the view, mostly a share.
        vocabulary: Which tokens are special, and which continue a word.

    Raises:
        LabError: The strength is outside 0 … ``largest``.
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
            LabError: It is outside 0 … ``largest``.
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
    """The unit of an edit: a word with all its pieces, or a token."""

    def __call__(self, rows: Sequence[Ids], *, seed: int) -> list[Ids]:
        """Edit sentences given as token ids, special tokens included.

        A sentence without a word is returned as it is.
        """
        if self.strength == 0:
            return list(rows)
        edited = []
        for ids in rows:
            sentence = split_words(ids, self.vocabulary, self.unit)
            edited.append(self.edit(sentence, generator(seed, ids)) if sentence.words else ids)
        return edited

    def edit(self, sentence: Sentence, rng: np.random.Generator) -> Ids:
        """Return the edited ids of a sentence, which must not be modified.

        It is called for sentences of at least one word, at a strength above 0.
        """
        raise NotImplementedError


class MaskingView(TextView):
    """A text view that needs a mask token.

    Raises:
        LabError: The vocabulary has no mask token.
    """

    def __init__(self, *, strength: float, vocabulary: Vocabulary) -> None:
        super().__init__(strength=strength, vocabulary=vocabulary)
        if vocabulary.mask_id is None:
            raise LabError(
                f"{type(self).__name__} needs a mask token, and this encoder's tokenizer has none."
            )
        self.mask_id = vocabulary.mask_id


class EmbeddingView(View):
    """A view that edits the embeddings of the tokens.

    The attention mask stays as it is, and gradients pass through. As in ConSERT, the output of the
    embedding layer is edited, after positions, layer norm and dropout: in the word embeddings alone
    an erased token would keep its position.
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
        places: list[Int[np.ndarray, " _attended"]],
        randoms: list[np.random.Generator],
    ) -> Float[Tensor, "batch tokens hidden"]:
        """Return the edited embeddings, at a strength above 0.

        Args:
            embeddings: Output of the embedding layer.
            ids: Token ids of the padded sentences.
            places: Positions of the attended tokens of each sentence.
            randoms: The randomness of each sentence.
        """
        raise NotImplementedError
