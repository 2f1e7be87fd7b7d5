"""Probes: name -> function over stored scores or embeddings. A new one is one file, one line here and one in probing.py."""

from __future__ import annotations

from collections.abc import Callable

from recse_lab.probes.alignment import alignment, trajectory
from recse_lab.probes.bias import bias
from recse_lab.probes.errors import errors
from recse_lab.probes.geometry import geometry, layers
from recse_lab.probes.influence import influence
from recse_lab.probes.minimal_pairs import minimal_pairs
from recse_lab.probes.polarity import polarity, unlabelled_polarity
from recse_lab.probes.result import ProbeResult as ProbeResult

PROBES: dict[str, Callable[..., ProbeResult]] = {
    "polarity": polarity,
    "unlabelled-polarity": unlabelled_polarity,
    "alignment": alignment,
    "trajectory": trajectory,
    "geometry": geometry,
    "layers": layers,
    "bias": bias,
    "influence": influence,
    "minimal-pairs": minimal_pairs,
    "errors": errors,
}
