"""Training: the same run twice, killed and resumed, grouped or not; and what it refuses."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from recse_lab.config.overrides import merge
from recse_lab.config.reading import make_config
from recse_lab.errors import LabError
from recse_lab.jobs import build
from recse_lab.jobs.build import Lab
from recse_lab.jobs.settling import settle
from recse_lab.jobs.train import execute
from recse_lab.objectives import InfoNCE, info_nce, recse_terms
from recse_lab.optimisation.batches import Batches
from recse_lab.optimisation.stepping import Interrupted, step_seed
from recse_lab.runs.store import Run, find_runs

RESHAPE = {
    "operator": "channel-gram",
    "dim": 4,
    "weights": "sif",
    "centring": "mean",
    "weight": 0.5,
    "projection": 8,
}


@pytest.fixture
def base(tiny, corpus_file, small_senteval):
    return {
        "encoder": str(tiny),
        "corpus": str(corpus_file),
        "model": {"pooling": "mean", "max_length": 16},
        "training": {
            "steps": 7,
            "batch_size": 16,
            "learning_rate": 1e-3,
            "eval_every": 3,
            "precision": "fp32",
        },
        "evaluation": {"data_dir": str(small_senteval), "precision": "fp32", "tasks": ["stsb"]},
        "reshape": RESHAPE,
    }


def config_of(base, **overrides):
    return make_config(merge(base, overrides))


def grouped(arm, lab, rows, parts):
    """The views of some rows, in groups."""
    return arm.groups(arm.views(lab.tokens.rows(rows), seed=0), parts, seed=0)


def weights(run, which="last"):
    return load_file(run.folder / "model" / which / "model.safetensors")


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def test_same_config_and_seed_twice_gives_the_same_weights(base, tmp_path):
    config = config_of(base)
    first, second = (
        execute(config, tmp_path / name / "s") for name in "ab"
    )  # two stores: in one, the second is a copy
    assert first.id == second.id
    assert same(weights(first), weights(second))
    other = execute(config_of(base, seed=1), tmp_path / "a")
    assert other.id != first.id
    assert not same(weights(first), weights(other))


@pytest.mark.parametrize("stop_at", [1, 3, 5])
@pytest.mark.parametrize(
    "arm", [{"reshape": None}, {}, {"contrast.weight": 0.0}, {"reshape.mode": "integrated"}]
)
def test_stopped_and_resumed_gives_the_same_weights(base, tmp_path, stop_at, arm):
    config = config_of(base, **arm)
    whole = execute(config, tmp_path / "whole" / "s")
    steps = []
    with pytest.raises(Interrupted):
        execute(
            config,
            tmp_path / "cut" / "s",
            on_step=lambda line, n: steps.append(line["step"]),
            should_stop=lambda: len(steps) == stop_at,
        )
    assert Run(tmp_path / "cut" / "s" / whole.id).state == "interrupted"
    resumed = execute(config, tmp_path / "cut" / "s")
    assert same(weights(whole), weights(resumed))
    assert same(weights(whole, "best"), weights(resumed, "best"))
    keys = ("step", "loss", "dev_spearman", "gradient_norm")
    told = [[{k: line.get(k) for k in keys} for line in run.metrics()] for run in (whole, resumed)]
    assert told[0] == told[1]
    assert [line["step"] for line in told[0]] == list(range(1, 8))
    assert whole.record.results.tree()["tasks"] == resumed.record.results.tree()["tasks"]


def test_killed_without_warning_and_resumed_gives_the_same_weights(base, tmp_path):
    base = merge(base, {"training.steps": 400, "training.eval_every": 5})
    config = config_of(base)
    whole = execute(config, tmp_path / "whole" / "s")
    spec = tmp_path / "config.json"
    spec.write_text(json.dumps(config.model_dump(mode="json")))
    code = (
        "import json, sys, torch; torch.set_num_threads(%d)\n"
        "from pathlib import Path\n"
        "from recse_lab.config.schema import RunConfig\n"
        "from recse_lab.jobs.train import execute\n"
        "config = RunConfig.model_validate(json.loads(Path(sys.argv[1]).read_text()))\n"
        "execute(config, Path(sys.argv[2]))"
    ) % torch.get_num_threads()
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(spec), str(tmp_path / "killed" / "s")]
    )
    run = Run(tmp_path / "killed" / "s" / whole.id)
    deadline = time.monotonic() + 60
    while len(run.metrics()) < 12 and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    at = len(run.metrics())
    assert 12 <= at < 400
    assert run.state == "interrupted"
    assert (run.folder / "state" / "state.safetensors").exists()
    resumed = execute(config, tmp_path / "killed" / "s")
    assert same(weights(whole), weights(resumed))
    assert [line["step"] for line in resumed.metrics()] == list(range(1, 401))


def test_a_finished_run_is_not_computed_again(base, tmp_path):
    config = config_of(base)
    run = execute(config, tmp_path / "s")
    stamp = (run.folder / "results.json").stat().st_mtime_ns
    again = execute(config, tmp_path / "s", on_step=lambda *_: pytest.fail("trained again"))
    assert (again.folder / "results.json").stat().st_mtime_ns == stamp


def test_length_groups_give_the_same_loss_and_gradient(base):
    """Sub-batches by length change what is padded, not what is computed.

    Dropout is off, since masks are drawn by shape.
    """
    lab = Lab(settle(config_of(base, **{"model.dropout": 0.0})))
    arm, rows = lab.arm(), Batches(lab.tokens.lengths, 16, seed=0)(0)
    seen = []
    for parts in (1, 2, 5, 16):
        arm.zero_grad()
        groups = grouped(arm, lab, rows, parts)
        terms = recse_terms(
            *arm(groups, 16, lab.stored.read(rows)),
            contrast=InfoNCE(),
            weight=1.0,
            reshape_weight=0.5,
        )
        terms.loss.backward()
        gradient = torch.cat([p.grad.flatten() for p in arm.parameters() if p.grad is not None])
        seen.append((terms.loss.detach(), gradient))
    for loss, gradient in seen[1:]:
        torch.testing.assert_close(loss, seen[0][0], rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(gradient, seen[0][1], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    "operator",
    ["channel-gram", "token-gram", "elementwise", "linear", "mean", "random", "mean+channel-gram"],
)
@pytest.mark.parametrize("source", [0, 1])
def test_separated_and_integrated_losses_agree_on_equal_weights(base, operator, source):
    losses = []
    for mode in ("separated", "integrated"):
        overrides = {
            "reshape.operator": operator,
            "reshape.source": source,
            "reshape.mode": mode,
            "reshape.projection": 256,
            "model.dropout": 0.0,
        }
        lab = Lab(settle(config_of(base, **overrides)))
        torch.manual_seed(0)
        arm = lab.arm()
        rows = Batches(lab.tokens.lengths, 16, seed=0)(0)
        groups = grouped(arm, lab, rows, 2)
        stored = lab.stored.read(rows) if lab.stored is not None else None
        assert (stored is None) == (mode == "integrated")
        losses.append(
            recse_terms(
                *arm(groups, 16, stored), contrast=InfoNCE(), weight=1.0, reshape_weight=1.0
            ).loss.item()
        )
    assert losses[0] == pytest.approx(losses[1], abs=1e-3)


def test_an_integrated_reshape_does_not_read_a_prompt(base):
    """It would take the template's words for the sentence's, unlike a separated one."""
    with pytest.raises(LabError, match="integrated would read the words of the prompt"):
        make_config(merge({**base, "model": {}}, {"prompt": {}, "reshape.mode": "integrated"}))


def test_integrated_reshape_has_a_gradient_and_separated_has_none(base):
    norms = {}
    for mode in ("separated", "integrated"):
        lab = Lab(settle(config_of(base, **{"reshape.mode": mode, "model.dropout": 0.0})))
        arm = lab.arm()
        rows = Batches(lab.tokens.lengths, 16, seed=0)(0)
        groups = grouped(arm, lab, rows, 1)
        embedded = arm(groups, 16, lab.stored.read(rows) if lab.stored is not None else None)
        embedded.target.square().sum().backward()
        gradient = arm.encoder.backbone.embeddings.word_embeddings.weight.grad
        norms[mode] = 0.0 if gradient is None else float(gradient.norm())
    assert norms["separated"] == 0.0
    assert norms["integrated"] > 0.0


def test_simcse_loss_of_a_fixed_batch_equals_the_backbone_asked_by_hand(base, tiny):
    """SimCSE by hand: two passes of transformers' model under the same dropout stream."""
    from transformers import BertModel

    from recse_lab.models.dropout import replace_dropouts

    lab = Lab(settle(config_of(base, reshape=None)))
    arm = lab.arm().train()
    rows = Batches(lab.tokens.lengths, 16, seed=0)(0)
    groups = grouped(arm, lab, rows, 1)
    torch.manual_seed(7)
    ours = recse_terms(*arm(groups, 16), contrast=InfoNCE(), weight=1.0).loss.item()
    model = BertModel.from_pretrained(tiny, attn_implementation="plain").train()
    replace_dropouts(model)
    torch.manual_seed(7)
    ids, mask, places = groups[0].ids, groups[0].mask, groups[0].rows
    states = model(input_ids=ids, attention_mask=mask).last_hidden_state.detach().double().numpy()
    m = mask.numpy()[..., None]
    h = (states * m).sum(1) / m.sum(1)
    h = (h / np.linalg.norm(h, axis=1, keepdims=True))[places.argsort().numpy()]
    s = h[:16] @ h[16:].T / 0.05
    expected = np.mean(np.log(np.exp(s).sum(1)) - np.diag(s))
    assert ours == pytest.approx(expected, rel=1e-5)


def test_nan_stops_names_step_and_batch_and_keeps_the_last_state(base, tmp_path, monkeypatch):
    calls = []

    def poisoned(*arguments, **options):
        terms = recse_terms(*arguments, **options)
        calls.append(1)
        return terms._replace(loss=terms.loss * float("nan")) if len(calls) == 5 else terms

    monkeypatch.setattr(build, "recse_terms", poisoned)
    config = config_of(base)
    with pytest.raises(
        LabError,
        match=(
            r"step 5: the loss is nan on the batch of corpus rows \d+, "
            r"\d+.*the last good state is kept in"
        ),
    ):
        execute(config, tmp_path / "s")
    run = find_runs(tmp_path)[0]
    assert run.state == "failed"
    assert "step 5" in (run.status.message or "")
    monkeypatch.undo()
    assert not any(
        torch.isnan(t).any() for t in load_file(run.folder / "state" / "state.safetensors").values()
    )
    assert execute(config, tmp_path / "s").state == "done"


def test_weights_that_leave_float32_stop_and_never_become_a_state(base, tmp_path, monkeypatch):
    """The gradient of step 6 is finite, its step is not.

    Without this the file to resume from would hold NaN for good.
    """
    from recse_lab.optimisation import schedule

    config = config_of(base)
    monkeypatch.setattr(
        schedule, "learning_rate_factor", lambda step, **_: 1e42 if step == 5 else 1.0
    )
    with pytest.raises(
        LabError, match=r"step 6: the norm of the weights is (nan|inf) on the batch .* is kept in"
    ):
        execute(config, tmp_path / "s")
    run = find_runs(tmp_path)[0]
    state = load_file(run.folder / "state" / "state.safetensors")
    assert all(torch.isfinite(tensor).all() for tensor in state.values())
    monkeypatch.undo()
    assert execute(config, tmp_path / "s").state == "done"


def test_early_stopping_and_best_apart_from_last(base, tmp_path, monkeypatch):
    from recse_lab.jobs import train as execution

    scores = iter([0.5, 0.4, 0.3, 0.9])

    class Falling(execution.DevSet):
        def __call__(self, encoder):
            return super().__call__(encoder) | {"spearman": next(scores)}

    monkeypatch.setattr(execution, "DevSet", Falling)
    run = execute(config_of(base, **{"training.steps": 40, "training.patience": 2}), tmp_path / "s")
    dev = run.record.results.tree()["dev"]
    assert (dev["stopped_early"], dev["step"], dev["spearman"], dev["checks"]) == (True, 3, 0.5, 3)
    assert len(run.metrics()) == 9
    assert not same(weights(run, "best"), weights(run, "last"))


def test_batches_cover_an_epoch_once_and_depend_on_seed_alone():
    lengths = np.random.default_rng(0).integers(3, 30, 1000)
    for sort in (False, True):
        batches = Batches(lengths, 64, seed=3, sort_batches=sort)
        epoch = np.concatenate([batches(i) for i in range(batches.per_epoch)])
        assert len(set(epoch.tolist())) == 15 * 64
        np.testing.assert_array_equal(
            Batches(lengths, 64, seed=3, sort_batches=sort)(17), batches(17)
        )
        assert not np.array_equal(Batches(lengths, 64, seed=4, sort_batches=sort)(17), batches(17))
    spread = [
        np.mean(
            [np.ptp(lengths[Batches(lengths, 64, seed=3, sort_batches=s)(i)]) for i in range(15)]
        )
        for s in (False, True)
    ]
    assert spread[1] < spread[0] / 3


def test_step_seeds_do_not_repeat():
    assert len({step_seed(s, t, p) for s in range(5) for t in range(200) for p in range(2)}) == 2000


def test_what_is_saved_opens_with_transformers_and_sentence_transformers(base, tmp_path):
    from transformers import AutoModel

    from recse_lab.models import load_encoder

    run = execute(
        config_of(base, **{"model.layers": 2, "model.pooling": "cls", "model.keep_head": True}),
        tmp_path / "s",
    )
    folder = run.folder / "model" / "last"
    assert AutoModel.from_pretrained(folder).config.num_hidden_layers == 2
    ours = load_encoder(str(folder))
    texts = ["the dog runs", "a child reads a book by the river"]
    mine = ours.encode(texts)
    assert (ours.pooling, ours.head is not None) == ("cls", True)
    sentence_transformers = pytest.importorskip(
        "sentence_transformers", reason="the benchmarks extra is not installed"
    )
    theirs = sentence_transformers.SentenceTransformer(str(folder), device="cpu").encode(texts)
    np.testing.assert_allclose(mine, theirs, atol=1e-5)


def test_info_nce_of_the_arm_is_the_objective(base):
    """The reshape term of a step is InfoNCE of the two projections, and of nothing else."""
    lab = Lab(settle(config_of(base, **{"contrast.weight": 0.0, "model.dropout": 0.0})))
    arm, rows = lab.arm(), Batches(lab.tokens.lengths, 16, seed=0)(0)
    assert arm.passes == 1
    groups = grouped(arm, lab, rows, 2)
    embedded = arm(groups, 16, lab.stored.read(rows))
    expected = info_nce(
        arm.project_embedding(embedded.views[0]),
        arm.project_target(lab.stored.read(rows)),
        temperature=0.05,
    )
    torch.testing.assert_close(
        recse_terms(*embedded, contrast=InfoNCE(), weight=0.0, reshape_weight=1.0).loss, expected
    )


def test_run_folder_is_complete(base, tmp_path):
    run = execute(config_of(base), tmp_path / "s")
    names = {p.name for p in Path(run.folder).iterdir()}
    assert names == {
        "config.json",
        "environment.json",
        "fingerprints.json",
        "metrics.jsonl",
        "scores.parquet",
        "results.json",
        "cost.json",
        "status.json",
        "model",
    }
