"""token-shuffle is uniform over orders, and equals shuffled position ids."""

from collections import Counter
from itertools import permutations

import numpy as np
import pytest
import torch
from edits import TEN, fits, views

from recse_lab.views import VIEWS, Vocabulary


def test_a_full_shuffle_draws_every_order_equally_often():
    edited = Counter(
        tuple(row[1:-1].tolist())
        for row in views("token-shuffle", 1.0, row=TEN[[0, 1, 2, 3, -1]], seeds=600)
    )
    orders = list(permutations([4, 5, 6]))
    assert fits([edited[order] for order in orders], [100] * 6)


def test_a_part_of_the_tokens_changes_places():
    """Of 4 tokens shuffled among themselves, 3 leave their place on average."""
    moved = [(row != TEN).sum() for row in views("token-shuffle", 0.4)]
    assert max(moved) == 4
    assert np.mean(moved) == pytest.approx(3.0, abs=0.2)
    assert all(sorted(row) == sorted(TEN) for row in views("token-shuffle", 0.4, seeds=50))


def test_tokens_that_change_places_are_position_ids_that_do(tiny):
    """ConSERT shuffles position ids; the pooled outputs are those of shuffled tokens."""
    from recse_lab.models import load_encoder

    encoder = load_encoder(str(tiny))
    row = np.array([2, 9, 20, 31, 42, 53, 64, 3])
    vocabulary = Vocabulary(
        np.arange(len(encoder.tokenizer)) < 5, np.zeros(len(encoder.tokenizer), bool)
    )
    edited = VIEWS["token-shuffle"](strength=1.0, vocabulary=vocabulary)([row], seed=3)[0]
    assert (edited != row).any()
    position = torch.tensor([[edited.tolist().index(token) for token in row]])
    with torch.inference_mode():
        paper = encoder.backbone(
            input_ids=torch.tensor(row)[None], position_ids=position
        ).last_hidden_state
        ours = encoder.backbone(input_ids=torch.tensor(edited)[None]).last_hidden_state
    torch.testing.assert_close(ours.mean(1), paper.mean(1), atol=1e-5, rtol=0)
    torch.testing.assert_close(ours[:, 0], paper[:, 0], atol=1e-5, rtol=0)
