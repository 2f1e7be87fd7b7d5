"""Claims as data: what a study's runs are asked to show, and which difference would matter.

A study file carries its claims under ``claims``; the paper's are such a list
(``recse_lab/reports/claims/paper.yaml``). Numbers are in points, that is ×100.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from recse_lab.config.options import Strict

Number = Literal["sts average", "extreme scores", "step memory"]
"""sts average: mean Spearman over the tasks that all runs have, the seven if possible. extreme
scores: share of STS-B scores in the outer 5 % at either end. step memory: logarithm of the peak
memory of a training step, over runs of ``train``."""

TITLES: dict[Number, str] = {
    "sts average": "STS average ×100",
    "extreme scores": "share of STS-B scores in the outer 5 % of −1 … 1, ×100",
    "step memory": "logarithm of the ratio of the peak memory of a step ×100 (about per cent)",
}
"""What reports call a number."""

MARGIN = 0.5
REASON = "half a point, less than what papers of this field report as progress"


class ArmChoice(Strict):
    """Arms of a study: by name, and by levels of their factors."""

    arm: str | list[str]
    """One arm, or several."""
    at: dict[str, Any] = {}
    """Factor -> the level that is kept, or a list of them."""
    without: dict[str, Any] = {}
    """Factor -> the level that is left out, or a list of them."""
    pick: Literal["all", "best", "largest", "smallest"] = "all"
    """all: their mean. best: the one with the highest mean. largest, smallest: by the level of the
    one factor that they sweep."""

    @property
    def names(self) -> list[str]:
        """The arms, one by one."""
        return [self.arm] if isinstance(self.arm, str) else list(self.arm)

    def keeps(self, factors: dict[str, Any]) -> bool:
        """Whether an arm with these levels is chosen; levels compare as they are printed."""
        levels = {factor: str(level) for factor, level in factors.items()}
        kept = all(levels.get(f) in _listed(wanted) for f, wanted in self.at.items())
        return kept and not any(levels.get(f) in _listed(out) for f, out in self.without.items())


def _listed(levels: Any) -> list[str]:
    return [str(level) for level in (levels if isinstance(levels, list) else [levels])]


class ClaimSpec(Strict):
    """One claim: a difference of arms, the values that it should have, and what would matter."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    """What tables call it."""
    question: str
    """What the difference answers, in one sentence."""
    says: str = ""
    """What is claimed, in the words of its author."""
    number: Number = "sts average"
    """Of which number the difference is."""
    first: ArmChoice | None = None
    """The arms that the claim is about."""
    second: ArmChoice | None = None
    """What they are compared with; with ``at`` and ``without`` of their own."""
    above: float | None = None
    """The claim says that the difference is above this; 0 where neither is given."""
    below: float | None = None
    """The claim says that the difference is below this."""
    margin: Annotated[float, Field(gt=0)] = MARGIN
    """Smallest difference of interest, in points, on either side of what is claimed."""
    reason: str = REASON
    """Why a smaller difference does not matter."""
    describes: str = ""
    """The difference in words, for the report; made from the arms where it is empty."""
    study: str = ""
    """Whose runs show it; in a study file, that study's."""
    made_by: str = ""
    """The command that makes its runs, if not `recse-lab ablate STUDY`."""

    @model_validator(mode="after")
    def _complete(self) -> ClaimSpec:
        if self.above is not None and self.below is not None:
            raise ValueError("above and below: a claim lies on one side; give one of them")
        sides = (self.first, self.second)
        if self.number == "step memory" and any(sides):
            raise ValueError("number: step memory compares runs of `train`, and takes no arms")
        if self.number != "step memory" and not all(sides):
            raise ValueError("first and second: a claim compares arms; give both")
        return self

    @property
    def boundary(self) -> float:
        """Where the claimed values begin, raw."""
        points = self.below if self.below is not None else self.above or 0.0
        return points / 100

    @property
    def is_above(self) -> bool:
        """Whether the claimed values lie above the boundary."""
        return self.below is None

    @property
    def raw_margin(self) -> float:
        """Smallest difference of interest, raw."""
        return self.margin / 100

    @property
    def claimed(self) -> str:
        """The claimed values in words, in points."""
        return f"{'above' if self.is_above else 'below'} {100 * self.boundary:.4g}"

    @property
    def command(self) -> str:
        """The command that makes its runs."""
        return self.made_by or f"recse-lab ablate {self.study} --corpus CORPUS --data-dir SENTEVAL"


class SequentialSpec(Strict):
    """How far `--until decided` may go."""

    max_seeds: Annotated[int, Field(ge=2)] = 20
    """Largest number of seeds."""
    looks: list[int] = []
    """Numbers of seeds at which the claims are judged; 5, 8, 12 … where it is empty."""

    @model_validator(mode="after")
    def _growing(self) -> SequentialSpec:
        check_looks(self.looks, self.max_seeds)
        return self


def check_looks(looks: Sequence[int], most: int) -> None:
    """Refuse looks that do not grow, begin with one seed, or exceed the largest number of seeds.

    Raises:
        ValueError: They do.
    """
    if any(later <= earlier for earlier, later in itertools.pairwise(looks)):
        raise ValueError("looks: each must have more seeds than the one before")
    if looks and looks[0] < 2:
        raise ValueError("looks: one seed decides nothing; begin with two or more")
    if looks and looks[-1] > most:
        raise ValueError(f"looks: {looks[-1]} seeds are more than max_seeds, {most}")
