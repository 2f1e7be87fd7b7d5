"""Every view obeys the same laws; a newcomer is enrolled by its line in VIEWS."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recse_lab.errors import LabError
from recse_lab.views import VIEWS, EmbeddingView, TextView, Vocabulary

SIZE, CLS, SEP, MASK = 60, 1, 2, 3
SPECIAL, CONTINUATION = np.arange(SIZE) < 4, np.arange(SIZE) >= 45
VOCABULARY = Vocabulary(SPECIAL, CONTINUATION, MASK)
MAX_LENGTH, HIDDEN = 40, 16

TEXT = [name for name, kind in VIEWS.items() if kind.kind == "text"]
EMBEDDING = [name for name, kind in VIEWS.items() if kind.kind == "embedding"]


def predict(rows, places):
    """Logits that depend on the sentence and the place alone; the likeliest tokens are special
    ones.
    """
    logits = [
        torch.cos(torch.arange(SIZE) * (1.3 + int(row.sum()) % 17 + int(place)))
        for row, asked in zip(rows, places, strict=True)
        for place in asked
    ]
    return torch.stack(logits) + 9.0 * torch.from_numpy(SPECIAL)


def alternatives(pieces):
    """Even words have none; odd ones have a shorter and a longer one."""
    return [] if pieces[0] % 2 == 0 else [np.array([5]), np.array([7, 50, 51])]


PROVIDED = {"max_length": MAX_LENGTH, "predict": predict, "alternatives": alternatives}


def make(name, strength) -> Any:
    kind: Any = VIEWS[name]
    return kind(
        strength=strength, vocabulary=VOCABULARY, **{need: PROVIDED[need] for need in kind.needs}
    )


def random_rows(lengths, seed=0, dtype: Any = np.int64):
    """Sentences with these numbers of content tokens; ids 4 … 59."""
    rng = np.random.default_rng(seed)
    return [np.array([CLS, *rng.integers(4, SIZE, n), SEP], dtype=dtype) for n in lengths]


def padded(rows, extra=0):
    width = max(map(len, rows)) + extra
    ids, mask = np.zeros((len(rows), width), np.int64), np.zeros((len(rows), width), np.int64)
    for i, row in enumerate(rows):
        ids[i, : len(row)], mask[i, : len(row)] = row, 1
    return torch.from_numpy(ids), torch.from_numpy(mask)


def embed(ids):
    """A fixed embedding per token and place."""
    table = torch.randn(
        SIZE, HIDDEN, generator=torch.Generator().manual_seed(5), dtype=torch.float64
    )
    return table[ids] + 0.1 * torch.arange(ids.shape[1])[:, None]


def apply(view, rows, seed, extra=0):
    """What becomes of each sentence: its ids, or the embeddings of its attended tokens."""
    if isinstance(view, TextView):
        return view(rows, seed=seed)
    assert isinstance(view, EmbeddingView)
    ids, mask = padded(rows, extra)
    out = view(embed(ids), mask, ids, seed=seed)
    assert out.shape == (*ids.shape, HIDDEN)
    return [out[i, : len(row)].numpy() for i, row in enumerate(rows)]


def same(one, other):
    return len(one) == len(other) and all(
        np.array_equal(a, b) for a, b in zip(one, other, strict=True)
    )


@pytest.fixture(params=VIEWS)
def name(request):
    return request.param


sentence = st.lists(st.integers(0, 12), min_size=1, max_size=6)
strengths = st.sampled_from([0.05, 0.2, 0.5, 0.9, 1.0])
each_view = pytest.mark.parametrize("view", VIEWS)
each_text_view = pytest.mark.parametrize("view", TEXT)
quick = settings(max_examples=20, deadline=None)


def test_says_what_it_is(name):
    kind = VIEWS[name]
    assert issubclass(kind, TextView if kind.kind == "text" else EmbeddingView)
    first, *rest = (
        kind.__doc__ or ""
    ).splitlines()  # its own: an inherited one would be silent here
    assert first.endswith(".")
    assert any(line.strip().startswith("Source: ") for line in rest)


@each_view
@quick
@given(lengths=sentence, strength=strengths, seed=st.integers(0, 2**63 - 1))
def test_one_seed_gives_one_view(view, lengths, strength, seed):
    rows = random_rows(lengths)
    assert same(apply(make(view, strength), rows, seed), apply(make(view, strength), rows, seed))


def test_another_seed_gives_another_view(name):
    rows = random_rows([12, 15, 20])
    view = make(name, 0.5)
    assert not same(apply(view, rows, 1), apply(view, rows, 2))


@each_view
@quick
@given(lengths=sentence, strength=strengths, seed=st.integers(0, 99), data=st.data())
def test_batch_order_and_mates_change_nothing(view, lengths, strength, seed, data):
    rows = random_rows(lengths, seed)
    together = apply(make(view, strength), rows, 7)
    order = data.draw(st.permutations(range(len(rows))))
    assert same(
        apply(make(view, strength), [rows[i] for i in order], 7), [together[i] for i in order]
    )
    for row, edited in zip(rows, together, strict=True):
        assert same(apply(make(view, strength), [row], 7, extra=3), [edited])


def test_how_ids_are_stored_changes_nothing(name):
    as_stored, as_used = random_rows([9, 14], dtype=np.uint16), random_rows([9, 14])
    one, other = apply(make(name, 0.5), as_stored, 4), apply(make(name, 0.5), as_used, 4)
    assert same(one, other)
    if name in TEXT:
        assert all(row.dtype == np.uint16 for row in one)


@each_view
@quick
@given(lengths=sentence, seed=st.integers(0, 99))
def test_strength_0_is_the_identity(view, lengths, seed):
    rows = random_rows(lengths, seed)
    before = (
        rows if view in TEXT else [embed(torch.from_numpy(row)[None])[0].numpy() for row in rows]
    )
    assert same(apply(make(view, 0.0), rows, seed), before)


def test_input_is_not_written_to(name):
    rows = random_rows([8, 0, 15])
    copies = [row.copy() for row in rows]
    for row in rows:
        row.setflags(write=False)
    apply(make(name, 0.7), rows, 5)
    assert same(rows, copies)
    if name in EMBEDDING:
        ids, mask = padded(rows)
        embeddings = embed(ids)
        make(name, 0.7)(embeddings, mask, ids, seed=5)
        torch.testing.assert_close(embeddings, embed(ids), rtol=0, atol=0)


@each_text_view
@quick
@given(lengths=sentence, strength=strengths, seed=st.integers(0, 99))
def test_text_stays_a_sentence(view, lengths, strength, seed):
    """Words remain, special tokens keep their places at the ends, ids are the vocabulary's, nothing
    grows too long.
    """
    rows = random_rows(lengths, seed)
    for row, edited in zip(rows, make(view, strength)(rows, seed=seed), strict=True):
        assert edited[0] == CLS
        assert edited[-1] == SEP
        inner = edited[1:-1]
        assert (inner.size > 0) == (len(row) > 2)
        assert ((inner >= 3) & (inner < SIZE)).all()
        if len(row) > 2:
            assert (inner != MASK).any()
        assert len(edited) <= max(MAX_LENGTH, len(row))


@each_text_view
@quick
@given(strength=strengths, seed=st.integers(0, 99))
def test_special_tokens_inside_a_sentence_stay(view, strength, seed):
    ids = np.array([CLS, 9, 50, SEP, 51, 12, 52, SEP])
    edited = make(view, strength)([ids], seed=seed)[0]
    assert [i for i in edited if i in (CLS, SEP)] == [CLS, SEP, SEP]
    assert edited[-1] == SEP


@pytest.mark.parametrize("view", [name for name in TEXT if VIEWS[name].unit == "word"])
@quick
@given(strength=strengths, seed=st.integers(0, 99))
def test_pieces_of_a_word_go_together(view, strength, seed):
    """Words of three pieces, an own set of pieces each: whatever is left of a word is all of it."""
    words = [[4 + 2 * i, 45 + i, 55] for i in range(8)]
    edited = make(view, strength)(
        [np.array([CLS, *(piece for word in words for piece in word), SEP])], seed=seed
    )[0][1:-1]
    if view == "span-masking":
        assert [(edited[3 * i : 3 * i + 3] == MASK).sum() % 3 for i in range(8)] == [0] * 8
    assert sorted(np.flatnonzero(edited == 55) % 3) == [2] * (edited == 55).sum()
    for first, second, third in words:
        where = np.flatnonzero(edited == first)
        assert (edited[where + 1] == second).all()
        assert (edited[where + 2] == third).all()
        assert (edited == second).sum() == len(where)


@pytest.mark.parametrize("view", EMBEDDING)
@quick
@given(lengths=sentence, strength=strengths, seed=st.integers(0, 99))
def test_embeddings_stay_a_sentence(view, lengths, strength, seed):
    rows = random_rows(lengths, seed)
    for edited in apply(make(view, strength), rows, seed):
        assert np.isfinite(edited).all()
        assert (edited != 0).any()


@pytest.mark.parametrize("view", EMBEDDING)
def test_gradients_flow_through_embeddings(view):
    ids, mask = padded(random_rows([3, 1]))
    embeddings = embed(ids)[..., :3].clone().requires_grad_()
    edited = make(view, 0.4)(embeddings, mask, ids, seed=1)
    edited.sum().backward()
    wanted = (
        torch.ones_like(embeddings)
        if view == "embedding-noise"
        else (edited.detach() != 0).double()
    )
    torch.testing.assert_close(embeddings.grad, wanted)


@pytest.mark.parametrize("strength", [-0.1, 1.01, float("nan"), float("inf")])
def test_a_strength_that_cannot_be_is_refused(name, strength):
    if VIEWS[name].largest == float("inf") and strength == 1.01:
        VIEWS[name].check(strength)
        return
    for refuse in (VIEWS[name].check, lambda s: make(name, s)):
        with pytest.raises(
            LabError, match=f"{VIEWS[name].__name__}: strength must be .*{strength}"
        ):
            refuse(strength)


@pytest.mark.parametrize(
    "name",
    [name for name, kind in VIEWS.items() if "predict" in kind.needs or name == "span-masking"],
)
def test_a_view_that_masks_wants_a_mask_token(name):
    kind = VIEWS[name]
    without = Vocabulary(SPECIAL, CONTINUATION, None)
    with pytest.raises(LabError, match="mask token"):
        kind(strength=0.1, vocabulary=without, **{need: PROVIDED[need] for need in kind.needs})
