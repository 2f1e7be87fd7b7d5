"""One training arm as a module: encoder, its training head, and the two projections of a reshape target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from recse_lab.encoders.transformer import TransformerEncoder, autocast
from recse_lab.reshape.reshaper import Reshaper


class Group(NamedTuple):
    """Part of a batch whose sentences have similar lengths."""

    ids: Int[Tensor, "part tokens"]
    mask: Int[Tensor, "part tokens"]
    rows: Int[Tensor, " part"]
    """Where these sentences stand in the batch."""


class Embedded(NamedTuple):
    views: Float[Tensor, "views batch hidden"]
    projection: Float[Tensor, "batch projection"] | None
    target: Float[Tensor, "batch projection"] | None


class Arm(nn.Module):
    """Everything a step needs with gradient, in one forward, so that a distributed wrapper sees every parameter.

    ``views`` encoder passes a sentence: two draw two dropout masks, one is enough without a dropout term.
    ``reshaper`` present and no stored target: features are read live from layer ``source`` (integrated).
    """

    special_ids: Tensor

    def __init__(
        self, encoder: TransformerEncoder, *, views: int = 2, reshaper: Reshaper | None = None, source: int = 0,
        projection: int = 256, precision: str = "fp32",
    ) -> None:  # fmt: skip
        super().__init__()
        self.encoder, self.views, self.source, self.precision = encoder, views, source, precision
        self.reshaper = reshaper
        self.project_embedding = nn.Linear(encoder.hidden, projection) if reshaper is not None else None
        self.project_target = reshaper.head(projection) if reshaper is not None else None
        special = sorted(set(encoder.tokenizer.all_special_ids) - {encoder.tokenizer.unk_token_id})
        self.register_buffer("special_ids", torch.tensor(special), persistent=False)

    def forward(self, groups: Sequence[Group], stored: Float[Tensor, "batch reshaped"] | None = None) -> Embedded:
        """Embeddings of a batch given in groups; with ``stored`` reshaped features, or live ones where there are none."""
        with autocast(self.encoder.device, self.precision):  # one for all groups: weights are cast once
            encoded = [self.encoder(g.ids.repeat(self.views, 1), g.mask.repeat(self.views, 1)) for g in groups]
        views, live = [], []
        for group, (embedding, hidden) in zip(groups, encoded, strict=True):
            views.append(embedding.float().view(self.views, len(group.ids), -1))  # the head may answer in bf16
            if self.reshaper is not None and stored is None:
                content = group.mask.bool() & ~torch.isin(group.ids, self.special_ids)
                live.append(self.reshaper(hidden[self.source][: len(group.ids)].float(), group.ids, content))
        back = torch.cat([group.rows for group in groups]).argsort()
        embedding = torch.cat(views, dim=1)[:, back]
        if self.project_embedding is None or self.project_target is None:
            return Embedded(embedding, None, None)
        reshaped = stored if stored is not None else torch.cat(live)[back]
        return Embedded(embedding, self.project_embedding(embedding[0]), self.project_target(reshaped))
