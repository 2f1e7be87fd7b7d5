"""The parts of a pretraining step: logits of hidden tokens alone, against the whole model's."""

import pytest
import torch
from transformers import BertConfig, BertForMaskedLM, RobertaConfig, RobertaForMaskedLM

from recse_lab.pretraining.loop import guesses, token_logits
from recse_lab.pretraining.masking import Masked

SHAPE = {
    "vocab_size": 50,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 24,
}


@pytest.mark.parametrize(
    ("kind", "config"), [(BertForMaskedLM, BertConfig), (RobertaForMaskedLM, RobertaConfig)]
)
@torch.no_grad()
def test_guesses_are_the_models_own_logits_at_the_chosen_tokens(kind, config):
    torch.manual_seed(0)
    model = kind(config(**SHAPE)).eval()
    ids = torch.randint(5, 50, (3, 8))
    attended = torch.ones_like(ids)
    attended[0, 5:] = 0
    chosen = torch.zeros_like(ids, dtype=torch.bool)
    chosen[0, 2] = chosen[1, 0] = chosen[2, 7] = True
    masked = Masked(ids.masked_fill(chosen, 4), chosen)
    logits, wanted = guesses(model, masked, ids, attended, precision="fp32")
    whole = model(input_ids=masked.ids, attention_mask=attended).logits
    torch.testing.assert_close(logits, whole[chosen])
    assert wanted.tolist() == ids[chosen].tolist()


def test_a_model_without_a_known_head_is_refused():
    with pytest.raises(ValueError, match="Linear has no head named cls or lm_head"):
        token_logits(torch.nn.Linear(2, 2), torch.zeros(1, 2))
