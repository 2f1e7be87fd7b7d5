"""Geometry: isotropy, rank, hubs and norms of an embedding space."""

from typing import Any

from recse_lab.probes.geometry.compute import geometry
from recse_lab.probes.geometry.figures import figures
from recse_lab.probes.geometry.summary import summary
from recse_lab.probes.probe import Probe, ProbeInputs
from recse_lab.probes.result import ProbeResult

__all__ = ["GEOMETRY", "geometry"]


def _compute(inputs: ProbeInputs, **options: Any) -> ProbeResult:
    return geometry(inputs.embeddings(), **options)


GEOMETRY = Probe(
    name="geometry",
    question="How many directions does the space use, and is any sentence a hub?",
    needs=("embeddings",),
    measure=geometry,
    compute=_compute,
    summary=summary,
    figures=figures,
    help={
        "against": "the encoder that the others are compared with",
        "neighbours": "k of the k-occurrences that hubness is measured on",
        "seed": "of the groups of the jackknife",
    },
)
