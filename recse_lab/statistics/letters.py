"""Compact letter display: arms that share a letter cannot be told apart."""

from __future__ import annotations

from string import ascii_lowercase

import numpy as np
from jaxtyping import Bool


def compact_letters(different: Bool[np.ndarray, "arms arms"]) -> list[str]:
    """Letters for arms, so that two share one exactly if they are not significantly different.

    Columns are inserted and absorbed: each significant difference splits every set that holds both
    arms, and sets within others are dropped. Letters follow the order of the arms, so that with the
    best first, ``a`` marks all that cannot be separated from it.

    Args:
        different: Whether two arms are significantly different; symmetric.

    Returns:
        One string of letters per arm; numbers in brackets continue after 26 sets.

    Source: Piepho (2004), "An algorithm for a letter-based representation of all-pairwise
    comparisons", without the sweeping step.
    """
    arms = len(different)
    sets = [frozenset(range(arms))]
    for i in range(arms):
        for j in range(i + 1, arms):
            if not different[i, j]:
                continue
            split: list[frozenset[int]] = []
            for each in sets:
                split += [each - {i}, each - {j}] if {i, j} <= each else [each]
            distinct = list(dict.fromkeys(split))
            sets = [s for s in distinct if not any(s < other for other in distinct)]
    sets.sort(key=lambda each: sorted(each))
    names = [
        ascii_lowercase[k] if k < len(ascii_lowercase) else f"[{k + 1}]" for k in range(len(sets))
    ]
    return [
        "".join(name for name, each in zip(names, sets, strict=True) if arm in each)
        for arm in range(arms)
    ]
