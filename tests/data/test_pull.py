"""Pulling from a hub that serves and fails on this machine, and checking what lies there."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import sentences
from hub import COMMIT, Hub, contents, tar

from recse_lab.data import manifest
from recse_lab.data.corpora import Corpus
from recse_lab.data.manifest import corpus_path, data_root, data_sets, downloads, pulled
from recse_lab.data.pull import check, pull
from recse_lab.data.sts_sets import SUBSETS, TABLES, load_task, tasks_fingerprint
from recse_lab.errors import LabError
from recse_lab.files import read_json

WIKI = ("\n".join(sentences(2000)) + "\n").encode()
REPO = "princeton-nlp/datasets-for-simcse"


def text_pin(content):
    lines = content.count(b"\n") + (not content.endswith(b"\n"))
    return {
        "lines": lines,
        "text": hashlib.sha256(content.replace(b" ", b"").replace(b"\r", b"")).hexdigest(),
    }


@pytest.fixture
def archive(small_senteval):
    """What the hub's archive holds: made-up STS sets, a transfer set that is no UTF-8, and a file
    nobody asked for.
    """
    return contents(small_senteval) | {
        "MR/rt-polarity.pos": b"caf\xe9 au lait .\ngood .\n",
        "COCO/notes": b"unwanted",
    }


@pytest.fixture
def hub(monkeypatch, archive):
    """A running hub, huggingface_hub pointed at it, and a manifest of what it serves."""
    wanted = {name: content for name, content in archive.items() if not name.startswith("COCO")}
    sha256 = hashlib.sha256(WIKI).hexdigest()
    source = {"repo": REPO, "revision": COMMIT}
    about = {"rows": 1, "licence": "none", "source": "made up"}
    stated = {
        "downloads": {
            "wiki1m": source | {"file": "wiki1m_for_simcse.txt", "sha256": sha256},
            "senteval": source | {"file": "senteval.tar", "sha256": None},
        },
        "sets": [
            about
            | {"name": "wiki1m", "kind": "corpus", "download": "wiki1m"}
            | {"files": {"wiki1m_for_simcse.txt": {"sha256": sha256}}},
            *(
                about
                | {"name": kind, "kind": kind, "download": "senteval"}
                | {"files": {n: text_pin(c) for n, c in wanted.items() if n.startswith(folders)}}
                for kind, folders in (("sts", ("STS", "SICK")), ("transfer", ("MR",)))
            ),
        ],
    }
    monkeypatch.setattr(manifest, "_manifest", lambda: stated)
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda seconds: None)
    monkeypatch.setattr(
        "huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 500
    )  # 10 MiB: what a break loses at most
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    with Hub() as server:
        point_to(monkeypatch, server.url)
        server.files = {"wiki1m_for_simcse.txt": WIKI, "senteval.tar": tar(archive)}
        yield server


def point_to(monkeypatch, endpoint):
    """What HF_ENDPOINT does before huggingface_hub is imported."""
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", endpoint)
    template = endpoint + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)


def states(findings):
    return {finding.name: finding.state for finding in findings}


def left_behind():
    """What a pull that failed must not leave: anything but its lock."""
    return sorted(path.name for path in data_root().iterdir() if path.suffix != ".lock")


# ---- the manifest
# ------------------------------------------------------------------------------


def test_the_manifest_covers_every_file_the_loader_reads():
    read = {
        f"STS/{task.upper()}-en-test/STS.{kind}.{subset}.txt"
        for task, subsets in SUBSETS.items()
        for subset in subsets
        for kind in ("input", "gs")
    }
    read |= {file for files in TABLES.values() for file in files}
    assert read <= {file for each in data_sets("senteval") for file in each.files}


def test_every_set_has_a_licence_a_source_and_a_pin():
    names = [each.name for each in data_sets()]
    assert len(names) == len(set(names)) == 15
    for each in data_sets():
        assert each.licence
        assert each.source
        assert all(pin.sha256 or (pin.lines and pin.text) for pin in each.files.values())
    for download in downloads().values():
        assert len(download.revision) == 40


def test_pins_and_rows_are_those_of_the_real_sets(data_dir):
    found = {finding.name: finding for finding in check(data_dir)}
    assert {name for name, finding in found.items() if finding.state != "sound"} == {"wiki1m"}
    for name in SUBSETS:
        assert found[name].rows == sum(
            len(pairs.gold) for pairs in load_task(name, data_dir).subsets.values()
        )
    assert found["sick"].rows == len(load_task("sickr-all", data_dir).subsets["sickr-all"].gold)


# ---- pulling
# ------------------------------------------------------------------------------


def test_what_is_pulled_is_read_by_its_name(hub, small_senteval):
    findings = pull(["wiki1m", "sts", "transfer"])
    assert states(findings) == {"wiki1m": "sound", "sts": "sound", "transfer": "sound"}
    for task in (*SUBSETS, *TABLES):
        assert tasks_fingerprint([load_task(task, "pulled")]) == tasks_fingerprint(
            [load_task(task, small_senteval)]
        )
    assert list(Corpus(corpus_path("wiki1m"))) == WIKI.decode().splitlines()
    assert Path(corpus_path("wiki1m")).is_relative_to(os.environ["RECSE_LAB_CACHE"])
    assert (
        pulled("transfer") / "MR/rt-polarity.pos"
    ).read_bytes() == b"caf\xe9 au lait .\ngood .\n"
    assert not (pulled("sts") / "COCO").exists()
    assert left_behind() == ["senteval", "wiki1m"]


def test_the_record_says_what_came_from_where(hub):
    pull(["sts"])
    record = read_json(pulled("sts") / "pulled.json")
    content = hub.files["senteval.tar"]
    assert record["revision"] == COMMIT
    assert record["url"] == f"{hub.url}/datasets/{REPO}/resolve/{COMMIT}/senteval.tar"
    assert (record["sha256"], record["size"]) == (hashlib.sha256(content).hexdigest(), len(content))
    gold = "STS/STS16-en-test/STS.gs.headlines.txt"
    assert record["files"][gold] == hashlib.sha256((pulled("sts") / gold).read_bytes()).hexdigest()


def test_verified_says_who_knew_the_checksum(hub):
    verified = {finding.name: finding.verified for finding in pull(["wiki1m", "sts"])}
    assert verified["wiki1m"] == "pinned by the package"
    assert verified["sts"] == "text pinned by the package, bytes recorded at first pull"


def test_one_archive_holds_sts_and_transfer_and_is_fetched_once(hub):
    pull(["sts"])
    assert len(hub.gets) == 1
    told = []
    pull(["transfer", "sts"], told.append)
    assert len(hub.gets) == 1
    assert "is here already" in told[0]


def test_a_new_revision_is_fetched(hub):
    pull(["wiki1m"])
    record = pulled("wiki1m") / "pulled.json"
    record.write_text(record.read_text().replace(COMMIT, "0" * 40))
    pull(["wiki1m"])
    assert len(hub.gets) == 2


def test_the_token_stays_with_the_hub(hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    pull(["wiki1m"])
    to_hub = [request for request in hub.requests if not request.path.startswith("/store/")]
    assert {request.authorization for request in to_hub} == {"Bearer hf_secret"}
    assert [request.authorization for request in hub.gets] == [None]


def test_without_a_pull_the_names_say_what_to_do():
    for name, read in (
        ("sts", lambda: load_task("stsb", "pulled")),
        ("wiki1m", lambda: corpus_path("wiki1m")),
    ):
        with pytest.raises(
            LabError, match=f"nothing was pulled here yet; run `recse-lab data pull {name}`"
        ):
            read()


def test_a_pull_changes_no_default(hub):
    from recse_lab.config.reading import make_config
    from recse_lab.jobs.inputs import open_corpus
    from recse_lab.jobs.settling import settle

    before = open_corpus(("sample-corpus",)).fingerprint
    pull(["wiki1m", "sts"])
    assert settle(make_config({"encoder": "recse-lab/tiny"})).evaluation.tasks == ("sample-sts",)
    assert open_corpus(("sample-corpus",)).fingerprint == before
    assert open_corpus(("wiki1m",)).name == "wiki1m_for_simcse.txt"


# ---- faults
# ------------------------------------------------------------------------------


def test_a_connection_that_breaks_is_taken_up_within_one_pull(hub):
    hub.breaks = [1000]
    assert states(pull(["wiki1m"])) == {"wiki1m": "sound"}
    assert [request.range for request in hub.gets] == [None, "bytes=1000-"]


def test_the_next_pull_goes_on_where_the_last_one_broke(hub):
    hub.breaks = [
        1000,
        500,
        *[0] * 20,
    ]  # after 1,500 bytes nothing more comes, however often it is asked
    with pytest.raises(
        LabError,
        match=r"the 1,500 bytes that arrived are kept, and the same command continues from there",
    ):
        pull(["wiki1m"])
    assert left_behind() == ["wiki1m_for_simcse.txt.part"]
    hub.breaks.clear()
    hub.requests.clear()
    assert states(pull(["wiki1m"])) == {"wiki1m": "sound"}
    assert [request.range for request in hub.gets] == ["bytes=1500-"]
    assert Path(corpus_path("wiki1m")).read_bytes() == WIKI


@pytest.mark.parametrize("length", [1000, len(WIKI), len(WIKI) + 1000])
def test_damaged_leftovers_are_told_by_their_checksum_and_deleted(hub, length):
    part = data_root() / "wiki1m_for_simcse.txt.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"x" * length)
    if length <= len(WIKI):  # what is longer than the file is begun anew at once
        with pytest.raises(LabError, match="the file was deleted: pull again"):
            pull(["wiki1m"])
        assert left_behind() == []
    assert states(pull(["wiki1m"])) == {"wiki1m": "sound"}


def test_a_truncated_file_is_deleted(hub):
    hub.announced["wiki1m_for_simcse.txt"] = (len(WIKI) + 1000, "0" * 64)
    with pytest.raises(
        LabError, match=rf"the hub sent {len(WIKI):,} bytes, not as many as it announced"
    ):
        pull(["wiki1m"])
    assert left_behind() == []


def test_a_file_shorter_than_the_rest_that_was_asked_for_is_deleted(hub):
    hub.announced["wiki1m_for_simcse.txt"] = (len(WIKI) + 1000, "0" * 64)
    part = data_root() / "wiki1m_for_simcse.txt.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(WIKI)
    with pytest.raises(LabError, match="not as many as it announced"):  # the hub answers 416
        pull(["wiki1m"])
    assert left_behind() == []


def test_a_wrong_checksum_by_the_package_s_pin(hub):
    hub.files["wiki1m_for_simcse.txt"] = WIKI.replace(b"dog", b"god", 1)
    with pytest.raises(
        LabError, match=r"its sha256 is \w{12}… and the package pins \w{12}…; the file was deleted"
    ):
        pull(["wiki1m"])
    assert left_behind() == []


def test_a_wrong_checksum_by_what_the_hub_announces(hub):
    content = hub.files["senteval.tar"]
    hub.announced["senteval.tar"] = (len(content), "0" * 64)
    with pytest.raises(LabError, match="and the hub announces 000000000000…; the file was deleted"):
        pull(["sts"])
    assert left_behind() == []


def test_a_wrong_checksum_by_the_first_pull(hub, archive):
    pull(["sts"])
    (pulled("sts") / "SICK/SICK_trial.txt").unlink()
    hub.files["senteval.tar"] = tar(archive | {"COCO/notes": b"other"})
    with pytest.raises(LabError, match="and the first pull recorded"):
        pull(["sts"])
    hub.files["senteval.tar"] = tar(archive)
    assert states(pull(["sts"])) == {"sts": "sound", "transfer": "sound"}


def test_another_commit_is_refused(hub):
    hub.commit = "1" * 40
    with pytest.raises(LabError, match="the hub serves commit 1111111111"):
        pull(["sts"])


@pytest.mark.parametrize(
    ("status", "message"),
    [(404, r"has no such file \(404\)"), (503, "answered 503"), (401, "answered 401")],
)
def test_an_answer_that_is_no_file(hub, status, message):
    hub.status = status
    with pytest.raises(LabError, match=rf"senteval\.tar: the hub {message}"):
        pull(["sts"])
    assert left_behind() == []


def test_a_file_the_hub_has_not(hub):
    del hub.files["senteval.tar"]
    with pytest.raises(LabError, match=r"senteval\.tar: the hub has no such file \(404\)"):
        pull(["sts"])


def test_no_hub_within_reach(hub, monkeypatch):
    with Hub() as gone:
        pass
    point_to(monkeypatch, gone.url)
    with pytest.raises(
        LabError, match=rf"no hub can be reached at {gone.url} \(.*refused.*\); check the network"
    ):
        pull(["wiki1m"])
    assert left_behind() == []


def test_offline_by_choice(hub, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(LabError, match="HF_HUB_OFFLINE is set; unset it to pull"):
        pull(["wiki1m"])
    assert hub.requests == []


def test_a_full_disk(hub):
    data_root().mkdir(parents=True)
    (data_root() / "wiki1m_for_simcse.txt.part").symlink_to("/dev/full")
    with pytest.raises(
        LabError, match="the disk is full; free some space, and the same command continues"
    ):
        pull(["wiki1m"])
    assert not (data_root() / "wiki1m").exists()


def test_a_cache_that_cannot_be_written(hub, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RECSE_LAB_CACHE", str(tmp_path / "file"))
    with pytest.raises(LabError, match=r"cannot be written .*; set RECSE_LAB_CACHE"):
        pull(["wiki1m"])


def test_an_archive_that_is_none(hub):
    hub.files["senteval.tar"] = b"<html>log in first</html>"
    with pytest.raises(
        LabError, match=r"senteval\.tar: no readable tar archive; it was deleted: pull again\.$"
    ):
        pull(["sts"])
    assert left_behind() == []


def test_an_archive_that_ends_within_a_file(hub):
    hub.files["senteval.tar"] = hub.files["senteval.tar"][:5000]
    with pytest.raises(LabError, match=r"senteval\.tar: no readable tar archive"):
        pull(["sts"])
    assert left_behind() == []


def test_an_archive_that_lacks_a_file_unpacks_nothing(hub, archive):
    del archive["SICK/SICK_trial.txt"]
    hub.files["senteval.tar"] = tar(archive)
    with pytest.raises(LabError, match=r"the archive lacks SICK/SICK_trial\.txt"):
        pull(["sts"])
    assert left_behind() == []


def test_only_known_files_leave_the_archive(hub, archive):
    hub.files["senteval.tar"] = tar(
        {f"./{name}": content for name, content in archive.items()} | {"../evil": b"x"}
    )
    assert states(pull(["sts"])) == {"sts": "sound", "transfer": "sound"}
    assert left_behind() == ["senteval"]
    assert not (data_root().parent / "evil").exists()


def test_other_text_than_pinned_is_told_and_kept(hub, archive):
    gold = "STS/STS12-en-test/STS.gs.MSRpar.txt"
    hub.files["senteval.tar"] = tar(archive | {gold: archive[gold].replace(b"5\n", b"4\n", 1)})
    (finding, _) = pull(["sts"])
    assert (finding.state, finding.sound) == ("other text", False)
    assert finding.problems == [f"{gold}: other text than the package pins"]
    pull(["sts"])
    assert len(hub.gets) == 1  # it would come again


# ---- checking
# ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda path: path.unlink(), "missing"),
        (
            lambda path: path.write_bytes(path.read_bytes()[:-5]),
            "not the bytes recorded at first pull",
        ),
        (
            lambda path: path.write_bytes(path.read_bytes() + b" "),
            "not the bytes recorded at first pull",
        ),
    ],
)
def test_damage_after_the_pull_is_found_and_mended(hub, damage, problem):
    pull(["sts"])
    damage(pulled("sts") / "SICK/SICK_trial.txt")
    found = {finding.name: finding for finding in check()}
    assert found["sts"].state == "damaged"
    assert found["sts"].problems == [f"SICK/SICK_trial.txt: {problem}"]
    assert found["sts"].rows is None
    assert (found["transfer"].state, found["wiki1m"].state) == ("sound", "absent")
    assert states(pull(["sts"]))["sts"] == "sound"


@pytest.mark.parametrize("text", [None, "{half", '{"files": {}}'])
def test_data_without_their_record_are_damaged(hub, text):
    pull(["wiki1m"])
    record = pulled("wiki1m") / "pulled.json"
    record.unlink() if text is None else record.write_text(text)
    (found,) = [finding for finding in check() if finding.name == "wiki1m"]
    assert (found.state, found.problems) == (
        "damaged",
        ["pulled.json: no readable record of the pull"],
    )
    assert states(pull(["wiki1m"])) == {"wiki1m": "sound"}


def test_a_file_that_is_as_recorded_and_not_as_pinned(hub):
    pull(["wiki1m"])
    path = Path(corpus_path("wiki1m"))
    path.write_bytes(b"other")
    record = pulled("wiki1m") / "pulled.json"
    record.write_text(
        record.read_text().replace(
            hashlib.sha256(WIKI).hexdigest(), hashlib.sha256(b"other").hexdigest()
        )
    )
    (found,) = [finding for finding in check() if finding.name == "wiki1m"]
    assert found.problems == ["wiki1m_for_simcse.txt: not the sha256 the package pins"]


def copy(archive, root):
    for name, content in archive.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def test_one_s_own_folder_is_checked_by_its_text(hub, archive, tmp_path):
    root = copy(archive, tmp_path / "senteval")
    path = root / "SICK/SICK_trial.txt"
    path.write_bytes(path.read_bytes().replace(b" ", b"  ").replace(b"\n", b"\r\n"))
    found = {finding.name: finding for finding in check(tmp_path)}
    assert (found["sts"].state, found["sts"].verified) == ("sound", "text pinned by the package")
    assert found["sts"].where == str(root)
    path.write_bytes(path.read_bytes().upper())
    assert states(check(tmp_path))["sts"] == "other text"
    path.write_bytes(b"\n".join(path.read_bytes().split(b"\n")[:5]))
    (found,) = [finding for finding in check(tmp_path) if finding.name == "sts"]
    assert (found.state, found.problems) == (
        "damaged",
        ["SICK/SICK_trial.txt: 5 lines instead of 13"],
    )


def test_a_set_that_is_not_in_one_s_folder_is_absent(hub, archive, tmp_path):
    root = copy(
        {name: content for name, content in archive.items() if name.startswith("S")}, tmp_path
    )
    assert states(check(root)) == {
        "wiki1m": "absent",
        "sts": "sound",
        "transfer": "absent",
        "sample-corpus": "sound",
        "sample-sts": "sound",
    }


def test_a_damaged_sample_is_told(monkeypatch):
    def broken(name, data_dir):
        raise LabError("line 3: half a row")

    monkeypatch.setattr("recse_lab.data.pull.load_task", broken)
    (found,) = [finding for finding in check() if finding.name == "sample-sts"]
    assert (found.state, found.problems) == ("damaged", ["line 3: half a row"])


# ---- the command, in a process of its own
# -----------------------------------------------------------------------


def run(hub, *arguments):
    environment = os.environ | {"HF_ENDPOINT": hub.url, "NO_PROXY": "127.0.0.1,localhost"}
    command = [sys.executable, "-c", "from recse_lab.cli import main; main()", "data", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


def test_the_command_heeds_hf_endpoint_and_the_package_s_own_manifest():
    """The real pin of wiki1m cannot be met by made-up sentences, the real revision is what the hub
    is asked for.
    """
    with Hub() as hub:
        hub.files["wiki1m_for_simcse.txt"] = WIKI
        done = run(hub, "pull", "wiki1m")
    assert done.returncode == 2
    assert done.stderr.startswith("error: wiki1m_for_simcse.txt: its sha256 is ")
    assert "the package pins 7b1825863a99…" in done.stderr
    assert done.stderr.count("\n") == 1
    assert hub.gets[0].path == "/store/wiki1m_for_simcse.txt"
    assert hub.requests[-2].path == f"/datasets/{REPO}/resolve/{COMMIT}/wiki1m_for_simcse.txt"
    assert left_behind() == []


def test_the_command_tells_of_sets_that_are_not_the_real_ones(archive, tmp_path):
    """Every file of the real archive is asked for, and made-up ones are told as other text or other
    lengths.
    """
    with Hub() as hub:
        names = {file for each in data_sets("senteval") for file in each.files}
        hub.files["senteval.tar"] = tar({name: archive.get(name, b"made up\n") for name in names})
        done = run(hub, "pull", "sts")
    assert done.returncode == 1
    assert "sts12: STS/STS12-en-test/STS.input.MSRpar.txt: 12 lines instead of 750" in done.stdout
    assert done.stderr == ""
    done = run(hub, "check", "--json", str(tmp_path / "found.json"))
    assert done.returncode == 1
    found = json.loads((tmp_path / "found.json").read_text())
    assert (found["schema"], found["sound"]) == ("recse-lab/data-check/2", False)
    by_name = {each["name"]: each for each in found["sets"]}
    assert (by_name["sts12"]["state"], by_name["wiki1m"]["state"]) == ("damaged", "absent")
    assert by_name["sick"]["licence"] == "CC BY-NC-SA 3.0"
