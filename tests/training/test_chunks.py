"""The gradient in chunks is the gradient of the whole: every contrast, role, view and queue."""

from functools import partial

import numpy as np
import pytest
import torch

from recse_lab.config.frameworks import framework_options
from recse_lab.config.overrides import merge
from recse_lab.config.reading import make_config
from recse_lab.errors import LabError
from recse_lab.jobs import build
from recse_lab.jobs.build import Lab
from recse_lab.jobs.settling import settle
from recse_lab.jobs.train import execute
from recse_lab.objectives import CONTRASTS
from recse_lab.optimisation.batches import Batches
from recse_lab.optimisation.stepping import Interrupted
from recse_lab.training import loop
from recse_lab.training.chunks import Chunks, counting_saved_bytes, whole_gradient
from recse_lab.training.tiles import Tiled

RESHAPE = {"operator": "channel-gram", "dim": 4, "projection": 8, "weight": 0.5}
BATCH, TOKENS = 17, 64  # the last chunk is what is left


@pytest.fixture
def base(tiny, corpus_file, small_senteval):
    return {
        "encoder": str(tiny),
        "corpus": str(corpus_file),
        "model": {"pooling": "mean", "max_length": 24},
        "training": {
            "steps": 5,
            "batch_size": BATCH,
            "learning_rate": 1e-3,
            "precision": "fp32",
            "eval_every": 2,
        },
        "evaluation": {"data_dir": str(small_senteval), "precision": "fp32", "tasks": []},
    }


@pytest.fixture
def pairs(tmp_path):
    """A table of sentences, positives and hard negatives of uneven length."""
    table = tmp_path / "nli.csv"
    words = ["runs", "eats", "sings", "finds many fish", "builds a new house by the river"]
    lines = [
        f"the dog {words[i % 5]},a cat {i} {words[i % 3]},old {words[i % 4]}" for i in range(40)
    ]
    table.write_text("\n".join(["sent0,sent1,hard_neg", *lines]) + "\n")
    recipe = framework_options("supervised")
    return {**recipe, "corpus": str(table), "training.batch_size": BATCH}


ARMS = {
    "simcse": {},
    "cls and head": {"model.pooling": "cls", "model.head": "tanh"},
    "two terms": {"reshape": RESHAPE},
    "reshape alone": {"reshape": RESHAPE, "contrast.weight": 0.0},
    "integrated": {"reshape": {**RESHAPE, "mode": "integrated", "source": 1}},
    "role view": {"reshape": {"role": "view", "operator": "token-gram"}},
    "role residual": {"reshape": {**RESHAPE, "role": "residual"}},
    "fixed masks": {"model.dropout_mask": "fixed"},
    "view of text": {"view": {"family": "word-repetition", "strength": 0.3}},
    "view of embeddings": {"view": {"family": "token-cutoff", "strength": 0.3}},
    "queue": {"contrast.queue": 1.5},
    "prompt": {"prompt": {}, "model": {"max_length": 24}},
    "adnce, queue, reshape": {
        "contrast.objective": "adnce",
        "contrast.queue": 2.0,
        "reshape": RESHAPE,
    },
    **{name: {"contrast.objective": name} for name in CONTRASTS if name != "supervised"},
}


def lab_of(base, **overrides):
    tree = {
        key: value for key, value in base.items() if key != "model" or "prompt" not in overrides
    }
    return Lab(settle(make_config(merge(tree, overrides))))


def step(lab, arm, gradient, *, tokens=TOKENS, dtype=torch.float64, seed=7):
    """Loss and gradient of the first batch, dropout on."""
    arm.zero_grad()
    rows = Batches(lab.tokens.lengths, BATCH, seed=0)(0)
    torch.manual_seed(seed)
    groups = arm.groups(lab.data.views(arm, rows, seed), 1, seed=seed, tokens=tokens)
    stored = None if lab.stored is None else lab.stored.read(rows).to(dtype)
    terms = gradient(arm, groups, BATCH, stored, lab.objective())
    found = {n: p.grad.clone() for n, p in arm.named_parameters() if p.grad is not None}
    return terms.loss.detach(), found, groups, torch.get_rng_state()


def filled(lab, dtype=torch.float64):
    """An arm in training mode whose queue, if it has one, holds a batch."""
    torch.manual_seed(0)
    arm = lab.arm().to(dtype).train()
    arm.update_queue(lab.tokens.rows(Batches(lab.tokens.lengths, BATCH, seed=0)(1)), 2)
    return arm


def small_tiles(lab, monkeypatch):
    """The lab with an objective in tiles of a few rows; the last one is what is left."""
    monkeypatch.setattr(build, "Tiled", partial(Tiled, logits=70))
    training = lab.config.training.model_copy(update={"chunk_tokens": TOKENS})
    lab.config = lab.config.model_copy(update={"training": training})
    assert len(list(lab.objective().keywords["contrast"].tiles(BATCH, BATCH))) > 3
    return lab


def equal(first, second, tolerance):
    (loss, gradient, *_), (other, found, *_) = first, second
    torch.testing.assert_close(loss, other, rtol=tolerance, atol=tolerance)
    assert gradient.keys() == found.keys()
    scale = max(g.abs().max() for g in gradient.values())
    for name, value in gradient.items():
        assert (value - found[name]).abs().max() <= tolerance * scale, name


@pytest.mark.parametrize("name", ARMS)
def test_chunks_and_tiles_give_the_gradient_of_the_whole_with_dropout_on(name, base, monkeypatch):
    lab = lab_of(base, **ARMS[name])
    arm = filled(lab)
    whole = step(lab, arm, whole_gradient)
    assert len(whole[2]) > 2
    assert len({len(group.ids) for group in whole[2]}) > 1
    small_tiles(lab, monkeypatch)
    half = sum(g.ids.numel() for g in whole[2]) / 2
    seen = []
    for room in (0.0, 0.5, 1e18):
        chunks = Chunks(room)
        if room == 0.5:
            chunks.room, chunks.bytes_per_token = half + TOKENS, 1.0
        found = step(lab, arm, chunks)
        equal(whole, found, 1e-9)
        seen.append((chunks.kept, found))
    assert [kept == 0 for kept, _ in seen] == [True, False, False]
    assert seen[0][0] < seen[1][0] < seen[2][0] == len(whole[2])
    for _, (loss, gradient, _, state) in seen[1:]:  # what is kept changes no bit
        assert torch.equal(loss, seen[0][1][0])
        assert all(torch.equal(value, seen[0][1][1][n]) for n, value in gradient.items())
        assert torch.equal(state, whole[3])


@pytest.mark.parametrize("objective", ["supervised", "info-nce"])
def test_hard_negatives_in_chunks(objective, base, pairs, monkeypatch):
    options = {**pairs, "contrast.options": {"hard_negative_weight": 0.7}}
    if objective == "info-nce":
        options = {**pairs, "contrast.objective": "info-nce", "negatives": None}
    lab = lab_of(base, **options)
    arm = filled(lab)
    whole = step(lab, arm, whole_gradient)
    equal(whole, step(small_tiles(lab, monkeypatch), arm, Chunks(0.0)), 1e-9)


def test_without_replayed_randomness_the_gradient_would_be_another_one(base, monkeypatch):
    """Else the test above could not fail."""
    lab = lab_of(base)
    arm = filled(lab)
    whole = step(lab, arm, whole_gradient)
    monkeypatch.setattr("recse_lab.training.chunks.set_random_state", lambda *_: None)
    _, found, *_ = step(lab, arm, Chunks(0.0))
    scale = max(g.abs().max() for g in whole[1].values())
    assert max((found[n] - g).abs().max() for n, g in whole[1].items()) > 1e-2 * scale


@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-5), ("bf16", 2e-2)])
def test_in_training_precision(precision, tolerance, base):
    lab = lab_of(base, reshape=RESHAPE, **{"training.precision": precision})
    arm = filled(lab, torch.float32)
    whole = step(lab, arm, whole_gradient, dtype=torch.float32)
    chunked = step(lab, arm, Chunks(0.0), dtype=torch.float32)
    equal(whole, chunked, tolerance)


def test_one_chunk_has_no_graph_of_the_others(base):
    """Bytes that autograd saves while the loss is computed: of the embeddings alone."""
    lab = lab_of(base)
    arm = filled(lab, torch.float32)
    saved = []

    def watched(*output):
        with counting_saved_bytes(arm) as count:
            terms = lab.objective()(*output)
        saved.append(count())
        return terms

    peaks = {}
    for tokens in (40, 80):
        with counting_saved_bytes(arm) as count:
            rows = Batches(lab.tokens.lengths, BATCH, seed=0)(0)
            groups = arm.groups(lab.data.views(arm, rows, 0), 1, seed=0, tokens=tokens)
            Chunks(0.0)._count(arm, groups, BATCH, live=True)
            arm.encode(groups[:1], BATCH, live=True)
        peaks[tokens] = count()
        Chunks(0.0)(arm, groups, BATCH, None, watched)
    assert max(saved) < min(peaks.values())
    assert peaks[40] < 0.7 * peaks[80]


def test_chunks_stay_within_their_tokens_and_take_every_sentence_once(base):
    lab = lab_of(base)
    arm = lab.arm()
    rows = Batches(lab.tokens.lengths, BATCH, seed=0)(0)
    groups = arm.groups(lab.data.views(arm, rows, 0), 4, seed=0, tokens=TOKENS)
    assert all(group.ids.numel() <= TOKENS for group in groups)
    places = torch.cat([group.rows for group in groups])
    assert sorted(places.tolist()) == list(range(2 * BATCH))
    lone = arm.groups(lab.data.views(arm, rows, 0), 4, seed=0, tokens=8)
    assert max(len(group.ids) for group in lone if group.ids.shape[1] > 4) == 1


def test_a_chunked_run_trains_resumes_bitwise_and_has_an_id_of_its_own(base, tmp_path):
    from safetensors.torch import load_file

    plain = lab_of(base, reshape=RESHAPE, **{"contrast.queue": 1.0})
    config = lab_of(
        base,
        reshape=RESHAPE,
        **{"contrast.queue": 1.0, "training.chunk_tokens": TOKENS, "training.graph_memory": 0.0},
    ).config
    whole = execute(config, tmp_path / "a" / "s")
    assert whole.id != plain.id
    lines = []
    with pytest.raises(Interrupted):
        execute(
            config,
            tmp_path / "b" / "s",
            on_step=lambda line, _: lines.append(line),
            should_stop=lambda: len(lines) == 3,
        )
    again = execute(config, tmp_path / "b" / "s")
    first, second = (
        load_file(run.folder / "model/last/model.safetensors") for run in (whole, again)
    )
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert all(np.isfinite(line["loss"]) for line in again.metrics())


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("can't allocate memory")]
)
def test_a_step_that_does_not_fit_is_told_which_chunk_may(error, base, tmp_path, monkeypatch):
    def failing(*_):
        raise error

    monkeypatch.setattr(loop, "whole_gradient", failing)
    lab = lab_of(base)
    with pytest.raises(LabError, match=r"padded tokens does not fit .* training.chunk_tokens \d+"):
        lab.train(lab.arm(), tmp_path)
