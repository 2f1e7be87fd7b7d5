"""The architecture without what was learned."""

from __future__ import annotations

import torch

from recse_lab.models.baselines.fitting import Fitting, digest
from recse_lab.models.baselines.wrapped import WrappedEncoder
from recse_lab.models.heads import TanhHead


def random(fitting: Fitting, number: int | None) -> WrappedEncoder:
    """The same architecture and tokenizer, with weights drawn again as before any training.

    N is the seed, default 0.

    A residual starts at zero, and so has no part in it.

    Source: after Wieting & Kiela (2019), "No training required: exploring random encoders for
    sentence classification": what an architecture gives before it has learned. Theirs are random
    layers over pretrained word vectors; here nothing is kept.
    """
    seed, model = number or 0, fitting.network()
    fingerprint = digest({"kind": "random", "seed": seed, "encoder": fitting.identity(model)})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model.backbone = type(model.backbone)(model.backbone.config)
        if model.head is not None:
            scale = getattr(model.backbone.config, "initializer_range", 0.02)
            model.head = TanhHead(model.hidden, scale, kept=True)
    model.readout = model.readout.untrained()
    return WrappedEncoder(model.to(fitting.device), fingerprint=fingerprint, fitted_on=None)
