"""One process of two: the gradient of its share of a batch, written by the first."""

import json
import sys
from pathlib import Path

import torch
import torch.distributed as dist

from recse_lab.config.overrides import merge
from recse_lab.config.reading import make_config
from recse_lab.jobs.build import Lab
from recse_lab.jobs.settling import settle
from recse_lab.optimisation.batches import Batches
from recse_lab.training.loop import differentiate, gradient_of
from recse_lab.training.ranks import Ranks

BATCH, DRAW = 8, 7


def gradient(options, ranks):
    """Loss and gradient of the first batch, or of this process's part of it with all others'."""
    lab = Lab(settle(make_config(merge({}, options))))
    torch.manual_seed(0)
    arm = lab.arm().train()
    batches = Batches(lab.tokens.lengths, BATCH, seed=0)
    arm.update_queue(lab.tokens.rows(batches(1)[ranks.share(BATCH)]), 1, gather=ranks.gather)
    training = lab.config.training
    terms, _ = differentiate(
        arm,
        lab.data,
        batches(0)[ranks.share(BATCH)],
        training,
        gradient_of(training),
        lab.objective(ranks),
        DRAW,
        ranks,
    )
    found = {n: p.grad for n, p in arm.named_parameters() if p.grad is not None}
    return found | {"loss": terms.loss.detach()}


def main(index, meeting, cases, out):
    """Compute every case together with the other process."""
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=index, world_size=2)
    ranks = Ranks(index, 2)
    for name, options in json.loads(Path(cases).read_text()).items():
        found = gradient(options, ranks)
        if ranks.first:
            torch.save(found, Path(out) / f"{name}.pt")
    dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
