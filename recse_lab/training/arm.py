"""One training arm as a module.

Which views of a sentence are encoded, how, and what is compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from recse_lab.models.batching import pad
from recse_lab.models.editing import edited_embeddings
from recse_lab.models.precision import autocast
from recse_lab.models.transformer import TransformerEncoder
from recse_lab.pooling import HiddenStates
from recse_lab.reshape.reshaper import Reshaper
from recse_lab.reshape.token_view import ReshapedTokens
from recse_lab.training.queue import NegativeSource
from recse_lab.views import EmbeddingView, TextView

Edit = TextView | EmbeddingView | ReshapedTokens
"""What makes a view of a sentence: an edit of its text or of its embedded tokens."""

TokenRows = list[np.ndarray]
"""Token ids of sentences, special tokens included."""


class Group(NamedTuple):
    """Sentences of similar length that are encoded together."""

    ids: Int[Tensor, "part tokens"]
    mask: Int[Tensor, "part tokens"]
    rows: Int[Tensor, " part"]
    """Their places among all views: view · batch + place in the batch."""
    view: int
    """The view that all of them are; 0 if the views of a batch are encoded together."""
    mask_seed: int
    """Seed of a fixed dropout mask: the same for both views of these sentences."""
    edit_seed: int
    """Seed of an edit of embeddings: the view's own, and the same in every group."""


class ArmOutput(NamedTuple):
    """What the objective of a step compares."""

    views: Float[Tensor, "views batch hidden"]
    """Embeddings after the head."""
    projection: Float[Tensor, "batch projection"] | None
    """Projected embeddings of the first views; None without a reshape target."""
    target: Float[Tensor, "batch projection"] | None
    """Projected reshaped features of the same sentences."""
    negatives: Float[Tensor, "extra hidden"] | None
    """Hard negatives, then those of the queue."""


class Arm(nn.Module):
    """Everything that a step needs with gradient, in one forward pass.

    A distributed wrapper around it therefore sees every parameter.

    Args:
        encoder: The encoder to train.
        passes: Encoded views of a sentence. Two draw two dropout masks, or the same
            (``fixed_mask``); one is enough without a contrast between views.
        edits: What makes the first and the second view, None for the sentence as it is.
        fixed_mask: Whether both views of a sentence share their dropout masks.
        reshaper: Makes a reshape target, of features stored beforehand or, where none are given, of
            live hidden states.
        source: Layer of the live hidden states.
        projection: Width to which embedding and reshaped features are projected.
        queue: Negatives from outside the batch.
        precision: fp32 or bf16, of matrix products.
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
        queue: NegativeSource | None = None,
        precision: str = "fp32",
    ) -> None:
        super().__init__()
        self.encoder, self.passes, self.edits, self.fixed_mask = encoder, passes, edits, fixed_mask
        self.source, self.precision, self.reshaper = source, precision, reshaper
        self.project_embedding = (
            nn.Linear(encoder.hidden, projection) if reshaper is not None else None
        )
        self.project_target = reshaper.head(projection) if reshaper is not None else None
        self.queue = queue

    @property
    def shares_passes(self) -> bool:
        """Whether views may share a forward pass: nothing in it treats them differently."""
        by_view = any(edit is not None and not isinstance(edit, TextView) for edit in self.edits)
        return not (by_view or self.fixed_mask or self.encoder.readout.separates_views)

    # ---- before the encoder --------------------------------------------------------------------

    def views(
        self,
        rows: TokenRows,
        positives: TokenRows | None = None,
        negatives: TokenRows | None = None,
        *,
        seed: int,
    ) -> list[TokenRows]:
        """Token ids of every view of a batch.

        Args:
            rows: The sentences.
            positives: Their positives; the sentences themselves by default.
            negatives: Their hard negatives, which become a view of their own. A prompt gives them
                the template of the positives.
            seed: Of the edits of text.
        """
        views = [rows, rows if positives is None else positives][: self.passes]
        for i, edit in enumerate(self.edits[: self.passes]):
            if isinstance(edit, TextView):
                views[i] = edit(views[i], seed=seed + i)
        if negatives is not None:
            views.append(negatives)
        wrap = self.encoder.readout.wrap
        return [[wrap(row, min(i, 1)) for row in view] for i, view in enumerate(views)]

    def groups(self, views: Sequence[TokenRows], parts: int, *, seed: int) -> list[Group]:
        """All sentences in ``parts`` groups of similar length, so that little is padded.

        The loss sees the whole batch all the same.
        """
        if self.shares_passes:
            return self._by_length([row for view in views for row in view], parts, seed=seed)
        batch = len(views[0])
        return [
            group
            for i, view in enumerate(views)
            for group in self._by_length(view, parts, view=i, offset=i * batch, seed=seed)
        ]

    def _by_length(
        self, rows: TokenRows, parts: int, *, view: int = 0, offset: int = 0, seed: int = 0
    ) -> list[Group]:
        device = self.encoder.device
        order = np.argsort([len(row) for row in rows], kind="stable")
        groups = []
        # Groups of one size, although other cuts would pad less: a CPU's library compiles its
        # kernels again for every shape it meets.
        for i, part in enumerate(np.array_split(order, min(parts, len(order)))):
            ids, mask = pad([rows[k] for k in part], self.encoder.pad_id)
            places = torch.from_numpy(part + offset)
            groups.append(
                Group(
                    ids.to(device), mask.to(device), places.to(device), view, seed + i, seed + view
                )
            )
        return groups

    # ---- through the encoder -------------------------------------------------------------------

    def forward(
        self,
        groups: Sequence[Group],
        batch: int,
        stored: Float[Tensor, "batch reshaped"] | None = None,
    ) -> ArmOutput:
        """What the objective compares, for all views of ``batch`` sentences.

        Args:
            groups: All sentences, from ``groups``.
            batch: Sentences per view.
            stored: Reshaped features of the first views; computed live if there is a reshaper and
                this is None.
        """
        embeddings, reshaped = [], []
        live = self.reshaper if stored is None else None
        # One autocast for all groups: weights are cast once.
        with autocast(self.encoder.device, self.precision):
            words = self.encoder.embed_tokens(torch.cat([g.ids.flatten() for g in groups]))
            sizes = [g.ids.numel() for g in groups]
            for group, flat in zip(groups, words.split(sizes), strict=True):
                embedding, hidden = self._encode(group, flat.view(*group.ids.shape, -1))
                embeddings.append(embedding.float())  # a head may answer in bf16
                if live is not None:
                    reshaped.append(self._anchors(group, hidden, batch))
        back = torch.cat([group.rows for group in groups]).argsort()
        views = torch.cat(embeddings)[back].view(-1, batch, self.encoder.hidden)
        if live is not None:
            order = torch.cat([rows for *_, rows in reshaped]).argsort()
            stored = torch.cat([live(*features) for *features, _ in reshaped])[order]
        return self._output(views, stored)

    def _encode(
        self, group: Group, words: Float[Tensor, "part tokens hidden"]
    ) -> tuple[Float[Tensor, "part hidden"], HiddenStates]:
        """Embeddings and hidden states of a group, with its view's edit of embeddings."""
        if self.fixed_mask:
            torch.manual_seed(group.mask_seed)  # the same for both views of these sentences
        edit = self.edits[group.view] if group.view < len(self.edits) else None
        editing = nullcontext()
        if edit is not None and not isinstance(edit, TextView):
            editing = edited_embeddings(
                self.encoder.backbone,
                lambda out: edit(out, group.mask, group.ids, seed=group.edit_seed),
            )
        with editing:
            return self.encoder(words, group.ids, group.mask, view=group.view)

    def _anchors(self, group: Group, hidden: HiddenStates, batch: int) -> tuple[Tensor, ...]:
        """Features, ids, content mask and places of the first views in a group."""
        first = group.rows < batch
        ids, mask = group.ids[first], group.mask[first]
        features = hidden[self.source][first].float()
        return features, ids, self.encoder.content_mask(ids, mask), group.rows[first]

    def _output(
        self,
        views: Float[Tensor, "all batch hidden"],
        reshaped: Float[Tensor, "batch reshaped"] | None,
    ) -> ArmOutput:
        """The compared views, both projections of a reshape target, and all negatives."""
        compared, hard = views[: self.passes], views[2:]
        negatives = [*hard, *([self.queue()] if self.queue is not None else [])]
        extra = torch.cat(negatives) if negatives else None
        if reshaped is None or self.project_embedding is None or self.project_target is None:
            return ArmOutput(compared, None, None, extra)
        projection = self.project_embedding(views[0])
        return ArmOutput(compared, projection, self.project_target(reshaped), extra)

    # ---- after the loss ------------------------------------------------------------------------

    @torch.no_grad()
    def update_queue(self, first: TokenRows, parts: int) -> None:
        """Give the queue this batch's first views, if there is a queue.

        Args:
            first: Token ids of the first views.
            parts: Groups they are encoded in.
        """
        if self.queue is None:
            return
        groups = self._by_length(first, parts)  # groups of a step may mix the views

        def embed(encoder: TransformerEncoder) -> Float[Tensor, "batch hidden"]:
            with autocast(encoder.device, self.precision):
                found = [
                    encoder(encoder.embed_tokens(g.ids), g.ids, g.mask)[0].float() for g in groups
                ]
            return torch.cat(found)[torch.cat([g.rows for g in groups]).argsort()]

        self.queue.update(self.encoder, embed)
