"""A tokenizer as the views see it, in three families, and a word exchanged for another."""

import numpy as np
import pytest

from recse_lab.errors import LabError
from recse_lab.models.loading import load_tokenizer
from recse_lab.models.packaged import packaged_path
from recse_lab.models.vocabulary_view import exchange_words, vocabulary_of
from recse_lab.views.view import split_words

TEXT = "Unbelievably, the church's organ was restored in 1987."


@pytest.fixture(scope="module")
def wordpiece():
    return load_tokenizer(str(packaged_path("recse-lab/tiny")))


@pytest.fixture(scope="module")
def sentencepiece():
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    pieces = [
        "<s>",
        "<pad>",
        "</s>",
        "<unk>",
        "<mask>",
        "▁the",
        "▁ch",
        "ur",
        "ch",
        "▁organ",
        ",",
        "▁",
        "s",
        ".",
    ]
    tokenizer = Tokenizer(models.Unigram([(piece, -1.0) for piece in pieces], unk_id=3))
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        pad_token="<pad>",
        mask_token="<mask>",
    )


def words(tokenizer, text):
    """Each word's text, as the view groups the pieces."""
    sentence = split_words(np.array(tokenizer(text)["input_ids"]), vocabulary_of(tokenizer))
    return [
        tokenizer.decode(sentence.ids[sentence.word == i].tolist()).strip()
        for i in range(sentence.words)
    ]


def test_words_of_wordpiece(wordpiece):
    assert words(wordpiece, TEXT) == [
        *[
            "unbelievably",
            ",",
            "the",
            "church",
            "'",
            "s",
            "organ",
            "was",
            "restored",
            "in",
            "1987",
            ".",
        ]
    ]
    ids = np.array(wordpiece("Unbelievably")["input_ids"])
    assert len(ids) > 3, "a word of one piece shows nothing"


def test_words_of_byte_level_bpe(roberta):
    """The first word has no mark of a start; punctuation stands alone."""
    tokenizer = load_tokenizer(str(roberta))
    text = "Zebras walk, and bridges' builders sing."
    assert words(tokenizer, text) == [
        "Zebras",
        "walk",
        ",",
        "and",
        "bridges",
        "'",
        "builders",
        "sing",
        ".",
    ]
    assert len(tokenizer(text)["input_ids"]) > 11, "words of one piece show nothing"


def test_words_of_sentencepiece(sentencepiece):
    assert words(sentencepiece, "the church, organs.") == ["the", "church", ",", "organs", "."]


@pytest.mark.parametrize("family", ["wordpiece", "sentencepiece"])
def test_special_tokens_are_those_without_a_word(family, request):
    tokenizer = request.getfixturevalue(family)
    vocabulary = vocabulary_of(tokenizer)
    special = {tokenizer.convert_ids_to_tokens(int(i)) for i in np.flatnonzero(vocabulary.special)}
    known = (
        {"[PAD]", "[CLS]", "[SEP]", "[MASK]"}
        if family == "wordpiece"
        else {"<s>", "</s>", "<pad>", "<mask>"}
    )
    assert special == known
    assert vocabulary.mask_id == tokenizer.mask_token_id
    assert len(vocabulary) == len(vocabulary.continuation) == len(tokenizer)


def test_a_tokenizer_that_marks_no_words_is_refused():
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    plain = Tokenizer(models.BPE({"a": 0, "b": 1, "ab": 2}, [("a", "b")]))
    with pytest.raises(LabError, match="marks no start of a word"):
        vocabulary_of(PreTrainedTokenizerFast(tokenizer_object=plain))


SYNONYMS = {"church": ("kirk", "house of god", "☃"), "Church": ("house",), "the": ()}


def test_a_word_is_exchanged_in_wordpiece(wordpiece):
    looked_up = []

    def synonyms(word):
        looked_up.append(word)
        return SYNONYMS.get(word, ())

    exchange = exchange_words(wordpiece, synonyms)
    pieces = np.array(wordpiece("church", add_special_tokens=False)["input_ids"])
    for _ in range(2):
        assert [wordpiece.decode(ids.tolist()) for ids in exchange(pieces)] == [
            "kirk",
            "house of god",
        ]  # ☃ is [UNK]
    assert looked_up == ["church"]
    assert exchange(np.array([wordpiece.convert_tokens_to_ids("the")])) == []


def test_a_word_keeps_its_space_and_its_capital_in_bpe(roberta):
    tokenizer = load_tokenizer(str(roberta))
    exchange = exchange_words(
        tokenizer, lambda word: {"house": ("red barn",), "House": ("barn",)}.get(word, ())
    )
    for text, wanted in ((" house", " red barn"), ("house", "red barn"), (" House", " Barn")):
        pieces = np.array(tokenizer(text, add_special_tokens=False)["input_ids"])
        assert [tokenizer.decode(ids.tolist()) for ids in exchange(pieces)] == [wanted]
