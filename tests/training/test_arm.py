"""Arms: what a step encodes and compares, by hand, in a limiting case, or as another arm."""

import copy

import numpy as np
import pytest
import torch

from recse_lab.config.frameworks import FRAMEWORKS, framework_options
from recse_lab.config.overrides import merge
from recse_lab.config.reading import make_config, read_config
from recse_lab.errors import LabError
from recse_lab.jobs.build import Lab
from recse_lab.jobs.settling import settle
from recse_lab.jobs.train import execute
from recse_lab.models.batching import pad
from recse_lab.models.readouts.prompt import template_bias, wrap
from recse_lab.models.saving import load_encoder
from recse_lab.objectives import InfoNCE, recse_terms
from recse_lab.optimisation.batches import Batches
from recse_lab.optimisation.stepping import Interrupted
from recse_lab.reshape.token_view import TOKEN_FORMULAS, reshape_tokens
from recse_lab.training.arm import Arm

RESHAPE = {"operator": "channel-gram", "dim": 4, "projection": 8, "weight": 0.5}


@pytest.fixture
def base(tiny, corpus_file, small_senteval):
    return {
        "encoder": str(tiny),
        "corpus": str(corpus_file),
        "model": {"pooling": "mean", "max_length": 24},
        "training": {
            "steps": 5,
            "batch_size": 16,
            "learning_rate": 1e-3,
            "eval_every": 2,
            "precision": "fp32",
        },
        "evaluation": {
            "data_dir": str(small_senteval),
            "precision": "fp32",
            "tasks": ["stsb"],
            "selection": "last",
        },
    }


def lab_of(base, **overrides):
    return Lab(settle(make_config(merge(base, overrides))))


def step(lab, seed=7, parts=2, arm=None):
    """Arm, groups and embedded views of the first batch."""
    arm = (arm or lab.arm()).train()
    rows = Batches(lab.tokens.lengths, 16, seed=0)(0)
    torch.manual_seed(seed)
    groups = arm.groups(arm.views(lab.tokens.rows(rows), seed=seed), parts, seed=seed)
    stored = None if lab.stored is None else lab.stored.read(rows)
    return arm, groups, arm(groups, 16, stored)


def loss(lab, **options):
    _, _, embedded = step(lab, **options)
    return lab.objective()(*embedded).loss.item()


# ---- dropout ----------------------------------------------------------------------------------


def test_a_fixed_mask_gives_both_views_the_same_embedding_and_an_independent_one_does_not(base):
    _, _, fixed = step(lab_of(base, **{"model.dropout_mask": "fixed"}))
    _, _, free = step(lab_of(base))
    torch.testing.assert_close(fixed.views[0], fixed.views[1], rtol=0, atol=0)
    assert (free.views[0] - free.views[1]).abs().max() > 1e-3


def test_a_fixed_mask_is_still_dropout_and_changes_with_the_step(base):
    lab = lab_of(base, **{"model.dropout_mask": "fixed"})
    arm = lab.arm()
    _, _, one = step(lab, seed=1, arm=arm)
    _, _, two = step(lab, seed=2, arm=arm)
    _, _, none = step(lab_of(base, **{"model.dropout": 0.0}))
    assert (one.views[0] - two.views[0]).abs().max() > 1e-3
    assert (one.views[0] - none.views[0]).abs().max() > 1e-3


def test_clean_negatives_are_the_sentences_without_dropout(base):
    """The third view is what the encoder gives in evaluation mode, gradient included, and dropout
    is on again afterwards; the two compared views are dropped as ever."""
    lab = lab_of(base, **{"contrast.objective": "off-dropout"})
    arm, _, found = step(lab)
    assert found.views.shape[0] == 2
    assert (found.views[0] - found.views[1]).abs().max() > 1e-3
    assert all(module.training for module in arm.encoder.backbone.modules())
    assert found.negatives.requires_grad
    _, _, evaluated = step(lab_of(base, **{"model.dropout": 0.0}))
    torch.testing.assert_close(found.negatives, evaluated.views[0])
    terms = lab.objective()(*found)
    cosines = torch.nn.functional.normalize(found.negatives, dim=1)
    cosines = (cosines @ cosines.T / 0.05).fill_diagonal_(-torch.inf)
    positive = 0.9 * torch.cosine_similarity(*found.views) / 0.05
    expected = torch.logsumexp(torch.cat([cosines, positive[:, None]], 1), 1) - positive
    torch.testing.assert_close(terms.loss, expected.mean())


def test_without_dropout_clean_negatives_are_simcse(base):
    off = {"contrast.objective": "off-dropout", "contrast.options": {"positive_scale": 1.0}}
    same = loss(lab_of(base, **{"model.dropout": 0.0}, **off))
    assert same == pytest.approx(loss(lab_of(base, **{"model.dropout": 0.0})), rel=1e-5)


def test_an_integrated_target_is_read_through_the_anchors_own_mask(base, monkeypatch):
    """The features that are reshaped are the states whose mean is the embedding, dropout
    included.
    """
    reshape = {**RESHAPE, "mode": "integrated", "source": 3}
    lab = lab_of(base, reshape=reshape, **{"model.head": "none", "model.dropout": 0.3})
    arm = lab.arm()
    seen = []
    read = Arm._anchors

    def spy(self, group, hidden, batch):
        first = group.rows < batch
        mask = group.mask[first][..., None]
        features, *rest = read(self, group, hidden, batch)
        seen.append(((features * mask).sum(1) / mask.sum(1), group.rows[first]))
        return (features, *rest)

    monkeypatch.setattr(Arm, "_anchors", spy)
    _, _, embedded = step(lab, arm=arm)
    means = torch.cat([mean for mean, _ in seen])
    order = torch.cat([rows for _, rows in seen]).argsort()
    torch.testing.assert_close(means[order], embedded.views[0], atol=1e-5, rtol=1e-4)
    assert (means[order] - embedded.views[1]).abs().max() > 1e-2


# ---- frameworks -------------------------------------------------------------------------------


def test_the_first_step_of_esimcse_at_rate_0_is_simcse(base):
    """Its queue is empty then.

    A view of embeddings is encoded apart, so that masks are compared with dropout off.
    """
    queue = {
        "contrast.queue": 2.5,
        "view": {"family": "embedding-noise", "strength": 0.0},
        "model.dropout": 0.0,
    }
    assert loss(lab_of(base, **queue)) == pytest.approx(
        loss(lab_of(base, **{"model.dropout": 0.0})), rel=1e-5
    )
    assert loss(lab_of(base, **{"contrast.queue": 2.5})) == loss(
        lab_of(base)
    )  # the same groups, the same masks


def test_a_queue_holds_the_momentum_encoders_embeddings_of_the_batches_before(base):
    lab = lab_of(base, **{"contrast.queue": 1.5, "contrast.momentum": 0.5, "model.dropout": 0.1})
    arm, _, embedded = step(lab)
    assert embedded.negatives.shape == (0, arm.encoder.hidden)
    before = {name: p.clone() for name, p in arm.encoder.named_parameters()}
    with torch.no_grad():
        for p in arm.encoder.parameters():
            p.add_(0.01)
    rows = Batches(lab.tokens.lengths, 16, seed=0)(0)
    arm.update_queue(lab.tokens.rows(rows), 4)
    assert dict(arm.queue.momentum_encoder.encoder.named_parameters()).keys() == before.keys()
    for name, p in arm.queue.momentum_encoder.encoder.named_parameters():
        torch.testing.assert_close(p, before[name] + 0.005, rtol=1e-5, atol=1e-7)
        assert not p.requires_grad
    expected = arm.queue.momentum_encoder.encoder.eval().encode_ids(lab.tokens.rows(rows))
    np.testing.assert_allclose(arm.queue().numpy(), expected, atol=1e-5)
    _, _, again = step(lab, arm=arm)
    np.testing.assert_allclose(again.negatives.numpy(), expected, atol=1e-5)
    arm.update_queue(lab.tokens.rows(rows), 4)
    assert len(arm.queue()) == 24


def release_losses(lab, steps):
    """ESimCSE's losses over some steps of plain gradient descent.

    Transcribed from github.com/caskcsg/sentemb at 5eeec55: ESimCSE/esimcse/models.py,
    ``cl_forward`` (both views; θ_k ← m θ_k + (1 − m) θ inside that pass; the pooled states of the
    momentum backbone through the one ``cls.mlp``; negatives for z1 alone, cross-entropy over the
    joined columns) and trainers.py, ``compute_loss`` (the batch enters the queue after its loss, in
    evaluation mode, and the last ``neg_size`` rows stay). run.sh: temp 0.05, momentum 0.995,
    neg_size 160 of batches of 64.
    """
    live = lab.encoder().train()
    backbone, mlp = live.backbone, live.head
    momentum_model = copy.deepcopy(backbone).eval()
    optimizer = torch.optim.SGD(live.parameters(), lr=0.05)
    neg_size, momentum, temp = 40, 0.995, 0.05
    cos = torch.nn.CosineSimilarity(dim=-1)
    batches = Batches(lab.tokens.lengths, 16, seed=0)
    pre_z1, losses = None, []

    def pooled(model, rows):
        ids, mask = pad(rows, live.pad_id)
        last = model(input_ids=ids, attention_mask=mask).last_hidden_state
        return (last * mask.unsqueeze(-1)).sum(1) / mask.sum(-1).unsqueeze(-1)

    for step in range(steps):
        rows = lab.tokens.rows(batches(step))
        repeated = lab.edit("view")(rows, seed=step + 1)  # the second view: the arm's seed plus 1
        z1, z2 = mlp(pooled(backbone, rows)), mlp(pooled(backbone, repeated))
        for param, param_m in zip(backbone.parameters(), momentum_model.parameters(), strict=True):
            param_m.data = param_m.data * momentum + param.data * (1.0 - momentum)
        cos_sim = cos(z1.unsqueeze(1), z2.unsqueeze(0)) / temp
        if pre_z1 is not None:
            more = cos(z1.unsqueeze(1), pre_z1.unsqueeze(0)) / temp
            cos_sim = torch.cat((cos_sim, more), 1)
        loss = torch.nn.functional.cross_entropy(cos_sim, torch.arange(len(cos_sim)))
        with torch.no_grad():
            eval_z = mlp(pooled(momentum_model, rows))
        pre_z1 = eval_z if pre_z1 is None else torch.cat((pre_z1, eval_z), 0)[-neg_size:]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def our_losses(lab, steps):
    """The arm's losses in the order of the training loop, by the same plain gradient descent."""
    arm = lab.arm().train()
    optimizer = torch.optim.SGD([p for p in arm.parameters() if p.requires_grad], lr=0.05)
    batches, losses = Batches(lab.tokens.lengths, 16, seed=0), []
    for step in range(steps):
        views = arm.views(lab.tokens.rows(batches(step)), seed=step)
        loss = lab.objective()(*arm(arm.groups(views, 2, seed=step), 16)).loss
        arm.update_queue(views[0], 2)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def test_esimcse_is_the_release_s_computation(base):
    """Step by step, with the queue growing, full and rolling; dropout off, as masks would
    differ.
    """
    options = {"model.head": "tanh", "model.dropout": 0.0}
    lab = lab_of(base, **framework_options("esimcse"), **options)
    expected = release_losses(lab, 6)
    assert our_losses(lab, 6) == pytest.approx(expected, rel=2e-5)
    copied = lab_of(base, **framework_options("esimcse"), **options, **COPIED)
    assert our_losses(copied, 6)[:2] == pytest.approx(expected[:2], rel=2e-5)
    assert abs(our_losses(copied, 6)[-1] / expected[-1] - 1) > 1e-3


COPIED = {"contrast.queue_head": "copied"}


def test_a_queue_through_the_live_head_is_saved_once(base):
    options = {"contrast.queue": 2.0, "model.head": "tanh"}
    live, copied = lab_of(base, **options).arm(), lab_of(base, **options, **COPIED).arm()
    assert live.queue.momentum_encoder.encoder.head is None
    head = {name for name in copied.state_dict() if "momentum_encoder.encoder.head" in name}
    assert copied.state_dict().keys() - live.state_dict().keys() == head != set()
    assert all(p.requires_grad for p in live.encoder.parameters())


def test_training_puts_the_sentences_themselves_into_the_queue_not_their_repetitions(
    base, tmp_path
):
    lab = lab_of(
        base, **framework_options("esimcse"), **{"training.steps": 2, "view.strength": 0.9}
    )
    arm = lab.arm()
    lab.train(arm, tmp_path)
    batches = Batches(lab.tokens.lengths, 16, seed=lab.config.seed)
    last = arm.queue.momentum_encoder.encoder.encode_ids(
        lab.tokens.rows(batches(1))
    )  # it has not moved since
    np.testing.assert_allclose(arm.queue().numpy()[16:], last, atol=1e-5)


def test_prompts_are_read_at_the_mask_and_lose_the_templates_own_state(base):
    lab = lab_of(
        {**base, "model": {"max_length": 24, "dropout": 0.0, "head": "none"}, "prompt": {}}
    )
    arm, groups, embedded = step(lab)
    encoder, templates = arm.encoder, arm.encoder.readout.templates
    rows = lab.tokens.rows(Batches(lab.tokens.lengths, 16, seed=0)(0))
    for view, template in enumerate(templates):
        wrapped = [wrap(row, template) for row in rows]
        for i, row in enumerate(wrapped):
            ids = torch.from_numpy(row)[None]
            mask = torch.ones_like(ids)
            states = encoder.backbone(input_ids=ids, attention_mask=mask).last_hidden_state
            place = row.tolist().index(encoder.tokenizer.mask_token_id)
            expected = states[0, place] - template_bias(encoder.backbone, mask, template)[0]
            torch.testing.assert_close(embedded.views[view, i], expected, atol=1e-5, rtol=1e-4)
    assert {group.view for group in groups} == {0, 1}


def test_a_prompt_counts_content_tokens_as_the_release_does(base, tmp_path):
    """Both views of training, for sentences shorter and longer than 32 tokens.

    Transcribed from github.com/kongds/Prompt-BERT at 690ba6e, train.py, ``prepare_features``, with
    --max_seq_length 32 of run.sh; no full stop is added there.
    """
    file = tmp_path / "long.txt"
    lines = [" ".join(["the dog runs and a cat eats"] * (1 + i % 12)) for i in range(40)]
    file.write_text("\n".join(lines) + "\n")
    tree = {k: v for k, v in base.items() if k != "model"} | {"corpus": str(file)}
    lab = lab_of(tree, **framework_options("promptbert"))
    tokenizer = lab.tokenizer

    def prepare(s, template):
        before, behind = template.replace("*mask*", tokenizer.mask_token).split("*sent_0*")
        bs = tokenizer.encode(before.replace("_", " "))[:-1]
        es = tokenizer.encode(behind.replace("_", " "))[1:]
        return bs + tokenizer.encode(s, add_special_tokens=False)[:32] + es

    views = lab.arm().views(lab.tokens.rows(np.arange(40)), seed=0)
    templates = (
        'This_sentence_of_"*sent_0*"_means*mask*.',
        'This_sentence_:_"*sent_0*"_means*mask*.',
    )
    for view, template in zip(views, templates, strict=True):
        assert [row.tolist() for row in view] == [prepare(s, template) for s in lines]


SUPERVISED = {k: v for k, v in framework_options("supervised").items() if k != "training"}
"""Without its recipe: 512 triples a step are more than a test has."""


def test_hard_negatives_follow_the_positives(base, tmp_path):
    table = tmp_path / "nli.csv"
    lines = ["sent0,sent1,hard_neg"] + [
        f"the dog {i} runs,a cat {i} eats,the old man {i} sings" for i in range(40)
    ]
    table.write_text("\n".join(lines) + "\n")
    options = SUPERVISED | {"corpus": str(table), "model.dropout": 0.0}
    lab = lab_of(base, **options)
    arm = lab.arm().train()
    rows = Batches(lab.tokens.lengths, 16, seed=0)(0)
    positives, negatives = (store.rows(rows) for store in lab.partners)
    groups = arm.groups(arm.views(lab.tokens.rows(rows), positives, negatives, seed=0), 3, seed=0)
    embedded = arm(groups, 16)
    own = arm.encoder.eval()
    for got, wanted in zip(
        (*embedded.views, embedded.negatives),
        (lab.tokens.rows(rows), positives, negatives),
        strict=True,
    ):
        np.testing.assert_allclose(got.detach().numpy(), own.encode_ids(wanted), atol=1e-5)
    run = execute(lab.config, tmp_path / "s")
    assert run.state == "done"
    saved = load_encoder(str(run.folder / "model" / "last"))
    assert saved.head is not None  # kept, as sentemb_forward does without --mlp_only_train
    ids, mask = pad(saved.tokenize(["the dog"]), saved.pad_id)
    pooled = saved.pool(saved.hidden_states(ids, mask), ids, mask)
    expected = torch.tanh(saved.head.dense(pooled)).detach().numpy()
    np.testing.assert_allclose(saved.encode(["the dog"]), expected, atol=1e-6)
    other = execute(
        lab_of(base, **options, **{"contrast.options": {"hard_negative_weight": 1.0}}).config,
        tmp_path / "s",
    )
    assert other.id != run.id


def test_a_row_without_its_positive_is_refused_even_where_the_counts_agree(base, tmp_path):
    table = tmp_path / "nli.csv"
    lines = ["sent0,sent1,hard_neg"] + [
        f"the dog {i} runs,a cat {i} eats,the old man {i} sings" for i in range(40)
    ]
    lines[3], lines[5] = "the dog runs,,the old man sings", ",a cat eats,the old man sings"
    table.write_text("\n".join(lines) + "\n")
    with pytest.raises(LabError, match=r"nli\.csv, line 4: column 'sent1' is empty"):
        _ = lab_of(base, **SUPERVISED, corpus=str(table)).partners


@pytest.mark.parametrize("name", [name for name in FRAMEWORKS if name != "supervised"])
def test_every_framework_trains_alone_and_with_a_reshape(name, base, tmp_path):
    for full in (name, f"{name}+reshape"):
        given = dict(framework_options(full))
        if "reshape" in given:
            given["reshape"] = {**RESHAPE, **given["reshape"]}
        tree = {k: v for k, v in base.items() if k != "model"} if name == "promptbert" else base
        lab = lab_of(merge(tree, {"model.max_length": 24}), **given)
        run = execute(lab.config, tmp_path / "s")
        lines = run.metrics()
        assert len(lines) == 5
        assert all(np.isfinite(line["loss"]) for line in lines)
        assert ("reshape" in lines[0]) == (full.endswith("+reshape") or name == "reshape-only")
        saved = load_encoder(str(run.folder / "model" / "last"))
        assert saved.encode(["the dog runs", "a cat eats"]).shape == (2, saved.hidden)


def test_a_run_with_a_queue_resumes_bitwise(base, tmp_path):
    from safetensors.torch import load_file

    config = lab_of(base, **framework_options("esimcse")).config
    whole = execute(config, tmp_path / "a" / "s")
    seen = []
    with pytest.raises(Interrupted):
        execute(
            config,
            tmp_path / "b" / "s",
            on_step=lambda line, _: seen.append(line),
            should_stop=lambda: len(seen) >= 3,
        )
    again = execute(config, tmp_path / "b" / "s")
    first, second = (
        load_file(run.folder / "model/last/model.safetensors") for run in (whole, again)
    )
    assert all(torch.equal(first[name], second[name]) for name in first)


# ---- roles of a reshape -----------------------------------------------------------------------


def numpy_token_view(operator, x):
    """The formulas again, on one sentence of n tokens and d channels."""
    root = lambda v: np.sign(v) * (np.sqrt(np.abs(v) + 1e-6) - 1e-3)  # noqa: E731
    n, d = x.shape
    if operator == "token-gram":
        grid = root(x @ x.T / d)
        mixed = grid @ x / np.abs(grid).sum(1, keepdims=True)
    elif operator == "channel-gram":
        grid = root(x.T @ x / n)
        mixed = x @ (grid / np.abs(grid).sum(1, keepdims=True)).T
    elif operator == "elementwise":
        mixed = np.stack([root(x[i]) * root(x).mean(0) for i in range(n)])
    else:
        mixed = np.repeat(x.mean(0, keepdims=True), n, 0)
    centred = mixed - mixed.mean(1, keepdims=True)
    return centred * x.std(1, keepdims=True) / np.sqrt(
        (centred**2).mean(1, keepdims=True) + 1e-6
    ) + x.mean(1, keepdims=True)


@pytest.mark.parametrize("operator", TOKEN_FORMULAS)
def test_a_reshaped_sentence_is_its_numpy_transcription_and_leaves_the_rest_alone(operator):
    torch.manual_seed(0)
    x = torch.randn(3, 6, 8)
    mask = torch.tensor([[0, 1, 1, 1, 1, 0], [0, 1, 1, 0, 0, 0], [0] * 6]).bool()
    out = reshape_tokens(operator, x, mask)
    for i in range(3):
        torch.testing.assert_close(out[i][~mask[i]], x[i][~mask[i]], rtol=0, atol=0)
        if mask[i].any():
            expected = numpy_token_view(operator, x[i][mask[i]].double().numpy())
            np.testing.assert_allclose(out[i][mask[i]].numpy(), expected, atol=1e-4)
    alone = reshape_tokens(operator, x[1:2, :4], mask[1:2, :4])
    torch.testing.assert_close(alone, out[1:2, :4], atol=1e-5, rtol=1e-5)


def test_role_view_makes_the_second_view_of_reshaped_input_embeddings(base):
    lab = lab_of(
        base, **{"model.dropout": 0.0, "reshape": {"role": "view", "operator": "token-gram"}}
    )
    arm, _, embedded = step(lab)
    plain = arm.encoder.eval()
    rows = lab.tokens.rows(Batches(lab.tokens.lengths, 16, seed=0)(0))
    np.testing.assert_allclose(
        embedded.views[0].detach().numpy(), plain.encode_ids(rows), atol=1e-5
    )
    ids = torch.from_numpy(rows[3].astype(np.int64))[None]
    mask = torch.ones_like(ids)
    backbone = plain.backbone
    reshaped = reshape_tokens(
        "token-gram", backbone.embeddings(input_ids=ids), plain.content_mask(ids, mask)
    )
    states = backbone.encoder(reshaped).last_hidden_state
    torch.testing.assert_close(embedded.views[1, 3], states.mean(1)[0], atol=1e-5, rtol=1e-4)
    assert lab.stored is None


def test_role_residual_starts_at_the_encoder_learns_and_is_kept_in_a_fresh_process(
    base, tmp_path, call
):
    options = {"reshape": {**RESHAPE, "role": "residual"}, "training.steps": 8}
    lab = lab_of(base, **options)
    texts = ["the dog runs by the river", "many children read", "a"]
    start, bare = lab.encoder().eval(), lab_of(base).encoder().eval()
    np.testing.assert_allclose(start.encode(texts), bare.encode(texts), atol=1e-6)
    run = execute(lab.config, tmp_path / "s")
    folder = run.folder / "model" / "last"
    saved = load_encoder(str(folder))
    without = saved.encode(texts)
    saved.readout, residual = saved.readout.inner, saved.readout
    assert np.abs(without - saved.encode(texts)).max() > 1e-4
    saved.readout = residual
    assert not (folder / "modules.json").exists()
    import subprocess
    import sys

    code = (
        "from recse_lab.models import load_encoder\n"
        f"print(load_encoder({str(folder)!r}).encode({texts!r}).tolist())"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    np.testing.assert_allclose(np.array(eval(told)), without, atol=1e-6)


def test_a_reshape_target_of_a_queue_arm_is_that_of_simcse(base):
    """Portability is composition: the reshape term does not know what the contrast is."""
    kept = {"model.dropout": 0.0, "reshape": RESHAPE}
    terms = []
    for extra in ({}, {"contrast.queue": 1.0}, {"contrast.objective": "adnce"}):
        lab = lab_of(base, **kept, **extra)
        _, _, embedded = step(lab)
        terms.append(
            recse_terms(
                *embedded, contrast=InfoNCE(), weight=1.0, reshape_weight=1.0
            ).reshape.item()
        )
    assert terms[1] == pytest.approx(terms[0], rel=1e-5)
    assert terms[2] == pytest.approx(terms[0], rel=1e-6)


# ---- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"model.dropout": 0.0, "model.dropout_mask": "fixed"}, "needs a dropout above 0"),
        (
            {"model.dropout_mask": "fixed", "contrast.weight": 0.0, "reshape": RESHAPE},
            "contrast.weight 0 makes one",
        ),
        (
            {"model.dropout_mask": "fixed", "view": {"family": "crop", "strength": 0.1}},
            "view changes it",
        ),
        ({"reshape": {"operator": "channel-gram", "dim": 4000}}, "4000"),
        ({"reshape": {"role": "view", "operator": "linear"}}, "role view has no linear"),
        (
            {
                "reshape": {"role": "view", "operator": "mean"},
                "view": {"family": "crop", "strength": 0.1},
            },
            "take one of them",
        ),
        (
            {"reshape": {**RESHAPE, "role": "residual"}, "contrast.weight": 0.0},
            "nothing would be trained",
        ),
        ({"view": {"family": "crop", "strength": 1.5}}, "from 0 to 1"),
        ({"view": {"family": "corp", "strength": 0.5}}, "did you mean crop"),
        (
            {"view": {"family": "mlm-substitution", "strength": 0.5}},
            "carries no masked-language-model head",
        ),
        ({"view": {"family": "synonyms", "strength": 0.5}}, "RECSE_LAB_WORDNET"),
        ({"contrast.objective": "adnce", "contrast.options": {"sigma": 0}}, "above 0"),
        ({"contrast.options": {"mu": 0.2}}, "there are none"),
        ({"contrast.objective": "supervised"}, "needs positives"),
        ({"negatives": "x"}, "needs positives"),
        ({"model.pooling": "prompt"}, "needs a template"),
        ({"prompt": {"template": "no marks"}}, "exactly once"),
        ({"prompt": {}, "model.pooling": "mean"}, "must go"),
    ],
)
def test_bad_combinations_are_refused_when_the_config_is_read(options, told, base, monkeypatch):
    monkeypatch.delenv("RECSE_LAB_WORDNET", raising=False)
    with pytest.raises(LabError, match=told):
        settle(make_config(merge(base, options)))


def test_a_prompt_and_masking_need_a_mask_token(base, tiny, tmp_path):
    import shutil

    from transformers import AutoTokenizer

    folder = tmp_path / "maskless"
    shutil.copytree(tiny, folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.mask_token = None
    tokenizer.save_pretrained(folder)
    assert AutoTokenizer.from_pretrained(folder).mask_token_id is None
    bare = {k: v for k, v in base.items() if k != "model"} | {"encoder": str(folder)}
    for options in ({"prompt": {}}, {"view": {"family": "span-masking", "strength": 0.2}}):
        with pytest.raises(LabError, match="mask token"):
            settle(make_config(merge(bare, options)))


def test_training_a_baseline_is_refused_and_measuring_it_is_not(base, tmp_path, tiny):
    with pytest.raises(LabError, match="not trained"):
        settle(make_config(merge(base, {"encoder": f"bag@{tiny}"})))
    run = execute(
        settle(make_config(merge(base, {"encoder": f"bag@{tiny}", "training.steps": 0}))),
        tmp_path / "s",
    )
    assert run.record.sts.tasks["stsb"].pairs > 0
    assert run.id != execute(lab_of(base, **{"training.steps": 0}).config, tmp_path / "s").id


def test_an_unknown_framework_names_the_nearest():
    with pytest.raises(LabError, match="did you mean esimcse"):
        read_config(None, framework="esimsce", overrides={"encoder": "x"})


def test_a_study_prepares_every_role(base, tmp_path):
    """Shared work is done before the workers start.

    Statistics for target and residual, none for a view.
    """
    from rich.console import Console

    from recse_lab.ablation.plan import plan
    from recse_lab.ablation.runner import prepare
    from recse_lab.ablation.spec import StudySpec

    spec = StudySpec.model_validate(
        {
            "name": "roles",
            "question": "?",
            "cost": "seconds",
            "base": {**base, "reshape": RESHAPE},
            "seeds": 1,
            "arms": [
                {"name": "roles", "sweep": {"reshape.role": ["target", "residual", "view"]}},
                {"name": "untrained", "baseline": "bag"},
            ],
            "report": {"against": "untrained"},
        }
    )
    cells = plan(spec)
    prepare(cells, Console(quiet=True))
    assert [cell.lab.stored is None for cell in cells if cell.arm == "roles"] == [False, True, True]
