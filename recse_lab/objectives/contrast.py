"""What a contrast is: built from keyword arguments, then a pure function of embeddings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Contrast(ABC):
    """A loss that pulls every anchor towards its own positive and away from all others.

    Args:
        temperature: τ, which divides cosines.

    Raises:
        ValueError: The temperature is not above 0.
    """

    behaviour: ClassVar[int] = 1
    """Version of the numbers. Raise it when they change: runs that use it get new ids."""

    clean_view: ClassVar[bool] = False
    """Whether it compares the sentences without dropout too: they come first among the negatives,
    row i being anchor i."""

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
        """Return the loss in nats, averaged over anchors.

        Args:
            anchors: One embedding per sentence.
            positives: Row i belongs to anchor i.
            negatives: Embeddings that belong to no anchor, unless the contrast says otherwise; None
                and zero rows are the same. Gradient reaches them where they require one: hard
                negatives do, rows of a queue do not.
        """

    def of_rows(
        self,
        anchors: Float[Tensor, "batch dim"],
        positives: Float[Tensor, "batch dim"],
        negatives: Float[Tensor, "extra dim"] | None = None,
        *,
        rows: slice,
    ) -> Float[Tensor, ""]:
        """Return the loss averaged over the anchors of ``rows`` alone, each against all candidates.

        To an anchor, the positive of another one is a negative like any other: so the loss of some
        rows is the contrast of these rows, with the rest of the batch among the negatives. Means
        over parts of a batch, weighted by their sizes, are the loss of the whole; that is what
        tiles and several processes build on. A contrast whose rows are not independent returns the
        loss of the whole batch, whatever ``rows``.

        Args:
            anchors: As for a call.
            positives: As for a call.
            negatives: As for a call.
            rows: Places of the anchors in the batch.
        """
        rest = [*others(positives, rows), *([] if negatives is None else [negatives])]
        return self(anchors[rows], positives[rows], torch.cat(rest))


def others(values: Float[Tensor, "batch dim"], rows: slice) -> list[Tensor]:
    """What stands before and behind ``rows``."""
    return [values[: rows.start], values[rows.stop :]]
