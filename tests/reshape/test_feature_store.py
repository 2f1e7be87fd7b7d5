"""The feature store: resumed byte for byte, refused where it does not match, never held in
memory.
"""

import errno
import shutil

import numpy as np
import pytest
import torch

from recse_lab.errors import LabError
from recse_lab.reshape.feature_store import build_store, open_store, store_size
from recse_lab.reshape.reshaper import Reshaper

ROWS, HIDDEN, VOCAB = 103, 5, 30
IDENTITY = {"corpus": "abc", "operator": "channel-gram", "dim": 3}


@pytest.fixture
def corpus():
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 9, ROWS)
    ids = [rng.integers(0, VOCAB, n) for n in lengths]
    table = torch.from_numpy(rng.normal(size=(VOCAB, HIDDEN)).astype(np.float32))

    def source(rows):
        width = max(lengths[rows])
        padded = torch.zeros(len(rows), width, dtype=torch.long)
        mask = torch.zeros(len(rows), width, dtype=torch.bool)
        for i, row in enumerate(rows):
            padded[i, : lengths[row]] = torch.from_numpy(ids[row])
            mask[i, : lengths[row]] = True
        return table[padded], padded, mask

    return lengths.astype(np.int32), source


@pytest.fixture
def reshaper():
    return Reshaper("channel-gram", hidden=HIDDEN, vocab=VOCAB, dim=3)


def build(folder, reshaper, corpus, **options):
    return build_store(
        folder, reshaper, corpus[1], corpus[0], IDENTITY, tokens_per_batch=40, chunk=16, **options
    )


def test_rows_are_what_the_reshaper_says(tmp_path, reshaper, corpus):
    store = build(tmp_path / "s", reshaper, corpus)
    rows = np.array([100, 0, 57])
    # Float16 keeps three digits; the order of rows is the caller's.
    torch.testing.assert_close(store.read(rows), reshaper(*corpus[1](rows)), atol=2e-3, rtol=2e-3)
    assert (
        (tmp_path / "s" / "features.f16").stat().st_size
        == store_size(ROWS, 9)
        == len(store) * 9 * 2
    )


@pytest.mark.parametrize("calls", [1, 4, 9, 17])
def test_a_killed_build_resumes_to_the_same_bytes(tmp_path, reshaper, corpus, calls):
    build(tmp_path / "whole", reshaper, corpus)
    seen = []

    def dies(rows):
        if len(seen) == calls:
            raise KeyboardInterrupt
        seen.append(rows)
        return corpus[1](rows)

    with pytest.raises(KeyboardInterrupt):
        build(tmp_path / "s", reshaper, (corpus[0], dies))
    assert not (tmp_path / "s").exists()
    again = []

    def counts(rows):
        again.append(rows)
        return corpus[1](rows)

    build(tmp_path / "s", reshaper, (corpus[0], counts))
    assert (tmp_path / "s" / "features.f16").read_bytes() == (
        tmp_path / "whole" / "features.f16"
    ).read_bytes()
    if calls > 8:  # more than one chunk had been finished: it is not computed again
        assert min(r.min() for r in again) >= 16


def test_a_finished_store_is_not_built_again(tmp_path, reshaper, corpus):
    build(tmp_path / "s", reshaper, corpus)

    def unread(rows):
        raise AssertionError("a finished store asked for features")

    build(tmp_path / "s", reshaper, (corpus[0], unread))


def test_another_identity_is_refused_by_field(tmp_path, reshaper, corpus):
    build(tmp_path / "s", reshaper, corpus)
    with pytest.raises(
        LabError, match=r"built from something else: corpus \('abc' there, 'xyz' wanted\)"
    ):
        open_store(tmp_path / "s", IDENTITY | {"corpus": "xyz"})


def test_a_partial_store_of_another_identity_is_not_continued(tmp_path, reshaper, corpus):
    def dies(rows):
        if rows.min() >= 32:
            raise KeyboardInterrupt
        return corpus[1](rows)

    with pytest.raises(KeyboardInterrupt):
        build_store(tmp_path / "s", reshaper, dies, corpus[0], {"corpus": "old"}, chunk=16)
    seen = []
    build(tmp_path / "s", reshaper, (corpus[0], lambda rows: seen.append(rows) or corpus[1](rows)))
    assert min(r.min() for r in seen) == 0


def test_a_truncated_store_is_refused(tmp_path, reshaper, corpus):
    build(tmp_path / "s", reshaper, corpus)
    file = tmp_path / "s" / "features.f16"
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(LabError, match="truncated"):
        open_store(tmp_path / "s", IDENTITY)


@pytest.mark.parametrize("text", ["", "{", "{}"])
def test_a_damaged_meta_is_told(tmp_path, reshaper, corpus, text):
    build(tmp_path / "s", reshaper, corpus)
    (tmp_path / "s" / "meta.json").write_text(text)
    with pytest.raises(LabError, match=r"s/meta\.json: damaged .*; delete its folder"):
        build(tmp_path / "s", reshaper, corpus)


def test_a_build_whose_progress_is_damaged_begins_anew(tmp_path, reshaper, corpus):
    build(tmp_path / "s", reshaper, corpus)
    (partial := tmp_path / "t.partial").mkdir()
    (partial / "progress.json").write_text("{")
    (partial / "features.f16").write_bytes(b"half")
    build(tmp_path / "t", reshaper, corpus)
    assert (tmp_path / "t" / "features.f16").read_bytes() == (
        tmp_path / "s" / "features.f16"
    ).read_bytes()


def test_no_store_says_how_to_build_one(tmp_path):
    with pytest.raises(LabError, match="recse-lab reshape build"):
        open_store(tmp_path / "none", IDENTITY)


def test_shuffled_gives_every_row_another_ones_features(tmp_path, corpus):
    reshaper = Reshaper("shuffled:channel-gram", hidden=HIDDEN, vocab=VOCAB, dim=3)
    store = build(tmp_path / "s", reshaper, corpus)
    plain = open_store(tmp_path / "s", IDENTITY)
    assert store._partner is not None
    assert (store._partner != np.arange(ROWS)).all()
    assert sorted(store._partner) == list(range(ROWS))
    every = np.arange(ROWS)
    assert torch.equal(store.read(every), plain.read(store._partner))


def test_too_little_space_is_told_before_anything_is_written(
    tmp_path, reshaper, corpus, monkeypatch
):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(100, 90, 10))
    with pytest.raises(LabError, match="MiB free; free some space"):
        build(tmp_path / "s", reshaper, corpus)
    assert not list(tmp_path.glob("s*")) or [p.name for p in tmp_path.glob("s*")] == ["s.lock"]


def test_a_disk_that_fills_up_on_the_way_is_told(tmp_path, reshaper, corpus):
    def full(rows):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(LabError, match="RECSE_LAB_CACHE"):
        build(tmp_path / "s", reshaper, (corpus[0], full))
    assert not (tmp_path / "s").exists()


def test_memory_is_one_chunk_whatever_the_rows(tmp_path, monkeypatch):
    """Ten times the rows may not need more: the largest array allocated is a chunk."""
    reshaper = Reshaper("mean", hidden=HIDDEN, vocab=VOCAB)
    largest = []
    for rows in (200, 2000):
        sizes = []
        real = np.empty
        monkeypatch.setattr(
            np,
            "empty",
            lambda shape, *a, real=real, sizes=sizes, **k: (
                sizes.append(np.prod(shape)) or real(shape, *a, **k)
            ),
        )

        def source(batch):
            return (
                torch.ones(len(batch), 2, HIDDEN),
                torch.ones(len(batch), 2, dtype=torch.long),
                torch.ones(len(batch), 2, dtype=torch.bool),
            )

        build_store(
            tmp_path / str(rows), reshaper, source, np.full(rows, 2), {"rows": rows}, chunk=64
        )
        monkeypatch.setattr(np, "empty", real)
        largest.append(max(sizes))
    assert largest[0] == largest[1] == 64 * HIDDEN
