"""Counts, positive PMI and the SVD against loops and closed forms."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from recse_lab.models.factorisation import cooccurrences, factorise, positive_pmi

SENTENCES = st.lists(st.lists(st.integers(0, 5), max_size=9), max_size=6)


@given(SENTENCES, st.integers(1, 4))
def test_cooccurrences_equal_a_double_loop(sentences, window):
    wanted = np.zeros((6, 6))
    for sentence in sentences:
        for i, first in enumerate(sentence):
            for j, second in enumerate(sentence):
                if i != j and abs(i - j) <= window:
                    wanted[first, second] += 1
    found = cooccurrences([np.array(s, dtype=np.int64) for s in sentences], 6, window=window)
    np.testing.assert_array_equal(found.toarray(), wanted)


def test_counting_in_blocks_changes_nothing(monkeypatch):
    rows = [np.random.default_rng(i).integers(0, 20, 30) for i in range(50)]
    whole = cooccurrences(rows, 20).toarray()
    monkeypatch.setattr("recse_lab.models.factorisation.BLOCK_TOKENS", 100)
    np.testing.assert_array_equal(cooccurrences(rows, 20).toarray(), whole)


@given(SENTENCES, st.sampled_from([0.75, 1.0]))
def test_positive_pmi_equals_its_formula(sentences, smoothing):
    counts = cooccurrences([np.array(s, dtype=np.int64) for s in sentences], 6, window=2)
    dense = counts.toarray()
    wanted = np.zeros((6, 6))
    contexts = dense.sum(1) ** smoothing
    for i, j in np.argwhere(dense):
        joint = dense[i, j] / dense.sum()
        expected = dense[i].sum() / dense.sum() * contexts[j] / contexts.sum()
        wanted[i, j] = max(0.0, np.log(joint / expected))
    np.testing.assert_allclose(
        positive_pmi(counts, smoothing=smoothing).toarray(), wanted, atol=1e-12
    )


def test_independent_tokens_have_no_positive_pmi():
    assert (
        positive_pmi(sp.csr_array(np.outer([1.0, 2, 3], [1.0, 2, 3])), smoothing=1.0)
        .toarray()
        .max()
        < 1e-12
    )


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0])
def test_factorise_spans_the_leading_singular_vectors(exponent):
    rng = np.random.default_rng(0)
    left, right = (np.linalg.qr(rng.normal(size=(40, 5)))[0] for _ in range(2))
    singular = np.array([9.0, 7.0, 5.0, 3.0, 1.0])
    found = factorise(sp.csr_array(left * singular @ right.T), 3, exponent=exponent)
    wanted = left[:, :3] * singular[:3] ** exponent
    np.testing.assert_allclose(
        np.abs((found * wanted).sum(0)), (wanted**2).sum(0), rtol=1e-5
    )  # equal up to sign
    np.testing.assert_array_equal(
        found, factorise(sp.csr_array(left * singular @ right.T), 3, exponent=exponent)
    )
