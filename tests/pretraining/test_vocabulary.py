"""The learned vocabulary: reproducible, and rare words fall apart."""

from recse_lab.pretraining.vocabulary import SPECIAL, train_wordpiece

SENTENCES = [
    "The bird sings in the old tree.",
    "An old king reads a book.",
    "Birds sing; kings read books!",
] * 30


def test_the_same_sentences_give_the_same_ids():
    vocabularies = [train_wordpiece(SENTENCES, size=90).get_vocab() for _ in range(3)]
    assert vocabularies[0] == vocabularies[1] == vocabularies[2]
    assert [vocabularies[0][token] for token in SPECIAL] == [0, 1, 2, 3, 4]


def test_an_unseen_word_falls_apart_and_a_rare_character_is_unknown():
    tokenizer = train_wordpiece([*SENTENCES, "A naïve 鳥 sings."], size=120)
    assert tokenizer.tokenize("The BIRD") == ["the", "bird"]
    pieces = tokenizer.tokenize("kingbird")
    assert len(pieces) > 1
    assert "".join(piece.removeprefix("##") for piece in pieces) == "kingbird"
    assert tokenizer.tokenize("鳥") == ["[UNK]"]


def test_size_is_kept_and_special_tokens_frame_a_sentence():
    tokenizer = train_wordpiece(SENTENCES, size=80)
    assert len(tokenizer) <= 80
    ids = tokenizer("the bird")["input_ids"]
    assert (ids[0], ids[-1]) == (tokenizer.cls_token_id, tokenizer.sep_token_id)
