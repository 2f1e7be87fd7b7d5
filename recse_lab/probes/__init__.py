"""Probes: named analyses of what training did to scores and to the embedding space.

A new probe is one module and one line here; docs/add-a-probe.md shows how.
"""

from __future__ import annotations

from recse_lab.probes.alignment import ALIGNMENT
from recse_lab.probes.attribution import ATTRIBUTION
from recse_lab.probes.bias import BIAS
from recse_lab.probes.dimensions import DIMENSIONS
from recse_lab.probes.errors import ERRORS
from recse_lab.probes.geometry import GEOMETRY
from recse_lab.probes.gradients import GRADIENTS
from recse_lab.probes.influence import INFLUENCE
from recse_lab.probes.information import INFORMATION
from recse_lab.probes.layers import LAYERS
from recse_lab.probes.length_collapse import LENGTH_COLLAPSE
from recse_lab.probes.linguistic import LINGUISTIC_PROBE
from recse_lab.probes.minimal_pairs import MINIMAL_PAIRS
from recse_lab.probes.polarity import POLARITY
from recse_lab.probes.probe import Probe as Probe
from recse_lab.probes.probe import ProbeInputs as ProbeInputs
from recse_lab.probes.rank_in_training import RANK_IN_TRAINING
from recse_lab.probes.result import ProbeResult as ProbeResult
from recse_lab.probes.tokens import TOKENS
from recse_lab.probes.tolerance import TOLERANCE
from recse_lab.probes.trajectory import TRAJECTORY
from recse_lab.probes.unlabelled_polarity import UNLABELLED_POLARITY

PROBES: dict[str, Probe] = {
    "polarity": POLARITY,
    "unlabelled-polarity": UNLABELLED_POLARITY,
    "alignment": ALIGNMENT,
    "tolerance": TOLERANCE,
    "trajectory": TRAJECTORY,
    "rank-in-training": RANK_IN_TRAINING,
    "gradients": GRADIENTS,
    "geometry": GEOMETRY,
    "dimensions": DIMENSIONS,
    "layers": LAYERS,
    "tokens": TOKENS,
    "bias": BIAS,
    "length-collapse": LENGTH_COLLAPSE,
    "influence": INFLUENCE,
    "information": INFORMATION,
    "linguistic": LINGUISTIC_PROBE,
    "minimal-pairs": MINIMAL_PAIRS,
    "errors": ERRORS,
    "attribution": ATTRIBUTION,
}
