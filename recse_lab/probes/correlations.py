"""Spearman and partial correlations of scores with gold and with covariates, on the sample and on
resamples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, Int

from recse_lab.errors import LabError
from recse_lab.statistics import spearman_bootstrap
from recse_lab.statistics.correlation import why_undefined

LEFT = 1e-9  # a share of variance below this is rounding


def rank_correlations(
    variables: Float[np.ndarray, "variables pairs"], counts: Int[np.ndarray, "resamples pairs"]
) -> Float[np.ndarray, "resamples variables variables"]:
    """Spearman's ρ between all variables on every resample, given how often each pair was drawn;
    exact on ties.

    NaN beside a variable that is constant or not finite there.
    """
    found = np.broadcast_to(
        np.eye(len(variables)), (len(counts), len(variables), len(variables))
    ).copy()
    for i, variable in enumerate(variables[:-1]):
        found[:, i, i + 1 :] = found[:, i + 1 :, i] = spearman_bootstrap(
            variable, variables[i + 1 :], counts
        )
    return found


def partial_correlation(
    correlations: Float[np.ndarray, "resamples variables variables"],
    a: int,
    b: int,
    given: Sequence[int],
) -> Float[np.ndarray, " resamples"]:
    """Correlation of variables ``a`` and ``b`` with those in ``given`` held fixed: that of the
    residuals of two linear regressions, of ranks where the matrices are Spearman's.

    NaN where ``given`` leaves nothing of ``a`` or of ``b``, or where a correlation among them is
    NaN.

    Source: Cramér (1946), "Mathematical methods of statistics", section 23.4; of ranks: Kendall
    (1942), Biometrika 32.
    """
    both, given = [a, b], list(given)
    found = np.full(len(correlations), np.nan)
    used = np.isfinite(correlations[:, [*both, *given]][:, :, [*both, *given]]).all(axis=(1, 2))
    matrix = correlations[used]
    across = matrix[:, both][:, :, given]
    inverse = np.linalg.pinv(matrix[:, given][:, :, given], rcond=LEFT, hermitian=True)
    left = matrix[:, both][:, :, both] - across @ inverse @ across.swapaxes(1, 2)
    own = left[:, [0, 1], [0, 1]]
    with np.errstate(invalid="ignore", divide="ignore"):
        found[used] = np.where(
            (own > LEFT).all(axis=1), left[:, 0, 1] / np.sqrt(own.prod(axis=1)), np.nan
        )
    return found


def checked(
    scores: Mapping[str, Float[np.ndarray, " pairs"]], gold: Float[np.ndarray, " pairs"]
) -> dict[str, str]:
    """Why an encoder's scores have no order, by encoder; empty where all have one.

    Raises:
        LabError: No encoder, scores over another number of pairs than gold, fewer than two pairs,
            or gold that is not finite or has one value.
    """
    if not scores:
        raise LabError("there is no encoder to measure; name at least one.")
    for name, row in scores.items():
        if np.shape(row) != np.shape(gold):
            raise LabError(
                f"{name}: {len(row)} scores with {len(gold)} gold scores; score the same pairs "
                "with every encoder."
            )
    if len(gold) < 2:
        raise LabError(f"{len(gold)} pair has no order; give a gold-scored set.")
    if not np.isfinite(gold).all():
        raise LabError(
            f"{int((~np.isfinite(gold)).sum())} of {len(gold)} gold scores are not finite; drop "
            "those pairs."
        )
    if np.ptp(gold) == 0:
        raise LabError(
            f"all {len(gold)} gold scores are {gold[0]:g}; give pairs of different gold scores."
        )
    reasons = {name: why_undefined(gold, row) for name, row in scores.items()}
    return {name: why for name, why in reasons.items() if why}
