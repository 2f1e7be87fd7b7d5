"""What a contrast is: built from keyword arguments, then a pure function of embeddings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Contrast(ABC):
    """Pulls every anchor to its own positive and away from all others.

    ``temperature`` is τ, what cosines are divided by.

    Raises:
        ValueError: A temperature that is not above 0.
    """

    temperature: float = 0.05

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise ValueError(f"temperature {self.temperature}: it must be above 0")

    @abstractmethod
    def __call__(
        self,
        anchors: Float[Tensor, "batch dim"],
        positives: Float[Tensor, "batch dim"],
        negatives: Float[Tensor, "extra dim"] | None = None,
    ) -> Float[Tensor, ""]:
        """Loss in nats, averaged over anchors. Row i of ``positives`` belongs to anchor i.

        ``negatives`` belong to no anchor, unless the contrast says otherwise; none and no rows are the same. Gradient
        reaches them where they have one: hard negatives do, a queue's rows do not.
        """
