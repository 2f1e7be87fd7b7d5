"""Training-free baselines against their papers, hand computation, sklearn and one another."""

import json
import shutil
from collections import Counter

import numpy as np
import pytest
import torch
from conftest import WORDS, sentences
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from sklearn.decomposition import PCA, TruncatedSVD

from recse_lab.data.corpora import Corpus
from recse_lab.errors import LabError
from recse_lab.models import load_encoder
from recse_lab.models.baselines import BASELINES, is_baseline, load_baseline, parse_baseline
from recse_lab.models.baselines import fitting as fitting_module
from recse_lab.models.baselines.bags import Bag
from recse_lab.models.baselines.linear import complement, rank, spectrum, whitening_kernel
from recse_lab.runs.store import find_runs

TEXTS = sentences(30, seed=9)


@pytest.fixture
def corpus(corpus_file):
    return Corpus(corpus_file)


@pytest.fixture
def load(tiny, corpus):
    """A baseline of the small encoder."""
    return lambda name, on=None, **options: load_baseline(f"{name}@{tiny}", on or corpus, **options)


@pytest.fixture
def embeddings(tiny, corpus):
    """Of the whole corpus, by the encoder itself."""
    return load_encoder(str(tiny)).encode(list(corpus)).astype(np.float64)


def write(path, lines):
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Corpus(path)


def cosines(x):
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    return x @ x.T


# ---- formulas ---------------------------------------------------------------------------------


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_whitening_is_that_of_the_authors(seed, k):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(60, 6)) @ rng.normal(size=(6, 6)) + rng.normal(size=6) * 3
    u, s, _ = np.linalg.svd(np.cov(x.T))  # their code
    theirs = (x - x.mean(0)) @ (u @ np.diag(1 / np.sqrt(s)))[:, :k]
    values, vectors = spectrum(np.cov(x.T, bias=True))
    ours = (x - x.mean(0)) @ whitening_kernel(values, vectors, k)
    np.testing.assert_allclose(np.cov(ours.T, bias=True).reshape(k, k), np.eye(k), atol=1e-8)
    np.testing.assert_allclose(np.abs(ours), np.abs(theirs) * np.sqrt(60 / 59), atol=1e-7)
    assert (vectors[np.abs(vectors).argmax(0), np.arange(6)] > 0).all()


def test_complement_is_what_pca_leaves():
    x = np.random.default_rng(0).normal(size=(50, 7)) * np.arange(1, 8)
    pca = PCA(3).fit(x)
    centred = x - x.mean(0)
    left = centred - pca.transform(x) @ pca.components_
    _, vectors = spectrum(np.cov(x.T))
    np.testing.assert_allclose(centred @ complement(vectors[:, :3]), left, atol=1e-10)


def test_rank_counts_what_is_more_than_float32_rounding():
    rng = np.random.default_rng(0)
    x = (
        rng.normal(size=(500, 8)) * 10.0 ** -np.arange(8.0) + 5
    )  # scales from 1 to 1e-7, far from the origin
    x = x.astype(np.float32).astype(np.float64)
    values, _ = spectrum(np.cov(x.T))
    assert rank(values, float((x**2).sum(1).mean())) in (5, 6)
    assert rank(np.zeros(8), 0.0) == 0


# ---- whitening and all-but-the-top of an encoder ----------------------------------------------


def test_whitened_corpus_has_unit_covariance(load, corpus, embeddings):
    encoder = load("whitening-5")
    x = encoder.encode(list(corpus)).astype(np.float64)
    assert (encoder.hidden, x.shape, x.mean(0).round(5).any()) == (5, (200, 5), False)
    np.testing.assert_allclose(np.cov(x.T, bias=True), np.eye(5), atol=1e-4)
    u, s, _ = np.linalg.svd(np.cov(embeddings.T))
    theirs = (embeddings - embeddings.mean(0)) @ u[:, :5] / np.sqrt(s[:5])
    np.testing.assert_allclose(cosines(x), cosines(theirs), atol=1e-4)


def test_layer_norm_leaves_one_direction_fewer(load):
    assert load("whitening").hidden == 15
    with pytest.raises(
        LabError,
        match=(
            r"fitted on 200 sentences of corpus.txt, whose embeddings vary in 15 directions, "
            r"not in 16"
        ),
    ):
        load("whitening-16")


def test_a_dead_direction_is_refused(load, tiny, tmp_path):
    folder = shutil.copytree(tiny, tmp_path / "dead")
    weights = load_file(folder / "model.safetensors")
    for name in ("weight", "bias"):
        weights[f"encoder.layer.2.output.LayerNorm.{name}"][:4] = 0
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    corpus = write(tmp_path / "c.txt", sentences(100))
    assert (
        load_baseline(f"whitening@{folder}", corpus).hidden == 12
    )  # 16 less the dead ones; z is free within the rest
    with pytest.raises(LabError, match="vary in 12 directions, not in 13"):
        load_baseline(f"whitening-13@{folder}", corpus)


@pytest.mark.parametrize(
    ("name", "removed"),
    [("all-but-the-top", 1), ("all-but-the-top-3", 3), ("all-but-the-top-0", 0)],
)
def test_all_but_the_top_equals_its_transcription(load, corpus, embeddings, name, removed):
    centred = embeddings - embeddings.mean(0)
    wanted = centred.copy()
    for u in PCA(3).fit(embeddings).components_[:removed]:
        wanted -= np.outer(centred @ u, u)
    encoder = load(name)
    np.testing.assert_allclose(encoder.encode(list(corpus)), wanted, atol=1e-4)
    assert encoder.hidden == 16


def test_moments_are_those_of_evenly_spaced_sentences(load, corpus, embeddings):
    sample = embeddings[np.unique(np.linspace(0, 199, 50).astype(int))]
    assert len(sample) == 50
    encoder = load("whitening-3", rows=50)
    np.testing.assert_allclose(encoder.mean, sample.mean(0), atol=1e-6)
    np.testing.assert_allclose(
        encoder.kernel.T @ np.cov(sample.T, bias=True) @ encoder.kernel, np.eye(3), atol=1e-4
    )


@pytest.mark.parametrize("name", ["whitening-6", "all-but-the-top-2", "bag-sif-2", "ppmi-sif-1"])
def test_the_order_of_batches_changes_nothing(load, monkeypatch, tmp_path, name):
    before = load(name).encode(TEXTS)
    monkeypatch.setenv("RECSE_LAB_CACHE", str(tmp_path / "another"))
    monkeypatch.setattr(fitting_module, "CHUNK", 7)
    monkeypatch.setattr("recse_lab.models.transformer.token_budget", lambda device: 40)
    monkeypatch.setattr("recse_lab.models.baselines.bags.CHUNK", 5)
    np.testing.assert_allclose(load(name).encode(TEXTS), before, rtol=1e-4, atol=1e-4)


def test_pooling_layers_and_length_are_those_asked_for(load, tiny):
    options = {"pooling": "cls", "layers": 2, "max_length": 6}
    encoder = load("all-but-the-top-0", **options)
    plain = load_encoder(str(tiny), **options).encode(TEXTS)
    np.testing.assert_allclose(encoder.encode(TEXTS), plain - encoder.mean, atol=1e-5)
    assert (encoder.pooling, encoder.max_length, encoder.backbone.config.num_hidden_layers) == (
        "cls",
        6,
        2,
    )


# ---- bags -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def five_words():
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    vocab = {
        token: i
        for i, token in enumerate(
            ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "red", "green", "blue", "sea", "sky"]
        )
    }
    tokenizer = Tokenizer(models.WordLevel(vocab, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    special = {
        f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")
    }
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=6, **special)


def test_a_bag_by_hand(five_words):
    vectors = np.zeros((10, 2), np.float32)
    vectors[:5] = 100  # of the special tokens: only that of [UNK] may show
    vectors[5:] = [[1, 0], [0, 1], [2, 2], [-1, 0], [0, 4]]
    weights = np.array([9, 0.5, 9, 9, 9, 1, 0.5, 0.25, 1, 0.125], np.float32)
    bag = Bag(vectors, weights, tokenizer=five_words, max_length=6, fingerprint="", fitted_on=None)
    texts = ["red green blue", "sea sky", "red red", "", "mauve", "red sea red sea sky sky sky"]
    wanted = [
        [(1 + 0.5) / 3, (0.5 + 0.5) / 3],
        [-0.5, 0.25],
        [1, 0],
        [0, 0],
        [50, 50],
        [0, 0],  # cut after red sea red sea
    ]
    np.testing.assert_allclose(bag.encode(texts), wanted, atol=1e-6)
    for text, vector in zip(texts, wanted, strict=True):
        np.testing.assert_allclose(bag.encode([text]), [vector], atol=1e-6)
    assert bag.encode([]).shape == (0, 2)


def words_of(tiny):
    model = load_encoder(str(tiny))
    table = (
        load_file(tiny / "model.safetensors")["embeddings.word_embeddings.weight"].double().numpy()
    )
    return model.tokenizer, table


def transcribed(tokenizer, texts, vector, weight):
    """(1/n) Σ weight · vector over the tokens of text."""
    out = []
    for text in texts:
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        out.append(sum(weight(i) * vector[i] for i in ids) / len(ids))
    return np.array(out)


def sif(tokenizer, texts):
    """Arora et al.: a / (a + p(w)), a = 1e-3."""
    counts = Counter(
        i for text in texts for i in tokenizer(text, add_special_tokens=False)["input_ids"]
    )
    return lambda i: 1e-3 / (1e-3 + counts[i] / counts.total())


def test_a_bag_of_the_backbones_words(load, tiny):
    tokenizer, table = words_of(tiny)
    texts = [*TEXTS, "the zebra sings"]  # a word that is unknown
    np.testing.assert_allclose(
        load("bag").encode(texts), transcribed(tokenizer, texts, table, lambda i: 1), atol=1e-6
    )


def test_sif_equals_its_transcription(load, tiny, corpus):
    tokenizer, table = words_of(tiny)
    weight = sif(tokenizer, list(corpus))
    assert 0.01 < weight(tokenizer.convert_tokens_to_ids("the")) < 0.5
    texts = [*TEXTS, "the zebra sings"]
    np.testing.assert_allclose(
        load("bag-sif").encode(texts), transcribed(tokenizer, texts, table, weight), atol=1e-7
    )


@pytest.mark.parametrize(("name", "removed"), [("bag-sif-1", 1), ("bag-sif-3", 3), ("bag-1", 1)])
def test_principal_components_are_removed_as_by_the_authors(load, tiny, corpus, name, removed):
    tokenizer, table = words_of(tiny)
    weight = sif(tokenizer, list(corpus)) if "sif" in name else (lambda i: 1)
    # the authors' own: not centred
    fit = TruncatedSVD(removed, algorithm="arpack").fit(
        transcribed(tokenizer, list(corpus), table, weight)
    )
    x = transcribed(tokenizer, TEXTS, table, weight)
    np.testing.assert_allclose(
        load(name).encode(TEXTS), x - x @ fit.components_.T @ fit.components_, atol=1e-6
    )


def test_ppmi_vectors_are_the_singular_vectors_of_the_whole_corpus(load, tiny, tmp_path):
    rng = np.random.default_rng(
        0
    )  # 16 topics, so that 16 singular values stand apart from the rest
    lines = [
        " ".join(rng.choice(WORDS[i % 16 * 6 : i % 16 * 6 + 7], rng.integers(2, 12)))
        for i in range(400)
    ]
    corpus = write(tmp_path / "topics.txt", lines)
    tokenizer, _ = words_of(tiny)
    rows = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in corpus]
    counts = np.zeros((len(tokenizer), len(tokenizer)))
    for row in rows:
        for i, first in enumerate(row):
            for second in [*row[max(0, i - 5) : i], *row[i + 1 : i + 6]]:
                counts[first, second] += 1
    context = counts.sum(1) ** 0.75
    with np.errstate(divide="ignore", invalid="ignore"):
        pmi = np.log(counts * context.sum() / np.outer(counts.sum(1), context))
    left = np.linalg.svd(np.where(counts > 0, np.maximum(pmi, 0), 0))[0][:, :16]
    for name, weight in (("ppmi", lambda i: 1), ("ppmi-sif", sif(tokenizer, list(corpus)))):
        encoder = load(name, corpus, rows=3)  # moments alone look at a sample
        wanted = transcribed(tokenizer, TEXTS, left, weight)
        assert encoder.hidden == 16
        np.testing.assert_allclose(cosines(encoder.encode(TEXTS)), cosines(wanted), atol=2e-3)


def test_ppmi_finds_topics_that_share_no_word(tmp_path, tiny):
    rng = np.random.default_rng(0)
    topics = [WORDS[:24], WORDS[24:48]]
    corpus = write(
        tmp_path / "topics.txt", [" ".join(rng.choice(topics[i % 2], 8)) for i in range(600)]
    )
    halves = [" ".join(words) for topic in topics for words in (topic[:12], topic[12:])]
    similar = cosines(load_baseline(f"ppmi-sif@{tiny}", corpus).encode(halves))
    within, across = [similar[0, 1], similar[2, 3]], similar[:2, 2:]
    assert min(within) > across.max() + 0.2


def test_a_word_the_corpus_lacks_has_no_vector(load, tmp_path):
    corpus = write(tmp_path / "few.txt", [" ".join(WORDS[i : i + 6]) for i in range(40)])
    assert not load("ppmi", corpus).encode(["farm"]).any()
    assert load("ppmi", corpus).encode([WORDS[3]]).any()


# ---- the random encoder -----------------------------------------------------------------------


def test_random_is_drawn_anew_and_always_the_same(load, tiny):
    trained = load_encoder(str(tiny))
    torch.manual_seed(3)
    state = torch.get_rng_state()
    encoder = load("random-1")  # the small encoder itself is the draw of seed 0
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(4)
    again, other = load("random-1"), load("random-2")
    vectors = encoder.encode(TEXTS)
    np.testing.assert_array_equal(again.encode(TEXTS), vectors)
    assert np.abs(other.encode(TEXTS) - vectors).max() > 0.1
    assert np.abs(trained.encode(TEXTS) - vectors).max() > 0.1
    drawn = encoder.backbone.state_dict()
    assert {k: v.shape for k, v in drawn.items()} == {
        k: v.shape for k, v in trained.backbone.state_dict().items()
    }
    kept = [
        name
        for name, value in trained.backbone.state_dict().items()
        if torch.equal(drawn[name], value)
    ]
    assert all(
        "LayerNorm" in name or name.endswith("bias") for name in kept
    )  # ones and zeros in both
    assert drawn["encoder.layer.0.intermediate.dense.weight"].std().item() == pytest.approx(
        0.2, rel=0.1
    )
    assert (encoder.pooling, encoder.max_length, encoder.training) == ("mean", 64, False)


def test_random_draws_a_kept_head_too(tiny, corpus, tmp_path):
    from recse_lab.models.heads import TanhHead
    from recse_lab.models.readouts import Pooled
    from recse_lab.models.transformer import TransformerEncoder

    plain = load_encoder(str(tiny))
    TransformerEncoder(
        plain.backbone, plain.tokenizer, readout=Pooled("cls"), head=TanhHead(16, kept=True)
    ).save(tmp_path / "h")
    trained, encoder = (
        load_encoder(str(tmp_path / "h")),
        load_baseline(f"random@{tmp_path / 'h'}", corpus),
    )
    assert not torch.equal(encoder.head.dense.weight, trained.head.dense.weight)
    assert np.abs(encoder.encode(TEXTS)).max() <= 1


# ---- any baseline -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", BASELINES)
def test_every_baseline_is_an_encoder(load, tiny, name):
    encoder = load(name)
    together = encoder.encode(TEXTS, precision="fp32")
    seen = []
    rows = encoder.tokenize(TEXTS)
    np.testing.assert_array_equal(
        encoder.encode_ids(
            rows, precision="fp32", progress=lambda done, total: seen.append((done, total))
        ),
        together,
    )
    assert seen[-1] == (30, 30)
    assert together.dtype == np.float32
    assert together.shape == (30, encoder.hidden)
    assert np.isfinite(together).all()
    assert [list(r) for r in rows] == [list(r) for r in load_encoder(str(tiny)).tokenize(TEXTS)]
    np.testing.assert_allclose(encoder.encode(TEXTS[:1]), together[:1], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(encoder.encode(TEXTS[::-1])[::-1], together, rtol=1e-4, atol=1e-5)
    assert encoder.encode([]).shape == (0, encoder.hidden)
    assert encoder.device.type == "cpu"
    assert not encoder.training
    assert encoder.encode(["one two"], precision="bf16").dtype == np.float32


@pytest.mark.parametrize(
    "name", ["whitening-4", "all-but-the-top-2", "bag-sif", "bag-sif-1", "ppmi", "ppmi-sif-1"]
)
def test_nothing_is_fitted_twice(load, monkeypatch, tmp_path, name):
    first = load(name)
    shutil.rmtree(tmp_path / "cache" / "tokens")
    monkeypatch.setattr(Corpus, "__iter__", lambda self: pytest.fail("the corpus was read"))
    second = load(name)
    np.testing.assert_array_equal(second.encode(TEXTS), first.encode(TEXTS))
    assert second.fingerprint == first.fingerprint
    with pytest.raises(pytest.fail.Exception, match="the corpus was read"):
        load(name, max_length=9)


def test_a_damaged_fit_is_made_again(load, tmp_path):
    first = load("whitening-4")
    (kept,) = (tmp_path / "cache" / "baselines").iterdir()
    whole = kept.read_bytes()
    for damaged in (b"", whole[:100]):
        kept.write_bytes(damaged)
        np.testing.assert_array_equal(load("whitening-4").encode(TEXTS), first.encode(TEXTS))
        assert kept.read_bytes() == whole


def test_all_that_follows_from_the_same_moments_is_fitted_once(load, monkeypatch):
    load("whitening-4")
    load("bag-sif-1")
    monkeypatch.setattr(Corpus, "__iter__", lambda self: pytest.fail("the corpus was read"))
    monkeypatch.setattr(Bag, "encode_ids", lambda *_: pytest.fail("a sentence was encoded"))
    assert [
        load(name).hidden for name in ("whitening", "whitening-2", "all-but-the-top-5", "bag-sif-3")
    ] == [
        15,
        2,
        16,
        16,
    ]


@pytest.mark.parametrize("name", ["bag", "random"])
def test_what_is_not_fitted_reads_no_corpus(load, monkeypatch, tmp_path, name):
    monkeypatch.setattr(Corpus, "__iter__", lambda self: pytest.fail("the corpus was read"))
    assert load(name).fitted_on is None
    assert not (tmp_path / "cache").exists()


MATTERS = {"pooling": "cls", "layers": 2, "max_length": 6, "rows": 100, "precision": "bf16"}


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("whitening-4", {"pooling", "layers", "max_length", "rows", "precision", "corpus"}),
        ("all-but-the-top-2", {"pooling", "layers", "max_length", "rows", "precision", "corpus"}),
        ("bag", {"max_length"}),
        ("bag-1", {"max_length", "rows", "corpus"}),
        ("bag-sif", {"max_length", "corpus"}),
        ("ppmi", {"max_length", "corpus"}),
        ("ppmi-sif-1", {"max_length", "rows", "corpus"}),
        ("random", {"pooling", "layers", "max_length"}),
    ],
)
def test_a_fingerprint_changes_with_what_moves_the_numbers(load, tmp_path, name, options):
    other = write(tmp_path / "other.txt", sentences(150, seed=3))
    before = load(name).fingerprint
    assert len(before) == 64
    changed = {
        option
        for option, value in MATTERS.items()
        if load(name, **{option: value}).fingerprint != before
    }
    changed |= {"corpus"} if load(name, other).fingerprint != before else set()
    assert changed == options


def test_fingerprints_differ_between_baselines_and_numbers(load, tiny, tmp_path, corpus):
    names = [
        *BASELINES,
        "whitening-4",
        "whitening-5",
        "all-but-the-top-2",
        "bag-1",
        "bag-2",
        "bag-sif-1",
        "ppmi-1",
        "random-1",
    ]
    found = [load(name).fingerprint for name in names]
    assert len(set(found)) == len(names)
    folder = shutil.copytree(tiny, tmp_path / "other")
    weights = load_file(folder / "model.safetensors")
    weights["embeddings.word_embeddings.weight"][7] += 1
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert not {load_baseline(f"{name}@{folder}", corpus).fingerprint for name in BASELINES} & set(
        found
    )


# ---- specs and refusals -----------------------------------------------------------------------


def test_specs(tmp_path, monkeypatch):
    assert parse_baseline("whitening-64@recse-lab/tiny") == ("whitening", 64, "recse-lab/tiny")
    assert parse_baseline("all-but-the-top@x") == ("all-but-the-top", None, "x")
    assert parse_baseline("ppmi-sif-1@./me@home") == ("ppmi-sif", 1, "./me@home")
    assert is_baseline("whitenning@x")
    assert not is_baseline("recse-lab/tiny")
    assert not is_baseline("runs/me@home/model")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bag@home").mkdir()
    assert not is_baseline("bag@home")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("whitenning-64", "unknown baseline 'whitenning'; did you mean whitening?"),
        ("bag-siff", "unknown baseline 'bag-siff'; did you mean bag-sif?"),
        ("zzz", "unknown baseline 'zzz'; known: whitening, all-but-the-top, bag,"),
        ("", "unknown baseline ''; known: whitening"),
        ("whitening--4", "unknown baseline 'whitening-'; did you mean whitening?"),
        ("whitening-17", "whitening keeps 1 to 16 dimensions of "),
        ("whitening-0", "whitening keeps 1 to 16 dimensions of "),
        ("all-but-the-top-16", "removes 16 components of 16 dimensions; nothing would be left."),
        ("bag-sif-16", "removes 16 components of 16 dimensions; nothing would be left."),
        ("bag@whitening", "a baseline of a baseline is not made"),
    ],
)
def test_a_wrong_spec_is_told(load, name, message):
    with pytest.raises(LabError) as error:
        load(name)
    assert message in str(error.value)


def test_a_spec_without_an_encoder(corpus):
    with pytest.raises(LabError, match="no encoder behind the @"):
        load_baseline("whitening@", corpus)


@pytest.mark.parametrize(
    ("name", "count", "message"),
    [
        (
            "whitening-8",
            8,
            "fitted on 8 sentences of few.txt, whose embeddings vary in 7 directions, not in 8",
        ),
        ("whitening", 16, "16 sentences of few.txt cannot fill 16 dimensions"),
        ("all-but-the-top-4", 4, "vary in 3 directions, not in 4"),
        ("bag-sif-5", 4, "vary in 4 directions, not in 5"),
    ],
)
def test_a_corpus_that_is_too_small(load, tmp_path, name, count, message):
    few = write(tmp_path / "few.txt", sentences(count))
    with pytest.raises(LabError, match=message):
        load(name, few)


def test_a_corpus_of_too_few_words(load, tmp_path):
    few = write(
        tmp_path / "few.txt", ["the dog runs", "the cat walks", "the man reads", "a dog sings"] * 5
    )
    with pytest.raises(
        LabError, match=r"9 tokens of few\.txt keep company .* too few for vectors of 16 numbers"
    ):
        load("ppmi", few)
    assert not list((tmp_path / "cache").glob("baselines/*"))


def test_an_encoder_that_gives_no_number(load, tiny, tmp_path, corpus):
    folder = shutil.copytree(tiny, tmp_path / "nan")
    weights = load_file(folder / "model.safetensors")
    weights["encoder.layer.1.output.dense.bias"][0] = float("nan")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(LabError, match=r"some embeddings of corpus\.txt are not finite"):
        load_baseline(f"whitening-4@{folder}", corpus)


# ---- from the command line --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "about"),
    [
        (
            "whitening-8",
            {"baseline": "whitening-8", "corpus": "corpus.txt", "pooling": "mean", "layers": 3},
        ),
        (
            "ppmi-sif",
            {"baseline": "ppmi-sif", "corpus": "corpus.txt", "pooling": "bag", "layers": 0},
        ),
        ("random-2", {"baseline": "random-2", "corpus": None, "pooling": "mean", "layers": 3}),
    ],
)
def test_eval_of_a_baseline(call, tiny, corpus_file, corpus, tmp_path, name, about):
    spec = f"{name}@{tiny}"
    code, out, err = call(
        "eval", spec, "--corpus", corpus_file, "--precision", "fp32", "--json", tmp_path / "o.json"
    )
    assert code == 0, err
    result = json.loads((tmp_path / "o.json").read_text())
    told = result["encoder"]
    assert {key: told[key] for key in about} == about
    assert told["name"] == spec
    assert told["fingerprint"] == load_baseline(spec, corpus).fingerprint
    assert result["environment"]["attention"] == (
        load_encoder(str(tiny)).backbone.config._attn_implementation if about["layers"] else None
    )
    assert all(task["pairs"] for task in result["tasks"].values())
    assert f"at most {told['max_length']} tokens" in out


def test_eval_scores_are_those_of_the_baseline(call, tiny, corpus_file, corpus, tmp_path):
    import pandas as pd

    from recse_lab.data.sts_sets import load_task

    spec = f"whitening-8@{tiny}"
    command = (
        "eval",
        spec,
        "--corpus",
        corpus_file,
        "--precision",
        "fp32",
        "--tasks",
        "sample-sts",
    )
    code, _, err = call(*command)
    assert code == 0, err
    (run,) = find_runs(tmp_path / "runs")
    encoder = load_baseline(spec, corpus)
    pairs = next(iter(load_task("sample-sts", None).subsets.values()))
    a, b = encoder.encode(pairs.first), encoder.encode(pairs.second)
    wanted = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    np.testing.assert_allclose(
        pd.read_parquet(run.scores)["score"][: len(wanted)], wanted, atol=1e-4
    )


def test_the_packaged_corpus_is_the_default(call, tiny, corpus, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "recse_lab.jobs.evaluate.open_corpus", lambda paths: asked.append(paths) or corpus
    )
    code, _, err = call("eval", f"bag-sif@{tiny}", "--tasks", "sample-sts-dev")
    assert (code, asked) == (0, [("sample-corpus",)]), err


def test_eval_refuses_in_one_sentence(call, tiny, corpus_file):
    code, _, err = call("eval", f"whitenning@{tiny}")
    assert (code, "did you mean whitening?" in err.replace("\n", " ")) == (2, True)
    code, _, err = call("eval", tiny, "--corpus", corpus_file)
    assert (code, "only a baseline is fitted on a corpus" in " ".join(err.split())) == (2, True)


def test_a_plain_encoder_says_that_it_is_no_baseline(call, tiny, small_senteval, tmp_path):
    code, _, err = call(
        "eval", tiny, "--data-dir", small_senteval, "--tasks", "stsb", "--json", tmp_path / "o.json"
    )
    assert code == 0, err
    told = json.loads((tmp_path / "o.json").read_text())["encoder"]
    assert (told["baseline"], told["corpus"], told["layers"]) == (None, None, 3)


def test_list_encoders_names_every_baseline(call):
    _, out, _ = call("list", "encoders")
    assert all(f"{name}[-N]@ENCODER" in out for name in BASELINES)
