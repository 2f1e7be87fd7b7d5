"""Corpora in every format, and one sentence for everything that can be wrong with them."""

import gzip
import hashlib
import json

import pandas as pd
import pytest

from recse_lab.data.corpora import Corpus, check_aligned
from recse_lab.errors import LabError

SENTENCES = ["A dog runs.", 'She said "yes", and left.', "Größe zählt."]


def write(path, kind):
    import csv
    import io

    if kind == "parquet":
        pd.DataFrame({"id": [1, 2, 3], "text": SENTENCES}).to_parquet(path)
        return path
    if kind == "txt":
        text = "\n".join(["", SENTENCES[0], "   ", *SENTENCES[1:]]) + "\n"
    elif kind == "jsonl":
        text = "".join(
            json.dumps({"id": i, "text": s}, ensure_ascii=False) + "\n"
            for i, s in enumerate(SENTENCES)
        )
    else:
        out = io.StringIO()
        writer = csv.writer(out, delimiter="\t" if kind == "tsv" else ",")
        writer.writerows([["id", "text"], *([i, s] for i, s in enumerate(SENTENCES))])
        text = out.getvalue()
    data = text.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.mark.parametrize(
    "name",
    [
        "a.txt",
        "a.csv",
        "a.tsv",
        "a.jsonl",
        "a.parquet",
        "a.txt.gz",
        "a.csv.gz",
        "a.tsv.gz",
        "a.jsonl.gz",
    ],
)
def test_every_format_gives_the_same_sentences(tmp_path, name):
    path = write(tmp_path / name, name.split(".")[1])
    corpus = Corpus(path)
    assert list(corpus) == SENTENCES
    assert list(corpus) == SENTENCES  # read anew


def test_several_files_are_one_corpus(tmp_path):
    paths = [write(tmp_path / n, n.split(".")[1]) for n in ("a.txt", "b.jsonl")]
    assert list(Corpus(paths)) == SENTENCES * 2
    assert Corpus(paths).fingerprint != Corpus(paths[::-1]).fingerprint


def test_the_column_rule(tmp_path):
    path = tmp_path / "nli.csv"
    path.write_text("sent0,sent1\none,two\nthree,four\n")
    assert list(Corpus(path)) == ["one", "three"]
    assert list(Corpus(path, "sent1")) == ["two", "four"]
    bare = tmp_path / "bare.csv"
    bare.write_text("just a sentence\nanother one\n")
    assert list(Corpus(bare)) == ["just a sentence", "another one"]


def test_a_header_may_follow_blank_lines_and_a_byte_order_mark(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b'\xef\xbb\xbf\r\nid,text\r\n1,one\r\n\r\n2,"two, quoted"\r\n')
    assert list(Corpus(path)) == ["one", "two, quoted"]


def test_missing_values_are_empty_rows(tmp_path):
    pd.DataFrame({"text": ["one", None, "two"]}).to_parquet(tmp_path / "a.parquet")
    (tmp_path / "a.jsonl").write_text('{"text": "one"}\n{"text": null}\n"two"\n')
    assert (
        list(Corpus(tmp_path / "a.parquet")) == list(Corpus(tmp_path / "a.jsonl")) == ["one", "two"]
    )


def test_rows_are_streamed(tmp_path):
    """The first sentence comes before a fault further down is met."""
    path = tmp_path / "a.txt"
    path.write_bytes(b"one\n" * 100_000 + b"\0\n")
    sentences = iter(Corpus(path))
    assert next(sentences) == "one"
    with pytest.raises(LabError, match="line 100001"):
        list(sentences)


def test_fingerprint_by_hand(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"s": "one"}\n')
    inner = hashlib.sha256(path.read_bytes()).digest()
    expected = hashlib.sha256(b'[[".jsonl"], "s"]' + inner).hexdigest()
    assert Corpus(path, "s").fingerprint == expected
    assert Corpus(path).fingerprint != expected


def test_fingerprint_is_of_the_content(tmp_path):
    a, b = tmp_path / "a.txt", tmp_path / "b.txt"
    for path in (a, b):
        path.write_text("one\ntwo\n")
    assert Corpus(a).fingerprint == Corpus(b).fingerprint
    b.write_text("one\nthree\n")
    assert Corpus(a).fingerprint != Corpus(b).fingerprint


def bad(tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


@pytest.mark.parametrize(
    ("name", "data", "column", "message"),
    [
        ("empty.txt", "", None, "holds no sentence"),
        ("blank.txt", "\n  \n", None, "holds no sentence"),
        ("binary.txt", b"one\n\x00\x01\x02\n", None, r"binary\.txt, line 2: this is binary data"),
        ("latin.txt", b"one\ntwo\ngr\xf6sse\n", None, r"latin\.txt, line 3: not UTF-8"),
        (
            "a.csv",
            "id,text\n1,one\n2\n",
            None,
            r"a\.csv, line 3: 1 columns, the sentence is in column 2",
        ),
        ("a.csv", "id,text\n1,one\n", "txt", "no column 'txt'; it has 'id', 'text'"),
        (
            "a.csv",
            "id,review\n1,one\n",
            None,
            r"a\.csv, line 1: 2 columns, and the first row names none of text",
        ),
        (
            "a.tsv",
            "one\ntwo\tthree\n",
            None,
            r"a\.tsv, line 2: 2 columns, and the first row names none of text",
        ),
        ("a.csv", 'text\none\n"two\nthree\nfour\n', None, r"a\.csv, line 3: broken row"),
        (
            "a.jsonl",
            '{"text": "one"}\n{"sentence": "two"}\n',
            None,
            r"a\.jsonl, line 2: no field 'text'",
        ),
        ("a.jsonl", '"one"\n[1]\n', None, r"a\.jsonl, line 2: expected a JSON object or string"),
        (
            "a.jsonl",
            '{"text": "\\ud800"}\n',
            None,
            r"a\.jsonl, line 1: the sentence field holds a lone surrogate",
        ),
        ("a.jsonl", "[" * 100_000 + "\n", None, r"a\.jsonl, line 1: broken JSON"),
        ("a.jsonl", "9" * 5000 + "\n", None, r"a\.jsonl, line 1: broken JSON"),
        ("a.jsonl", '{"text": "one"}\n{"text": \n', None, r"a\.jsonl, line 2: broken JSON"),
        (
            "a.jsonl",
            '{"id": "0", "body": "one"}\n',
            None,
            r"a\.jsonl, line 1: 2 columns, and none is named text",
        ),
        (
            "a.jsonl",
            '{"sent1": "one"}\n"two"\n',
            "sent1",
            r"a\.jsonl, line 2: a bare string has no field 'sent1'",
        ),
        ("a.txt", "one\ntwo\n", "sent1", r"a\.txt: a txt file has no columns, so no 'sent1'"),
        ("a.jsonl", '{"text": 3}\n', None, r"a\.jsonl, line 1: the sentence field holds int"),
        ("a.txt.gz", b"not gzip at all", None, "not a readable gzip file"),
        ("a.txt.gz", gzip.compress(b"one\n" * 999, mtime=0)[:-20], None, "truncated"),
        ("a.parquet", b"PAR1 nonsense", None, "not a readable parquet"),
    ],
)
def test_bad_files_are_told_by_file_and_line(tmp_path, name, data, column, message):
    with pytest.raises(LabError, match=message):
        list(Corpus(bad(tmp_path, name, data), column))


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_columns_that_slip_out_of_line_are_told_by_line(tmp_path, kind):
    """As many cells are blank in one column as in the other: their counts agree, and no row does
    from there on.
    """
    rows = pd.DataFrame({"sent0": ["one", "two", " ", "four"], "sent1": ["a", None, "c", "d"]})
    path = tmp_path / f"a.{kind}"
    if kind == "parquet":
        rows.to_parquet(path)
    elif kind == "csv":
        rows.to_csv(path, index=False)
    else:
        rows.to_json(path, orient="records", lines=True)
    corpora = [Corpus(path, column) for column in ("sent0", "sent1")]
    assert len(list(corpora[0])) == len(list(corpora[1])) == 3
    told = {"csv": "line 3", "jsonl": "line 2", "parquet": "row 2"}[kind]
    with pytest.raises(
        LabError,
        match=rf"a\.{kind}, {told}: column 'sent1' is empty, and every row needs all columns",
    ):
        check_aligned(corpora)


def test_a_column_that_ends_early_is_told_and_full_ones_pass(tmp_path):
    path, other = (
        bad(tmp_path, "a.csv", "text,sent1\none,a\n,\ntwo,b\n"),
        bad(tmp_path, "b.csv", "text,sent1\n,c\n"),
    )
    check_aligned([Corpus(path), Corpus(path, "sent1")])  # a row that is empty throughout is no row
    with pytest.raises(LabError, match=r"b\.csv, line 2: the column of the sentence is empty"):
        check_aligned([Corpus([path, other]), Corpus([path, other], "sent1")])


def test_damaged_and_empty_parquet(tmp_path):
    path = tmp_path / "a.parquet"
    pd.DataFrame({"text": [f"sentence {i} {i * i}" for i in range(50_000)]}).to_parquet(path)
    data = bytearray(path.read_bytes())
    data[2000:4000] = b"\xff" * 2000
    with pytest.raises(LabError, match="not a readable parquet file"):
        list(Corpus(bad(tmp_path, "b.parquet", bytes(data))))
    pd.DataFrame(index=range(3)).to_parquet(path, index=False)
    with pytest.raises(LabError, match="has no column"):
        list(Corpus(path))
    pd.DataFrame({"id": ["0"], "body": ["one"]}).to_parquet(path)
    with pytest.raises(LabError, match=r"a\.parquet: 2 columns, and none is named text"):
        list(Corpus(path))
    pd.DataFrame({"text": [1, 2]}).to_parquet(path)
    with pytest.raises(LabError, match=r"a\.parquet, row 1: column 'text' holds int, not text"):
        list(Corpus(path))


def test_a_file_that_went_away_is_told(tmp_path):
    corpus = Corpus(bad(tmp_path, "a.txt", "one\n"))
    (tmp_path / "a.txt").unlink()
    with pytest.raises(LabError, match="cannot be read"):
        list(corpus)
    with pytest.raises(LabError, match="cannot be read"):
        _ = corpus.fingerprint


def test_missing_files_folders_and_endings(tmp_path):
    bad(tmp_path, "corpus.txt", "one\n")
    with pytest.raises(LabError, match=r"no such corpus file; did you mean corpus\.txt"):
        Corpus(tmp_path / "corpsu.txt")
    with pytest.raises(LabError, match="this is a folder"):
        Corpus(tmp_path)
    with pytest.raises(LabError, match=r"unknown ending '\.docx'"):
        Corpus(bad(tmp_path, "a.docx", "x"))
