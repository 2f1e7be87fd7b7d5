"""From a settled configuration to what a run trains: encoder, views, arm, objective and steps."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch

from recse_lab.config.schema import TermConfig
from recse_lab.errors import LabError
from recse_lab.jobs.inputs import architecture_of
from recse_lab.jobs.machine import device
from recse_lab.jobs.shared_work import SharedWork
from recse_lab.models.baselines import Baseline, load_baseline
from recse_lab.models.checks import refuse_blind_cls
from recse_lab.models.editing import has_editable_embeddings
from recse_lab.models.heads import HEADS
from recse_lab.models.loading import load_backbone
from recse_lab.models.masked_lm import load_masked_lm
from recse_lab.models.positions import longest_sentence
from recse_lab.models.readouts import Pooled, Prompt, Readout, Residual
from recse_lab.models.transformer import TransformerEncoder
from recse_lab.models.vocabulary_view import exchange_words, vocabulary_of
from recse_lab.objectives import CONTRASTS, Contrast, recse_terms
from recse_lab.optimisation.schedule import count_steps
from recse_lab.reshape.token_view import ReshapedTokens
from recse_lab.training import loop
from recse_lab.training.arm import Arm, Edit
from recse_lab.training.chunks import Objective
from recse_lab.training.loop import Data, Hooks, Progress
from recse_lab.training.queue import MomentumContrast
from recse_lab.training.ranks import ALONE, Ranks
from recse_lab.training.tiles import Tiled
from recse_lab.views import VIEWS, TextView
from recse_lab.views.wordnet import WordNet


class Lab(SharedWork):
    """One settled configuration and what it trains, each part built when it is first asked for."""

    def encoder(self) -> TransformerEncoder:
        """A fresh encoder to be trained; head and residual are initialised from the seed.

        Raises:
            LabError: The backbone does not fit the configuration.
        """
        model, reshape = self.config.model, self.config.reshape
        backbone = load_backbone(
            self.encoder_path, layers=model.layers, dropout=model.dropout, attention=model.attention
        )
        refuse_blind_cls(backbone, self.config.encoder, model.pooling)
        hidden, depth = backbone.config.hidden_size, backbone.config.num_hidden_layers
        if reshape is not None and reshape.mode == "integrated" and reshape.source > depth:
            raise LabError(
                f"reshape.source {reshape.source} is above the {depth} layers that are trained."
            )
        torch.manual_seed(self.config.seed_of("init"))
        head, initializer_range = (
            HEADS[model.head],
            getattr(backbone.config, "initializer_range", 0.02),
        )
        return TransformerEncoder(
            backbone,
            self.tokenizer,
            # The head is drawn before a residual: both come from the one stream of this seed.
            head=head(hidden, initializer_range, kept=model.keep_head) if head else None,
            readout=self.readout(backbone.config),
            max_length=self.config.evaluation.max_length,
        )

    def readout(self, architecture: Any) -> Readout:
        """How the hidden states of a backbone with this configuration become one vector."""
        config, prompt, readout = self.config, self.config.prompt, Pooled(self.config.model.pooling)
        if prompt is not None:
            readout = Prompt(
                (prompt.template, prompt.second),
                self.tokenizer,
                max_length=longest_sentence(
                    architecture, self.tokenizer, config.evaluation.max_length
                ),
                debias=prompt.debias,
                full_stop=prompt.full_stop,
            )
        if config.reshape is not None and config.reshape.role == "residual":
            hidden = architecture.hidden_size
            readout = Residual(readout, self.reshaper, hidden, source=config.reshape.source)
        return readout

    def baseline(self) -> Baseline:
        """The training-free baseline this configuration names."""
        model = self.config.model
        return load_baseline(
            self.config.encoder,
            self.corpus,
            pooling=model.pooling,
            layers=model.layers,
            max_length=self.config.evaluation.max_length,
            precision=self.config.evaluation.precision,
            device=device(),
            notify=self.notify,
        )

    def edit(self, place: str) -> Edit | None:
        """The edit of the first (``anchor_view``) or second (``view``) pass; None without one."""
        chosen = self.config.view if place == "view" else self.config.anchor_view
        reshape = self.config.reshape
        if place == "view" and reshape is not None and reshape.role == "view":
            return ReshapedTokens(reshape.operator, torch.tensor(self.tokens.special_ids))
        if chosen is None:
            return None
        kind: Any = VIEWS[chosen.family]
        given = {name: EDIT_NEEDS[name](self) for name in kind.needs}
        vocabulary = vocabulary_of(self.tokenizer)
        return kind(strength=chosen.strength, vocabulary=vocabulary, **given)

    def arm(self) -> Arm:
        """Encoder, head, views and projections of this configuration, on the device.

        Raises:
            LabError: A view edits embeddings, and the backbone has none that can be edited.
        """
        reshape, contrast = self.config.reshape, self.config.contrast
        target = reshape is not None and reshape.role == "target"
        encoder = self.encoder()
        edits = self.edit("anchor_view"), self.edit("view")
        on_embeddings = [e for e in edits if e is not None and not isinstance(e, TextView)]
        if on_embeddings and not has_editable_embeddings(encoder.backbone):
            raise LabError(
                f"{self.config.encoder}: this architecture has no embedding layer "
                "that a view could edit."
            )
        arm = Arm(
            encoder,
            passes=2 if contrast.weight > 0 else 1,
            edits=edits,
            precision=self.config.training.precision,
            fixed_mask=self.config.model.dropout_mask == "fixed",
            clean_view=contrast.weight > 0 and CONTRASTS[contrast.objective].clean_view,
            reshaper=self.reshaper if target else None,
            source=self._reshape.source if target else 0,
            projection=self._reshape.projection if target else 1,
            queue=self.queue(encoder),
        )
        return arm.to(device())

    def queue(self, encoder: TransformerEncoder) -> MomentumContrast | None:
        """The momentum queue of this configuration, beside the encoder; None without one."""
        contrast = self.config.contrast
        size = round(contrast.queue * self.config.training.batch_size)
        if not size:
            return None
        return MomentumContrast(
            encoder, size=size, momentum=contrast.momentum, head=contrast.queue_head
        )

    @cached_property
    def steps(self) -> int:
        """Optimiser steps of the training."""
        return count_steps(len(self.tokens), self.config.training, corpus=self.corpus.name)

    def objective(self, ranks: Ranks = ALONE) -> Objective:
        """From the arm's output to the terms that a step minimises.

        In tiles where a batch is chunked, and of its own anchors where a process has a share.
        """
        contrast, reshape = self.config.contrast, self.config.reshape
        training = self.config.training

        def of_share(term: TermConfig) -> Contrast:
            if ranks.size == 1 and training.chunk_tokens is None:
                return term.contrast()
            return Tiled(inner=term.contrast(), rows=ranks.share(training.batch_size))

        terms: dict[str, Any] = {"contrast": of_share(contrast), "weight": contrast.weight}
        if reshape is not None and reshape.role == "target":
            terms |= {"reshape_contrast": of_share(reshape), "reshape_weight": reshape.weight}
        return partial(recse_terms, **terms)

    def train(self, arm: Arm, folder: Path, *, ranks: Ranks = ALONE, **hooks: Any) -> Progress:
        """Train ``arm`` as configured, with its state in ``folder``.

        Hooks are those of ``training.loop.Hooks``.

        Raises:
            Interrupted: The hook ``should_stop`` said so; the state is saved.
            LabError: Loss, gradient or weights are not finite.
        """
        return loop.train(
            arm,
            self.data,
            self.config.training,
            folder,
            objective=self.objective(ranks),
            steps=self.steps,
            seed=self.config.seed_of("dropout"),
            order=self.config.seed_of("order"),
            hooks=Hooks(**hooks),
            ranks=ranks,
        )

    @property
    def data(self) -> Data:
        """What a step reads: tokens, partners and stored features of a row."""
        positives, negatives = self.partners
        return Data(self.tokens, positives, negatives, self.stored)


# What a view may need besides its strength and the vocabulary.
EDIT_NEEDS: dict[str, Callable[[Lab], Any]] = {
    "max_length": lambda lab: longest_sentence(architecture_of(lab.encoder_path), lab.tokenizer),
    "predict": lambda lab: load_masked_lm(lab.config.encoder, device=device()),
    "alternatives": lambda lab: exchange_words(lab.tokenizer, WordNet().synonyms),
}
