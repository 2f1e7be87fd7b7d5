"""A backbone's own masked language model: what it takes a hidden token for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, Integer
from torch import Tensor, nn

from recse_lab.errors import LabError
from recse_lab.models.batching import pad
from recse_lab.models.folders import resolve
from recse_lab.models.loading import load_config, load_tokenizer, load_weights


def check_masked_lm(encoder: str) -> None:
    """Refuse an encoder whose config says that it was saved without its masked-language-model head.

    Reads no weights.

    Raises:
        LabError: It has none.
    """
    config = load_config(resolve(encoder))
    names = config.architectures or []
    if not any(name.endswith(("ForMaskedLM", "ForPreTraining")) for name in names):
        saved_as = " and ".join(names) or "no architecture"
        raise LabError(_refusal(encoder, f"its config.json names {saved_as}"))


def _refusal(encoder: str, reason: str) -> str:
    return (
        f"{encoder} carries no masked-language-model head ({reason}), "
        "which mlm-substitution draws from; take an encoder "
        "saved with one, such as recse-lab/tiny or bert-base-uncased."
    )


class MaskedLM:
    """Logits of a frozen masked language model at some places of some sentences.

    Dropout is off, and the logits are float32. Only the states asked for pass through the wide last
    layer, if the model keeps its head as ``cls`` (BERT) or ``lm_head`` (RoBERTa, MPNet).
    """

    def __init__(
        self, model: nn.Module, *, pad_id: int, device: torch.device | str = "cpu"
    ) -> None:
        self.model = model.eval().requires_grad_(False).to(device)
        self.pad_id, self.device = pad_id, device

    @torch.inference_mode()
    def __call__(
        self,
        rows: Sequence[Integer[np.ndarray, " _tokens"]],
        places: Sequence[Int[np.ndarray, " _asked"]],
    ) -> Float[Tensor, "places vocab"]:
        """``places`` are token numbers within their sentence, ascending.

        The answer goes sentence by sentence.
        """
        ids, mask = (t.to(self.device) for t in pad(rows, self.pad_id))
        row = torch.from_numpy(
            np.repeat(np.arange(len(rows)), [len(place) for place in places])
        ).to(self.device)
        place = torch.from_numpy(np.concatenate(places)).to(self.device)
        for name in ("cls", "lm_head"):
            if hasattr(self.model, name):
                base: Any = self.model.base_model
                states = base(input_ids=ids, attention_mask=mask).last_hidden_state
                return getattr(self.model, name)(states[row, place])
        return self.model(input_ids=ids, attention_mask=mask).logits[row, place]


def load_masked_lm(encoder: str, *, device: torch.device | str = "cpu") -> MaskedLM:
    """The masked language model of an encoder with all its layers, in float32.

    Raises:
        LabError: The encoder carries no such head, or a part of it only.
    """
    from transformers import AutoModelForMaskedLM

    check_masked_lm(encoder)
    where = resolve(encoder)
    model, lacking = load_weights(AutoModelForMaskedLM, where)
    if lacking:
        raise LabError(_refusal(encoder, f"its weights lack {min(lacking)}"))
    return MaskedLM(model, pad_id=load_tokenizer(where).pad_token_id or 0, device=device)
