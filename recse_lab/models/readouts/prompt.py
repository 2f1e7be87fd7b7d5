"""PromptBERT: the embedding is the state of a mask token in a template around the sentence."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int, Integer
from torch import Tensor

from recse_lab.errors import LabError
from recse_lab.models.positions import first_position
from recse_lab.models.precision import full
from recse_lab.models.readouts.readout import EncodedBatch, Readout

if TYPE_CHECKING:
    from transformers import PreTrainedModel

SENTENCE, MASK = "[X]", "[MASK]"

TEMPLATES = ('This sentence of " [X] " means [MASK] .', 'This sentence : " [X] " means [MASK] .')
"""The authors' pair for BERT.

The first for one view and for use, the second for the other view (their run.sh).
"""


class Prompt(Readout):
    """The state of the mask token in a template around the sentence.

    Args:
        texts: Templates, one per view; the first is the one of use.
        tokenizer: The encoder's tokenizer.
        max_length: Longest wrapped sentence in tokens.
        debias: In training, subtract the state of the template alone (``template_bias``).
        full_stop: In use, end every sentence with a mark (``end_with_a_mark``).

    Raises:
        LabError: A template that ``parse_template`` refuses.
    """

    behaviour = 2
    separates_views = True

    def __init__(
        self,
        texts: Sequence[str],
        tokenizer: Any,
        *,
        max_length: int,
        debias: bool = False,
        full_stop: bool = False,
    ) -> None:
        super().__init__("prompt")
        self.texts, self.debias, self.full_stop = tuple(texts), debias, full_stop
        self.templates = tuple(
            parse_template(text, tokenizer, max_length=max_length) for text in texts
        )

    def template(self, view: int) -> Template:
        """The template of a view; views beyond the last template share it."""
        return self.templates[min(view, len(self.templates) - 1)]

    def prepare(self, sentence: str) -> str:
        """The sentence, with a full stop where it needs one."""
        return end_with_a_mark(sentence) if self.full_stop else sentence

    def wrap(
        self, row: Integer[np.ndarray, " tokens"], view: int = 0
    ) -> Integer[np.ndarray, " wrapped"]:
        """The sentence inside the template of its view."""
        return wrap(row, self.template(view))

    def forward(self, batch: EncodedBatch) -> Float[Tensor, "batch hidden"]:
        """The state at the mask token, in training without the template's own."""
        template = self.template(batch.view)
        state = full(mask_state(batch.hidden[-1], batch.mask, template))
        if self.debias and self.training:
            state = state - full(template_bias(batch.encoder.backbone, batch.mask, template))
        return state

    @property
    def card(self) -> dict[str, Any]:
        """Name of the pooling, the template of use, and whether sentences get a full stop."""
        return {"pooling": self.name, "prompt": self.texts[0], "full_stop": self.full_stop}

    @classmethod
    def read(cls, folder: Path, card: dict[str, Any], *, tokenizer: Any, max_length: int) -> Prompt:
        """The prompt that a folder's card states.

        Raises:
            LabError: The card states no template.
        """
        if not isinstance(card.get("prompt"), str):
            raise LabError(
                f"{folder}: this folder states no template, so that it has no pooling prompt."
            )
        # A folder of an earlier edition says nothing of a full stop: it was measured without.
        full_stop = bool(card.get("full_stop", False))
        return cls((card["prompt"],), tokenizer, max_length=max_length, full_stop=full_stop)


def end_with_a_mark(sentence: str) -> str:
    """A sentence with a full stop behind it, unless it ends in one of . ? " ' or is empty.

    Source: PromptBERT's release, github.com/kongds/Prompt-BERT, evaluation.py: in the evaluation
    alone, neither in training nor in the paper.
    """
    return sentence if not sentence or sentence[-1] in ".?\"'" else sentence + "."


class Template(NamedTuple):
    """A template as token ids, with the special tokens where the tokenizer puts them."""

    prefix: tuple[int, ...]
    suffix: tuple[int, ...]
    mask: int
    """Place of the mask token in a wrapped sentence.

    From its start where ≥ 0, from its end where negative.
    """
    special: tuple[int, int]
    """How many special tokens a tokenised sentence has before and behind its content."""
    room: int
    """Content tokens that fit into the longest sentence."""

    @property
    def length(self) -> int:
        """Tokens that are not the sentence's."""
        return len(self.prefix) + len(self.suffix)


def parse_template(template: str, tokenizer: Any, *, max_length: int) -> Template:
    """Tokenise a template with one ``[X]`` for the sentence and one ``[MASK]``.

    ``max_length`` counts all tokens.

    Raises:
        LabError: The tokenizer has no mask token, the template lacks either mark or repeats it, or
            fills ``max_length``.
    """
    if tokenizer.mask_token_id is None:
        raise LabError(
            "a prompt needs a mask token, and this encoder's tokenizer has none; "
            "take another encoder."
        )
    for mark in (SENTENCE, MASK):
        if template.count(mark) != 1:
            raise LabError(
                f"template {template!r} has {template.count(mark)} × {mark}; "
                f"write one {SENTENCE} where the sentence "
                f"goes and one {MASK} where its meaning is read."
            )
    before, behind = template.replace(MASK, tokenizer.mask_token).split(SENTENCE)
    # To byte-level tokenizers a space at the end would be a token of its own; one at the start
    # belongs to its word.
    pieces = [_ids(tokenizer, before.strip()), _ids(tokenizer, behind.rstrip())]
    left, right = special_tokens(tokenizer)
    prefix, suffix = (*left, *pieces[0]), (*pieces[1], *right)
    whole = prefix + suffix
    if whole.count(tokenizer.mask_token_id) != 1:
        raise LabError(
            f"template {template!r} has more than one mask token; "
            f"write {MASK} once and nowhere else."
        )
    place = whole.index(tokenizer.mask_token_id)
    room = max_length - len(whole)
    if room < 1:
        raise LabError(
            f"template {template!r} takes {len(whole)} of {max_length} tokens and leaves none for "
            "a sentence; shorten it."
        )
    mask = place if place < len(prefix) else place - len(whole)
    return Template(prefix, suffix, mask, (len(left), len(right)), room)


def _ids(tokenizer: Any, text: str) -> tuple[int, ...]:
    return tuple(tokenizer(text, add_special_tokens=False)["input_ids"]) if text else ()


def special_tokens(tokenizer: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The special tokens a tokenizer puts before a sentence and behind it."""
    content, whole = _ids(tokenizer, "a"), tuple(tokenizer("a")["input_ids"])
    start = next(i for i in range(len(whole)) if whole[i : i + len(content)] == content)
    return whole[:start], whole[start + len(content) :]


def wrap(
    row: Integer[np.ndarray, " tokens"], template: Template
) -> Integer[np.ndarray, " wrapped"]:
    """A tokenised sentence, special tokens included, put into a template.

    Only the sentence is ever cut, at its end.
    """
    before, behind = template.special
    content = row[before : len(row) - behind][: template.room]
    return np.concatenate([template.prefix, content, template.suffix]).astype(np.int64)


def mask_state(
    states: Float[Tensor, "batch tokens hidden"],
    mask: Int[Tensor, "batch tokens"],
    template: Template,
) -> Float[Tensor, "batch hidden"]:
    """The state at the mask token of wrapped sentences, by its place.

    A ``[MASK]`` inside a sentence is not taken for it.

    Source: Jiang et al. 2022 (arXiv:2201.04337), "Represent sentence with the prompt": h =
    h_[MASK].
    """
    places = (
        mask.sum(1) + template.mask
        if template.mask < 0
        else torch.full_like(mask[:, 0], template.mask)
    )
    return states[torch.arange(len(states), device=states.device), places]


def template_bias(
    backbone: PreTrainedModel, mask: Int[Tensor, "batch tokens"], template: Template
) -> Float[Tensor, "batch hidden"]:
    """The state at the mask token of the template alone.

    Its tokens have the positions that they have around each sentence. Subtract it from
    ``mask_state`` to remove the template's bias. It has gradient, and dropout in training mode;
    sentences of one length share a pass.

    Raises:
        LabError: The backbone takes no position ids, or looks at distances (MPNet, DeBERTa), which
            see no gap.

    Source: Jiang et al. 2022 (arXiv:2201.04337), "template denoising": h − ĥ in the loss;
    positions, gradient and shared passes as in the authors' prompt_bert/models.py, except that
    RoBERTa's positions start where RoBERTa counts from.
    """
    config = backbone.config
    relative = hasattr(config, "relative_attention_num_buckets") or getattr(
        config, "relative_attention", False
    )
    if relative or "position_ids" not in inspect.signature(backbone.forward).parameters:
        raise LabError(
            f"a {config.model_type} backbone cannot be told where a template's tokens stand, "
            "so that the template's bias "
            "cannot be removed; turn the removal off."
        )
    lengths, back = (mask.sum(1) - template.length).unique(return_inverse=True)
    ids = torch.tensor(template.prefix + template.suffix, device=mask.device).repeat(
        len(lengths), 1
    )
    states = backbone(input_ids=ids, position_ids=template_positions(config, template, lengths))
    return states.last_hidden_state[:, template.mask][back]


def template_positions(
    config: Any, template: Template, lengths: Int[Tensor, " sentences"]
) -> Int[Tensor, "sentences template"]:
    """Position ids of a template's own tokens around sentences with so many content tokens."""
    first = first_position(config)
    places = torch.arange(template.length, device=lengths.device)
    return first + places + (places >= len(template.prefix)) * lengths[:, None]
