"""Errors: the pairs on which two arms disagree most, and those that every arm gets wrong."""

from typing import Any

from recse_lab.probes.errors.compute import errors
from recse_lab.probes.errors.figures import figures
from recse_lab.probes.errors.summary import listings, summary
from recse_lab.probes.probe import Probe, ProbeInputs
from recse_lab.probes.result import ProbeResult

__all__ = ["ERRORS", "errors"]


def _compute(inputs: ProbeInputs, **options: Any) -> ProbeResult:
    pairs = inputs.pairs
    return errors(inputs.scores(), pairs.gold, pairs.first, pairs.second, pairs.shared, **options)


ERRORS = Probe(
    name="errors",
    question="Which pairs do the arms rank differently, and which do all of them get wrong?",
    needs=("pairs", "scores"),
    measure=errors,
    compute=_compute,
    summary=summary,
    figures=figures,
    listings=listings,
    help={
        "top": "pairs to list",
        "threshold": "rank error, as a share of the set, from which a pair counts as wrong",
        "against": "the encoder that the others are compared with; all pairs of encoders by "
        "default",
        "resamples": "bootstrap resamples of the pairs",
        "seed": "of the resampling",
        "level": "of the intervals",
    },
)
