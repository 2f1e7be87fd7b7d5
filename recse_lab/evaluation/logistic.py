"""Many logistic regressions on one matrix at once: every fold and every penalty share each reading
of the features.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

BLOCK = 1024  # rows at once: their logits for all problems stay in the caches
MEMORY = 8  # changes of weights and gradient that L-BFGS keeps
ALIKE = 0.1  # penalties whose logarithms differ by less share a preconditioner
ARMIJO = 1e-4  # share of the predicted decrease that a step must bring
HALVINGS = 20
# curvature of an intercept that nothing else curves: of classes far apart, with p (1 − p) = 0
# everywhere
TINY = 1e-12
ROUGH = 0.1  # residual at which the Hessian is worth more than its bound

Weights = Float[Tensor, "dim problems vectors"]
Change = tuple[
    Weights, Weights, Float[Tensor, " problems"]
]  # of weights, of gradient, and 1 / their product
Precondition = Callable[[Weights, Int[Tensor, " problems"]], Weights]


class Fits(NamedTuple):
    """One solution a problem. Two classes have one vector, the logit of class 1 against class 0;
    more have one a class.

    ``residual`` is √(gᵀ M g) for the gradient g at the solution and M, about the inverse of the
    Hessian: how far the solution is from the optimum in the metric of the loss, where 1e-4 means
    logits that are off by a few times as much.
    """

    coef: Float[Tensor, "problems vectors dim"]
    intercept: Float[Tensor, "problems vectors"]
    residual: Float[Tensor, " problems"]


def fit_logistic(
    features: Float[Tensor, "rows dim"],
    labels: Int[Tensor, " rows"],
    members: Bool[Tensor, "folds rows"],
    fold: Int[Tensor, " problems"],
    penalty: Float[Tensor, " problems"],
    *,
    classes: int,
    penalise_intercept: bool = False,
    tolerance: float = 1e-4,
    max_steps: int = 200,
) -> Fits:
    """For every problem, minimise the mean of −log P(yᵢ | xᵢ; W, b) over the rows of its fold + ½
    penalty ‖W‖².

    P is the logistic function of one vector for two classes (scikit-learn's own form; softmax over
    two vectors with penalty λ on both is the same problem with penalty λ/2), softmax for more.
    ``penalise_intercept`` adds ½ penalty ‖b‖². scikit-learn's C is 1 / (rows · penalty). Computed
    in the dtype of ``features``; a problem is done when its residual is at most ``tolerance``.
    Intercepts of a softmax that are not penalised add up to 0.

    All problems take steps of L-BFGS together, so that a step is two products with the features,
    whatever the number of problems. One problem a penalty, over the rows of all folds, comes first:
    the others start at its optimum, and their steps are preconditioned by the inverse of its
    Hessian there, block by block of W. The problems are convex: start and preconditioner cost or
    save steps, they do not move the optimum.

    Raises:
        ValueError: A penalty that is not positive, a fold without rows of some class, or features
            that are not finite.

    Source: Liu & Nocedal (1989), limited-memory BFGS; Böhning (1992), the bound of the Hessian that
    the first steps use.
    """
    _refuse(features, labels, members, penalty, classes)
    x = torch.cat([features, features.new_ones(len(features), 1)], dim=1)
    shrunk = x.new_ones(x.shape[1])
    shrunk[-1] = float(penalise_intercept)
    penalty, group = penalty.to(x.dtype), _alike(penalty)
    typical = torch.stack([penalty[group == g].mean() for g in range(int(group.max()) + 1)])
    alone = len(members) == 1 and torch.equal(typical[group], penalty)

    union = members.any(0)
    every = torch.arange(len(typical), device=x.device)
    shared = _Problems(
        x, labels, _shares(union[None], x.dtype), torch.zeros_like(every), typical, shrunk
    )
    inside = x[union]
    bound = _gram(inside, 0.25 if classes == 2 else 0.5).expand(len(typical), 1, -1, -1)
    start = x.new_zeros(x.shape[1], len(typical), 1 if classes == 2 else classes)
    rough = tolerance if alone else max(ROUGH, tolerance)
    start, residual = _minimise(
        shared, start, _preconditioner(bound, shared, every), rough, max_steps
    )
    if alone:
        solution, residual = start[:, group], residual[group]
    else:
        hessian = torch.stack([_hessian(inside, start[:, g]) for g in every])
        start, _ = _minimise(
            shared, start, _preconditioner(hessian, shared, every), tolerance, max_steps
        )
        problems = _Problems(x, labels, _shares(members, x.dtype), fold, penalty, shrunk)
        solution, residual = _minimise(
            problems, start[:, group], _preconditioner(hessian, shared, group), tolerance, max_steps
        )
    return Fits(solution[:-1].permute(1, 2, 0), solution[-1], residual)


def predict(features: Float[Tensor, "rows dim"], fits: Fits) -> Int[Tensor, "rows problems"]:
    """The likeliest class of every row under every solution; class 0 where two classes tie, as in
    scikit-learn.
    """
    problems, vectors, dim = fits.coef.shape
    weights = fits.coef.reshape(-1, dim).T.contiguous()
    classes = torch.empty(len(features), problems, dtype=torch.int16, device=features.device)
    for start in range(0, len(features), BLOCK):
        logits = torch.addmm(
            fits.intercept.reshape(1, -1), features[start : start + BLOCK], weights
        )
        found = logits > 0 if vectors == 1 else logits.view(-1, problems, vectors).argmax(2)
        classes[start : start + BLOCK] = found.to(torch.int16)
    return classes


def _refuse(
    features: Tensor, labels: Tensor, members: Tensor, penalty: Tensor, classes: int
) -> None:
    if not (penalty > 0).all():
        raise ValueError(
            "every penalty must be positive: without one, separable classes have no optimum"
        )
    if not torch.isfinite(features).all():
        raise ValueError("features are not finite")
    counts = members.double() @ F.one_hot(labels, classes).double()
    if not (counts > 0).all():
        fold, missing = (counts == 0).nonzero()[0].tolist()
        raise ValueError(f"fold {fold} has no row of class {missing}")


def _alike(penalty: Float[Tensor, " problems"]) -> Int[Tensor, " problems"]:
    """Groups of penalties that are nearly the same, such as those of folds whose sizes differ by
    one row.
    """
    order = penalty.argsort()
    steps = penalty[order].double().log().diff(prepend=penalty[order][:1].double().log())
    group = torch.empty_like(order)
    group[order] = (steps > ALIKE).cumsum(0)
    return group


def _shares(members: Bool[Tensor, "folds rows"], dtype: torch.dtype) -> Float[Tensor, "rows folds"]:
    """The weight of every row in the mean over each fold."""
    return (members / members.sum(1, keepdim=True)).T.to(dtype).contiguous()


@dataclass(frozen=True)
class _Problems:
    x: Float[Tensor, "rows dim"]
    labels: Int[Tensor, " rows"]
    shares: Float[Tensor, "rows folds"]
    fold: Int[Tensor, " problems"]
    penalty: Float[Tensor, " problems"]
    shrunk: Float[Tensor, " dim"]
    """1 where the penalty counts, 0 where it does not."""

    def __call__(
        self, weights: Weights, active: Int[Tensor, " active"]
    ) -> tuple[Float[Tensor, " active"], Weights]:
        """Loss in float64, and gradient, of the problems ``active`` at their weights."""
        dim, problems, vectors = weights.shape
        flat = weights.reshape(dim, -1)
        loss = torch.zeros(problems, dtype=torch.float64, device=weights.device)
        gradient = torch.zeros_like(flat)
        fold = self.fold[active]
        for start in range(0, len(self.x), BLOCK):
            x, labels = self.x[start : start + BLOCK], self.labels[start : start + BLOCK]
            share = self.shares[start : start + BLOCK].index_select(1, fold)
            logits = x @ flat
            if vectors == 1:
                target = labels.to(x.dtype)[:, None]
                loss += ((F.softplus(logits) - target * logits) * share).sum(0, dtype=torch.float64)
                error = (logits.sigmoid() - target) * share
            else:
                log_p = logits.view(-1, problems, vectors).log_softmax(2)
                at = labels[:, None, None].expand(-1, problems, 1)
                loss -= (log_p.gather(2, at)[..., 0] * share).sum(0, dtype=torch.float64)
                error = log_p.exp().scatter_add_(2, at, -torch.ones_like(at, dtype=x.dtype))
                error = (error * share[..., None]).view(len(x), -1)
            gradient += x.T @ error
        ridge = self.penalty[active][None, :, None] * self.shrunk[:, None, None] * weights
        loss += 0.5 * (ridge * weights).sum((0, 2), dtype=torch.float64)
        return loss, gradient.view_as(weights) + ridge


def _gram(x: Float[Tensor, "rows dim"], scale: float) -> Float[Tensor, "1 dim dim"]:
    return (x.T @ x).double()[None] * (scale / len(x))


def _hessian(
    x: Float[Tensor, "rows dim"], weights: Float[Tensor, "dim vectors"]
) -> Float[Tensor, "vectors dim dim"]:
    """XᵀDX / n with D = p (1 − p): of the mean loss, for every vector alone."""
    p = (x @ weights).sigmoid() if weights.shape[1] == 1 else (x @ weights).softmax(1)
    return torch.cat([_gram(x * (q * (1 - q)).sqrt()[:, None], 1.0) for q in p.T])


def _preconditioner(
    curvature: Float[Tensor, "groups vectors dim dim"],
    shared: _Problems,
    group: Int[Tensor, " problems"],
) -> Precondition:
    """Multiplies by the inverse of each group's curvature + penalty.

    Steps of a softmax add up to 0 over its vectors, as its gradients do: along their sum the loss
    is flat, and a block of the Hessian does not know it.
    """
    ridge = (shared.penalty[:, None] * shared.shrunk).double().clamp(min=TINY).diag_embed()
    inverse = torch.linalg.inv(curvature + ridge[:, None]).to(shared.x.dtype)

    def precondition(gradient: Weights, active: Int[Tensor, " active"]) -> Weights:
        out = torch.empty_like(gradient)
        for g, matrices in enumerate(inverse):
            here = (group[active] == g).nonzero()[:, 0]
            part = gradient[:, here].permute(2, 0, 1)
            out[:, here] = (matrices @ part).permute(1, 2, 0)
        return out if out.shape[2] == 1 else out - out.mean(2, keepdim=True)

    return precondition


def _dot(a: Weights, b: Weights) -> Float[Tensor, " problems"]:
    return (a * b).sum((0, 2))


def _minimise(
    problems: _Problems,
    start: Weights,
    precondition: Precondition,
    tolerance: float,
    max_steps: int,
) -> tuple[Weights, Float[Tensor, " problems"]]:
    """Preconditioned L-BFGS of all problems in step; those that are done, or can go no further,
    leave.
    """
    weights = start.clone()
    active = torch.arange(weights.shape[1], device=weights.device)
    loss, gradient = problems(weights, active)
    residual = torch.empty_like(loss)
    noise = 10 * torch.finfo(weights.dtype).eps  # a rise of the loss by less is rounding
    history: list[Change] = []
    for step in range(max_steps + 1):
        scaled = precondition(gradient[:, active], active)
        residual[active] = _dot(gradient[:, active], scaled).clamp(min=0).sqrt().double()
        active = active[residual[active] > tolerance]
        if step == max_steps or not len(active):
            break
        direction = _direction(gradient, history, precondition, active)
        slope = _dot(gradient[:, active], direction).double()
        moved, turned = torch.zeros_like(weights), torch.zeros_like(weights)
        length = torch.ones_like(slope)
        searching = torch.arange(len(active), device=active.device)
        for _ in range(HALVINGS):
            here = active[searching]
            change = length[searching].to(weights.dtype)[None, :, None] * direction[:, searching]
            new_loss, new_gradient = problems(weights[:, here] + change, here)
            decrease = ARMIJO * length[searching] * slope[searching]
            good = new_loss <= loss[here] + decrease + noise * loss[here].abs()
            done = here[good]
            moved[:, done], turned[:, done] = (
                change[:, good],
                new_gradient[:, good] - gradient[:, done],
            )
            weights[:, done] += change[:, good]
            loss[done], gradient[:, done] = new_loss[good], new_gradient[:, good]
            searching = searching[~good]
            if not len(searching):
                break
            length[searching] *= 0.5
        stuck = torch.zeros_like(active, dtype=torch.bool)
        stuck[searching] = True
        active = active[~stuck]
        product = _dot(moved, turned)
        history = [
            *history[-MEMORY + 1 :],
            (moved, turned, torch.where(product > 0, 1 / product, 0.0)),
        ]
    return weights, residual


def _direction(
    gradient: Weights,
    history: list[Change],
    precondition: Precondition,
    active: Int[Tensor, " active"],
) -> Float[Tensor, "dim active vectors"]:
    """Minus the inverse Hessian, as the history knows it, times the gradient: the two-loop
    recursion.

    A pair without positive curvature has weight 0, so that its problem does without it.
    """
    pairs = [
        (moved[:, active], turned[:, active], weight[active]) for moved, turned, weight in history
    ]
    q = gradient[:, active]
    alphas = []
    for moved, turned, weight in reversed(pairs):
        alphas.append(weight * _dot(moved, q))
        q = q - alphas[-1][None, :, None] * turned
    z = precondition(q, active)
    if pairs:
        _, turned, weight = pairs[-1]
        curvature = weight * _dot(turned, precondition(turned, active))
        z = z / torch.where(curvature > 0, curvature, 1.0)[None, :, None]
    for (moved, turned, weight), alpha in zip(pairs, reversed(alphas), strict=True):
        z = z + (alpha - weight * _dot(turned, z))[None, :, None] * moved
    return -z
