"""Each operator against five lines of NumPy written from its formula, and against values computed by hand."""

import numpy as np
import pytest
import torch

from recse_lab.errors import LabError
from recse_lab.reshape import OPERATORS, parse_operator
from recse_lab.reshape.channel_gram import orthonormal
from recse_lab.reshape.controls import keyed_normal, sentence_keys
from recse_lab.reshape.operator import EPSILON, ssqrt

HIDDEN, P = 8, 4


def root(v):
    return np.sign(v) * (np.sqrt(np.abs(v) + EPSILON) - np.sqrt(EPSILON))


def token_gram(x, a):
    n = len(x)
    x = x * np.sqrt(n * a)[:, None]
    g = root(x @ x.T / HIDDEN)
    r = np.zeros((P, n))
    for j in range(P):  # share of stretch j that token i covers
        for i in range(n):
            r[j, i] = max(0.0, min((j + 1) * n / P, i + 1) - max(j * n / P, i)) / (n / P)
    return (r @ g @ r.T).ravel()


def channel_gram(x, a):
    z = x @ orthonormal(HIDDEN, P).double().numpy()
    return root(z.T @ np.diag(a) @ z).ravel()


def elementwise(x, a):
    g = np.array([[root(x[i]) * root(x[j]) for j in range(len(x))] for i in range(len(x))])
    return np.einsum("i,j,ijk->k", a, a, g)


def mean(x, a):
    return a @ x


TRANSCRIPTIONS = {
    "token-gram": token_gram,
    "channel-gram": channel_gram,
    "elementwise": elementwise,
    "mean": mean,
    "linear": mean,
}


def run(name, x, a, dim=P, **options):
    features, weights = torch.from_numpy(x)[None], torch.from_numpy(a)[None]
    mask = torch.ones(1, len(x), dtype=torch.bool)
    return (
        OPERATORS[name](x.shape[1], dim, **options)
        .double()(features, mask, weights, torch.zeros(1, dtype=torch.long))[0]
        .numpy()
    )


@pytest.mark.parametrize("name", TRANSCRIPTIONS)
@pytest.mark.parametrize("tokens", [1, 2, 3, 4, 7, 30])
def test_equals_its_numpy_transcription(name, tokens):
    rng = np.random.default_rng(tokens)
    x, a = rng.normal(size=(tokens, HIDDEN)), rng.dirichlet(np.ones(tokens))
    np.testing.assert_allclose(run(name, x, a), TRANSCRIPTIONS[name](x, a), atol=1e-9)


def test_every_operator_but_random_has_a_transcription():
    assert set(OPERATORS) == {*TRANSCRIPTIONS, "random"}


def test_token_gram_of_two_tokens_by_hand():
    # x = (2, 0), (0, 2): x xᵀ / 2 = diag(2, 2); at p = 2 nothing is resampled, and √2 stands on the diagonal.
    out = run("token-gram", np.array([[2.0, 0.0], [0.0, 2.0]]), np.array([0.5, 0.5]), dim=2)
    np.testing.assert_allclose(out, [2**0.5, 0, 0, 2**0.5], atol=2e-3)


def test_token_gram_bilinear_by_hand():
    # Corners aligned at p = 3 over n = 2: points 0, ½, 1. G = [[√2, 0], [0, √2]]; the middle averages both axes.
    out = run(
        "token-gram",
        np.array([[2.0, 0.0], [0.0, 2.0]]),
        np.array([0.5, 0.5]),
        dim=3,
        resample="bilinear",
    ).reshape(3, 3)
    s = 2**0.5
    np.testing.assert_allclose(
        out, [[s, s / 2, 0], [s / 2, s / 2, s / 2], [0, s / 2, s]], atol=2e-3
    )


def test_token_gram_bilinear_equals_torch_interpolation():
    rng = np.random.default_rng(0)
    x, a = rng.normal(size=(6, HIDDEN)), np.full(6, 1 / 6)
    gram = torch.from_numpy(root(x @ x.T / HIDDEN))[None, None]
    expected = torch.nn.functional.interpolate(
        gram, size=(P, P), mode="bilinear", align_corners=True
    ).flatten()
    np.testing.assert_allclose(
        run("token-gram", x, a, resample="bilinear"), expected.numpy(), atol=1e-9
    )


def test_channel_gram_by_hand():
    # One token z with weight 1: G_ij = ssqrt(z_i z_j), so its diagonal is |z|.
    x = np.arange(1.0, HIDDEN + 1)[None]
    z = (x @ orthonormal(HIDDEN, P).double().numpy())[0]
    np.testing.assert_allclose(
        np.diag(run("channel-gram", x, np.ones(1)).reshape(P, P)), np.abs(z), atol=2e-3
    )


def test_elementwise_diagonal_keeps_each_token():
    x = np.array([[4.0, -9.0]])
    np.testing.assert_allclose(run("elementwise", x, np.ones(1)), [4.0, 9.0], atol=1e-2)


def test_orthonormal_columns_and_the_same_everywhere():
    w = orthonormal(16, 5).double()
    torch.testing.assert_close(w.T @ w, torch.eye(5, dtype=torch.float64), atol=1e-6, rtol=0)
    # Written down once: a store built on another machine must mean the same projection.
    np.testing.assert_allclose(orthonormal(4, 1).ravel(), KNOWN, atol=1e-6)


KNOWN = [-0.9212284, -0.240375, 0.0794523, -0.2953733]


def test_channel_gram_refuses_p_above_the_hidden_size():
    with pytest.raises(
        LabError,
        match=r"reshape\.dim 9: channel-gram projects 8 channels to p, so p must be at most 8",
    ):
        OPERATORS["channel-gram"](8, 9)


def test_ssqrt_is_close_to_the_root_and_bounded_in_slope():
    v = torch.linspace(-4, 4, 4001, dtype=torch.float64, requires_grad=True)
    out = ssqrt(v)
    exact = v.detach().sign() * v.detach().abs().sqrt()
    assert (out.detach() - exact).abs().max() <= EPSILON**0.5
    out.sum().backward()
    assert v.grad.abs().max() <= 1 / (2 * EPSILON**0.5) + 1e-6
    torch.testing.assert_close(ssqrt(-v), -ssqrt(v))


def test_random_is_standard_normal_and_a_function_of_the_key_alone():
    from scipy import stats

    keys = torch.arange(500)
    values = keyed_normal(keys, 400)
    assert stats.kstest(values.flatten().numpy(), "norm").pvalue > 1e-3
    assert np.abs(np.corrcoef(values[:60].numpy()) - np.eye(60)).max() < 0.25
    torch.testing.assert_close(keyed_normal(keys[7:8], 400)[0], values[7])


def test_keys_tell_order_and_content_apart():
    ids = torch.tensor([[5, 6, 7], [7, 6, 5], [5, 6, 8], [5, 6, 7]])
    keys = sentence_keys(ids, torch.ones(4, 3, dtype=torch.bool))
    assert len(set(keys.tolist())) == 3
    assert keys[0] == keys[3]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("mean", (False, ["mean"])),
        ("mean+channel-gram", (False, ["mean", "channel-gram"])),
        ("shuffled", (True, ["channel-gram"])),
        ("shuffled:token-gram", (True, ["token-gram"])),
    ],
)
def test_operator_grammar(spec, expected):
    assert parse_operator(spec) == expected


def test_unknown_operator_names_the_nearest():
    with pytest.raises(LabError, match="'chanel-gram'; did you mean channel-gram"):
        parse_operator("mean+chanel-gram")
