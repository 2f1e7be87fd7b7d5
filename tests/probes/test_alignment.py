"""The alignment probe against the authors' two formulas, closed forms, its intervals in simulation,
and bad input.
"""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from recse_lab.errors import LabError
from recse_lab.probes.alignment import alignment, legacy_batch, senteval_batches
from recse_lab.probes.trajectory import trajectory
from recse_lab.statistics.jackknife import jackknife_interval


def align_loss(x, y, alpha=2):
    """Wang & Isola's published code, line by line."""
    return (x - y).norm(p=2, dim=1).pow(alpha).mean()


def uniform_loss(x, t=2):
    """Wang & Isola's published code, line by line."""
    return torch.pdist(x, p=2).pow(2).mul(-t).exp().mean().log()


def cloud(n=60, d=8, seed=0, shift=0.5):
    return (np.random.default_rng(seed).normal(size=(n, d)) + shift).astype(np.float32)


def paired(x, gold, **options):
    """The probe on sentences 2i and 2i + 1 as pairs."""
    index = np.arange(len(x))
    return alignment(
        {"e": x},
        index[::2],
        index[1::2],
        np.asarray(gold, dtype=np.float32),
        resamples=200,
        **options,
    )


def row(result, measure, encoder="e"):
    table = result.table
    return table[(table["encoder"] == encoder) & (table["measure"] == measure)].iloc[0]


@pytest.mark.parametrize("seed", range(3))
def test_is_wang_and_isola_s_on_random_clouds(seed):
    x = cloud(seed=seed) * np.random.default_rng(seed).uniform(0.1, 9, size=(60, 1)).astype(
        np.float32
    )
    gold = np.linspace(0, 5, 30)
    unit = torch.nn.functional.normalize(torch.from_numpy(x).double(), dim=1)
    close = gold > 4
    result = paired(x, gold)
    assert row(result, "alignment")["value"] == pytest.approx(
        align_loss(unit[::2][close], unit[1::2][close]).item(), abs=1e-6
    )
    assert row(result, "uniformity")["value"] == pytest.approx(uniform_loss(unit).item(), abs=1e-6)
    cosines = (unit[::2] * unit[1::2]).sum(1).numpy()
    assert row(result, "spearman")["value"] == pytest.approx(
        spearmanr(gold, cosines).statistic, abs=1e-9
    )
    assert list(result.table["n"]) == [close.sum(), 60, 30]


def test_closed_forms():
    pole = np.array([3.0, 0.0, 0.0], dtype=np.float32)
    side = np.array([0.0, 2.0, 0.0], dtype=np.float32)
    collapsed = paired(np.tile(pole, (8, 1)), [5] * 4)
    assert row(collapsed, "alignment")["value"] == pytest.approx(0, abs=1e-6)
    assert row(collapsed, "uniformity")["value"] == pytest.approx(0, abs=1e-6)
    # Two points at a right angle, each pair across: every squared distance of a pair is 2. Among 8
    # sentences 2·C(4, 2)
    # of the 28 pairs coincide and 16 lie at squared distance 2, with potential exp(−4).
    two_points = paired(np.array([pole, side] * 4), [5] * 4)
    assert row(two_points, "alignment")["value"] == pytest.approx(2, abs=1e-6)
    assert row(two_points, "uniformity")["value"] == pytest.approx(
        math.log((12 + 16 * math.exp(-4)) / 28), abs=1e-6
    )
    # Antipodes: squared distance 4, potential exp(−8).
    antipodal = paired(np.array([pole, -pole] * 4), [5] * 4)
    assert row(antipodal, "alignment")["value"] == pytest.approx(4, abs=1e-6)
    assert row(antipodal, "uniformity")["value"] == pytest.approx(
        math.log((12 + 16 * math.exp(-8)) / 28), abs=1e-6
    )


def test_what_is_undefined_has_a_reason():
    collapsed = paired(np.ones((8, 3), np.float32), [1, 2, 3, 5])
    assert np.isnan(row(collapsed, "spearman")["value"])
    assert "constant" in row(collapsed, "spearman")["note"]
    far = paired(cloud(8), [1, 2, 3, 4])  # 4 is not above 4
    assert np.isnan(row(far, "alignment")["value"])
    assert row(far, "alignment")["note"] == "no pair with gold above 4"
    x = cloud(8)
    x[3] = 0
    zero = paired(x, [5, 5, 3, 1])
    assert zero.table["value"].isna().all()
    assert zero.table["note"].str.len().gt(0).all()
    assert "1 of 8 embeddings are zero" in row(zero, "uniformity")["note"]
    assert np.isnan(row(paired(cloud(2), [5]), "uniformity")["low"])


@pytest.mark.usefixtures("shapes_unchecked")
def test_bad_input_is_refused():
    x = cloud(8)
    x[5, 2] = np.nan
    with pytest.raises(
        LabError, match="e: 1 of 8 embeddings are not finite, the first is number 5"
    ):
        paired(x, [5, 4, 3, 2])
    with pytest.raises(LabError, match="at least two"):
        alignment({"e": cloud(1)}, np.array([0]), np.array([0]), np.array([5.0]))
    index = np.arange(4)
    with pytest.raises(LabError, match=r"different numbers of sentences \(a 8, b 6\)"):
        alignment({"a": cloud(8), "b": cloud(6)}, index, index, np.ones(4))
    with pytest.raises(LabError, match="no pair"):
        alignment({"e": cloud(2)}, index[:0], index[:0], np.ones(0))
    with pytest.raises(ValueError, match="gold"):
        alignment({"e": cloud(8)}, index, index, np.ones(3))
    with pytest.raises(ValueError, match="index"):
        alignment({"e": cloud(8)}, index + 5, index, np.ones(4))
    with pytest.raises(LabError, match="1 gold scores are not finite"):
        alignment({"e": cloud(8)}, index, index, np.array([1, 2, np.nan, 4]))


def test_intervals_cover_their_point_and_ask_the_same_of_every_encoder():
    x, gold = cloud(200), np.random.default_rng(1).uniform(0, 5, 100)
    index = np.arange(200)
    both = alignment({"a": x, "b": x.copy()}, index[::2], index[1::2], gold, resamples=300)
    table = both.table
    assert (table["low"] < table["value"]).all()
    assert (table["value"] < table["high"]).all()
    assert (
        table.iloc[:3, 2:].reset_index(drop=True).equals(table.iloc[3:, 2:].reset_index(drop=True))
    )
    again = alignment({"a": x}, index[::2], index[1::2], gold, resamples=300, seed=1).table
    assert not np.allclose(again["low"][:1], table["low"][:1])


def test_left_out_uniformity_is_what_is_computed_without_the_sentence():
    x = cloud(12)
    unit = torch.nn.functional.normalize(torch.from_numpy(x).double(), dim=1)
    left_out = np.array([uniform_loss(unit[np.arange(12) != i]).item() for i in range(12)])
    found = row(paired(x, [5, 4, 3, 2, 1, 0]), "uniformity")
    assert (found["low"], found["high"]) == pytest.approx(
        jackknife_interval(found["value"], left_out), abs=1e-5
    )


def test_the_interval_of_uniformity_covers_in_simulation():
    """Gaussian directions about a mean: the expected potential of two of them is taken from 400,000
    pairs.
    """
    rng = np.random.default_rng(0)

    def draw(n):
        x = rng.normal(size=(n, 4)) + np.array([1.0, 0, 0, 0])
        return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)

    truth = math.log(np.exp(-2 * np.square(draw(400_000) - draw(400_000)).sum(1)).mean())
    covered = 0
    for _ in range(200):
        found = row(paired(draw(60), np.arange(30) % 6), "uniformity")
        covered += found["low"] <= truth <= found["high"]
    assert 0.90 <= covered / 200 <= 0.99


# ---- the circulating protocol
# ------------------------------------------------------------------------------


def release_task(datasets, encode, *, sort, batch_size):
    """Alignment and uniformity of a task under "all", as the release's loop leaves them.

    Transcribed from github.com/heavenhellchen/reCSE at 8b2fae4, SentEval/senteval/sts.py:
    ``STSEval.loadFile`` sorts by (words of the first, words of the second, gold), where
    ``STSBenchmarkEval.loadFile`` keeps the order of the file; ``STSEval.run`` takes
    ``batch_gs_scores[i] >= 4.0`` as positives, ``align_loss`` is 0 of none, ``uniform_loss`` sees
    both sides of a batch, and the means go over all batches of all datasets.
    """

    def normalize(x):
        return torch.nn.functional.normalize(x, p=2, dim=1)

    all_align, all_uniform = [], []
    for sent1, sent2, gs_scores in datasets:
        if sort:
            data = sorted(
                zip(sent1, sent2, gs_scores, strict=True),
                key=lambda z: (len(z[0].split()), len(z[1].split()), z[2]),
            )
            sent1, sent2, gs_scores = map(list, zip(*data, strict=True))
        for ii in range(0, len(gs_scores), batch_size):
            enc1, enc2 = encode(sent1[ii : ii + batch_size]), encode(sent2[ii : ii + batch_size])
            scores = gs_scores[ii : ii + batch_size]
            positive = [i for i in range(len(scores)) if scores[i] >= 4.0]
            x, y = normalize(enc1[positive]), normalize(enc2[positive])
            all_align.append(align_loss(x, y).item() if positive else 0)
            all_uniform.append(uniform_loss(normalize(torch.cat((enc1, enc2)))).item())
    return np.mean(all_align), np.mean(all_uniform)


@pytest.mark.parametrize("sizes", [(60,), (23, 37)], ids=["one file, as STS-B", "as STS12"])
def test_legacy_batch_is_the_release_s_computation(sizes):
    rng = np.random.default_rng(3)
    x, n = torch.from_numpy(cloud(80)).double(), sum(sizes)
    sentences = [" ".join(["w"] * rng.integers(3, 9)) + f" {i}" for i in range(80)]
    first, second = rng.integers(0, 80, n), rng.integers(0, 80, n)  # sentences repeat
    gold = rng.choice([1.0, 2.5, 3.999, 4.0, 4.6, 5.0], n)
    edges = np.cumsum([0, *sizes])
    datasets = [
        ([sentences[k] for k in first[a:b]], [sentences[k] for k in second[a:b]], gold[a:b])
        for a, b in itertools.pairwise(edges)
    ]
    expected = release_task(
        datasets,
        lambda batch: x[[int(s.split()[-1]) for s in batch]],
        sort=len(sizes) > 1,
        batch_size=7,
    )
    words = np.array([len(s.split()) for s in sentences])
    batches = senteval_batches(sizes, words[first], words[second], gold, batch=7)
    vectors = torch.nn.functional.normalize(x, dim=1).numpy()
    found = legacy_batch(vectors, first, second, gold, batches=batches)
    assert found == pytest.approx(expected, abs=1e-9)


def test_legacy_batch_is_biased_on_clustered_data():
    """Eight clusters, 128 pairs of each in a row: a batch sees one cluster, the set sees all.

    And batches without a positive pull alignment towards 0.
    """
    rng = np.random.default_rng(0)
    centres = np.linalg.qr(rng.normal(size=(32, 8)))[0].T  # right angles
    cluster = np.repeat(np.arange(8), 128)
    first = centres[cluster] + 0.1 * rng.normal(size=(1024, 32))
    second = first + 0.05 * rng.normal(size=(1024, 32))
    x = np.concatenate([first, second]).astype(np.float32)
    gold = np.where(cluster < 4, 5.0, 2.0) + 1e-3 * rng.random(1024)
    index = np.arange(1024)
    options = {"gold": gold, "resamples": 20}
    whole = alignment({"e": x}, index, index + 1024, **options)
    legacy = alignment({"e": x}, index, index + 1024, **options, protocol="legacy-batch")
    # A batch sees potentials within a cluster, w; the whole set 1/8 of those and 7/8 of those
    # across, exp(−4) as the
    # centres stand at right angles.
    within = math.exp(row(legacy, "uniformity")["value"])
    assert row(whole, "uniformity")["value"] == pytest.approx(
        math.log(within / 8 + 7 / 8 * math.exp(-4)), abs=0.05
    )
    assert row(legacy, "uniformity")["value"] - row(whole, "uniformity")["value"] > 1.5
    # Half of the batches hold no positive and count 0.
    half = row(legacy, "alignment")["value"] / row(whole, "alignment")["value"]
    assert half == pytest.approx(0.5, abs=0.05)
    assert row(legacy, "spearman")["value"] == row(whole, "spearman")["value"]
    notes = legacy.table.loc[legacy.table["measure"] != "spearman", "note"]
    assert notes.str.contains("old tables").all()
    assert legacy.about["protocol"] == "legacy-batch"


# ---- over training
# ------------------------------------------------------------------------------


def look(step, a, u, s):
    return {"step": step, "loss": 1.0, "dev_alignment": a, "dev_uniformity": u, "dev_spearman": s}


def test_trajectory_takes_the_dev_evaluations():
    lines = [
        {"step": 1, "loss": 2.0},
        look(10, 0.3, -1.0, 0.5),
        {"step": 11, "loss": 1.0},
        look(20, 0.25, -2.0, 0.62),
    ]
    result = trajectory(
        {"simcse": lines, "recse": [look(10, 0.2, -1.0, 0.4), look(5, 0.4, -1.5, None)]}
    )
    curve = result.curves["trajectory"]
    assert list(curve.columns) == ["encoder", "step", "alignment", "uniformity", "spearman"]
    assert list(curve["step"]) == [10, 20, 5, 10]
    assert curve.loc[1, "uniformity"] == -2.0
    wide = result.frame()
    assert wide.loc["simcse", "spearman"] == 0.62
    assert wide.loc["simcse", "spearman_change"] == pytest.approx(0.12)
    assert wide.loc["recse", "alignment_change"] == pytest.approx(-0.2)
    assert np.isnan(wide.loc["recse", "spearman_change"])
    assert row(result, "spearman_change", "recse")["note"] == "undefined at step 5"
    assert result.about == {"evaluations": {"simcse": 2, "recse": 2}}


def test_a_run_that_never_looked_is_refused():
    with pytest.raises(LabError, match="blind: no line of its metrics holds dev measures"):
        trajectory({"blind": [{"step": 1, "loss": 2.0}]})
    once = trajectory({"e": [look(5, 0.4, -1.5, 0.3)]})
    assert row(once, "alignment_change")["note"] == "one dev evaluation: no change"
