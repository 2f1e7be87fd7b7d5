"""What is refused when a backbone is loaded, and what is found out about it."""

import json
import shutil

import pytest
import torch
from transformers import AutoModel

from recse_lab.errors import LabError
from recse_lab.models import load_encoder
from recse_lab.models.checks import embeds_alone, reads_left_to_right
from recse_lab.models.editing import edited_embeddings, has_editable_embeddings
from recse_lab.models.families import make_encoder
from recse_lab.models.frozen import FrozenFeatures
from recse_lab.models.loading import load_backbone
from recse_lab.models.positions import positions
from recse_lab.models.vocabulary_view import vocabulary_of


@pytest.fixture(scope="module")
def family(tmp_path_factory):
    """Folder of a random encoder of a family, made once."""
    made = {}

    def make(name):
        if name not in made:
            made[name] = make_encoder(name, tmp_path_factory.mktemp(name))
        return str(made[name])

    return make


def test_cls_is_refused_where_the_first_token_sees_no_other(family):
    folder = family("gpt2")
    with pytest.raises(LabError, match=r"reads from left to right, .*take pooling last or mean"):
        load_encoder(folder, pooling="cls")
    first, second, third = load_encoder(folder, pooling="last").encode(
        ["the dog runs", "the dog sleeps", "the dog runs"]
    )
    assert abs(first - second).max() > 1e-3
    assert abs(first - third).max() < 1e-5


def test_who_reads_from_left_to_right(family):
    assert reads_left_to_right(load_backbone(family("gpt2")))
    assert not reads_left_to_right(load_backbone(family("albert")))
    backbone = load_backbone(family("albert")).train()
    reads_left_to_right(backbone)
    assert backbone.training


def test_tokens_beyond_the_embedding_table_are_refused_when_loading(tiny, tmp_path):
    folder = shutil.copytree(tiny, tmp_path / "e")
    file = folder / "tokenizer.json"
    tokenizer = json.loads(file.read_text())
    tokenizer["model"]["vocab"]["zebra"] = 5000
    file.write_text(json.dumps(tokenizer))
    rows = json.loads((folder / "config.json").read_text())["vocab_size"]
    with pytest.raises(
        LabError, match=rf"token 'zebra' has number 5000, and the embedding table has {rows} rows"
    ):
        load_encoder(str(folder))


def test_unused_numbers_of_a_vocabulary_belong_to_no_word(family):
    tokenizer = load_encoder(family("camembert"), pooling="mean").tokenizer
    numbers = set(tokenizer.get_vocab().values())
    vocabulary = vocabulary_of(tokenizer)
    assert len(vocabulary) == max(numbers) + 1 > len(numbers)
    assert (5 not in numbers, 6 not in numbers) == (True, True)


@pytest.mark.parametrize("name", ["albert", "roberta-prelayernorm", "longformer"])
@pytest.mark.parametrize("source", [0, 1, 3])
def test_frozen_features_are_states_of_the_whole_backbone(family, name, source):
    """Narrow embeddings are projected, and no layer is normalised as if it were the last."""
    encoder = load_encoder(family(name), pooling="mean")
    row = encoder.tokenize(["the river runs to the sea"])[0]
    frozen = FrozenFeatures(
        family(name),
        source=source,
        rows=lambda which: [row for _ in which],
        special_ids=[0],
        pad_id=encoder.pad_id,
    )
    model = AutoModel.from_pretrained(family(name), attn_implementation="eager").eval()
    ids = torch.from_numpy(row)[None]
    with torch.inference_mode():
        expected = model(
            input_ids=ids, attention_mask=torch.ones_like(ids), output_hidden_states=True
        ).hidden_states[source]
    torch.testing.assert_close(frozen(torch.arange(1).numpy())[0], expected, atol=1e-5, rtol=1e-5)


def test_the_embedding_layer_runs_alone_only_where_it_gives_layer_0(family, tiny):
    assert embeds_alone(load_backbone(str(tiny)))
    assert not embeds_alone(load_backbone(family("albert")))
    assert not embeds_alone(load_backbone(family("xlm")))  # a table of words has that name


def test_an_edit_of_the_embeddings_must_reach_the_states(family, tiny):
    assert has_editable_embeddings(load_backbone(str(tiny)))
    backbone = load_backbone(family("albert"))
    assert has_editable_embeddings(backbone)
    words = torch.ones(1, 4, 16)
    with torch.no_grad(), edited_embeddings(backbone, lambda out: out * 0):
        edited = backbone(inputs_embeds=words).last_hidden_state
    with torch.no_grad():
        plain = backbone(inputs_embeds=words).last_hidden_state
    assert (edited - plain).abs().max() > 1e-2
    assert not has_editable_embeddings(load_backbone(family("xlm")))
    assert not has_editable_embeddings(load_backbone(family("gpt2")))


class Config:
    def __init__(self, **values):
        vars(self).update({"model_type": "bert", "pad_token_id": 1, **values})


@pytest.mark.parametrize(
    ("config", "tokens"),
    [
        (Config(max_position_embeddings=512), 512),
        (Config(model_type="data2vec-text", max_position_embeddings=514), 512),
        (Config(model_type="ibert", max_position_embeddings=514), 512),
        (Config(model_type="xmod", max_position_embeddings=514), 512),
        (Config(model_type="luke", max_position_embeddings=514), 512),
        (Config(max_position_embeddings=-1), 512),  # XLNet: distances
        (Config(model_type="t5"), 512),
        (
            Config(
                model_type="big_bird",
                max_position_embeddings=4096,
                attention_type="block_sparse",
                block_size=64,
                num_random_blocks=3,
            ),
            704,  # up to 11 blocks transformers takes full attention
        ),
    ],
)
def test_how_many_tokens_fit(config, tokens):
    assert positions(config) == tokens
