"""Polarity: how similarity scores are spread, beside gold scores of the same pairs."""

from typing import Any

from recse_lab.probes.polarity.checks import COSINE
from recse_lab.probes.polarity.compute import polarity
from recse_lab.probes.polarity.figures import figures
from recse_lab.probes.polarity.summary import summary
from recse_lab.probes.probe import Probe, ProbeInputs
from recse_lab.probes.result import ProbeResult

__all__ = ["COSINE", "POLARITY", "polarity"]


def _compute(inputs: ProbeInputs, **options: Any) -> ProbeResult:
    return polarity(inputs.scores(), inputs.pairs.gold, inputs.pairs.shared, **options)


POLARITY = Probe(
    name="polarity",
    question="Do scores crowd at the ends of the scale, and do they mean what the grades mean?",
    needs=("pairs", "scores"),
    measure=polarity,
    compute=_compute,
    summary=summary,
    figures=figures,
    help={
        "against": "the encoder that the others are compared with",
        "bins": "gold bins of equal width",
        "gold_range": "ends of the gold scale",
        "score_range": "ends of the similarity's nominal range; None for a similarity without "
        "bounds",
        "resamples": "bootstrap resamples of the pairs",
        "seed": "of the resampling",
        "level": "of the intervals",
    },
)
