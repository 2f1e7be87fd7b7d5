"""Correlations under their names, oracles at both ends, and undefined reported as undefined."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from recse_lab.data.sts_sets import SEVEN, Pairs, StsTask, load_task
from recse_lab.evaluation.sts import cosine, score_pairs, sts_results


def task(name, sizes, seed=0):
    rng = np.random.default_rng(seed)
    subsets = {}
    for i, n in enumerate(sizes):
        gold = rng.choice(np.linspace(0, 5, 26), n).astype(np.float32)
        subsets[f"s{i}"] = Pairs(
            [f"{name} {i} {j} a" for j in range(n)], [f"{name} {i} {j} b" for j in range(n)], gold
        )
    return StsTask(name, subsets)


def oracle(tasks, sign=1.0):
    """Embeds so that the cosine of a pair is a rising function of its gold score."""
    angle = {}
    for t in tasks:
        for p in t.subsets.values():
            for a, b, g in zip(p.first, p.second, p.gold, strict=True):
                angle[a], angle[b] = 0.0, np.pi * (0.5 - sign * (float(g) / 5 - 0.5) * 0.9)
    return lambda sentences: np.array(
        [[np.cos(angle[s]), np.sin(angle[s])] for s in sentences], dtype=np.float32
    )


SUITE = [task(name, [30, 50, 20], seed=i) for i, name in enumerate(SEVEN)]


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_an_oracle_scores_one_and_a_reversed_one_minus_one(sign):
    results = sts_results(score_pairs(SUITE, oracle(SUITE, sign)))
    for values in (*results["tasks"].values(), results["average"]):
        assert all(v == pytest.approx(sign, abs=1e-12) for v in values["spearman"].values())
    assert results["average"]["undefined"] is None


def test_constants_are_undefined_and_never_zero():
    results = sts_results(score_pairs(SUITE, lambda s: np.ones((len(s), 3), np.float32)))
    assert results["tasks"]["sts12"]["spearman"] == {"all": None, "mean": None, "wmean": None}
    assert "constant" in results["tasks"]["sts12"]["undefined"]
    assert results["average"]["spearman"]["all"] is None
    assert results["average"]["undefined"].startswith("undefined sts12")


def test_one_zero_vector_is_told():
    def encode(sentences):
        out = np.random.default_rng(0).normal(size=(len(sentences), 4)).astype(np.float32)
        out[0] = 0
        return out

    results = sts_results(score_pairs(SUITE[:1], encode))
    assert results["tasks"]["sts12"]["undefined"] == "1 of 100 scores are not finite"


def test_aggregations_are_scipy_on_pooled_pairs_and_on_subsets():
    rng = np.random.default_rng(1)
    scores = score_pairs(SUITE, lambda s: rng.normal(size=(len(s), 5)).astype(np.float32))
    part = scores[scores.task == "sts14"]
    got = sts_results(scores)["tasks"]["sts14"]
    rhos, sizes = zip(
        *[(stats.spearmanr(g.gold, g.score)[0], len(g)) for _, g in part.groupby("subset")],
        strict=True,
    )
    assert got["spearman"]["all"] == pytest.approx(
        stats.spearmanr(part.gold, part.score)[0], abs=1e-12
    )
    assert got["spearman"]["mean"] == pytest.approx(np.mean(rhos), abs=1e-12)
    assert got["spearman"]["wmean"] == pytest.approx(np.dot(rhos, sizes) / sum(sizes), abs=1e-12)
    pearson = stats.pearsonr(part.gold.astype(float), part.score.astype(float))[0]
    assert got["pearson"]["all"] == pytest.approx(pearson, abs=1e-9)
    assert (got["pairs"], got["subsets"]) == (100, 3)


def test_the_average_needs_all_seven_and_no_other():
    extra = [*SUITE, task("stsb-dev", [10])]
    scores = score_pairs(extra, oracle(extra))
    results = sts_results(scores)
    assert results["average"]["spearman"]["all"] == pytest.approx(1.0)
    fewer = sts_results(scores.loc[scores["task"] != "stsb"])
    assert fewer["average"]["spearman"]["all"] is None
    assert fewer["average"]["undefined"] == "missing stsb"


def test_every_distinct_sentence_is_encoded_once(small_senteval):
    tasks = [load_task(name, small_senteval) for name in SEVEN]
    seen = []

    def encode(sentences):
        seen.append(list(sentences))
        return np.random.default_rng(0).normal(size=(len(sentences), 4)).astype(np.float32)

    score_pairs(tasks, encode)
    texts = {s for t in tasks for p in t.subsets.values() for s in (*p.first, *p.second)}
    assert len(seen) == 1
    assert len(seen[0]) == len(set(seen[0])) == len(texts)


def test_cosine_is_float32_and_nan_for_zero_vectors():
    a, b = np.array([[3.0, 4.0], [0.0, 0.0]]), np.array([[4.0, 3.0], [1.0, 0.0]])
    out = cosine(a, b)
    assert out.dtype == np.float32
    assert out[0] == pytest.approx(0.96)
    assert np.isnan(out[1])


def test_a_real_task_scored_by_an_oracle_is_one(data_dir):
    """Subsets, pooling and SentEval's skipped pairs, on the real files."""
    task = load_task("sts15", data_dir)
    scores = score_pairs(
        [task], lambda s: np.random.default_rng(0).normal(size=(len(s), 3)).astype(np.float32)
    )
    assert (len(scores), scores["subset"].nunique()) == (3000, 5)
    results = sts_results(scores.assign(score=scores["gold"]))["tasks"]["sts15"]
    assert all(
        v == pytest.approx(1.0, abs=1e-12)
        for m in ("spearman", "pearson")
        for v in results[m].values()
    )


def test_scores_keep_the_order_of_the_files():
    scores = score_pairs(SUITE[:1], oracle(SUITE[:1]))
    columns = ["task", "subset", "pair", "gold", "score", "first", "second"]
    assert scores.columns.tolist() == columns
    assert scores[scores.subset == "s1"].pair.tolist() == list(range(50))
    gold = scores[scores.subset == "s2"].gold.reset_index(drop=True)
    pd.testing.assert_series_equal(gold, pd.Series(SUITE[0].subsets["s2"].gold, name="gold"))
