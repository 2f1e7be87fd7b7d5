"""What a backbone must do to be used at all, tried on a few tokens when it is loaded.

Families of transformers differ in more than their configurations say. What would make a number
silently wrong is refused here in one sentence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from recse_lab.errors import LabError
from recse_lab.models.dropout import recorded_rates
from recse_lab.models.folders import one_line
from recse_lab.pooling import HiddenStates

if TYPE_CHECKING:
    from transformers import PreTrainedModel

TOLERANCE = 1e-4
"""Largest difference of two states that should be equal, relative to their size."""

SHORT, LONG = 6, 11
"""Tokens of the two sentences that a backbone is tried on."""


def check_states(backbone: PreTrainedModel, encoder: str) -> None:
    """Refuse a backbone without one state per token and layer, or whose padding is seen.

    Raises:
        LabError: It is one of these, or cannot run at all.
    """
    backbone.eval()
    ids, mask = _batch(backbone)
    name = f"{encoder}: this {backbone.config.model_type} model"
    try:
        together = _states(backbone, input_ids=ids, attention_mask=mask)
        alone = _states(backbone, input_ids=ids[:1, :SHORT], attention_mask=mask[:1, :SHORT])
    except Exception as error:  # whatever a modelling file may raise
        raise LabError(f"{name} cannot encode a few tokens ({one_line(error)}).") from error
    layers, hidden = backbone.config.num_hidden_layers, backbone.config.hidden_size
    if together is None or alone is None or len(together) != layers + 1:
        raise LabError(f"{name} does not give the states of its {layers} layers.")
    for state in together:
        if state.shape != (2, LONG, hidden):
            raise LabError(
                f"{name} has states of {tuple(state.shape[1:])} for {LONG} tokens in one of its "
                f"layers, and not ({LONG}, {hidden}); it cannot be pooled as the others."
            )
    if not all(torch.isfinite(state).all() for state in together):
        return  # damaged weights, not a family's doing: whoever encodes with them is told
    if not all(_equal(a[:1, :SHORT], b) for a, b in zip(together, alone, strict=True)):
        raise LabError(
            f"{name} sees its padding: what a sentence is encoded with would change its "
            "embedding; take another encoder."
        )


def check_training(backbone: PreTrainedModel, encoder: str, rate: float) -> None:
    """Refuse a backbone that cannot be trained with dropout at ``rate``, as asked for.

    Raises:
        LabError: It has other rates, none at all, or does not take embedded tokens.
    """
    ids, mask = _batch(backbone)
    name = f"{encoder}: this {backbone.config.model_type} model"
    words = backbone.eval().get_input_embeddings()(ids)
    try:
        embedded = _states(backbone, inputs_embeds=words, attention_mask=mask)
    except Exception as error:
        raise LabError(
            f"{name} takes no embedded tokens, which training gives it ({one_line(error)})."
        ) from error
    expected = _states(backbone, input_ids=ids, attention_mask=mask)
    assert embedded is not None
    assert expected is not None
    own = mask.bool()
    if not all(_equal(a[own], b[own]) for a, b in zip(embedded, expected, strict=True)):
        raise LabError(f"{name} encodes embedded tokens, as training gives them, in another way.")
    with recorded_rates() as rates:
        _states(backbone.train(), inputs_embeds=words, attention_mask=mask)
    backbone.eval()
    if rate and not rates:
        raise LabError(
            f"{name} has no dropout, so that it cannot be {rate:g}; "
            "set model.dropout to 0 and give a view, or take another encoder."
        )
    if others := sorted(rates - {rate}):
        told = ", ".join(f"{other:g}" for other in others)
        raise LabError(f"{name} has dropouts at {told} that cannot be set to {rate:g}.")


def reads_left_to_right(backbone: PreTrainedModel) -> bool:
    """Whether the first token sees no other, so that its state says nothing of the sentence."""
    ids, mask = _batch(backbone)
    ids, mask = ids[1:], mask[1:]
    other = ids.clone()
    other[:, 1:] = ids[:, 1:].flip(1)
    training = backbone.training
    backbone.eval()
    first, second = (
        _states(
            backbone, input_ids=each.to(backbone.device), attention_mask=mask.to(backbone.device)
        )
        for each in (ids, other)
    )
    backbone.train(training)
    assert first is not None
    assert second is not None
    return _equal(first[-1][:, 0], second[-1][:, 0])


def refuse_blind_cls(backbone: PreTrainedModel, encoder: str, pooling: str) -> None:
    """Refuse pooling ``cls`` where the first token sees no other.

    Raises:
        LabError: That is so.
    """
    if pooling == "cls" and reads_left_to_right(backbone):
        raise LabError(
            f"{encoder}: this {backbone.config.model_type} model reads from left to right, so that "
            "its first token (pooling cls) sees no other; take pooling last or mean."
        )


def word_table(backbone: PreTrainedModel) -> Float[Tensor, "vocab width"]:
    """The table of word embeddings; in some families narrower than the hidden states."""
    weight = backbone.get_input_embeddings().weight
    assert isinstance(weight, Tensor)
    return weight


def embeds_alone(backbone: PreTrainedModel) -> bool:
    """Whether the module ``embeddings``, given token ids, computes the states of layer 0.

    In many families it does not: they project it afterwards (ALBERT, ELECTRA), or it is a table of
    words without positions (XLM).
    """
    if not isinstance(getattr(backbone, "embeddings", None), nn.Module):
        return False
    ids, mask = _batch(backbone)
    with torch.no_grad():
        try:
            embedded = backbone.get_submodule("embeddings")(input_ids=ids)
        except Exception:  # it wants more than ids
            return False
    expected = _states(backbone, input_ids=ids, attention_mask=mask)
    assert expected is not None
    own = mask.bool()
    return (
        isinstance(embedded, Tensor)
        and embedded.shape == expected[0].shape
        and _equal(embedded[own], expected[0][own])
    )


def _batch(backbone: PreTrainedModel) -> tuple[Int[Tensor, "2 tokens"], Int[Tensor, "2 tokens"]]:
    """A short sentence, padded, and a long one; no token is the padding or occurs twice."""
    vocabulary, _ = word_table(backbone).shape
    pad = backbone.config.pad_token_id or 0
    usable = [i for i in range(5, min(vocabulary, 200)) if i != pad]
    ids = torch.tensor([usable[1 : 1 + LONG], usable[2 + LONG : 2 + 2 * LONG]])
    mask = torch.ones_like(ids)
    ids[0, SHORT:], mask[0, SHORT:] = pad, 0
    return ids, mask


@torch.no_grad()
def _states(backbone: PreTrainedModel, **inputs: Any) -> HiddenStates | None:
    output = backbone(**inputs, output_hidden_states=True)
    return getattr(output, "hidden_states", None)


def _equal(one: Float[Tensor, "*shape"], other: Float[Tensor, "*shape"]) -> bool:
    return bool((one - other).abs().max() <= TOLERANCE * other.abs().max().clamp(min=1e-6))
