"""Batched logistic regression against scikit-learn, against its own optimality condition, and
against its invariances.
"""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from recse_lab.evaluation import logistic
from recse_lab.evaluation.logistic import Fits, fit_logistic, predict


def data(rows=240, dim=10, classes=2, seed=0, noise=1.5, offset=0.0):
    """Features with a common direction and uneven scales, classes that overlap, and five folds that
    leave a fifth out.
    """
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, dim)) * np.geomspace(2, 0.05, dim) + offset
    logits = (x - offset) @ rng.standard_normal((dim, classes)) + noise * rng.gumbel(
        size=(rows, classes)
    )
    members = np.arange(rows)[None] % 5 != np.arange(5)[:, None]
    return torch.from_numpy(x), torch.from_numpy(logits.argmax(1)), torch.from_numpy(members)


def solve(x, y, members, penalties, *, classes=2, dtype=torch.float64, **options):
    """Every fold with every penalty."""
    fold = torch.arange(len(members)).repeat_interleave(len(penalties))
    penalty = torch.tensor(penalties, dtype=dtype).repeat(len(members))
    return fit_logistic(x.to(dtype), y, members, fold, penalty, classes=classes, **options)


def relative(found, expected):
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


PENALTIES = [1e-5, 1e-3, 1e-1]


@pytest.mark.parametrize(
    ("dtype", "tolerance", "close"), [(torch.float32, 1e-4, 1e-3), (torch.float64, 1e-7, 1e-5)]
)
@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("offset", [0.0, 3.0])
def test_coefficients_are_scikit_learn_s(classes, dtype, tolerance, close, offset):
    x, y, members = data(classes=classes, offset=offset)
    fits = solve(x, y, members, PENALTIES, classes=classes, dtype=dtype, tolerance=tolerance)
    assert fits.coef.dtype == dtype
    assert float(fits.residual.max()) <= tolerance
    for problem in range(len(fits.coef)):
        rows, penalty = members[problem // 3].numpy(), PENALTIES[problem % 3]
        theirs = LogisticRegression(
            C=1 / (rows.sum() * penalty), tol=1e-12, solver="newton-cg", max_iter=1000
        )
        theirs.fit(x.numpy()[rows], y.numpy()[rows])
        assert relative(fits.coef[problem].numpy(), theirs.coef_) < close
        intercept = fits.intercept[problem].numpy()
        np.testing.assert_allclose(
            intercept, theirs.intercept_, atol=30 * close * max(1, np.abs(theirs.intercept_).max())
        )
        same = predict(x.to(dtype), Fits(*(part[problem : problem + 1] for part in fits)))[
            :, 0
        ].numpy()
        assert (same == theirs.predict(x.numpy())).mean() >= 0.995


@pytest.mark.parametrize("classes", [2, 3])
def test_a_penalised_intercept_is_a_column_of_ones(classes):
    x, y, members = data(classes=classes, offset=1.0)
    fits = solve(x, y, members, [1e-2], classes=classes, penalise_intercept=True, tolerance=1e-7)
    ones = np.c_[x.numpy(), np.ones(len(x))]
    for problem, rows in enumerate(members.numpy()):
        theirs = LogisticRegression(
            C=1 / (rows.sum() * 1e-2),
            fit_intercept=False,
            tol=1e-12,
            solver="newton-cg",
            max_iter=1000,
        ).fit(ones[rows], y.numpy()[rows])
        ours = torch.cat([fits.coef[problem], fits.intercept[problem][:, None]], 1).numpy()
        assert relative(ours, theirs.coef_) < 1e-5


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("penalised", [False, True])
def test_the_gradient_of_the_written_objective_vanishes(classes, penalised):
    """The objective of the docstring, differentiated by autograd at the solutions; and √(gᵀH⁻¹g) is
    about the residual.
    """
    x, y, members = data(classes=classes, rows=100, dim=4)
    fits = solve(
        x, y, members, [3e-3], classes=classes, penalise_intercept=penalised, tolerance=1e-6
    )
    for problem, rows in enumerate(members):

        def objective(flat, rows=rows, shape=fits.coef[problem].shape):
            w, b = flat[: shape.numel()].view(shape), flat[shape.numel() :]
            logits = x[rows] @ w.T + b
            logits = torch.cat([torch.zeros_like(logits), logits], 1) if classes == 2 else logits
            shrink = w.square().sum() + (b.square().sum() if penalised else 0.0)
            return F.cross_entropy(logits, y[rows]) + 0.5 * 3e-3 * shrink

        at = torch.cat([fits.coef[problem].flatten(), fits.intercept[problem]]).requires_grad_()
        (gradient,) = torch.autograd.grad(objective(at), at)
        hessian = torch.autograd.functional.hessian(objective, at.detach())
        distance = (gradient @ torch.linalg.pinv(hessian) @ gradient).sqrt()
        assert gradient.abs().max() < 5e-6
        assert distance < 1e-5
        assert distance < 5 * fits.residual[problem]


@pytest.mark.parametrize("penalties", [PENALTIES[1:2], PENALTIES[::-1]])
def test_a_problem_does_not_depend_on_its_company(penalties):
    x, y, members = data(classes=3)
    together = solve(x, y, members, PENALTIES, classes=3, tolerance=1e-7).coef[6:9]
    alone = solve(x, y, members[2:3], penalties, classes=3, tolerance=1e-7).coef
    for found, penalty in zip(alone, penalties, strict=True):
        assert relative(found.numpy(), together[PENALTIES.index(penalty)].numpy()) < 1e-5


def test_rows_outside_a_fold_do_not_count():
    x, y, members = data()
    before = solve(x, y, members[:2], PENALTIES, tolerance=1e-8)
    changed, flipped = x.clone(), y.clone()
    changed[~members[0]] = 5 * torch.randn(
        int((~members[0]).sum()),
        x.shape[1],
        generator=torch.Generator().manual_seed(0),
        dtype=x.dtype,
    )
    flipped[~members[0]] = 1 - flipped[~members[0]]
    after = solve(changed, flipped, members[:2], PENALTIES, tolerance=1e-8)
    assert relative(after.coef[:3].numpy(), before.coef[:3].numpy()) < 1e-5
    assert relative(after.coef[3:].numpy(), before.coef[3:].numpy()) > 0.1


@settings(max_examples=8, deadline=None)
@given(
    scale=st.sampled_from([0.01, 0.3, 20.0]),
    seed=st.integers(0, 50),
    classes=st.sampled_from([2, 3]),
)
def test_scaling_rotation_and_the_names_of_classes(scale, seed, classes):
    x, y, members = data(rows=120, dim=4, classes=classes, seed=seed)
    options = {"classes": classes, "tolerance": 1e-7}
    base = solve(x, y, members, [1e-2], **options)
    scaled = solve(scale * x, y, members, [1e-2 * scale**2], **options)
    assert relative(scale * scaled.coef.numpy(), base.coef.numpy()) < 1e-4
    rotation = torch.linalg.qr(
        torch.randn(4, 4, generator=torch.Generator().manual_seed(seed), dtype=x.dtype)
    )[0]
    rotated = solve(x @ rotation, y, members, [1e-2], **options)
    assert relative((rotated.coef @ rotation.T).numpy(), base.coef.numpy()) < 1e-4
    renamed = solve(x, classes - 1 - y, members, [1e-2], **options)
    back = -renamed.coef if classes == 2 else renamed.coef.flip(1)
    assert relative(back.numpy(), base.coef.numpy()) < 1e-4


def test_two_softmax_vectors_with_a_penalty_are_one_with_half_of_it():
    """Split evenly, our vector is where the gradient of the softmax objective vanishes; that one is
    strictly convex.
    """
    x, y, members = data(rows=150, dim=5)
    one = solve(x, y, members[:1], [1e-2 / 2], penalise_intercept=True, tolerance=1e-8)
    vector = torch.cat([one.coef[0, 0], one.intercept[0]])
    pair = torch.stack([-vector / 2, vector / 2]).requires_grad_()
    rows = members[0]
    loss = (
        F.cross_entropy(x[rows] @ pair[:, :5].T + pair[:, 5], y[rows])
        + 0.5 * 1e-2 * pair.square().sum()
    )
    (gradient,) = torch.autograd.grad(loss, pair)
    assert gradient.abs().max() < 1e-7


def test_separable_classes_and_a_tiny_penalty():
    x = torch.linspace(-1, 1, 40)[:, None].repeat(1, 3) * torch.tensor([1.0, 0.5, 2.0])
    y = (x[:, 0] > 0).long()
    members = torch.stack([torch.arange(40) % 4 != fold for fold in range(4)])
    fits = solve(x, y, members, [1e-7, 1e-6], dtype=torch.float32)
    assert float(fits.residual.max()) <= 1e-4
    right = predict(x, fits) == y[:, None]
    assert right[members.repeat_interleave(2, 0).T].all()


def test_fewer_rows_than_features():
    x, y, members = data(rows=30, dim=60, noise=0.1)
    fits = solve(x, y, members, [1e-3], tolerance=1e-7)
    rows = members[0].numpy()
    theirs = LogisticRegression(
        C=1 / (rows.sum() * 1e-3), tol=1e-12, max_iter=10_000, solver="newton-cg"
    )
    theirs.fit(x.numpy()[rows], y.numpy()[rows])
    assert relative(fits.coef[0].numpy(), theirs.coef_) < 1e-4


def test_what_is_not_solved_says_so():
    x, y, members = data()
    stopped = solve(x, y, members, PENALTIES, max_steps=0)
    assert (stopped.residual > 1e-4).all()
    assert not stopped.coef.any()
    fits = [solve(x, y, members, PENALTIES, tolerance=t) for t in (1e-2, 1e-5)]
    assert fits[0].residual.max() > 1e-5 >= fits[1].residual.max()


def test_rows_cross_the_edges_of_blocks(monkeypatch):
    x, y, members = data(classes=3)
    whole = solve(x, y, members, [1e-2], classes=3, tolerance=1e-7)
    monkeypatch.setattr(logistic, "BLOCK", 37)
    blocks = solve(x, y, members, [1e-2], classes=3, tolerance=1e-7)
    assert relative(blocks.coef.numpy(), whole.coef.numpy()) < 1e-6
    assert torch.equal(
        predict(x, whole), (x @ whole.coef.permute(0, 2, 1) + whole.intercept[:, None]).argmax(2).T
    )


def test_predictions_of_two_classes_and_ties():
    fits = Fits(
        torch.tensor([[[1.0, 0.0]], [[0.0, -1.0]]]), torch.tensor([[0.0], [1.0]]), torch.zeros(2)
    )
    assert predict(torch.tensor([[2.0, 2.0], [-1.0, 0.0], [0.0, 1.0]]), fits).tolist() == [
        [1, 0],
        [0, 1],
        [0, 0],
    ]


def test_penalties_that_differ_by_a_row_share_a_preconditioner():
    penalty = torch.tensor([1 / 800, 1 / 100, 1 / 801, 1 / 99, 1.0])
    assert logistic._alike(penalty).tolist() == [0, 1, 0, 1, 2]


def test_refusals():
    x, y, members = data()
    with pytest.raises(ValueError, match="must be positive"):
        solve(x, y, members, [1e-2, 0.0])
    with pytest.raises(ValueError, match="not finite"):
        solve(x.index_fill(0, torch.tensor([3]), torch.nan), y, members, [1e-2])
    with pytest.raises(ValueError, match="fold 1 has no row of class 1"):
        solve(x, y, torch.stack([members[0], y == 0]), [1e-2])
