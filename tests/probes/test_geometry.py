"""The geometry probe against hand-computed clouds, transcriptions of the papers, peers, and the
invariances it claims.
"""

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from recse_lab.errors import LabError
from recse_lab.probes import similarity
from recse_lab.probes.geometry.compute import GROUPS, geometry
from recse_lab.probes.layers import PROFILE, layers
from recse_lab.probes.similarity import cka, lengths, mean_cosine, occurrences, skewness, unit
from recse_lab.probes.spectra import (
    effective_rank,
    isoscore,
    isoscore_star,
    moments,
    partition_isotropy,
    rankme,
    spectrum,
)
from recse_lab.statistics.jackknife import jackknife_interval


def cloud(n=60, d=5, seed=0):
    """Anisotropic, off centre, no two eigenvalues alike."""
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n, d)) * np.linspace(1.2, 0.4, d) + 0.5).astype(np.float32)


def measure(x, **options):
    return geometry({"e": x}, **options).frame().loc["e"]


def notes(result):
    return result.table.set_index("measure")["note"]


# ---- clouds with known answers
# ------------------------------------------------------------------------------

AXES = np.eye(4, dtype=np.float32)
COLLAPSED = np.tile(2 * AXES[0], (6, 1))
TWO_POINTS = np.array([AXES[0], AXES[1]] * 3)
ANTIPODES = np.array([AXES[0], -AXES[0]] * 3)
ISOTROPIC = np.concatenate([AXES, -AXES])
LOW_RANK = np.array([2 * AXES[0], -2 * AXES[0], AXES[1], -AXES[1]])

cosh, e = math.cosh, math.e
KNOWN = {
    # Z(c) = 6·exp(±2) along the one direction, 6 across. One singular value, no variance.
    "collapsed": (
        COLLAPSED,
        {
            "mean_cosine": 1,
            "mean_cosine_with_self": 1,
            "partition_isotropy": e**-4,
            "partition_isotropy_unit": e**-2,
            "isoscore": None,
            "participation_ratio": None,
            "top_share": None,
            "effective_rank": 1,
            "effective_rank_centred": None,
            "norm_mean": 2,
            "norm_cv": 0,
        },
    ),
    # 6 of the 15 pairs coincide, 9 stand at right angles; with self pairs half coincide. XᵀX =
    # 3·diag(1, 1, 0, 0): the
    # axes are its eigenvectors, Z(±e₁) = 3·(exp(±1) + 1). One direction of variance.
    "two points": (
        TWO_POINTS,
        {
            "mean_cosine": 6 / 15,
            "mean_cosine_with_self": 0.5,
            "partition_isotropy": (1 / e + 1) / (e + 1),
            "isoscore": 0,
            "participation_ratio": 1,
            "top_share": 1,
            "effective_rank": 2,
            "effective_rank_centred": 1,
            "norm_mean": 1,
        },
    ),
    # Z = 6·cosh 1 along, 6 across.
    "antipodes": (
        ANTIPODES,
        {
            "mean_cosine": (6 - 9) / 15,
            "mean_cosine_with_self": 0,
            "partition_isotropy": 1 / cosh(1),
            "isoscore": 0,
            "participation_ratio": 1,
            "top_share": 1,
            "effective_rank": 1,
            "effective_rank_centred": 1,
        },
    ),
    "isotropic": (
        ISOTROPIC,
        {
            "mean_cosine": -1 / 7,
            "mean_cosine_with_self": 0,
            "partition_isotropy": 1,
            "partition_isotropy_unit": 1,
            "isoscore": 1,
            "participation_ratio": 4,
            "top_share": 0.25,
            "effective_rank": 4,
            "effective_rank_centred": 4,
            "norm_mean": 1,
            "norm_cv": 0,
        },
    ),
    # Singular values 2√2 and √2: p = 2/3, 1/3. Variances 2 and 1/2: PR = 2.5² / 4.25 = 25/17. Z(e₁)
    # = 2·cosh 2 + 2,
    # Z(e₂) = 2·cosh 1 + 2, Z(e₃) = 4.
    "low rank": (
        LOW_RANK,
        {
            "mean_cosine": -1 / 3,
            "mean_cosine_with_self": 0,
            "partition_isotropy": 4 / (2 * cosh(2) + 2),
            "partition_isotropy_unit": 4 / (2 * cosh(1) + 2),
            "isoscore": (25 / 17 - 1) / 3,
            "participation_ratio": 25 / 17,
            "top_share": 0.8,
            "effective_rank": 3 / 2 ** (2 / 3),
            "effective_rank_centred": 3 / 2 ** (2 / 3),
            "norm_mean": 1.5,
            "norm_cv": 1 / 3,
        },
    ),
}


@pytest.mark.parametrize("name", KNOWN)
def test_hand_computed(name):
    x, known = KNOWN[name]
    result = geometry({"e": x}, neighbours=2)
    found = result.frame().loc["e"]
    for what, value in known.items():
        if value is None:
            assert np.isnan(found[what]), what
            assert notes(result)[what] == "all embeddings coincide"
        else:
            assert found[what] == pytest.approx(value, abs=1e-6), what
    # RankMe adds ε to every share, that of an empty direction too.
    shares = (
        np.array(
            {
                "collapsed": [1, 0, 0, 0],
                "two points": [0.5, 0.5, 0, 0],
                "antipodes": [1, 0, 0, 0],
                "isotropic": [0.25] * 4,
                "low rank": [2 / 3, 1 / 3, 0, 0],
            }[name]
        )
        + 1e-7
    )
    assert found["rankme"] == pytest.approx(math.exp(-(shares * np.log(shares)).sum()), rel=1e-9)


def test_a_shift_is_no_variance_and_a_common_direction_is_one():
    """Isotropic about a far centre: variance in four directions, singular values in one."""
    found = measure(ISOTROPIC + 100 * AXES[0])
    assert found["participation_ratio"] == pytest.approx(4, rel=1e-6)
    assert found["effective_rank_centred"] == pytest.approx(4, rel=1e-6)
    assert 1 < found["effective_rank"] < 1.2
    assert found["mean_cosine"] > 0.999


def test_a_cloud_of_float32_noise_has_collapsed():
    """One sentence's embedding in batches of different shapes: the last bits differ, and no
    spectrum may be read off them.
    """
    one = np.random.default_rng(1).normal(size=8).astype(np.float32)
    x = np.where(
        np.random.default_rng(2).random((50, 8)) < 0.5, one, np.nextafter(one, np.float32(9))
    )
    result = geometry({"e": x}, neighbours=5)
    assert set(result.frame().columns[result.frame().loc["e"].isna()]) == {
        "isoscore",
        "participation_ratio",
        "top_share",
        "effective_rank_centred",
        "hubness_skew",
    }
    assert notes(result)["isoscore"] == "all embeddings coincide"
    assert np.isnan(cka(x, cloud(50)))


# ---- the papers, transcribed
# ------------------------------------------------------------------------------


def isoscore_in_seven_steps(points):
    """Rudman et al.'s algorithm on points in rows: principal axes, covariance diagonal, norm √n,
    defect, two rescalings.
    """
    reoriented = PCA(n_components=points.shape[1]).fit_transform(points)
    diagonal = np.diag(np.cov(reoriented.T))
    n = len(diagonal)
    normalised = np.sqrt(n) * diagonal / np.linalg.norm(diagonal)
    defect = np.linalg.norm(normalised - np.ones(n)) / np.sqrt(2 * (n - np.sqrt(n)))
    used = (n - defect**2 * (n - np.sqrt(n))) ** 2 / n**2
    return (n * used - 1) / (n - 1)


@pytest.mark.parametrize("seed", range(3))
def test_isoscore_is_the_paper_s_algorithm(seed):
    x = cloud(seed=seed).astype(np.float64)
    assert measure(x)["isoscore"] == pytest.approx(isoscore_in_seven_steps(x), rel=1e-9)


def test_isoscore_star_shrinks():
    x = cloud().astype(np.float64)
    covariance, larger = np.cov(x.T), np.cov(cloud(500, seed=9).T.astype(np.float64))
    assert isoscore_star(covariance) == pytest.approx(isoscore_in_seven_steps(x), rel=1e-9)
    assert isoscore_star(covariance, larger, zeta=1) == pytest.approx(
        isoscore(np.linalg.eigvalsh(larger)), rel=1e-9
    )
    mixed = np.linalg.eigvalsh(0.7 * covariance + 0.3 * np.eye(5))
    assert isoscore_star(covariance, zeta=0.3) == pytest.approx(isoscore(mixed), rel=1e-9)
    with pytest.raises(ValueError, match="zeta"):
        isoscore_star(covariance, zeta=1.5)


def test_effective_rank_and_rankme_are_of_the_singular_values():
    x = cloud(seed=4).astype(np.float64)
    sigma = np.linalg.svd(x, compute_uv=False)
    p = sigma / np.abs(sigma).sum()
    found = measure(x)
    assert found["effective_rank"] == pytest.approx(np.exp(stats.entropy(p)), rel=1e-9)
    q = p + 1e-7
    assert found["rankme"] == pytest.approx(np.exp(-np.sum(q * np.log(q))), rel=1e-9)
    sigma = np.linalg.svd(x - x.mean(0), compute_uv=False)
    assert found["effective_rank_centred"] == pytest.approx(
        np.exp(stats.entropy(sigma / sigma.sum())), rel=1e-9
    )
    variances = np.linalg.eigvalsh(np.cov(x.T))
    assert found["participation_ratio"] == pytest.approx(
        variances.sum() ** 2 / (variances**2).sum(), rel=1e-9
    )
    assert found["top_share"] == pytest.approx(variances[-1] / variances.sum(), rel=1e-9)
    few = x[:3]  # fewer sentences than dimensions: three singular values, so three shares with ε
    sigma = np.linalg.svd(few, compute_uv=False)
    q = sigma / sigma.sum() + 1e-7
    assert measure(few)["rankme"] == pytest.approx(np.exp(-np.sum(q * np.log(q))), rel=1e-9)


def test_formulas_of_nothing_are_undefined():
    assert np.isnan(
        [
            effective_rank(np.zeros(3)),
            rankme(np.zeros(3)),
            isoscore(np.zeros(3)),
            isoscore(np.ones(1)),
        ]
    ).all()


@pytest.mark.parametrize("scale", [0.3, 1, 40])
def test_partition_isotropy_is_mu_and_viswanath_s(scale):
    x = scale * cloud(50).astype(np.float64)
    directions = np.linalg.svd(x)[2]
    logs = [np.logaddexp.reduce(x @ c) for c in (*directions, *-directions)]
    assert partition_isotropy(x, block=7) == pytest.approx(np.exp(min(logs) - max(logs)), rel=1e-6)


def test_mean_cosine_is_the_mean_of_the_cosines():
    x = unit(cloud(30))
    gram = x.astype(np.float64) @ x.T.astype(np.float64)
    value, left_out = mean_cosine(x)
    upper = np.triu_indices(30, 1)
    assert value == pytest.approx(gram[upper].mean(), abs=1e-9)
    keep = np.arange(30) != 7
    assert left_out[7] == pytest.approx(
        gram[np.ix_(keep, keep)][np.triu_indices(29, 1)].mean(), abs=1e-9
    )
    with_self, left_out = mean_cosine(x, self_pairs=True)
    assert with_self == pytest.approx(gram.mean(), abs=1e-9)
    assert left_out[7] == pytest.approx(gram[np.ix_(keep, keep)].mean(), abs=1e-9)


# ---- neighbours
# ------------------------------------------------------------------------------


@pytest.mark.parametrize("numbers", [2**25, 500])
def test_occurrences_are_those_of_an_exact_search(numbers, monkeypatch):
    monkeypatch.setattr(similarity, "NUMBERS", numbers)
    x = cloud(150, 6)
    found = (
        NearestNeighbors(n_neighbors=4, metric="cosine").fit(x).kneighbors(return_distance=False)
    )
    expected = np.bincount(found.ravel(), minlength=150)
    np.testing.assert_array_equal(occurrences(unit(x), 4), expected)
    result = measure(x, neighbours=4)
    assert result["hubness_skew"] == pytest.approx(stats.skew(expected))
    assert result["antihubs"] == np.mean(expected == 0)


def test_ties_share_a_place():
    """Four at right angles tie for every place of each other's lists; a fifth, nearer to all, is
    everybody's first.
    """
    centre = np.full(4, 0.5, dtype=np.float32)
    star = np.concatenate([AXES, centre[None]])
    np.testing.assert_allclose(occurrences(star, 1), [0.25, 0.25, 0.25, 0.25, 4])
    np.testing.assert_allclose(
        occurrences(star, 2), [1 / 2 + 1, 1 / 2 + 1, 1 / 2 + 1, 1 / 2 + 1, 4]
    )
    np.testing.assert_allclose(
        occurrences(AXES, 3), [3, 3, 3, 3]
    )  # everybody is everybody's neighbour


def test_a_planted_hub_is_found():
    """Directions spread about a centre that is itself a sentence: in many dimensions it is near to
    all.
    """
    rng = np.random.default_rng(0)
    x = (1 + rng.normal(size=(200, 50))).astype(np.float32)
    hub = np.concatenate([x, x.mean(0, keepdims=True)])
    assert occurrences(unit(hub), 5)[-1] > 190
    assert measure(hub, neighbours=5)["hubness_skew"] > measure(x, neighbours=5)["hubness_skew"] + 3


def test_hubness_without_neighbours_or_spread_is_undefined():
    few = geometry({"e": cloud(8)}, neighbours=10)
    assert np.isnan(few.frame().loc["e", "hubness_skew"])
    assert (
        notes(few)["hubness_skew"]
        == notes(few)["antihubs"]
        == "8 sentences have no 10 neighbours each"
    )
    same = geometry({"e": COLLAPSED}, neighbours=2)
    assert np.isnan(same.frame().loc["e", "hubness_skew"])
    assert notes(same)["hubness_skew"] == "every sentence is a neighbour equally often"
    assert same.frame().loc["e", "antihubs"] == 0
    assert np.isnan(skewness(np.full(5, 3.0)))


# ---- invariances: what the docstring claims, no more and no less
# -------------------------------------------------

LETTERS = {"R": "rotation", "S": "scale", "O": "order", "D": "doubling"}
CLAIMS = {
    name: {LETTERS[letter] for letter in claims.split()}
    for names, claims in re.findall(
        r"^\s*\| ([a-z_, ]+) \|.*\| ([RSOD ]+) \|$", geometry.__doc__ or "", re.MULTILINE
    )
    for name in names.split(", ")
    if name != "measure"
}


def rotate(x, seed):
    matrix = np.random.default_rng(seed).normal(size=(x.shape[1], x.shape[1]))
    return (x @ np.linalg.qr(matrix)[0]).astype(np.float32)


CHANGES = {
    "rotation": rotate,
    "scale": lambda x, seed: np.float32([0.01, 3, 50][seed % 3]) * x,
    "order": lambda x, seed: np.random.default_rng(seed).permutation(x),
    "doubling": lambda x, seed: np.concatenate([x, x]),
}


def test_the_docstring_names_every_measure():
    assert set(CLAIMS) == set(geometry({"e": cloud()}).table["measure"])
    assert set().union(*CLAIMS.values()) == set(CHANGES)


@pytest.mark.parametrize("change", CHANGES)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 999), n=st.integers(25, 70))
def test_invariances(change, seed, n):
    x = cloud(n, seed=seed)
    before, after = measure(x, neighbours=3), measure(CHANGES[change](x, seed), neighbours=3)
    for name, claims in CLAIMS.items():
        if change in claims:
            assert after[name] == pytest.approx(before[name], rel=1e-4, abs=1e-5), name


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_not_claimed_does_change(change):
    clouds = [cloud(40, seed=seed) for seed in range(4)]
    found = [
        (measure(x, neighbours=3), measure(CHANGES[change](x, 1), neighbours=3)) for x in clouds
    ]
    for name in (name for name, claims in CLAIMS.items() if change not in claims):
        assert any(
            after[name] != pytest.approx(before[name], rel=1e-4) for before, after in found
        ), name


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 999), n=st.integers(30, 60))
def test_bounds(seed, n):
    x = cloud(n, seed=seed)
    found = measure(x, neighbours=3)
    assert 0 <= found["isoscore"] <= 1
    assert 0 < found["partition_isotropy"] <= 1
    assert 1 <= found["participation_ratio"] <= found["effective_rank_centred"] <= 5
    assert found["mean_cosine"] < found["mean_cosine_with_self"]
    assert found["isoscore"] == pytest.approx((found["participation_ratio"] - 1) / 4, rel=1e-9)


# ---- intervals
# ------------------------------------------------------------------------------


def test_groups_add_up_and_leave_again():
    x = cloud(50).astype(np.float64)
    origin = x.mean(0)
    parts = [moments(x[i::3], origin, block=4) for i in range(3)]
    rest = parts[0] + parts[1] + parts[2] - parts[1]
    kept = np.concatenate([x[::3], x[2::3]])
    found = spectrum(rest, origin)
    np.testing.assert_allclose(found.singular, np.linalg.svd(kept, compute_uv=False), rtol=1e-9)
    np.testing.assert_allclose(
        found.variances, np.linalg.eigvalsh(np.cov(kept.T, bias=True))[::-1], rtol=1e-9
    )


def test_jackknife_of_a_mean_is_student_s_interval():
    x = np.random.default_rng(0).normal(size=30)
    left_out = (x.sum() - x) / 29
    expected = stats.t.interval(0.95, 29, loc=x.mean(), scale=stats.sem(x))
    assert jackknife_interval(x.mean(), left_out) == pytest.approx(expected)
    assert np.isnan(jackknife_interval(1.0, np.array([]))).all()
    assert np.isnan(jackknife_interval(1.0, np.array([1.0, np.nan]))).all()


def test_intervals_of_norms_and_spectra_follow_from_leaving_sentences_out():
    x = cloud(80).astype(np.float64)
    table = geometry({"e": x}, seed=3).table.set_index("measure")
    norms = lengths(x)
    left_out = np.array(
        [norms[np.arange(80) != i].std() / norms[np.arange(80) != i].mean() for i in range(80)]
    )
    expected = jackknife_interval(norms.std() / norms.mean(), left_out)
    assert tuple(table.loc["norm_cv", ["low", "high"]]) == pytest.approx(expected, rel=1e-9)
    groups = np.array_split(np.random.default_rng(3).permutation(80), GROUPS)
    kept = [np.setdiff1d(np.arange(80), group) for group in groups]
    left_out = np.array([isoscore_in_seven_steps(x[rows]) for rows in kept])
    expected = jackknife_interval(isoscore_in_seven_steps(x), left_out)
    assert tuple(table.loc["isoscore", ["low", "high"]]) == pytest.approx(expected, rel=1e-9)


def test_intervals_cover_in_simulation():
    """A Gaussian cloud whose covariance, and so whose participation ratio, is known; its mean
    cosine from 400,000 pairs.
    """
    rng = np.random.default_rng(0)
    deviations = np.array([2.0, 1.5, 1.0, 0.5])

    def draw(n):
        return (rng.normal(size=(n, 4)) * deviations + np.array([0, 1, 0, 0])).astype(np.float32)

    truth = {"participation_ratio": np.sum(deviations**2) ** 2 / np.sum(deviations**4)}
    truth["mean_cosine"] = float(
        np.einsum("ij,ij->i", unit(draw(400_000)), unit(draw(400_000))).mean()
    )
    covered = dict.fromkeys(truth, 0)
    for i in range(120):
        table = geometry({"e": draw(200)}, seed=i).table.set_index("measure")
        for name, value in truth.items():
            covered[name] += table.loc[name, "low"] <= value <= table.loc[name, "high"]
    assert all(0.89 <= count / 120 <= 0.995 for count in covered.values()), covered


def test_a_missing_bound_has_a_reason():
    for x in (cloud(60), cloud(20), cloud(2), cloud(3, 9)):
        table = geometry({"e": x}).table
        missing = table[table["low"].isna()]
        assert missing["note"].str.len().gt(0).all(), missing
        present = table[table["low"].notna()]
        assert ((present["low"] <= present["value"]) & (present["value"] <= present["high"])).all()
    assert "3 sentences in 9 dimensions: too low" in notes(geometry({"e": cloud(3, 9)}))["isoscore"]
    assert "fewer than 40 sentences" in notes(geometry({"e": cloud(20)}))["isoscore"]


# ---- bad input
# ------------------------------------------------------------------------------


def test_what_cannot_be_measured_is_refused():
    x = cloud()
    x[3, 1] = np.inf
    with pytest.raises(
        LabError, match="bad: 1 of 60 embeddings are not finite, the first is number 3"
    ):
        geometry({"good": cloud(), "bad": x})
    with pytest.raises(LabError, match="at least two"):
        geometry({"e": cloud(1)})
    with pytest.raises(LabError, match="no encoder"):
        geometry({})
    with pytest.raises(LabError, match=r"different numbers of sentences \(a 60, b 59\)"):
        geometry({"a": cloud(60), "b": cloud(59)})
    with pytest.raises(ValueError, match="neighbours"):
        geometry({"e": cloud()}, neighbours=0)


def test_zero_vectors_have_length_and_no_direction():
    x = cloud()
    x[[4, 9]] = 0
    result = geometry({"e": x})
    found = result.frame().loc["e"]
    undefined = [
        "mean_cosine",
        "mean_cosine_with_self",
        "partition_isotropy_unit",
        "hubness_skew",
        "antihubs",
    ]
    assert list(found.index[found.isna()]) == undefined
    assert set(notes(result)[undefined]) == {"2 of 60 embeddings are zero vectors: no direction"}
    nothing = geometry({"e": np.zeros((5, 3), np.float32)})
    assert list(nothing.frame().loc["e"].dropna().index) == ["norm_mean"]
    assert nothing.table.loc[nothing.table["value"].isna(), "note"].str.len().gt(0).all()


def test_the_spectrum_curve():
    curve = geometry({"a": cloud(), "b": COLLAPSED.repeat(10, axis=0)}).curves["spectrum"]
    a = curve[curve["encoder"] == "a"]
    np.testing.assert_allclose(
        a["singular"], np.linalg.svd(cloud(), compute_uv=False) / np.sqrt(60), rtol=1e-5
    )
    np.testing.assert_allclose(
        a["singular_centred"], PCA().fit(cloud()).singular_values_ / np.sqrt(60), rtol=1e-5
    )
    np.testing.assert_allclose(
        a["cumulative"], np.cumsum(PCA().fit(cloud()).explained_variance_ratio_), rtol=1e-5
    )
    assert curve.loc[curve["encoder"] == "b", "share"].isna().all()


# ---- layers and CKA
# ------------------------------------------------------------------------------


def hsic_of_grams(k, ell):
    """Gretton et al.'s biased estimator, up to (n − 1)²: tr(KHLH)."""
    n = len(k)
    h = np.eye(n) - 1 / n
    return np.trace(k @ h @ ell @ h)


def unbiased_hsic_of_grams(k, ell):
    """Song et al.'s HSIC₁ on Gram matrices with empty diagonals."""
    n = len(k)
    k, ell = k - np.diag(np.diag(k)), ell - np.diag(np.diag(ell))
    one = np.ones(n)
    cross = one @ k @ one * (one @ ell @ one) / ((n - 1) * (n - 2))
    return (np.trace(k @ ell) + cross - 2 / (n - 2) * (one @ k @ ell @ one)) / (n * (n - 3))


@pytest.mark.parametrize(
    ("debiased", "estimate"), [(False, hsic_of_grams), (True, unbiased_hsic_of_grams)]
)
def test_cka_is_that_of_the_gram_matrices(debiased, estimate):
    a, b = cloud(25, 7).astype(np.float64), cloud(25, 4, seed=1).astype(np.float64)
    b[:, 0] += a[:, 0]
    k, ell = a @ a.T, b @ b.T
    expected = estimate(k, ell) / np.sqrt(estimate(k, k) * estimate(ell, ell))
    assert cka(a, b, debiased=debiased) == pytest.approx(expected, rel=1e-9)


def test_cka_of_the_same_up_to_rotation_shift_and_scale_is_one():
    a = cloud(40, 6)
    assert cka(a, 3 * rotate(a, 1) + 7) == pytest.approx(1, abs=1e-5)
    assert cka(a, 3 * rotate(a, 1) + 7, debiased=True) == pytest.approx(1, abs=1e-5)
    assert cka(a, a @ np.diag([9, 1, 1, 1, 1, 0.1]).astype(np.float32)) < 0.9
    assert np.isnan(cka(a, np.ones((40, 3), np.float32)))
    with pytest.raises(ValueError, match="CKA of 3"):
        cka(a[:3], a[:3], debiased=True)


def test_the_plain_cka_of_noise_is_biased_and_the_debiased_is_not():
    rng = np.random.default_rng(0)
    pairs = [(rng.normal(size=(40, 40)), rng.normal(size=(40, 40))) for _ in range(30)]
    assert np.mean([cka(a, b) for a, b in pairs]) > 0.4
    assert abs(np.mean([cka(a, b, debiased=True) for a, b in pairs])) < 0.02


def test_layers():
    x = cloud(60)
    stack = [np.ones((60, 3), np.float32), x, rotate(x, 0)]
    result = layers({"a": stack, "b": [x]})
    profile, table = result.curves["layers"], result.table.set_index(["encoder", "measure"])
    assert list(profile["measure"].unique()) == list(PROFILE)
    alone = geometry({"x": x}).table.set_index("measure")
    for measured in PROFILE:
        assert table.loc[("a", f"{measured}@1"), "value"] == alone.loc[measured, "value"]
        assert table.loc[("a", f"{measured}@1"), "low"] == alone.loc[measured, "low"]
    assert table.loc[("a", "participation_ratio@0"), "note"] == "all embeddings coincide"
    grid = result.curves["cka"].pivot(
        index=["encoder", "layer"], columns=["other", "other_layer"], values="cka"
    )
    assert grid.shape == (4, 4)
    assert grid.loc[("a", 0)].isna().all()
    np.testing.assert_allclose(grid.iloc[1:, 1:], 1, atol=1e-5)
    y = cloud(60, 4, seed=2)
    pair = layers({"a": [x], "b": [y]}, debiased=True).curves["cka"]
    crossed = pair[pair["encoder"] != pair["other"]]["cka"]
    np.testing.assert_allclose(crossed, cka(x, y, debiased=True), rtol=1e-12)
    with pytest.raises(LabError, match="four sentences"):
        layers({"a": [x[:3]]}, debiased=True)
    with pytest.raises(LabError, match="a, layer 1: 1 of 60"):
        layers({"a": [x, np.where(np.arange(60)[:, None] == 5, np.nan, x)]})
