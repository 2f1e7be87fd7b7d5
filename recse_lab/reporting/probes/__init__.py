"""Figures of probes, one file a probe: each is drawn from a ProbeResult's curves and holds no number of its own."""

from __future__ import annotations

from types import ModuleType

from recse_lab.reporting.probes import alignment, bias, errors, geometry, minimal_pairs, polarity

PAGES: dict[str, ModuleType] = {
    "polarity": polarity,
    "unlabelled-polarity": polarity,
    "alignment": alignment,
    "trajectory": alignment,
    "geometry": geometry,
    "layers": geometry,
    "bias": bias,
    "influence": bias,
    "minimal-pairs": minimal_pairs,
    "errors": errors,
}
"""Probe -> the module that has ``figures(result)`` and ``summary(result)``."""
