"""Weights, centring, standardisation and composition, against NumPy and closed forms."""

import numpy as np
import pytest
import torch

from recse_lab.errors import LabError
from recse_lab.reshape.reshaper import Reshaper
from recse_lab.reshape.weights import token_weights

VOCAB, HIDDEN = 50, 6


def batches(seed=0, count=5):
    generator = torch.Generator().manual_seed(seed)
    out = []
    for _ in range(count):
        features = torch.randn(8, 7, HIDDEN, generator=generator) * torch.arange(1, HIDDEN + 1) + 3
        mask = torch.rand(8, 7, generator=generator) > 0.3
        mask[:, 0] = True
        out.append((features, torch.randint(0, VOCAB, (8, 7), generator=generator), mask))
    return out


def fitted(operator, **options):
    reshaper = Reshaper(operator, hidden=HIDDEN, vocab=VOCAB, dim=3, **options)
    counts = np.arange(VOCAB)
    reshaper.fit(batches, counts=counts, document_frequency=np.minimum(counts, 40), sentences=40)
    return reshaper


def test_mean_is_the_weighted_mean_of_content_tokens():
    reshaper = Reshaper("mean", hidden=HIDDEN, vocab=VOCAB, weights="sif")
    reshaper.fit(
        batches, counts=np.arange(VOCAB), document_frequency=np.ones(VOCAB, dtype=int), sentences=40
    )
    features, ids, mask = batches()[0]
    table = token_weights("sif", np.arange(VOCAB), np.ones(VOCAB, dtype=int), 40)
    for i in range(len(ids)):
        a = table[ids[i][mask[i]]]
        expected = (a / a.sum()) @ features[i][mask[i]].numpy()
        np.testing.assert_allclose(
            reshaper.raw(features, ids, mask)[i].numpy(), expected, rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize(
    "operator",
    ["channel-gram", "token-gram", "mean", "elementwise", "linear", "mean+channel-gram", "random"],
)
def test_standardised_on_the_sample_it_was_fitted_on(operator):
    reshaper = fitted(operator, weights="idf", centring="mean")
    out = torch.cat([reshaper(*batch) for batch in batches()]).double()
    torch.testing.assert_close(
        out.mean(0), torch.zeros(reshaper.out_dim, dtype=torch.float64), atol=1e-4, rtol=0
    )
    torch.testing.assert_close(
        out.std(0, correction=0),
        torch.ones(reshaper.out_dim, dtype=torch.float64),
        atol=1e-3,
        rtol=0,
    )


def test_a_column_that_does_not_vary_becomes_zero():
    reshaper = Reshaper("mean", hidden=HIDDEN, vocab=VOCAB)

    def constant():
        return [(torch.ones_like(f), i, m) for f, i, m in batches()]

    reshaper.fit(
        constant,
        counts=np.ones(VOCAB, dtype=int),
        document_frequency=np.ones(VOCAB, dtype=int),
        sentences=40,
    )
    assert (reshaper(*constant()[0]) == 0).all()


def test_centring_removes_mean_and_components_as_numpy_has_them():
    reshaper = fitted("mean", centring="top-2")
    tokens = torch.cat([f[m] for f, _, m in batches()]).double().numpy()
    centre = tokens.mean(0)
    _, vectors = np.linalg.eigh(np.cov(tokens.T, bias=True))
    top = vectors[:, -2:]
    expected = (tokens - centre) - (tokens - centre) @ top @ top.T
    np.testing.assert_allclose(
        reshaper.centre(torch.from_numpy(tokens).float()).numpy(), expected, atol=1e-3
    )
    # Nothing is left along what was removed.
    assert np.abs(reshaper.centre(torch.from_numpy(tokens).float()).numpy() @ top).max() < 1e-3


def test_parts_of_a_composition_are_what_they_are_alone():
    joined = fitted("mean+channel-gram", weights="sif", centring="mean")
    alone = [fitted(name, weights="sif", centring="mean") for name in ("mean", "channel-gram")]
    batch = batches(seed=9)[0]
    torch.testing.assert_close(
        joined(*batch), torch.cat([part(*batch) for part in alone], 1), atol=1e-5, rtol=1e-5
    )


def test_saved_and_loaded_it_is_the_same(tmp_path):
    reshaper = fitted("mean+channel-gram", weights="sif", centring="top-1")
    reshaper.save(tmp_path / "statistics.safetensors")
    other = Reshaper(
        "mean+channel-gram", hidden=HIDDEN, vocab=VOCAB, dim=3, weights="sif", centring="top-1"
    )
    other.load(tmp_path / "statistics.safetensors")
    assert torch.equal(other(*batches()[1]), reshaper(*batches()[1]))


def test_linear_learns_its_lift_and_the_others_only_the_compress_layer():
    assert [tuple(p.shape) for p in fitted("linear").head(4).parameters()] == [
        (9, HIDDEN),
        (9,),
        (4, 9),
        (4,),
    ]
    assert [tuple(p.shape) for p in fitted("channel-gram").head(4).parameters()] == [(4, 9), (4,)]


def test_removing_every_component_is_refused():
    with pytest.raises(LabError, match="nothing would be left"):
        Reshaper("mean", hidden=HIDDEN, vocab=VOCAB, centring="top-6")
