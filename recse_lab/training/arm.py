"""One training arm as a module.

Which views of a sentence are encoded, how, and what is compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from recse_lab.models.batching import by_token_budget, pad
from recse_lab.models.editing import edited_embeddings
from recse_lab.models.precision import autocast, full
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


CLEAN = 2
"""Place of the view without dropout, behind the two that are compared."""


@contextmanager
def without_dropout(module: nn.Module) -> Iterator[None]:
    """Evaluation mode inside the block."""
    before = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(before)


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


class Encoded(NamedTuple):
    """Some sentences of a step after the encoder, in any order."""

    embeddings: Float[Tensor, "part hidden"]
    rows: Int[Tensor, " part"]
    """Their places among all views."""
    reshaped: Float[Tensor, "anchors reshaped"] | None = None
    """Live reshaped features of those that are first views."""
    anchors: Int[Tensor, " anchors"] | None = None
    """Places of these in the batch."""


def itself(own: Tensor, dim: int = 0) -> Tensor:
    """The whole of what one process has alone; the default of ``Ranks.gather``."""
    return own


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
        clean_view: Whether the sentences are encoded once more without dropout, as a view of their
            own behind the two that are compared.
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
        clean_view: bool = False,
        reshaper: Reshaper | None = None,
        source: int = 0,
        projection: int = 256,
        queue: NegativeSource | None = None,
        precision: str = "fp32",
    ) -> None:
        super().__init__()
        self.encoder, self.passes, self.edits, self.fixed_mask = encoder, passes, edits, fixed_mask
        self.source, self.precision, self.reshaper = source, precision, reshaper
        self.clean_view = clean_view
        self.project_embedding = (
            nn.Linear(encoder.hidden, projection) if reshaper is not None else None
        )
        self.project_target = reshaper.head(projection) if reshaper is not None else None
        self.queue = queue

    @property
    def shares_passes(self) -> bool:
        """Whether views may share a forward pass: nothing in it treats them differently."""
        by_view = any(edit is not None and not isinstance(edit, TextView) for edit in self.edits)
        own = by_view or self.fixed_mask or self.clean_view
        return not (own or self.encoder.readout.separates_views)

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
        if self.clean_view:
            views.append(views[0])
        if negatives is not None:
            views.append(negatives)
        wrap = self.encoder.readout.wrap
        return [[wrap(row, min(i, 1)) for row in view] for i, view in enumerate(views)]

    def groups(
        self, views: Sequence[TokenRows], parts: int, *, seed: int, tokens: int | None = None
    ) -> list[Group]:
        """All sentences in groups of similar length, so that little is padded.

        The loss sees the whole batch all the same.

        Args:
            views: Token ids of every view.
            parts: Groups of one size; of every view, where views are encoded apart.
            seed: Of fixed dropout masks and of edits of embeddings.
            tokens: Largest padded size of a group, in place of ``parts``; the longest sentences
                come first, and the last group is what is left.
        """
        if self.shares_passes:
            together = [row for view in views for row in view]
            return self._by_length(together, parts, seed=seed, tokens=tokens)
        batch = len(views[0])
        return [
            group
            for i, view in enumerate(views)
            for group in self._by_length(
                view, parts, view=i, offset=i * batch, seed=seed, tokens=tokens
            )
        ]

    def _by_length(
        self,
        rows: TokenRows,
        parts: int,
        *,
        view: int = 0,
        offset: int = 0,
        seed: int = 0,
        tokens: int | None = None,
    ) -> list[Group]:
        device = self.encoder.device
        lengths = np.array([len(row) for row in rows])
        order = np.argsort(lengths, kind="stable")
        # Groups of one size, although other cuts would pad less: a CPU's library compiles its
        # kernels again for every shape it meets.
        cuts = (
            np.array_split(order, min(parts, len(order)))
            if tokens is None
            else by_token_budget(lengths, tokens)
        )
        groups = []
        for i, part in enumerate(cuts):
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
        return self.compare([self.encode(groups, batch, live=stored is None)], batch, stored)

    def encode(self, groups: Sequence[Group], batch: int, *, live: bool) -> Encoded:
        """Embeddings of some groups, with reshaped features of their first views if ``live``."""
        embeddings, reshaped = [], []
        reshaper = self.reshaper if live else None
        # One autocast for all groups: weights are cast once.
        with autocast(self.encoder.device, self.precision):
            words = self.encoder.embed_tokens(torch.cat([g.ids.flatten() for g in groups]))
            sizes = [g.ids.numel() for g in groups]
            for group, flat in zip(groups, words.split(sizes), strict=True):
                embedding, hidden = self._encode(group, flat.view(*group.ids.shape, -1))
                embeddings.append(full(embedding))  # a head may answer in bf16
                if reshaper is not None:
                    reshaped.append(self._anchors(group, hidden, batch))
        places = torch.cat([group.rows for group in groups])
        if reshaper is None:
            return Encoded(torch.cat(embeddings), places)
        anchors = torch.cat([rows for *_, rows in reshaped])
        features = torch.cat([reshaper(*features) for *features, _ in reshaped])
        return Encoded(torch.cat(embeddings), places, features, anchors)

    def compare(
        self,
        parts: Sequence[Encoded],
        batch: int,
        stored: Float[Tensor, "batch reshaped"] | None = None,
        gather: Callable[[Tensor, int], Tensor] = itself,
    ) -> ArmOutput:
        """What the objective compares, from all sentences after the encoder.

        Args:
            parts: Every sentence of the step, each in one of the parts.
            batch: Sentences per view, of this process.
            stored: As in ``forward``.
            gather: Joins what the processes of a training hold, along a dimension.
        """
        back = torch.cat([part.rows for part in parts]).argsort()
        views = torch.cat([part.embeddings for part in parts])[back]
        live = [part for part in parts if part.reshaped is not None and part.anchors is not None]
        if live:
            order = torch.cat([part.anchors for part in live if part.anchors is not None]).argsort()
            stored = torch.cat([part.reshaped for part in live if part.reshaped is not None])[order]
        return self._output(views.view(-1, batch, self.encoder.hidden), stored, gather)

    def _encode(
        self, group: Group, words: Float[Tensor, "part tokens width"]
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
        clean = self.clean_view and group.view == CLEAN
        with editing, without_dropout(self.encoder.backbone) if clean else nullcontext():
            return self.encoder(words, group.ids, group.mask, view=group.view)

    def _anchors(self, group: Group, hidden: HiddenStates, batch: int) -> tuple[Tensor, ...]:
        """Features, ids, content mask and places of the first views in a group.

        The hidden states are those of the anchors' own pass, dropout masks included.
        """
        first = group.rows < batch
        ids, mask = group.ids[first], group.mask[first]
        features = full(hidden[self.source][first])
        return features, ids, self.encoder.content_mask(ids, mask), group.rows[first]

    def _output(
        self,
        views: Float[Tensor, "all batch hidden"],
        reshaped: Float[Tensor, "batch reshaped"] | None,
        gather: Callable[[Tensor, int], Tensor],
    ) -> ArmOutput:
        """The compared views, both projections of a reshape target, and all negatives."""
        own, views = views[0], gather(views, 1)
        compared, hard = views[: self.passes], views[2:]  # a clean view comes first
        negatives = [*hard, *([self.queue()] if self.queue is not None else [])]
        extra = torch.cat(negatives) if negatives else None
        if reshaped is None or self.project_embedding is None or self.project_target is None:
            return ArmOutput(compared, None, None, extra)
        projection = gather(self.project_embedding(own), 0)
        return ArmOutput(compared, projection, gather(self.project_target(reshaped), 0), extra)

    # ---- after the loss ------------------------------------------------------------------------

    @torch.no_grad()
    def update_queue(
        self,
        first: TokenRows,
        parts: int,
        *,
        tokens: int | None = None,
        gather: Callable[[Tensor, int], Tensor] = itself,
    ) -> None:
        """Give the queue this batch's first views, if there is a queue.

        Args:
            first: Token ids of the first views.
            parts: Groups they are encoded in.
            tokens: Largest padded size of a group, in place of ``parts``.
            gather: As in ``compare``.
        """
        if self.queue is None:
            return
        groups = self._by_length(first, parts, tokens=tokens)  # those of a step may mix the views

        def embed(encoder: TransformerEncoder) -> Float[Tensor, "batch hidden"]:
            with autocast(encoder.device, self.precision):
                found = [
                    full(encoder(encoder.embed_tokens(g.ids), g.ids, g.mask)[0]) for g in groups
                ]
            return gather(torch.cat(found)[torch.cat([g.rows for g in groups]).argsort()], 0)

        self.queue.update(self.encoder, embed)
