"""Alignment and uniformity of a set of embeddings, exactly and in constant memory."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor


def _refuse_unnormalised(rows: Float[Tensor, "batch dim"]) -> None:
    norms = rows.norm(dim=1)
    if not ((norms - 1).abs() <= 1e-3).all():  # also catches NaN
        worst = int((norms - 1).abs().nan_to_num(torch.inf).argmax())
        raise ValueError(
            f"row {worst} has norm {norms[worst].item():.4g}; rows must be unit vectors"
        )


def pair_distances(
    anchors: Float[Tensor, "batch dim"],
    positives: Float[Tensor, "batch dim"],
    *,
    alpha: float = 2.0,
) -> Float[Tensor, " batch"]:
    """‖x − y‖^α of every pair: what alignment is the mean of.

    Raises:
        ValueError: A row whose norm is not 1 within 1e-3.
    """
    _refuse_unnormalised(anchors)
    _refuse_unnormalised(positives)
    return (anchors - positives).norm(dim=1).pow(alpha)


def alignment(
    anchors: Float[Tensor, "batch dim"],
    positives: Float[Tensor, "batch dim"],
    *,
    alpha: float = 2.0,
) -> Float[Tensor, ""]:
    """Mean of ‖x − y‖^α over positive pairs; lower is better, 0 where every pair coincides.

    Raises:
        ValueError: No pair, or a row whose norm is not 1 within 1e-3.

    Source: Wang & Isola (2020), arXiv:2005.10242, equation for L_align; the authors' default α = 2.
    """
    if len(anchors) == 0:
        raise ValueError("alignment of no pair is undefined")
    return pair_distances(anchors, positives, alpha=alpha).mean()


def _add_logs(logs: Float[Tensor, " rows"], largest: float, sums: Float[Tensor, " rows"]) -> None:
    """logs ← log(e^logs + e^largest · sums), in place."""
    torch.logaddexp(logs, largest + sums.log().cpu(), out=logs)


def log_potentials(
    embeddings: Float[Tensor, "batch dim"], *, t: float = 2.0, block: int = 2048
) -> Float[Tensor, " batch"]:
    """Log of the sum of Gaussian potentials exp(−t‖xᵢ − xⱼ‖²) of each row with all others, float64.

    Distances are taken in blocks: memory is block², every pair is looked at once. A row whose
    potentials all lie more than about 100 below the largest of their block is −inf: next to the
    total they are nothing.

    Raises:
        ValueError: Fewer than two rows, or a row whose norm is not 1 within 1e-3.
    """
    count = len(embeddings)
    if count < 2:
        raise ValueError("uniformity needs at least two embeddings")
    _refuse_unnormalised(embeddings)
    embeddings = embeddings.to(torch.promote_types(embeddings.dtype, torch.float32))
    logs = torch.full((count,), -math.inf, dtype=torch.float64)
    squares = embeddings.square().sum(1)
    for i in range(0, count, block):
        rows = embeddings[i : i + block]
        for j in range(i, count, block):
            columns = embeddings[j : j + block]
            squared = (
                squares[i : i + block, None] + squares[None, j : j + block] - 2 * rows @ columns.T
            ).clamp(min=0)
            exponents = -t * squared
            if i == j:
                exponents.fill_diagonal_(-math.inf)
            largest = float(exponents.max())
            if largest == -math.inf:  # a block of one row has no pair
                continue
            potentials = (exponents - largest).exp()
            _add_logs(logs[i : i + block], largest, potentials.sum(1, dtype=torch.float64))
            if j > i:  # it stands for its mirror image too
                _add_logs(logs[j : j + block], largest, potentials.sum(0, dtype=torch.float64))
    return logs


def uniformity(
    embeddings: Float[Tensor, "batch dim"], *, t: float = 2.0, block: int = 2048
) -> Float[Tensor, ""]:
    """Log of the mean Gaussian potential over distinct pairs; lower is more uniform.

    At most 0, reached when all rows coincide. Unchanged by rotation. Distances are taken in blocks:
    memory is block², sums in float64.

    Raises:
        ValueError: Fewer than two rows, or a row whose norm is not 1 within 1e-3.

    Source: Wang & Isola (2020), arXiv:2005.10242, equation for L_uniform; the authors' default t =
    2.
    """
    logs = log_potentials(embeddings, t=t, block=block)
    return logs.logsumexp(0) - math.log(len(embeddings) * (len(embeddings) - 1))
