"""One training arm as a module: which views of a sentence are encoded, how, and what is compared with what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from recse_lab.models.batching import pad
from recse_lab.models.editing import edited_embeddings
from recse_lab.models.precision import autocast
from recse_lab.models.prompt import wrap
from recse_lab.models.transformer import TransformerEncoder
from recse_lab.reshape.reshaper import Reshaper
from recse_lab.training.queue import MomentumEncoder, MomentumQueue
from recse_lab.views import TextView

Edit = Any  # a TextView, an EmbeddingView or reshape.view.ReshapedTokens

Rows = list[np.ndarray]


class Group(NamedTuple):
    """Sentences of similar length that are encoded together."""

    ids: Int[Tensor, "part tokens"]
    mask: Int[Tensor, "part tokens"]
    rows: Int[Tensor, " part"]
    """Where they stand among all views: view · batch + place in the batch."""
    view: int
    """The view all of them are; 0 where the views of a batch are encoded together."""
    mask_seed: int
    """Of a fixed dropout mask: the same for both views of these sentences."""
    edit_seed: int
    """Of an edit of embeddings: the view's own, and the same in every group."""


class Embedded(NamedTuple):
    views: Float[Tensor, "views batch hidden"]
    projection: Float[Tensor, "batch projection"] | None
    target: Float[Tensor, "batch projection"] | None
    negatives: Float[Tensor, "extra hidden"] | None
    """Hard negatives, then those of the queue."""


class Arm(nn.Module):
    """Everything a step needs with gradient, in one forward, so that a distributed wrapper sees every parameter.

    ``passes`` over a sentence: two draw two dropout masks, or the same (``fixed_mask``); one is enough without a contrast
    between views. ``edits`` make the first and the second view. ``reshaper`` makes a reshape target, of features stored
    beforehand or, where none are given, read live from layer ``source``.
    """

    def __init__(
        self,
        encoder: TransformerEncoder,
        *,
        passes: int = 2,
        edits: tuple[Edit | None, Edit | None] = (None, None),
        fixed_mask: bool = False,
        reshaper: Reshaper | None = None,
        source: int = 0,
        projection: int = 256,
        queue: int = 0,
        momentum: float = 0.995,
        precision: str = "fp32",
    ) -> None:
        super().__init__()
        self.encoder, self.passes, self.edits, self.fixed_mask = encoder, passes, edits, fixed_mask
        self.source, self.precision, self.reshaper = source, precision, reshaper
        self.project_embedding = (
            nn.Linear(encoder.hidden, projection) if reshaper is not None else None
        )
        self.project_target = reshaper.head(projection) if reshaper is not None else None
        self.queue = MomentumQueue(queue, encoder.hidden) if queue else None
        self.follower = MomentumEncoder(encoder, momentum=momentum) if queue else None

    @property
    def together(self) -> bool:
        """Whether views may share a pass: nothing in it tells them apart."""
        by_view = any(edit is not None and not isinstance(edit, TextView) for edit in self.edits)
        return not (by_view or self.fixed_mask or self.encoder.prompt is not None)

    # ---- before the encoder --------------------------------------------------------------------------------------

    def views(
        self, rows: Rows, positives: Rows | None = None, negatives: Rows | None = None, *, seed: int
    ) -> list[Rows]:
        """Token ids of every view of a batch: the sentences, their positives (themselves by default), hard negatives."""
        views = [rows, rows if positives is None else positives][: self.passes]
        for i, edit in enumerate(self.edits[: self.passes]):
            if isinstance(edit, TextView):
                views[i] = edit(views[i], seed=seed + i)
        if negatives is not None:
            views.append(negatives)
        prompt = self.encoder.prompt
        if prompt is not None:  # hard negatives stand in the template of the positives
            views = [
                [wrap(row, prompt.templates[min(i, 1)]) for row in view]
                for i, view in enumerate(views)
            ]
        return views

    def groups(self, views: Sequence[Rows], parts: int, *, seed: int) -> list[Group]:
        """All sentences in ``parts`` groups of similar length, so that little is padded; the loss sees the whole batch."""
        batch = len(views[0])
        if self.together:
            return self._by_length([row for view in views for row in view], parts, 0, 0, seed)
        return [
            group
            for i, view in enumerate(views)
            for group in self._by_length(view, parts, i, i * batch, seed)
        ]

    def _by_length(self, rows: Rows, parts: int, view: int, offset: int, seed: int) -> list[Group]:
        device = self.encoder.device
        order = np.argsort([len(row) for row in rows], kind="stable")
        groups = []
        # Of one size, though other cuts would pad less: a CPU's library compiles its kernels anew for every shape it meets.
        for i, part in enumerate(np.array_split(order, min(parts, len(order)))):
            ids, mask = pad([rows[k] for k in part], self.encoder.pad_id)
            places = torch.from_numpy(part + offset)
            groups.append(
                Group(
                    ids.to(device), mask.to(device), places.to(device), view, seed + i, seed + view
                )
            )
        return groups

    # ---- through the encoder -------------------------------------------------------------------------------------

    def forward(
        self,
        groups: Sequence[Group],
        batch: int,
        stored: Float[Tensor, "batch reshaped"] | None = None,
    ) -> Embedded:
        """Embeddings of all views of ``batch`` sentences; with ``stored`` reshaped features, or live ones where there are none."""
        embeddings, live, first = [], [], []
        with autocast(
            self.encoder.device, self.precision
        ):  # one for all groups: weights are cast once
            words = self.encoder.words(torch.cat([g.ids.flatten() for g in groups]))
            for group, flat in zip(
                groups, words.split([g.ids.numel() for g in groups]), strict=True
            ):
                embedding, hidden = self._encode(
                    self.encoder, group, flat.view(*group.ids.shape, -1)
                )
                embeddings.append(embedding.float())  # the head may answer in bf16
                if self.reshaper is not None and stored is None:
                    anchors = group.rows < batch
                    features = hidden[self.source][anchors], group.ids[anchors], group.mask[anchors]
                    live.append(
                        (features[0].float(), features[1], self.encoder.content(*features[1:]))
                    )
                    first.append(group.rows[anchors])
        back = torch.cat([group.rows for group in groups]).argsort()
        views = torch.cat(embeddings)[back].view(-1, batch, self.encoder.hidden)
        negatives = [*views[2:], *([self.queue()] if self.queue is not None else [])]
        extra = torch.cat(negatives) if negatives else None
        if self.reshaper is None or self.project_embedding is None or self.project_target is None:
            return Embedded(views[: self.passes], None, None, extra)
        if stored is None:
            stored = torch.cat([self.reshaper(*part) for part in live])[torch.cat(first).argsort()]
        return Embedded(
            views[: self.passes],
            self.project_embedding(views[0]),
            self.project_target(stored),
            extra,
        )

    def _encode(self, encoder: TransformerEncoder, group: Group, words: Tensor) -> Any:
        if self.fixed_mask:
            torch.manual_seed(group.mask_seed)  # the same for both views of these sentences
        edit: Any = self.edits[group.view] if group.view < 2 else None
        if edit is None or isinstance(edit, TextView):
            return encoder(words, group.ids, group.mask, view=group.view)
        backbone: nn.Module = encoder.backbone
        with edited_embeddings(
            backbone, lambda out: edit(out, group.mask, group.ids, seed=group.edit_seed)
        ):
            return encoder(words, group.ids, group.mask, view=group.view)

    @torch.no_grad()
    def remember(self, first: Rows, parts: int) -> None:
        """After the loss: the follower moves on and puts its embeddings of this batch's first views into the queue."""
        if self.queue is None or self.follower is None:
            return
        self.follower.update(self.encoder)
        own = self._by_length(first, parts, 0, 0, 0)  # groups of a step may mix the views
        with autocast(self.encoder.device, self.precision):
            encoder = self.follower.encoder
            assert isinstance(encoder, TransformerEncoder)
            found = [encoder(encoder.words(g.ids), g.ids, g.mask)[0].float() for g in own]
        self.queue.push(torch.cat(found)[torch.cat([g.rows for g in own]).argsort()])
