"""The gradient of a step in chunks: any batch in the memory of one chunk, exactly.

A contrast needs all embeddings of a batch at once, and of the encoder nothing else. So

1. every chunk is encoded; the graphs of as many chunks as fit are kept, of the others only the
   embeddings, and the state of the random generators before them;
2. the loss of all embeddings is differentiated down to the embeddings;
3. every chunk gives its weights their gradient: through its graph if that was kept, else encoded
   again, with the generators set back, so that it meets the same dropout masks (which in SimCSE
   *are* the augmentation).

Which graphs are kept changes no bit of the gradient: the same sums are made in the same order.

Source: gradient cache (Gao et al. 2021, arXiv:2101.06983), with replayed randomness as in section
3.2 there; kept graphs, chunks by tokens, and the loss in tiles are ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from recse_lab.objectives import LossTerms
from recse_lab.training.arm import Arm, Encoded, Group
from recse_lab.training.ranks import ALONE, Ranks

Objective = Callable[..., LossTerms]
"""The fields of an ``ArmOutput`` -> the named terms of the loss."""


def whole_gradient(
    arm: Arm,
    groups: Sequence[Group],
    batch: int,
    stored: Float[Tensor, "batch reshaped"] | None,
    objective: Objective,
    ranks: Ranks = ALONE,
) -> LossTerms:
    """Differentiate a step in one backward pass through the graph of all its groups.

    Args:
        arm: The arm; it gets the gradient.
        groups: All sentences of the step that this process has.
        batch: Sentences per view, of this process.
        stored: Reshaped features of the first views; None if there are none, or live ones.
        objective: From the arm's output to the terms.
        ranks: The processes that share the batch; gradients are left unsummed.
    """
    encoded = [arm.encode(groups, batch, live=stored is None)]
    terms = objective(*arm.compare(encoded, batch, stored, ranks.gather))
    terms.loss.backward()
    return terms


class Chunks:
    """``whole_gradient`` chunk by chunk, one chunk a group.

    Args:
        room: Bytes for graphs, those that are kept and the one that is computed; half of what is
            free when the first step begins by default.
    """

    def __init__(self, room: float | None = None) -> None:
        self.room = room
        self.bytes_per_token: float | None = None
        """Bytes that autograd saves for a padded token, measured on the first chunk of all."""
        self.kept = 0
        """Graphs that were kept in the last step."""

    def __call__(
        self,
        arm: Arm,
        groups: Sequence[Group],
        batch: int,
        stored: Float[Tensor, "batch reshaped"] | None,
        objective: Objective,
        ranks: Ranks = ALONE,
    ) -> LossTerms:
        """Differentiate a step; arguments as for ``whole_gradient``."""
        live, device = stored is None, arm.encoder.device
        kept = self._count(arm, groups, batch, live)
        graphs: list[Encoded | None] = []
        states, leaves = [], []
        for i, group in enumerate(groups):
            states.append(random_state(device))
            # The last ones are kept: the longest sentences come first, and most graphs fit so.
            with torch.set_grad_enabled(i >= len(groups) - kept):
                encoded = arm.encode([group], batch, live=live)
            graphs.append(encoded if encoded.embeddings.requires_grad else None)
            leaves.append(_as_leaf(encoded))
        after = random_state(device)
        terms = objective(*arm.compare(leaves, batch, stored, ranks.gather))
        terms.loss.backward()
        for i, group in enumerate(groups):
            encoded, graphs[i] = graphs[i], None
            if encoded is None:
                set_random_state(states[i], device)
                encoded = arm.encode([group], batch, live=live)
            _pass_on(encoded, leaves[i])
            del encoded
        set_random_state(after, device)
        return terms

    def _count(self, arm: Arm, groups: Sequence[Group], batch: int, live: bool) -> int:
        """How many graphs fit besides the one of a chunk that is encoded again."""
        device = arm.encoder.device
        if self.room is None:
            self.room = free_bytes(device) / 2
        if self.bytes_per_token is None:
            before = random_state(device)
            with counting_saved_bytes(arm) as saved:
                arm.encode(groups[:1], batch, live=live)
            set_random_state(before, device)
            self.bytes_per_token = saved() / groups[0].ids.numel()
        sizes = [self.bytes_per_token * group.ids.numel() for group in groups]
        if sum(sizes) <= self.room:
            self.kept = len(groups)
        else:
            left, self.kept = self.room - max(sizes), 0
            for size in reversed(sizes):
                left -= size
                if left < 0:
                    break
                self.kept += 1
        return self.kept


def _as_leaf(encoded: Encoded) -> Encoded:
    """The same numbers without their history."""
    embeddings = encoded.embeddings.detach().requires_grad_()
    if encoded.reshaped is None:
        return encoded._replace(embeddings=embeddings)
    return encoded._replace(
        embeddings=embeddings, reshaped=encoded.reshaped.detach().requires_grad_()
    )


def _pass_on(encoded: Encoded, leaf: Encoded) -> None:
    """Give the weights behind a chunk the gradient that its embeddings got."""
    pairs = [(encoded.embeddings, leaf.embeddings)]
    if encoded.reshaped is not None and leaf.reshaped is not None:
        pairs.append((encoded.reshaped, leaf.reshaped))
    pairs = [(value, at.grad) for value, at in pairs if value.requires_grad and at.grad is not None]
    if pairs:
        torch.autograd.backward([value for value, _ in pairs], [grad for _, grad in pairs])


# ---- randomness ------------------------------------------------------------------------------


def random_state(device: torch.device) -> tuple[Tensor, Tensor | None]:
    """State of torch's generators, of the CPU and of the device."""
    on_device = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
    return torch.get_rng_state(), on_device


def set_random_state(state: tuple[Tensor, Tensor | None], device: torch.device) -> None:
    """Go back to a state of ``random_state``."""
    torch.set_rng_state(state[0])
    if state[1] is not None:
        torch.cuda.set_rng_state(state[1], device)


# ---- memory ----------------------------------------------------------------------------------


@contextmanager
def counting_saved_bytes(module: nn.Module) -> Iterator[Callable[[], int]]:
    """Count the bytes that autograd saves for a backward pass, weights apart, each storage once."""
    weights = {p.untyped_storage().data_ptr() for p in module.parameters()}
    seen: dict[int, int] = {}

    def pack(value: Tensor) -> Tensor:
        storage = value.untyped_storage()
        if storage.data_ptr() not in weights:
            seen[storage.data_ptr()] = storage.nbytes()
        return value

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda value: value):
        yield lambda: sum(seen.values())


def free_bytes(device: torch.device) -> int:
    """Memory that is free, of the accelerator if there is one; 4 GiB where it cannot be told."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    try:
        told = Path("/proc/meminfo").read_text()
        return 1024 * int(told.partition("MemAvailable:")[2].split()[0])
    except (OSError, IndexError, ValueError):
        return 4 * 2**30
