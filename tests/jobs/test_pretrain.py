"""From a corpus to an encoder.

Reproducible, resumable, and refused in one sentence where it cannot be.
"""

import pytest
import torch
from conftest import sentences
from safetensors.torch import load_file

from recse_lab.config.overrides import merge
from recse_lab.config.pretraining import PretrainConfig
from recse_lab.config.reading import make_config, read_pretrain_config
from recse_lab.errors import LabError
from recse_lab.jobs.pretrain import PretrainingBuilder, execute_pretraining
from recse_lab.jobs.pretrain import pretrain as run_pretrain
from recse_lab.models.saving import load_encoder
from recse_lab.optimisation.stepping import Interrupted
from recse_lab.pretraining import loop
from recse_lab.pretraining.loop import pretrain


@pytest.fixture
def base(corpus_file):
    return {
        "corpus": str(corpus_file),
        "vocabulary": {"size": 150},
        "architecture": {
            "hidden_size": 16,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 32,
        },
        "training": {
            "steps": 8,
            "batch_size": 16,
            "max_length": 16,
            "warmup_steps": 2,
            "precision": "fp32",
        },
    }


def config_of(base, **overrides):
    return make_config(merge(base, overrides), kind=PretrainConfig)


def weights(run):
    return load_file(run.folder / "model" / "last" / "model.safetensors")


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def test_the_same_configuration_gives_the_same_encoder_and_it_opens_everywhere(base, tmp_path):
    first, second = (execute_pretraining(config_of(base), tmp_path / name) for name in "ab")
    assert first.id == second.id
    assert same(weights(first), weights(second))
    other = execute_pretraining(config_of(base, seed=1), tmp_path / "a")
    assert other.id != first.id
    assert not same(weights(first), weights(other))
    folder = str(first.folder / "model" / "last")
    assert load_encoder(folder).encode(sentences(3)).shape == (3, 16)
    from transformers import AutoModelForMaskedLM

    assert AutoModelForMaskedLM.from_pretrained(folder).get_input_embeddings().weight.shape == (
        150,
        16,
    )


@pytest.mark.parametrize("stop_at", [1, 5])
def test_stopped_and_continued_equals_left_alone(base, tmp_path, stop_at):
    whole = execute_pretraining(config_of(base), tmp_path / "whole")
    steps = 0

    def count(line, total):
        nonlocal steps
        steps += 1

    with pytest.raises(Interrupted):
        execute_pretraining(
            config_of(base), tmp_path / "parts", on_step=count, should_stop=lambda: steps >= stop_at
        )
    assert steps == stop_at
    resumed = execute_pretraining(config_of(base), tmp_path / "parts", on_step=count)
    assert steps == 8
    assert same(weights(resumed), weights(whole))
    assert [line["step"] for line in resumed.metrics()] == list(range(1, 9))


def test_a_crash_between_two_checkpoints_costs_steps_and_changes_nothing(
    base, tmp_path, monkeypatch
):
    monkeypatch.setattr(loop, "CHECKPOINT_S", 0.0)
    builder = PretrainingBuilder(config_of(base))
    training = builder.config.training
    tokenizer = builder.tokenizer
    options = {
        "steps": builder.steps,
        "seed": builder.config.seed,
        "mask_id": tokenizer.mask_token_id,
        "pad_id": tokenizer.pad_token_id,
        "special_ids": builder.tokens.special_ids,
    }
    whole, parts = builder.model(), builder.model()
    pretrain(whole, builder.tokens, training, tmp_path / "whole", **options)

    def crash(line):
        if line["step"] == 4:
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        pretrain(parts, builder.tokens, training, tmp_path / "parts", log=crash, **options)
    resumed = builder.model()
    pretrain(resumed, builder.tokens, training, tmp_path / "parts", **options)
    assert same(dict(resumed.state_dict()), dict(whole.state_dict()))


def test_it_learns_which_word_follows_which(tmp_path):
    """Two languages that share no word: a masked word must be guessed from its own one."""
    path = tmp_path / "two.txt"
    languages = [["aa", "bb", "cc", "dd"], ["ee", "ff", "gg", "hh"]]
    lines = [" ".join(languages[i % 2][(i + j) % 4] for j in range(8)) for i in range(400)]
    path.write_text("\n".join(lines), encoding="utf-8")
    config = make_config(
        {
            "corpus": str(path),
            "vocabulary": {"size": 100, "rarest_character": 1},
            "architecture": {
                "hidden_size": 16,
                "num_hidden_layers": 1,
                "num_attention_heads": 2,
                "intermediate_size": 32,
            },
            "training": {
                "steps": 200,
                "batch_size": 32,
                "learning_rate": 3e-3,
                "warmup_steps": 10,
                "precision": "fp32",
            },
        },
        kind=PretrainConfig,
    )
    run = execute_pretraining(config, tmp_path / "runs")
    assert (
        run.record.pretraining.last_accuracy > 0.5
    )  # one of eight words by chance, of four by language alone
    encoder = load_encoder(str(run.folder / "model" / "last"))
    a, b, other = encoder.encode(["aa bb", "cc dd", "ee ff"])
    cosine = torch.nn.functional.cosine_similarity
    near, far = (cosine(torch.tensor(a), torch.tensor(x), dim=0) for x in (b, other))
    assert near > far


@pytest.mark.parametrize("family", ["roberta", "bert"])
def test_families(base, tmp_path, family):
    run = execute_pretraining(
        config_of(base, **{"architecture.model_type": family, "training.steps": 2}), tmp_path
    )
    assert load_encoder(str(run.folder / "model" / "last")).encode(["the bird sings"]).shape == (
        1,
        16,
    )


def test_a_ready_tokenizer_is_taken(base, tiny, tmp_path):
    run = execute_pretraining(
        config_of(base, tokenizer=str(tiny), **{"training.steps": 2}), tmp_path
    )
    assert (run.folder / "model" / "last" / "tokenizer.json").is_file()
    assert (
        weights(run)["bert.embeddings.word_embeddings.weight"].shape[0]
        == run.record.pretraining.vocabulary
    )


def test_float16_halves_the_file_and_out_gets_a_copy(base, tmp_path):
    out = tmp_path / "encoder"
    run = run_pretrain(config_of(base, save_dtype="float16"), tmp_path, out=out)
    assert all(v.dtype == torch.float16 for v in load_file(out / "model.safetensors").values())
    assert same(load_file(out / "model.safetensors"), weights(run))
    taken = tmp_path / "papers"
    taken.mkdir()
    with pytest.raises(LabError, match="is no encoder's folder"):
        run_pretrain(config_of(base), tmp_path, out=taken)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"architecture.hiden_size": 16}, "did you mean hidden_size"),
        ({"architecture.hidden_size": 15}, "no multiple of num_attention_heads 2"),
        ({"architecture.model_type": "brt"}, "did you mean bert"),
        ({"training.batch_size": 1000}, "fewer than one batch"),
        ({"training.mask_rat": 0.1}, "did you mean mask_rate"),
        ({"training.mask_rate": 0}, "greater than 0"),
        ({"training.max_length": 500}, "positions for 128 tokens"),
        (
            {"architecture.hidden_size": 256},
            "a vocabulary of 150 tokens cannot be factorised into 256 dimensions",
        ),
    ],
)
def test_refusals(base, tmp_path, overrides, message):
    with pytest.raises(LabError, match=message):
        execute_pretraining(config_of(base, **overrides), tmp_path)


def test_an_override_is_not_blamed_on_a_line_of_the_file(tmp_path):
    (tmp_path / "a.yaml").write_text("training:\n  mask_rate: 0.1\n")
    with pytest.raises(LabError, match=r"a\.yaml: training\.mask_rate: .*\(given: 7\)"):
        read_pretrain_config(tmp_path / "a.yaml", {"training.mask_rate": 7})
    (tmp_path / "a.yaml").write_text("training:\n  mask_rate: 7\n")
    with pytest.raises(LabError, match=r"a\.yaml, line 2: training\.mask_rate"):
        read_pretrain_config(tmp_path / "a.yaml")
