"""Minimal pairs: which small edits an encoder notices."""

from typing import Any

from recse_lab.data.minimal_pair_items import load_minimal_pairs
from recse_lab.probes.minimal_pairs.compute import embed_minimal_pairs, minimal_pairs
from recse_lab.probes.minimal_pairs.figures import figures
from recse_lab.probes.minimal_pairs.summary import summary
from recse_lab.probes.probe import Probe, ProbeInputs
from recse_lab.probes.result import ProbeResult

__all__ = ["MINIMAL_PAIRS", "embed_minimal_pairs", "minimal_pairs"]


def _compute(inputs: ProbeInputs, **options: Any) -> ProbeResult:
    items = load_minimal_pairs()
    cosines = {
        name: embed_minimal_pairs(encode, items) for name, encode in inputs.encoders().items()
    }
    return minimal_pairs(cosines, items, **options)


MINIMAL_PAIRS = Probe(
    name="minimal-pairs",
    question="Which small edits does an encoder notice, and does it ignore those that change "
    "nothing?",
    needs=("encoders",),
    measure=minimal_pairs,
    compute=_compute,
    summary=summary,
    figures=figures,
    help={
        "resamples": "bootstrap resamples of the items, within their groups",
        "seed": "of the resampling",
        "level": "of the intervals",
    },
)
