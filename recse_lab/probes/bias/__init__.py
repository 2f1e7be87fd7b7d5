"""Bias: what similarity follows besides meaning."""

from typing import Any

from recse_lab.probes.bias.compute import bias, covariates
from recse_lab.probes.bias.figures import figures
from recse_lab.probes.bias.summary import summary
from recse_lab.probes.probe import Probe, ProbeInputs
from recse_lab.probes.result import ProbeResult

__all__ = ["BIAS", "bias", "covariates"]


def _compute(inputs: ProbeInputs, **options: Any) -> ProbeResult:
    pairs = inputs.pairs
    beside = covariates(pairs.first, pairs.second, inputs.word_counts())
    return bias(inputs.scores(), pairs.gold, beside, pairs.shared, **options)


BIAS = Probe(
    name="bias",
    question="What does similarity follow besides meaning: length, overlap, frequency?",
    needs=("pairs", "scores", "word_counts"),
    measure=bias,
    compute=_compute,
    summary=summary,
    figures=figures,
    help={
        "against": "the encoder that the others are compared with",
        "resamples": "bootstrap resamples of the pairs",
        "seed": "of the resampling",
        "level": "of the intervals",
    },
)
