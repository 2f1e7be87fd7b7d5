"""Figures of probes, one file a probe: each is drawn from a ProbeResult's curves and holds no number of its own."""

from __future__ import annotations

from types import ModuleType

from recse_lab.reports.probes import alignment, bias, errors, geometry, minimal_pairs, polarity

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

QUESTIONS: dict[str, str] = {
    "polarity": "Do scores crowd at the ends of the scale, and do they mean what the grades mean?",
    "unlabelled-polarity": "How are scores spread where there are no grades: over random, dropout and reshaped pairs?",
    "alignment": "Are paraphrases near each other, and is the space used evenly?",
    "trajectory": "Which way through alignment and uniformity does training take?",
    "geometry": "How many directions does the space use, and is any sentence everybody's neighbour?",
    "layers": "In which layer does the space change, and how alike are the encoders there?",
    "bias": "What does similarity follow besides meaning: length, overlap, frequency?",
    "influence": "On how many of its words does the embedding of a sentence hang?",
    "minimal-pairs": "Which small edits does an encoder notice, and does it leave alone those that change nothing?",
    "errors": "Which pairs do the arms rank differently, and which do all of them get wrong?",
}
"""Probe -> what its page answers."""
