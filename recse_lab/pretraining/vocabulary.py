"""A WordPiece vocabulary learned from a corpus: rare words fall apart into pieces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def train_wordpiece(
    sentences: Iterable[str],
    *,
    size: int,
    lowercase: bool = True,
    rarest_character: int = 20,
    max_length: int = 128,
) -> Any:
    """A fast BERT tokenizer of ``size`` pieces, the same for the same sentences.

    Characters that occur at least ``rarest_character`` times are pieces, at the start of a word and
    inside it; a word with a rarer one is [UNK].
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
    from transformers import BertTokenizerFast  # type: ignore[attr-defined]

    normalizer, pre_tokenizer = (
        normalizers.BertNormalizer(lowercase=lowercase),
        pre_tokenizers.BertPreTokenizer(),
    )
    words: Counter[str] = Counter()
    for sentence in sentences:
        words.update(
            word for word, _ in pre_tokenizer.pre_tokenize_str(normalizer.normalize_str(sentence))
        )
    characters: Counter[str] = Counter()
    for word, count in words.items():
        characters.update(dict.fromkeys(word, count))
    alphabet = sorted(c for c, count in characters.items() if count >= rarest_character)
    common = sorted((word, count) for word, count in words.items() if set(word) <= set(alphabet))

    # The trainer numbers characters in the order of a hash map, and numbers break its ties.
    # Given up front, they are fixed.
    pieces = [*SPECIAL, *alphabet, *(f"##{c}" for c in alphabet)]
    learner = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    learner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.WordPieceTrainer(
        vocab_size=size, min_frequency=2, special_tokens=pieces, show_progress=False
    )
    learner.train_from_iterator((word for word, count in common for _ in range(count)), trainer)
    return BertTokenizerFast(
        vocab=learner.get_vocab(), do_lower_case=lowercase, model_max_length=max_length
    )
