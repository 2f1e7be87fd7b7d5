"""Alignment and uniformity of embeddings beside Spearman's ρ."""

from typing import Any

import numpy as np

from recse_lab.probes.alignment.compute import alignment, legacy_batch, senteval_batches
from recse_lab.probes.alignment.figures import figures
from recse_lab.probes.alignment.summary import summary
from recse_lab.probes.probe import Probe, ProbeInputs
from recse_lab.probes.result import ProbeResult

__all__ = ["ALIGNMENT", "alignment", "legacy_batch", "senteval_batches"]


def _compute(inputs: ProbeInputs, **options: Any) -> ProbeResult:
    sentences, pairs = inputs.sentences, inputs.pairs
    place = {sentence: i for i, sentence in enumerate(sentences)}
    first, second = (np.array([place[s] for s in side]) for side in (pairs.first, pairs.second))
    words = [np.array([len(s.split()) for s in side]) for side in (pairs.first, pairs.second)]
    batches = senteval_batches(pairs.sizes or (len(pairs.gold),), words[0], words[1], pairs.gold)
    return alignment(
        inputs.embeddings(), first, second, pairs.gold, pairs.shared, batches=batches, **options
    )


ALIGNMENT = Probe(
    name="alignment",
    question="Are paraphrases near each other, and is the space used evenly?",
    needs=("pairs", "sentences", "embeddings"),
    measure=alignment,
    compute=_compute,
    summary=summary,
    figures=figures,
    help={
        "against": "the encoder that the others are compared with",
        "above": "pairs with a gold score above this are paraphrases",
        "resamples": "bootstrap resamples of the pairs",
        "seed": "of the resampling",
        "protocol": "whole, or legacy-batch: per batch, as older tables have it; biased",
    },
)
