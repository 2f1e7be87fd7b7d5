"""Cut-offs against a NumPy transcription of ConSERT's."""

import numpy as np
import pytest
from edits import batch

from recse_lab.views import VIEWS, Vocabulary
from recse_lab.views.cutoff import cut
from recse_lab.views.view import generator

VOCABULARY = Vocabulary(np.arange(40) < 4, np.zeros(40, bool))


def consert(embedding, tokens, rate, direction, order):
    """One sentence of ConSERT's cutoff: of the shuffled indices the first int(n · rate) are filled
    with zero.
    """
    out = embedding.copy()
    indices = list(order)[: int(len(order) * rate)]
    for index in indices:
        if direction == "row":
            out[tokens[index]] = 0.0
        else:
            out[:, index] = 0.0
    return out


@pytest.mark.parametrize("rate", [0.05, 0.15, 0.2, 0.5, 0.9])
@pytest.mark.parametrize(
    ("name", "direction"), [("token-cutoff", "row"), ("feature-cutoff", "column")]
)
def test_cutoffs_are_conserts(name, direction, rate):
    embeddings, mask, ids = batch([3, 12, 7])
    edited = VIEWS[name](strength=rate, vocabulary=VOCABULARY)(embeddings, mask, ids, seed=11)
    for i, n in enumerate([3, 12, 7]):
        rng = generator(11, ids[i, : n + 2].numpy())
        order = rng.permutation(n if direction == "row" else 10)
        wanted = consert(embeddings[i].numpy(), np.arange(1, n + 1), rate, direction, order)
        np.testing.assert_array_equal(edited[i, : n + 2].numpy(), wanted[: n + 2])


def test_a_cut_rounds_down_and_leaves_one():
    rng = np.random.default_rng(0)
    assert [
        len(cut(n, rate, rng))
        for n, rate in [(3, 0.3), (4, 0.25), (10, 0.99), (10, 1.0), (1, 1.0), (0, 1.0)]
    ] == [
        0,
        1,
        9,
        9,
        0,
        0,
    ]


def test_every_token_and_every_feature_is_cut_equally_often():
    embeddings, mask, ids = batch([8])
    for name, axis, count in (("token-cutoff", 2, 8), ("feature-cutoff", 1, 10)):
        view = VIEWS[name](strength=0.5, vocabulary=VOCABULARY)
        cuts = sum(
            (view(embeddings, mask, ids, seed=s) == 0).all(axis).squeeze().long()
            for s in range(400)
        )
        if name == "token-cutoff":
            assert cuts[0] == cuts[-1] == 0
            cuts = cuts[1:-1]
        assert len(cuts) == count
        assert (cuts - 200).abs().max() < 4 * np.sqrt(400 * 0.25)


def test_sentences_of_a_batch_lose_different_features():
    embeddings, mask, ids = batch([5, 5, 5], hidden=64)
    gone = (
        VIEWS["feature-cutoff"](strength=0.5, vocabulary=VOCABULARY)(embeddings, mask, ids, seed=1)[
            :, 0
        ]
        == 0
    )
    assert len({tuple(row.tolist()) for row in gone}) == 3
