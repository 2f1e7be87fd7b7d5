"""Whether several processes find the gradient of one, on this machine: `recse-lab selftest grads`.

Dropout is off: each process draws masks of its own, so that only without them two ways of sharing
a batch compute the same numbers.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from recse_lab.config.overrides import merge
from recse_lab.config.reading import make_config
from recse_lab.errors import LabError
from recse_lab.jobs.build import Lab
from recse_lab.jobs.machine import Notify, silent
from recse_lab.jobs.settling import settle
from recse_lab.objectives import CONTRASTS
from recse_lab.optimisation.batches import Batches
from recse_lab.training.loop import differentiate, gradient_of
from recse_lab.training.ranks import ALONE, Ranks

BATCH, DRAW, TOLERANCE = 16, 7, 1e-9
SECONDS = 300

BASE: dict[str, Any] = {
    "encoder": "recse-lab/tiny",
    "corpus": "sample-corpus",
    "model": {"pooling": "mean", "max_length": 24, "dropout": 0.0},
    "training": {"steps": 5, "batch_size": BATCH, "precision": "fp32"},
    "evaluation": {"precision": "fp32", "tasks": []},
}
RESHAPE = {"operator": "channel-gram", "dim": 4, "mode": "integrated", "source": 1, "weight": 0.5}
ARMS: dict[str, dict[str, Any]] = {
    **{name: {"contrast.objective": name} for name in CONTRASTS if name != "supervised"},
    "reshape": {"reshape": RESHAPE},
    "queue": {"contrast.queue": 1.0},
}
"""Everything but supervised training, which needs a table of triples."""


ROUNDED = {"arc-con": 1e-7}
"""Without dropout the two views coincide, where an angle has no derivative: rounding is √ε
there.
"""


class Equality(NamedTuple):
    """How closely several processes came to one."""

    arm: str
    chunked: bool
    processes: int
    loss: float
    """Difference of the loss, relative to it."""
    gradient: float
    """Largest difference of a component, relative to the largest component."""

    @property
    def equal(self) -> bool:
        """Whether both are within float64's rounding."""
        return max(self.loss, self.gradient) <= ROUNDED.get(self.arm, TOLERANCE)


def cases() -> dict[str, dict[str, Any]]:
    """Every arm, whole and in chunks, by name."""
    chunks = {"training.chunk_tokens": 64}
    whole = {name: merge(BASE, changes) for name, changes in ARMS.items()}
    return whole | {f"{name}, chunked": merge(tree, chunks) for name, tree in whole.items()}


def gradient(options: dict[str, Any], ranks: Ranks = ALONE) -> dict[str, torch.Tensor]:
    """Gradient of the first batch by parameter, and its ``loss``.

    With several processes, of this one's part of the batch with all candidates, summed over the
    processes.
    """
    lab = Lab(settle(make_config(merge({}, options))))
    torch.manual_seed(0)
    arm = lab.arm().double().train()
    training = lab.config.training
    batches = Batches(lab.tokens.lengths, training.batch_size, seed=0)
    share = ranks.share(training.batch_size)
    arm.update_queue(lab.tokens.rows(batches(1)[share]), 1, gather=ranks.gather)
    how, objective = gradient_of(training), lab.objective(ranks)
    rows = batches(0)[share]
    terms, _ = differentiate(arm, lab.data, rows, training, how, objective, DRAW, ranks)
    found = {n: p.grad for n, p in arm.named_parameters() if p.grad is not None}
    return found | {"loss": terms.loss.detach()}


def compute(index: str, size: str, meeting: str, asked: str, out: str) -> None:
    """Be one of several processes: compute all cases with the others; the first writes them."""
    import torch.distributed as dist

    ranks = Ranks(int(index), int(size))
    address = f"file://{meeting}"
    dist.init_process_group("gloo", init_method=address, rank=ranks.index, world_size=ranks.size)
    for number, options in enumerate(json.loads(Path(asked).read_text())):
        found = gradient(options, ranks)
        if ranks.first:
            torch.save(found, Path(out) / f"{number}.pt")
    dist.destroy_process_group()


def together(options: Sequence[dict[str, Any]], size: int) -> list[dict[str, torch.Tensor]]:
    """What ``size`` new processes find together.

    Raises:
        LabError: One of them failed, or they did not finish.
    """
    code = f"import sys; from {__name__} import compute; compute(*sys.argv[1:])"
    environment = {"GLOO_SOCKET_IFNAME": "lo"} | os.environ | {"OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        asked = Path(folder) / "cases.json"
        asked.write_text(json.dumps(list(options)))
        given = [str(size), f"{folder}/meeting", str(asked), folder]
        started = [
            subprocess.Popen(
                [sys.executable, "-c", code, str(index), *given],
                env=environment,
                stderr=subprocess.PIPE,
                text=True,
            )
            for index in range(size)
        ]
        try:
            said = [process.communicate(timeout=SECONDS)[1] for process in started]
        except subprocess.TimeoutExpired:
            raise LabError(f"{size} processes did not finish within {SECONDS} s.") from None
        finally:
            for process in started:
                process.kill()
        failed = [text for process, text in zip(started, said, strict=True) if process.returncode]
        if failed:
            why = (failed[0].strip().splitlines() or ["no message"])[-1]
            raise LabError(f"one of {size} processes failed: {why}")
        return [
            torch.load(f"{folder}/{number}.pt", weights_only=True) for number in range(len(options))
        ]


def try_gradients(sizes: Sequence[int] = (2, 4), notify: Notify = silent) -> list[Equality]:
    """Compare every case with one process, for each number of processes.

    Raises:
        LabError: The processes failed, or found gradients of other parameters.
    """
    asked = cases()
    found = []
    alone = {}
    for number, (name, options) in enumerate(asked.items()):
        notify("one process", number, len(asked))
        alone[name] = gradient(options)
    for size in sizes:
        notify(f"{size} processes", 0, 0)
        for name, shared in zip(asked, together(list(asked.values()), size), strict=True):
            arm, comma, _ = name.partition(", ")
            found.append(_compared(arm, bool(comma), size, alone[name], shared))
    return found


def _compared(
    arm: str,
    chunked: bool,
    size: int,
    alone: dict[str, torch.Tensor],
    shared: dict[str, torch.Tensor],
) -> Equality:
    if alone.keys() != shared.keys():
        other = sorted(alone.keys() ^ shared.keys())[0]
        raise LabError(f"{arm}: {size} processes disagree with one on which weights move: {other}.")
    loss = alone["loss"].item()
    names = [name for name in alone if name != "loss"]
    scale = max(alone[name].abs().max().item() for name in names)
    apart = max((alone[name] - shared[name]).abs().max().item() for name in names)
    off = abs(shared["loss"].item() - loss) / abs(loss)
    return Equality(arm, chunked, size, off, apart / scale)
