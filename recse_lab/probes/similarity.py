"""How alike embeddings are to one another, and one representation to another: cosines, neighbours,
CKA."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from recse_lab.errors import LabError
from recse_lab.probes.spectra import ROUNDING

TIE = 2e-6  # cosines closer than this are equal in float32
NUMBERS = 2**25  # in one block of cosines: 128 MB


def refuse_unmeasurable(embeddings: Mapping[str, Float[np.ndarray, "sentences _dim"]]) -> int:
    """The number of sentences, the same for all.

    Raises:
        LabError: No encoder, fewer than two sentences, different numbers of sentences, or an
            embedding that is not finite.
    """
    if not embeddings:
        raise LabError("there is no encoder to measure; name at least one.")
    counts = {name: len(x) for name, x in embeddings.items()}
    if len(set(counts.values())) > 1:
        told = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise LabError(
            f"encoders hold different numbers of sentences ({told}); embed the same ones with each."
        )
    count = next(iter(counts.values()))
    if count < 2:
        raise LabError(f"{count} sentence is no cloud to measure; give at least two distinct ones.")
    for name, x in embeddings.items():
        bad = np.flatnonzero(~np.isfinite(x).all(axis=1))
        if len(bad):
            raise LabError(
                f"{name}: {len(bad)} of {count} embeddings are not finite, the first is number "
                f"{bad[0]}; "
                "look at its sentence and at the encoder's weights."
            )
    return count


def unit(embeddings: Float[np.ndarray, "sentences dim"]) -> Float[np.ndarray, "sentences dim"]:
    """Rows of norm 1, float32.

    Raises:
        ValueError: A row is zero.
    """
    norms = lengths(embeddings)
    if not norms.all():
        raise ValueError(f"row {int(np.argmin(norms))} is zero: it has no direction")
    return (embeddings / norms[:, None]).astype(np.float32)


def lengths(embeddings: Float[np.ndarray, "sentences dim"]) -> Float[np.ndarray, " sentences"]:
    """Euclidean norms in float64, whose squares neither underflow nor overflow for float32
    embeddings."""
    return np.sqrt(np.einsum("ij,ij->i", embeddings, embeddings, dtype=np.float64))


def mean_cosine(
    vectors: Float[np.ndarray, "sentences dim"], *, self_pairs: bool = False
) -> tuple[float, Float[np.ndarray, " sentences"]]:
    """Mean cosine over pairs of unit vectors in closed form, and the same with each sentence left
    out.

    With S = Σu it is (‖S‖² − n) / (n(n − 1)) over distinct pairs, an unbiased estimate, and ‖S/n‖²
    with every sentence paired with itself too, which is larger by (1 − mean) / n. Unchanged by
    rotation, by the length of each embedding and by the order; over distinct pairs not by doubling
    the sentences. Needs two sentences, three for the values with one left out.

    Source: Ethayarajh (2019), "How contextual are contextualized word representations?", section
    3.2, whose sampled pairs this is the limit of.
    """
    count = len(vectors)
    total = vectors.sum(0, dtype=np.float64)
    # Rows are of norm 1 up to float32, and the difference ‖S‖² − n would feel it.
    squares = np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64)
    square = total @ total
    without = square - 2 * (vectors @ total) + squares
    if self_pairs:
        return float(square / count**2), without / (count - 1) ** 2
    value = (square - squares.sum()) / (count * (count - 1))
    rest = squares.sum() - squares
    return float(value), (without - rest) / max((count - 1) * (count - 2), 1)


def occurrences(
    vectors: Float[np.ndarray, "sentences dim"], neighbours: int
) -> Float[np.ndarray, " sentences"]:
    """N_k of every sentence: how many others have it among their k nearest by cosine. Exact, in
    blocks.

    Their mean is k. Candidates that tie at the k-th place, closer than float32 can tell, share the
    places left, so that neither the order of the sentences nor rounding decides who is a hub.

    Raises:
        ValueError: Not more sentences than neighbours.

    Source: Radovanović, Nanopoulos & Ivanović (2010), "Hubs in space", section 2.
    """
    import torch  # its top-k is three times as fast as NumPy's partition

    count = len(vectors)
    if not 1 <= neighbours < count:
        raise ValueError(f"{neighbours} neighbours among {count} sentences")
    found = np.zeros(count)
    step = max(1, NUMBERS // count)
    for start in range(0, count, step):
        cosines = vectors[start : start + step] @ vectors.T
        cosines[np.arange(len(cosines)), np.arange(start, start + len(cosines))] = -np.inf
        top, who = (
            part.numpy()
            for part in torch.topk(torch.from_numpy(cosines), min(neighbours + 1, count - 1))
        )
        last = top[:, neighbours - 1]
        tied = (
            np.zeros(len(top), bool)
            if neighbours == top.shape[1]
            else last - top[:, neighbours] <= TIE
        )
        found += np.bincount(who[~tied, :neighbours].ravel(), minlength=count)
        for row in np.flatnonzero(tied):
            sure = cosines[row] > last[row] + TIE
            candidates = np.abs(cosines[row] - last[row]) <= TIE
            found += sure + candidates * ((neighbours - sure.sum()) / candidates.sum())
    return found


def skewness(values: Float[np.ndarray, " sentences"]) -> float:
    """Third standardised moment; NaN where all values are the same up to rounding."""
    deviations = values - values.mean()
    spread = np.sqrt(np.square(deviations).mean())
    return (
        float(np.mean(deviations**3) / spread**3)
        if spread > 1e-6 * np.abs(values).max()
        else float("nan")
    )


def cka(
    a: Float[np.ndarray, "sentences dim_a"],
    b: Float[np.ndarray, "sentences dim_b"],
    *,
    debiased: bool = False,
) -> float:
    """Linear centred kernel alignment of two representations of the same sentences: 1 where a
    rotation, a shift and a scale make them the same; about 0 where they have nothing in common. NaN
    where one of them is constant.

    The plain value grows with dim / sentences even for independent noise; ``debiased`` takes
    unbiased estimates of the three terms (needs four sentences) and may be slightly below 0.

    Raises:
        ValueError: Not over the same number of sentences, or too few.

    Source: Kornblith et al. (2019), arXiv:1905.00414, section 3; debiased: the estimator HSIC₁ of
    Song et al. (2012), "Feature selection via dependence maximization".
    """
    if len(a) != len(b) or len(a) < (4 if debiased else 2):
        raise ValueError(f"CKA of {len(a)} sentences with {len(b)}")
    first, second = centred(a), centred(b)
    return ratio(
        *(
            hsic(x, y, debiased=debiased)
            for x, y in ((first, second), (first, first), (second, second))
        )
    )


def centred(embeddings: Float[np.ndarray, "sentences dim"]) -> Float[np.ndarray, "sentences dim"]:
    """Float64 with mean 0; exactly 0 where the sentences coincide up to float32 rounding."""
    rows = embeddings.astype(np.float64)
    mean = rows.mean(0)
    rest = rows - mean
    return (
        rest if np.square(rest).mean() > ROUNDING * np.square(mean).mean() else np.zeros_like(rest)
    )


def hsic(
    x: Float[np.ndarray, "sentences dim_x"],
    y: Float[np.ndarray, "sentences dim_y"],
    *,
    debiased: bool = False,
) -> float:
    """Hilbert–Schmidt independence criterion of linear kernels of centred features, up to a
    constant of their number.

    In feature space, so that no matrix of sentences × sentences is needed.
    """
    plain = np.square(x.T @ y).sum()
    if not debiased:
        return float(plain)
    count = len(x)
    of_x, of_y = (np.einsum("ij,ij->i", part, part) for part in (x, y))
    return float(
        plain
        - count / (count - 2) * (of_x @ of_y)
        + of_x.sum() * of_y.sum() / ((count - 1) * (count - 2))
    )


def ratio(between: float, first: float, second: float) -> float:
    """CKA from its three terms; NaN where a representation does not vary."""
    return between / (first * second) ** 0.5 if first > 0 and second > 0 else float("nan")
