"""Momentum contrast: queue against a deque, copy against the closed form, order, resuming."""

from collections import deque

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import nn

from recse_lab.objectives import CONTRASTS, info_nce
from recse_lab.training.queue import MomentumEncoder, MomentumQueue


def batch(size, *, seed=0, dim=3):
    return torch.randn(size, dim, generator=torch.Generator().manual_seed(seed))


# ---- the queue --------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(size=st.integers(1, 9), batches=st.lists(st.integers(0, 12), max_size=6))
def test_is_first_in_first_out(size, batches):
    queue, expected = MomentumQueue(size, 3), deque(maxlen=size)
    assert queue().shape == (0, 3)
    for seed, n in enumerate(batches):
        pushed = batch(n, seed=seed)
        queue.push(pushed)
        expected.extend(pushed)
        assert torch.equal(queue(), torch.stack(list(expected)) if expected else torch.zeros(0, 3))


def test_holds_no_gradient_and_gives_a_copy():
    queue = MomentumQueue(4, 3)
    live = batch(2).requires_grad_()
    queue.push(live * 2)
    held = queue()
    assert not held.requires_grad
    queue.push(batch(4, seed=1))
    assert torch.equal(held, live.detach() * 2)


def test_a_push_before_backward_changes_no_gradient():
    queue, anchors = MomentumQueue(4, 3), batch(3, seed=5).requires_grad_()
    queue.push(batch(4))
    held = queue()
    (expected,) = torch.autograd.grad((anchors @ held.T).exp().sum(), anchors)
    loss = (anchors @ queue().T).exp().sum()
    queue.push(batch(4, seed=1))
    assert torch.equal(torch.autograd.grad(loss, anchors)[0], expected)


def test_an_empty_queue_gives_no_negatives():
    a, p = batch(4), batch(4, seed=1)
    assert torch.equal(
        CONTRASTS["info-nce"](temperature=0.05)(a, p, MomentumQueue(8, 3)()),
        info_nce(a, p, temperature=0.05),
    )


def test_takes_half_precision_as_float32():
    queue = MomentumQueue(4, 3)
    queue.push(batch(2).bfloat16())
    assert torch.equal(queue(), batch(2).bfloat16().float())


@pytest.mark.parametrize("filled", [0, 2, 7])
def test_goes_on_bitwise_after_saving(tmp_path, filled):
    queue, again = MomentumQueue(5, 3), MomentumQueue(5, 3)
    queue.push(batch(filled))
    save_file(queue.state_dict(), tmp_path / "queue.safetensors")
    again.load_state_dict(load_file(tmp_path / "queue.safetensors"))
    for each in (queue, again):
        each.push(batch(2, seed=9))
    assert torch.equal(again(), queue())
    assert again().shape == (min(5, filled + 2), 3)


def test_a_queue_of_nothing_is_refused():
    with pytest.raises(ValueError, match="queue of 0"):
        MomentumQueue(0, 3)


# ---- the momentum encoder ---------------------------------------------------------------------


def network(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 3))


@pytest.mark.parametrize("momentum", [0.0, 0.9, 0.995, 1.0])
def test_follows_as_the_closed_form_says(momentum):
    live = network().double()
    copied = MomentumEncoder(live, momentum=momentum)
    states = [[p.detach().clone() for p in live.parameters()]]
    for step in range(4):
        with torch.no_grad():
            for p in live.parameters():
                p.add_(
                    torch.randn(
                        p.shape, generator=torch.Generator().manual_seed(step), dtype=p.dtype
                    )
                )
        states.append([p.detach().clone() for p in live.parameters()])
        copied.update(live)
    # θ_k = m⁴ θ₀ + (1 − m) Σ m^(4−s) θ_q(s)
    for i, own in enumerate(copied.parameters()):
        expected = momentum**4 * states[0][i]
        expected = expected + (1 - momentum) * sum(
            momentum ** (4 - s) * states[s][i] for s in range(1, 5)
        )
        torch.testing.assert_close(own, expected)
        if momentum in (0.0, 1.0):
            assert torch.equal(own, states[-1 if momentum == 0 else 0][i])


def test_shares_nothing_with_the_encoder_and_leaves_it_alone():
    live = network()
    copied = MomentumEncoder(live)
    before = [p.detach().clone() for p in live.parameters()]
    copied.update(live)
    assert all(torch.equal(p, b) for p, b in zip(live.parameters(), before, strict=True))
    assert all(p.requires_grad for p in live.parameters())
    assert not {p.data_ptr() for p in live.parameters()} & {
        p.data_ptr() for p in copied.parameters()
    }


def test_buffers_are_taken_over():
    live = network()
    copied = MomentumEncoder(live)
    live(batch(8))  # moves the running mean and its count
    assert not torch.equal(copied.encoder[1].running_mean, live[1].running_mean)
    copied.update(live)
    assert torch.equal(copied.encoder[1].running_mean, live[1].running_mean)
    assert torch.equal(copied.encoder[1].num_batches_tracked, live[1].num_batches_tracked)


def test_dropout_stays_off_and_no_gradient_flows():
    live = network().train()
    copied = MomentumEncoder(live)
    assert not any(m.training for m in copied.modules())
    arm = nn.ModuleDict({"live": live, "momentum": copied}).train()
    assert live.training
    assert not any(m.training for m in arm["momentum"].modules())
    x = batch(6).requires_grad_()
    first, second = arm["momentum"](x), arm["momentum"](x)
    assert torch.equal(first, second)
    assert torch.equal(first, live.eval()(x))
    assert not first.requires_grad
    assert not any(p.requires_grad for p in arm["momentum"].parameters())


def test_its_weights_are_saved_with_the_arm():
    live = network()
    arm = nn.ModuleDict({"live": live, "momentum": MomentumEncoder(live)})
    names = {name for name, _ in arm.named_parameters()}
    assert {"momentum.encoder.0.weight", "live.0.weight"} <= names


@pytest.mark.parametrize("momentum", [-0.1, 1.1, float("nan")])
def test_a_momentum_beyond_its_range_is_refused(momentum):
    with pytest.raises(ValueError, match="momentum"):
        MomentumEncoder(network(), momentum=momentum)


# ---- together ---------------------------------------------------------------------------------


class Steps:
    """ESimCSE on a toy network, in the order the module's first lines state."""

    def __init__(self, momentum=0.9, size=10):
        self.live = network(1)
        self.arm = nn.ModuleDict(
            {"live": self.live, "momentum": MomentumEncoder(self.live, momentum=momentum)}
        )
        self.arm["queue"] = MomentumQueue(size, 3)
        self.optimizer = torch.optim.SGD(
            [p for p in self.arm.parameters() if p.requires_grad], lr=0.1
        )
        self.contrast = CONTRASTS["info-nce"](temperature=0.2)

    def __call__(self, step):
        self.arm.train()
        torch.manual_seed(step)
        x = batch(4, seed=step)
        views = self.live(x), self.live(x)
        loss = self.contrast(*views, self.arm["queue"]())
        self.arm["momentum"].update(self.live)
        self.arm["queue"].push(self.arm["momentum"](x))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return views, loss.item()


def test_the_first_step_is_simcse_and_the_second_sees_the_first_batch():
    steps = Steps()
    (a, p), loss = steps(0)
    assert loss == info_nce(a, p, temperature=0.2).item()
    seen = steps.arm["queue"]()
    assert torch.equal(seen, steps.arm["momentum"](batch(4)))
    (a, p), loss = steps(1)
    assert loss == info_nce(a, torch.cat([p, seen]), temperature=0.2).item()


def test_resumes_bitwise(tmp_path):
    whole = Steps()
    expected = [whole(step)[1] for step in range(6)]
    first, second = Steps(), Steps()
    for step in range(3):
        first(step)
    save_file(first.arm.state_dict(), tmp_path / "arm.safetensors")
    second.arm.load_state_dict(load_file(tmp_path / "arm.safetensors"))
    assert [second(step)[1] for step in range(3, 6)] == expected[3:]
    state = second.arm.state_dict()
    assert all(torch.equal(state[name], value) for name, value in whole.arm.state_dict().items())
