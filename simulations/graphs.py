"""Comparisons on the real sharing graphs of the seven STS sets, with effects of sentences.

What a pair adds to the difference of two arms is an effect of either sentence, one of the pair, and
noise of every seed: ψ, up to its size. Half of a pair's own variance is its sentences'. ``ranks``
goes the whole way, from graded gold and scores through ranks to Spearman's influences.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from recse_lab.data.sentence_ids import sentence_ids
from recse_lab.data.sts_sets import SEVEN, load_task
from recse_lab.statistics.combined import half_width
from recse_lab.statistics.comparison import compare_influences
from recse_lab.statistics.influence import spearman_influence
from recse_lab.statistics.sharing import SharedSentences, pairs_covariance
from recse_lab.statistics.spread import spread_over_both
from simulations.outcomes import Progress, Tally, as_table, rate
from simulations.populations import graded

SEEDS = (3, 5, 10, 20)
WORLDS = {"seeds differ most": 3.0, "seeds and pairs alike": 1.0, "pairs differ most": 0.3}
"""Standard error from 10 seeds in multiples of that from the pairs."""
SENTENCES = 0.5
"""Share of a pair's own variance that is its sentences'."""


class Graph:
    """The pairs of some tasks, the sentences of each, and its weight in the average.

    Args:
        tasks: Names of the tasks.
        data_dir: SentEval's folder.
    """

    def __init__(self, tasks: tuple[str, ...], data_dir: Path) -> None:
        ends, sizes = [], []
        for task in tasks:
            subsets = load_task(task, str(data_dir)).subsets.values()
            sides = [[s for pairs in subsets for s in side(pairs)] for side in (_first, _second)]
            ends.append(np.stack([sentence_ids(side) for side in sides]))
            sizes.append(len(sides[0]))
        ids = np.concatenate(ends, axis=1)
        self.tasks, self.sizes = tasks, sizes
        self.shared = SharedSentences(*ids)
        self.weight = np.concatenate([np.full(n, 1 / n / len(tasks)) for n in sizes])
        _, places = np.unique(ids, return_inverse=True)
        first, second = places.reshape(2, -1)
        rows = np.arange(len(first))
        again = sparse.coo_matrix(
            (np.ones(2 * len(rows)), (np.r_[rows, rows], np.r_[first, second]))
        )
        self.incidence = again.tocsr()
        self.degree = np.sqrt(np.asarray(again.tocsr().multiply(again.tocsr()).sum(axis=1)).ravel())

    def own(self, rng: np.random.Generator, rows: int = 1) -> np.ndarray:
        """Effects of pairs with variance 1: of their sentences and of their own."""
        effects = self.incidence @ rng.normal(size=(self.incidence.shape[1], rows))
        noise = rng.normal(size=(rows, len(self.weight)))
        return SENTENCES**0.5 * (effects / self.degree[:, None]).T + (1 - SENTENCES) ** 0.5 * noise


def _first(pairs):
    return pairs.first


def _second(pairs):
    return pairs.second


def simulate(name: str, graph: Graph, replicates: int, rng: np.random.Generator) -> pd.DataFrame:
    """False positives and coverage where influences are what the pairs add to the difference."""
    labels = {"sentences shared": graph.shared, "pairs independent": None}
    size = float(np.std([float((graph.own(rng) * graph.weight).sum()) for _ in range(300)]))
    found: dict[tuple[str, int, str, str], list[bool]] = {}
    progress = Progress(name, replicates)
    for replicate in range(replicates):
        v = graph.own(rng) * graph.weight
        w = 0.5 * rng.normal(size=(max(SEEDS), len(graph.weight))) * graph.weight
        psi, _luck = v + w, rng.normal(size=max(SEEDS))
        for label, shared in labels.items():
            covariance = pairs_covariance(psi, shared)
            for world, ratio in WORLDS.items():
                u = (
                    ratio
                    * size
                    * 10**0.5
                    * np.random.default_rng(replicate).normal(size=max(SEEDS))
                )
                point = u + psi.sum(axis=1)
                for n in SEEDS:
                    part = type(covariance)(*(matrix[:n, :n] for matrix in covariance))
                    spread = spread_over_both(point[:n], part)
                    for alpha in (0.05, 0.01):
                        half = half_width(spread.seeds, spread.pairs, n - 1, alpha)
                        key = (world, n, label, f"rejected at {alpha}")
                        found.setdefault(key, []).append(bool(abs(point[:n].mean()) > half))
        progress.step(replicate + 1)
    return as_table(
        [
            rate("graphs", f"{name}: {world}", n, label, measure, np.array(hits))
            for (world, n, label, measure), hits in found.items()
        ]
    )


def ranks(graph: Graph, replicates: int, rng: np.random.Generator) -> pd.DataFrame:
    """The same through graded gold, scores, ranks and influences: two equally good arms."""
    tally, progress = Tally("ranks"), Progress("seven sets, ranks", replicates)
    ends = np.cumsum([0, *graph.sizes])
    n = 5
    for replicate in range(replicates):
        gold, hard, *own = graph.own(rng, 4)
        slopes = 1 + 0.02 * rng.normal(size=(2, n))
        scores = slopes[..., None] * gold + 0.7 * hard + 0.4 * np.stack(own)[:, None]
        scores = (scores + 0.2 * rng.normal(size=scores.shape)).reshape(2 * n, -1)
        grades = graded(gold)
        point, psi = np.zeros(2 * n), np.empty_like(scores)
        for a, b in itertools.pairwise(ends):
            psi[:, a:b] = spearman_influence(grades[a:b], scores[:, a:b]) / len(graph.tasks)
            order = np.argsort(np.argsort(scores[:, a:b], axis=1), axis=1)
            rank = pd.Series(grades[a:b]).rank().to_numpy()
            point += np.corrcoef(np.vstack([rank, order]))[0, 1:] / len(graph.tasks)
        for label, shared in (("sentences shared", graph.shared), ("pairs independent", None)):
            found = compare_influences(point[:n], point[n:], psi[:n], psi[n:], shared)
            assert found.p is not None
            for alpha in (0.05, 0.01):
                tally.add("equally good arms", n, label, f"rejected at {alpha}", found.p < alpha)
        progress.step(replicate + 1)
    return tally.table()


def parts(replicates: int, data_dir: Path) -> Iterator[pd.DataFrame]:
    """The average of the seven, a task whose every pair shares, and one of few sentences."""
    graph = Graph(SEVEN, data_dir)
    yield simulate("average of seven", graph, replicates // 2, np.random.default_rng([14, 0]))
    for number, task in enumerate(("sickr", "sts12", "sts16"), 1):
        alone = Graph((task,), data_dir)
        yield simulate(task, alone, replicates // 2, np.random.default_rng([14, number]))
    yield ranks(graph, replicates // 8, np.random.default_rng([15, 0]))
