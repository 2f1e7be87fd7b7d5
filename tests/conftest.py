"""Fixtures shared by all tests: the real data, and encoders built from a config, not downloaded."""

import os
import random
import sys
from pathlib import Path
from typing import Any

import pytest

# Encoders this small lose time to threads, and the cores are busy with other tests.
os.environ.setdefault("OMP_NUM_THREADS", "1")

REPO = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of ``senteval/`` and ``wiki/``; without it, tests that need it are skipped."""
    path = Path(os.environ.get("RECSE_LAB_DATA", REPO.parent / "shared" / "data"))
    if not (path / "senteval" / "STS").is_dir():
        pytest.skip(f"no STS data in {path}; set RECSE_LAB_DATA to the folder of senteval/")
    return path


@pytest.fixture
def shapes_unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let wrong shapes through to the package's own refusals, for tests that give them."""
    import jaxtyping

    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


VOCABULARY = """
the a of in on and to is was by with for from at it he she they we dog cat man woman child red
blue green old new big small fast slow river house tree car train city road bridge school book
music song water fire sun moon star bird fish horse runs walks eats sees makes takes gives
reads plays sings builds finds loves fears holds opens closes many few one two three four five
north south east west year day night morning king queen war peace law art food bread milk apple
stone gold silver ship sea island mountain forest field farm
"""
WORDS = VOCABULARY.split()


def sentences(count: int, seed: int = 0) -> list[str]:
    """Distinct random word sequences of uneven length: enough to train on, not to learn from."""
    rng = random.Random(seed)
    found: dict[str, None] = {}
    while len(found) < count:
        found[" ".join(rng.choices(WORDS, k=rng.randint(2, 14)))] = None
    return list(found)


SIZES: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "initializer_range": 0.2,
}
"""The size of the encoders below."""


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of 3 layers × 16 with random weights and a WordPiece tokenizer over WORDS."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("tiny")
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    vocab = {piece: i for i, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()  # pyright: ignore[reportAttributeAccessIssue]
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()  # pyright: ignore[reportAttributeAccessIssue]
    special = [("[CLS]", vocab["[CLS]"]), ("[SEP]", vocab["[SEP]"])]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=special
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=64,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(vocab_size=len(vocab), max_position_embeddings=64, **SIZES)
    BertModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def roberta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A RoBERTa of 3 layers × 16 with random weights, a byte-level BPE and room for 64 tokens."""
    import torch
    from tokenizers import ByteLevelBPETokenizer
    from transformers import RobertaConfig, RobertaModel, RobertaTokenizerFast

    folder = tmp_path_factory.mktemp("roberta")
    bpe = ByteLevelBPETokenizer()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    bpe.train_from_iterator(
        sentences(50), vocab_size=400, special_tokens=special, show_progress=False
    )
    bpe.save_model(str(folder))
    tokenizer = RobertaTokenizerFast.from_pretrained(folder, model_max_length=512)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = RobertaConfig(
        vocab_size=len(tokenizer),
        max_position_embeddings=66,
        type_vocab_size=1,
        **SIZES,
    )
    RobertaModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def distilbert(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DistilBERT of the size and with the tokenizer of ``tiny``."""
    from transformers import DistilBertConfig, DistilBertModel

    sizes = {
        "dim": 16,
        "n_layers": 3,
        "n_heads": 2,
        "hidden_dim": 32,
        "max_position_embeddings": 64,
        "initializer_range": 0.2,
    }
    return _like(
        tiny, tmp_path_factory.mktemp("distilbert"), DistilBertModel, DistilBertConfig, sizes
    )


@pytest.fixture(scope="session")
def mpnet(roberta: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MPNet with the size, tokenizer and positions of ``roberta``; it has no sdpa attention."""
    from transformers import MPNetConfig, MPNetModel

    sizes = SIZES | {"max_position_embeddings": 66}
    return _like(roberta, tmp_path_factory.mktemp("mpnet"), MPNetModel, MPNetConfig, sizes)


def _like(other: Path, folder: Path, model: Any, config: Any, sizes: dict[str, int]) -> Path:
    import torch
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(other)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    model(config(vocab_size=len(tokenizer), **sizes)).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def corpus_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """200 sentences in a text file."""
    path = tmp_path_factory.mktemp("corpus") / "corpus.txt"
    path.write_text("\n".join(sentences(200)) + "\n", encoding="utf-8")
    return path


def write_senteval(root: Path, pairs: int = 12) -> Path:
    """All STS sets in SentEval's layout, a few made-up pairs each, gold from 0 to 5."""
    from recse_lab.data.sts_sets import SUBSETS, TABLES

    rng = random.Random(1)
    texts = sentences(400, seed=5)

    def pair() -> tuple[str, str, str]:
        return rng.choice(texts), rng.choice(texts), f"{rng.choice([1, 2, 3, 4, 4.6, 5])}"

    for task, subsets in SUBSETS.items():
        folder = root / "STS" / f"{task.upper()}-en-test"
        folder.mkdir(parents=True)
        for subset in subsets:
            rows = [pair() for _ in range(pairs)]
            (folder / f"STS.input.{subset}.txt").write_text(
                "".join(f"{a}\t{b}\n" for a, b, _ in rows)
            )
            (folder / f"STS.gs.{subset}.txt").write_text("".join(f"{g}\n" for _, _, g in rows))
    for files in TABLES.values():
        for file in files:
            path = root / file
            path.parent.mkdir(parents=True, exist_ok=True)
            rows = [pair() for _ in range(pairs)]
            if "SICK" in file:
                head = "pair_ID\tsentence_A\tsentence_B\trelatedness_score\tentailment_judgment\n"
                path.write_text(
                    head
                    + "".join(f"{i}\t{a}\t{b}\t{g}\tNEUTRAL\n" for i, (a, b, g) in enumerate(rows))
                )
            else:
                path.write_text(
                    "".join(
                        f"main\tf\t2012\t{i}\t{g}\t{a}\t{b}\n" for i, (a, b, g) in enumerate(rows)
                    )
                )
    return root


@pytest.fixture(scope="session")
def small_senteval(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made-up STS data in SentEval's layout."""
    return write_senteval(tmp_path_factory.mktemp("senteval"))


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run the command line in this process; return its exit code, output and errors."""
    from recse_lab.cli import main

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["recse-lab", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        out = capsys.readouterr()
        return stop.value.code or 0, out.out, out.err

    return run


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the user's cache and run store untouched."""
    monkeypatch.setenv("RECSE_LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("RECSE_LAB_RUNS", str(tmp_path / "runs"))
