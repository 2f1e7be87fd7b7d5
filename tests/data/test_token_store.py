"""The token store against the tokenizer asked sentence by sentence."""

import subprocess
import sys

import numpy as np
import pytest

from recse_lab.data import token_store as tokens
from recse_lab.data.corpora import Corpus
from recse_lab.data.token_store import TokenStore, build_tokens
from recse_lab.errors import LabError
from recse_lab.models.loading import load_tokenizer


@pytest.fixture
def tokenizer(tiny):
    return load_tokenizer(str(tiny))


def build(path, tokenizer, folder, **options):
    return build_tokens(
        Corpus(path), tokenizer, max_length=10, folder=folder, tokenizer_fingerprint="t", **options
    )


@pytest.mark.parametrize("batch", [7, 4096])
def test_rows_counts_and_frequencies(corpus_file, tokenizer, tmp_path, monkeypatch, batch):
    monkeypatch.setattr(tokens, "BATCH", batch)
    store = build(corpus_file, tokenizer, tmp_path)
    expected = [
        tokenizer(s, truncation=True, max_length=10)["input_ids"] for s in Corpus(corpus_file)
    ]
    assert [row.tolist() for row in store.rows(np.arange(len(store)))] == expected
    assert store.lengths.tolist() == [len(row) for row in expected]
    assert len(store) == store.sentences == len(expected)
    special = {tokenizer.cls_token_id, tokenizer.sep_token_id}
    assert special < set(store.special_ids)
    assert tokenizer.unk_token_id not in store.special_ids
    content = [[t for t in row if t not in special] for row in expected]
    for token in (7, 20, 33):
        assert store.counts[token] == sum(row.count(token) for row in content)
        assert store.document_frequency[token] == sum(token in row for row in content)
    assert store.counts[tokenizer.cls_token_id] == 0
    assert store.counts.sum() == sum(map(len, content))


def test_it_is_written_once(corpus_file, tokenizer, tmp_path):
    first = build(corpus_file, tokenizer, tmp_path)
    again = build(
        corpus_file, tokenizer, tmp_path, progress=lambda n: pytest.fail("tokenised again")
    )
    assert again.fingerprint == first.fingerprint


def test_a_failed_build_leaves_nothing(tokenizer, tmp_path):
    bad = tmp_path / "bad.txt"
    bad.write_bytes(b"one two\n" * 5000 + b"\x00\n")
    with pytest.raises(LabError, match="line 5001"):
        build(bad, tokenizer, tmp_path / "cache")
    assert not [p for p in (tmp_path / "cache").iterdir() if p.is_dir()]


def test_one_sentence_is_too_few(tokenizer, tmp_path):
    path = tmp_path / "one.txt"
    path.write_text("the dog runs\n")
    with pytest.raises(LabError, match="at least two"):
        build(path, tokenizer, tmp_path / "cache")


def test_unknown_words_are_counted(tokenizer, tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("the qqqq\nqqqq zzzz\n")
    store = build(path, tokenizer, tmp_path / "cache")
    assert store.counts[tokenizer.unk_token_id] == 3
    assert store.document_frequency[tokenizer.unk_token_id] == 2


def test_another_length_or_corpus_is_another_store(corpus_file, tokenizer, tmp_path):
    first = build(corpus_file, tokenizer, tmp_path)
    shorter = build_tokens(
        Corpus(corpus_file), tokenizer, max_length=6, folder=tmp_path, tokenizer_fingerprint="t"
    )
    assert shorter.fingerprint != first.fingerprint
    assert (shorter.lengths.max(), first.lengths.max()) == (6, 10)


def test_a_truncated_store_is_refused(corpus_file, tokenizer, tmp_path):
    """A slice beyond the end of a memory map is short without a word."""
    store = build(corpus_file, tokenizer, tmp_path)
    file = store.folder / "ids.bin"
    file.write_bytes(file.read_bytes()[:-2])
    with pytest.raises(LabError, match="damaged"):
        build(corpus_file, tokenizer, tmp_path)


@pytest.mark.parametrize("text", ["", "{", "{}", '{"sentences": 3}', None])
@pytest.mark.parametrize(
    "name", ["meta.json", "counts.npy", "document_frequency.npy", "offsets.npy", "ids.bin"]
)
def test_a_damaged_file_is_told_with_its_folder(corpus_file, tokenizer, tmp_path, name, text):
    """Numpy raises EOFError over an empty file, which click takes for a wish to leave."""
    store = build(corpus_file, tokenizer, tmp_path)
    (store.folder / name).unlink()
    if text is not None:
        (store.folder / name).write_text(text)
    with pytest.raises(LabError, match=rf"{store.folder}.* damaged .*; delete (this|its) folder"):
        TokenStore(store.folder)


def test_a_full_disk_is_told_and_leaves_nothing(corpus_file, tokenizer, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(LabError, match="the disk is full"):
        build(corpus_file, tokenizer, tmp_path)
    assert not [p for p in tmp_path.iterdir() if p.is_dir()]


def test_reading_data_needs_neither_torch_nor_transformers():
    code = (
        "import sys, recse_lab.data.token_store, recse_lab.data.sts_sets, "
        "recse_lab.statistics as s; "
    )
    code += "sys.exit(bool({'torch', 'transformers'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
