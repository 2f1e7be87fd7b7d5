"""The embedding cache: it returns what the encoder gave, and damage costs time only."""

import errno
import hashlib
import json
import multiprocessing
import os
import time

import numpy as np
import pytest
import torch
from conftest import sentences
from hypothesis import given, settings
from hypothesis import strategies as st

from recse_lab.errors import LabError
from recse_lab.models import embedding_cache as embeddings
from recse_lab.models.embedding_cache import cached_encode, digests, embedding_key, key_hash
from recse_lab.models.saving import load_encoder

KEY = {"weights": "abc", "pooling": "mean"}


def vector(sentence: str, dim: int = 5) -> np.ndarray:
    """A function of the text alone."""
    seed = int.from_bytes(
        hashlib.sha256(sentence.encode("utf-8", "surrogatepass")).digest()[:8], "big"
    )
    return np.random.default_rng(seed).standard_normal(dim).astype(np.float32)


class Encoder:
    """Gives ``vector`` and remembers what it was asked for."""

    def __init__(self, dim: int = 5) -> None:
        self.dim, self.calls = dim, []

    def __call__(self, texts: list[str]) -> np.ndarray:
        self.calls.append(list(texts))
        return np.array([vector(t, self.dim) for t in texts], dtype=np.float32).reshape(
            -1, self.dim
        )

    @property
    def asked(self) -> list[str]:
        return [text for call in self.calls for text in call]


def expected(texts: list[str], dim: int = 5) -> np.ndarray:
    return np.array([vector(t, dim) for t in texts], dtype=np.float32).reshape(-1, dim)


def segments(folder):
    return sorted((folder / key_hash(KEY)).glob("*.seg"))


def test_second_time_nothing_is_encoded(tmp_path):
    texts, encode = ["a cat", "a dog", "a cat", "", "a cat"], Encoder()
    first = cached_encode(encode, texts, key=KEY, folder=tmp_path)
    assert first.dtype == np.float32
    np.testing.assert_array_equal(first, expected(texts))
    assert sorted(encode.asked) == ["", "a cat", "a dog"]  # each once
    again = cached_encode(encode, texts[::-1], key=KEY, folder=tmp_path)
    np.testing.assert_array_equal(again, first[::-1])
    assert len(encode.calls) == 1


def test_only_what_is_missing_is_encoded(tmp_path):
    encode = Encoder()
    cached_encode(encode, ["one", "two"], key=KEY, folder=tmp_path)
    found = cached_encode(encode, ["three", "two", "four", "one"], key=KEY, folder=tmp_path)
    assert sorted(encode.calls[1]) == ["four", "three"]
    np.testing.assert_array_equal(found, expected(["three", "two", "four", "one"]))
    assert len(segments(tmp_path)) == 2


def test_longest_first_in_chunks_and_progress(tmp_path):
    texts, encode, heard = ["a", "aaa", "aa", "aaaaa", "aaaa"], Encoder(), []
    found = cached_encode(
        encode, texts, key=KEY, folder=tmp_path, chunk=2, progress=lambda *n: heard.append(n)
    )
    assert encode.calls == [["aaaaa", "aaaa"], ["aaa", "aa"], ["a"]]
    assert heard == [(2, 5), (4, 5), (5, 5)]
    np.testing.assert_array_equal(found, expected(texts))


text = st.text(st.characters(codec="utf-16", categories=["L", "N", "Zs", "Cs"]), max_size=3)


@settings(max_examples=15, deadline=None)
@given(calls=st.lists(st.lists(text, max_size=8), min_size=1, max_size=4), chunk=st.integers(1, 4))
def test_any_calls_in_any_order_give_the_encoder_s_own_rows(tmp_path_factory, calls, chunk):
    folder, encode = tmp_path_factory.mktemp("cache"), Encoder()
    for texts in calls:
        found = cached_encode(encode, texts, key=KEY, folder=folder, chunk=chunk)
        np.testing.assert_array_equal(found, expected(texts))
    assert len(encode.asked) == len(set(encode.asked))


def test_no_sentence_at_all(tmp_path):
    assert cached_encode(Encoder(), [], key=KEY, folder=tmp_path).shape == (0, 5)
    assert not list(tmp_path.iterdir())


def test_another_key_is_another_cache_whatever_the_order_of_its_entries(tmp_path):
    cached_encode(Encoder(), ["a"], key=KEY, folder=tmp_path)
    same, other = Encoder(), Encoder()
    cached_encode(same, ["a"], key=dict(reversed(KEY.items())), folder=tmp_path)
    cached_encode(other, ["a"], key=KEY | {"pooling": "cls"}, folder=tmp_path)
    assert (len(same.calls), len(other.calls)) == (0, 1)
    assert json.loads((tmp_path / key_hash(KEY) / "meta.json").read_text())["key"] == KEY


def test_the_default_place_is_the_cache_folder(tmp_path):
    cached_encode(Encoder(), ["a"], key=KEY)
    assert len(segments(tmp_path / "cache" / "embeddings")) == 1  # RECSE_LAB_CACHE of every test


@pytest.mark.parametrize("key", [{"weights": {1, 2}}, {"temperature": float("nan")}])
def test_a_key_is_plain_json(key):
    with pytest.raises(ValueError, match=r"JSON"):
        key_hash(key)


@pytest.mark.parametrize(
    "rows",
    [np.zeros((2, 3)), np.zeros((1, 3), np.float32), np.zeros(2, np.float32)],
    ids=["float64", "a row short", "flat"],
)
def test_one_float32_row_a_sentence(tmp_path, rows):
    with pytest.raises(ValueError, match="not 2 rows of float32"):
        cached_encode(lambda texts: rows, ["a", "b"], key=KEY, folder=tmp_path)
    assert not segments(tmp_path)


def test_a_key_that_leaves_the_width_out_is_refused(tmp_path):
    cached_encode(Encoder(5), ["a"], key=KEY, folder=tmp_path)
    with pytest.raises(ValueError, match="6 and 5 numbers under one key"):
        cached_encode(Encoder(6), ["a", "b"], key=KEY, folder=tmp_path)


def test_hashes_are_compared_in_all_their_bytes():
    ends = np.frombuffer(
        b"x" * 15 + b"\0" + b"x" * 14 + b"\0\0" + b"\0" + b"x" * 15, embeddings.DIGEST
    )
    assert len(np.unique(ends)) == 3
    assert digests(["a"])[0] == hashlib.blake2b(b"a", digest_size=16).digest()


# ---- damage, death, company -------------------------------------------------------------------


def test_what_a_killed_process_had_finished_is_kept(tmp_path):
    texts = [f"sentence {i:03d}" for i in range(9)]

    def dies(chunk):
        if done:
            raise KeyboardInterrupt
        done.append(chunk)
        return expected(chunk)

    done: list[list[str]] = []
    with pytest.raises(KeyboardInterrupt):
        cached_encode(dies, texts, key=KEY, folder=tmp_path, chunk=4)
    (tmp_path / key_hash(KEY) / ".half.seg.123.tmp").write_bytes(b"half a segment")
    encode = Encoder()
    found = cached_encode(encode, texts, key=KEY, folder=tmp_path)
    np.testing.assert_array_equal(found, expected(texts))
    assert sorted(encode.asked + done[0]) == texts


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-4],
        lambda data: data[:200],
        lambda data: b"",
        lambda data: data + b"\0" * 4,
        lambda data: b"garbage" * 100,
        lambda data: data.replace(b"<f4", b"<i4"),
        lambda data: data.replace(b"|S16", b"|V16"),
    ],
    ids=["a number short", "no rows", "empty", "too long", "garbage", "integers", "no hashes"],
)
def test_a_damaged_segment_is_passed_over(tmp_path, damage):
    cached_encode(Encoder(), ["whole"], key=KEY, folder=tmp_path)
    whole = segments(tmp_path)[0]
    cached_encode(Encoder(), ["a", "b"], key=KEY, folder=tmp_path)
    broken = next(path for path in segments(tmp_path) if path != whole)
    broken.write_bytes(damage(broken.read_bytes()))
    encode = Encoder()
    found = cached_encode(encode, ["a", "whole", "b"], key=KEY, folder=tmp_path)
    np.testing.assert_array_equal(found, expected(["a", "whole", "b"]))
    assert sorted(encode.asked) == ["a", "b"]
    cached_encode(encode, ["a", "whole", "b"], key=KEY, folder=tmp_path)
    assert len(encode.calls) == 1


def _write_some(folder, seed, result):
    texts = [f"sentence {i}" for i in np.random.default_rng(seed).permutation(60)[:40]]
    found = cached_encode(Encoder(), texts, key=KEY, folder=folder, chunk=7)
    result.put(bool((found == expected(texts)).all()))


def test_several_processes_write_at_once(tmp_path):
    context = multiprocessing.get_context("fork")
    result = context.Queue()
    workers = [
        context.Process(target=_write_some, args=(tmp_path, seed, result)) for seed in range(4)
    ]
    for worker in workers:
        worker.start()
    assert all(result.get(timeout=60) for _ in workers)
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * 4
    asked = {
        f"sentence {i}"
        for seed in range(4)
        for i in np.random.default_rng(seed).permutation(60)[:40]
    }
    encode = Encoder()
    np.testing.assert_array_equal(
        cached_encode(encode, sorted(asked), key=KEY, folder=tmp_path), expected(sorted(asked))
    )
    assert not encode.calls
    assert not list((tmp_path / key_hash(KEY)).glob(".*"))


def test_of_two_writers_the_older_one_counts(tmp_path):
    def late(texts):
        cached_encode(Encoder(), ["a"], key=KEY, folder=tmp_path)  # another process is done first
        return -expected(texts)

    np.testing.assert_array_equal(
        cached_encode(late, ["b", "a"], key=KEY, folder=tmp_path), -expected(["b", "a"])
    )
    assert len(segments(tmp_path)) == 2
    np.testing.assert_array_equal(
        cached_encode(Encoder(), ["a"], key=KEY, folder=tmp_path), expected(["a"])
    )


def test_a_full_disk_is_told(tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LabError, match="the disk is full"):
        cached_encode(Encoder(), ["a"], key=KEY, folder=tmp_path)
    assert [path.name for path in (tmp_path / key_hash(KEY)).iterdir()] == ["meta.json"]


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(LabError, match=r"embeddings cannot be stored here .*RECSE_LAB_CACHE"):
        cached_encode(Encoder(), ["a"], key=KEY, folder=tmp_path / "file")


def test_30_000_sentences_are_looked_up_in_a_moment(tmp_path):
    texts = [f"a sentence of some length, number {i}" for i in range(30_000)]
    rows = np.random.default_rng(0).standard_normal((len(texts), 64)).astype(np.float32)
    at = {t: i for i, t in enumerate(texts)}
    first = cached_encode(
        lambda chunk: rows[[at[t] for t in chunk]], texts, key=KEY, folder=tmp_path
    )
    began = time.process_time()
    found = cached_encode(Encoder(), texts, key=KEY, folder=tmp_path)
    assert time.process_time() - began < 0.5
    np.testing.assert_array_equal(found, rows)
    np.testing.assert_array_equal(first, rows)


# ---- a real encoder ---------------------------------------------------------------------------


def test_the_key_names_what_changes_an_embedding(tiny):
    def key(precision="fp32", fingerprint="f", **options):
        return embedding_key(load_encoder(str(tiny), **options), fingerprint, precision)

    base = key()
    assert key() == base
    assert json.loads(json.dumps(base)) == base
    others = [
        key(pooling="cls"),
        key(layers=2),
        key(max_length=8),
        key(precision="bf16"),
        key(fingerprint="g"),
        key(attention="eager"),
    ]
    assert len({key_hash(k) for k in (base, *others)}) == 7


def test_a_head_counts_where_it_is_kept(tiny):
    from recse_lab.models.heads import TanhHead

    encoder = load_encoder(str(tiny))
    without = embedding_key(encoder, "f", "fp32")
    encoder.head = TanhHead(encoder.hidden)
    assert embedding_key(encoder, "f", "fp32") == without  # used in training only
    encoder.head.kept = True
    kept = embedding_key(encoder, "f", "fp32")
    assert kept != without
    with torch.no_grad():
        encoder.head.dense.weight[0, 0] += 1
    assert embedding_key(encoder, "f", "fp32") not in (kept, without)


def test_cached_embeddings_are_the_encoder_s_up_to_the_batch(tiny, tmp_path):
    encoder, texts = load_encoder(str(tiny)), sentences(60)
    key = embedding_key(encoder, "tiny", "fp32")
    half = cached_encode(encoder.encode, texts[::2], key=key, folder=tmp_path)
    whole = cached_encode(encoder.encode, texts, key=key, folder=tmp_path)
    np.testing.assert_array_equal(whole[::2], half)
    direct = encoder.encode(texts)
    assert (
        np.linalg.norm(whole - direct, axis=1).max() < 1e-5 * np.linalg.norm(direct, axis=1).min()
    )
    fresh = cached_encode(encoder.encode, texts, key=key | {"device": "another"}, folder=tmp_path)
    assert np.linalg.norm(whole - fresh, axis=1).max() < 1e-5 * np.linalg.norm(direct, axis=1).min()
