"""Fetch data sets from a hub into the cache, and check that what is there is what it should be."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import tarfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from recse_lab.code import PACKAGE
from recse_lab.data.corpora import Corpus
from recse_lab.data.manifest import (
    PULLS,
    RECORD,
    DataSet,
    Download,
    Pin,
    corpus_path,
    data_root,
    data_sets,
    downloads,
)
from recse_lab.data.sts_sets import SAMPLES, find_senteval, load_task
from recse_lab.errors import LabError, suggest
from recse_lab.files import atomic_path, exclusive, now, read_json, write_json

OTHER_TEXT = "other text than the package pins"


class Finding(NamedTuple):
    """What `data check` reports of one data set.

    ``state`` is sound, absent, damaged or "other text".
    """

    name: str
    kind: str
    state: str
    rows: int | None
    verified: str
    licence: str
    source: str
    where: str
    problems: list[str]

    @property
    def sound(self) -> bool:
        """Whether there is nothing to repair."""
        return self.state in ("sound", "absent")


# ---- checking ----


def check(data_dir: str | Path | None = None) -> list[Finding]:
    """Check every data set: the pulled ones and the packaged samples.

    Args:
        data_dir: A folder in SentEval's layout, to be checked instead of the pulled sets.

    Raises:
        LabError: ``data_dir`` holds no STS data, or it is "pulled" and nothing was pulled.
    """
    folders = {name: download.folder for name, download in downloads().items()}
    if data_dir is not None:
        folders["senteval"] = find_senteval(data_dir)
    return [*(_find(each, folders[each.download]) for each in data_sets()), *_samples()]


def _find(data: DataSet, folder: Path) -> Finding:
    recorded = _record(folder).get("files", {})
    if not recorded and not any((folder / file).exists() for file in data.files):
        return _finding(data, "absent", "", folder, [])
    problems = [
        f"{file}: {problem}"
        for file, pin in data.files.items()
        if (problem := _problem(folder / file, pin, recorded.get(file)))
    ]
    if not recorded and folder == downloads()[data.download].folder:
        problems.append(f"{RECORD}: no readable record of the pull")
    verified = (
        "pinned by the package"
        if all(p.sha256 for p in data.files.values())
        else "text pinned by the package"
    )
    if recorded and verified.startswith("text"):
        verified += ", bytes recorded at first pull"
    other = all(problem.endswith(OTHER_TEXT) for problem in problems)
    return _finding(
        data,
        "sound" if not problems else "other text" if other else "damaged",
        verified,
        folder,
        problems,
    )


def _finding(
    data: DataSet, state: str, verified: str, folder: Path, problems: list[str]
) -> Finding:
    rows = data.rows if state == "sound" else None
    return Finding(
        data.name,
        data.kind,
        state,
        rows,
        verified,
        data.licence,
        data.source,
        str(folder),
        problems,
    )


def _problem(path: Path, pin: Pin, recorded: str | None) -> str | None:
    """What is wrong with one file, or None."""
    if not path.is_file():
        return "missing"
    received = _sha256(path)
    if recorded is not None and received != recorded:
        return "not the bytes recorded at first pull"
    if pin.sha256 is not None and received != pin.sha256:
        return "not the sha256 the package pins"
    if pin.text is not None:
        data = path.read_bytes()
        lines = data.count(b"\n") + (not data.endswith(b"\n"))
        if lines != pin.lines:
            return f"{lines} lines instead of {pin.lines}"
        if hashlib.sha256(data.translate(None, b" \r")).hexdigest() != pin.text:
            return OTHER_TEXT
    return None


def _samples() -> Iterator[Finding]:
    """The packaged samples: sound when they can be read."""
    readers: dict[str, tuple[str, Callable[[], int]]] = {
        "sample-corpus": ("corpus", lambda: sum(1 for _ in Corpus(corpus_path("sample-corpus")))),
        "sample-sts": (
            "sts",
            lambda: sum(len(load_task(name, None).subsets["sample"].gold) for name in SAMPLES),
        ),
    }
    for name, (kind, count) in readers.items():
        try:
            state, rows, problems = "sound", count(), []
        except (LabError, OSError, KeyError, ValueError) as error:
            state, rows, problems = "damaged", None, [str(error)]
        where = str(PACKAGE / "data" / "samples")
        source = "written for this package"
        yield Finding(
            name, kind, state, rows, "part of the package", "Apache-2.0", source, where, problems
        )


def _record(folder: Path) -> dict[str, Any]:
    try:
        return read_json(folder / RECORD)
    except (OSError, LabError):
        return {}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# ---- pulling ----


def pull(names: Sequence[str], say: Callable[[str], None] = lambda text: None) -> list[Finding]:
    """Fetch the sets that are missing, continue a broken download, and check each of them.

    Args:
        names: Keys of ``PULLS``.
        say: Called with a line of progress.

    Raises:
        LabError: A name is unknown, no hub can be reached, the hub lacks a file, a checksum is
            wrong, or the disk is full.
    """
    if unknown := [name for name in names if name not in PULLS]:
        hint = suggest(unknown[0], PULLS)
        raise LabError(f"data pull: unknown data set {unknown[0]!r}; {hint}")
    wanted = [downloads()[name] for name in dict.fromkeys(PULLS[name] for name in names)]
    return [finding for download in wanted for finding in _pull(download, say)]


def _pull(download: Download, say: Callable[[str], None]) -> list[Finding]:
    sets, folder = data_sets(download.name), download.folder
    with _alone(download.name):
        findings, record = [_find(each, folder) for each in sets], _record(folder)
        if record.get("revision") != download.revision:
            record = {}
        if record and all(finding.state in ("sound", "other text") for finding in findings):
            say(f"{download.file} is here already: {folder}")
            return findings
        say(f"{download.file} from {download.repo} at {download.revision[:12]} → {folder}")
        part, received = _fetch(download, record.get("sha256"))
        try:
            with atomic_path(folder) as beside:
                beside.mkdir()
                files = [file for each in sets for file in each.files]
                if download.file.endswith(".tar"):
                    _unpack(part, beside, files)
                else:
                    os.replace(part, beside / download.file)
                about = {
                    "schema": "recse-lab/pulled/1",
                    "repo": download.repo,
                    "revision": download.revision,
                    "at": now(),
                }
                write_json(
                    beside / RECORD,
                    about | received | {"files": {file: _sha256(beside / file) for file in files}},
                )
        finally:
            part.unlink(missing_ok=True)
        return [_find(each, folder) for each in sets]


@contextmanager
def _alone(name: str) -> Iterator[None]:
    """Let one process at a time pull ``name``.

    Raises:
        LabError: The folder of the data sets cannot be written.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(exclusive(data_root() / name))
        except OSError as error:
            raise LabError(
                f"{data_root()}: cannot be written ({error.strerror}); set RECSE_LAB_CACHE."
            ) from None
        yield


def _fetch(download: Download, recorded: str | None) -> tuple[Path, dict[str, Any]]:
    """The downloaded file, verified, and what is to be recorded of it."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers

    url = hf_hub_url(download.repo, download.file, repo_type="dataset", revision=download.revision)
    part = data_root() / f"{download.file}.part"
    with _reported(url, part):
        about = get_hf_file_metadata(url)
        if about.commit_hash not in (None, download.revision):
            raise LabError(
                f"{url}: the hub serves commit {about.commit_hash} instead; "
                "set HF_ENDPOINT to another hub."
            )
        with part.open("ab") as file:
            # hf_hub_download starts again after a broken process; this continues from what is there
            if about.size is not None and file.tell() > about.size:
                file.truncate(0)
            http_get(
                url,
                file,
                resume_size=file.seek(0, os.SEEK_END),
                headers=build_hf_headers(),
                expected_size=about.size,
                displayed_filename=download.file,
            )
    sha256 = _sha256(part)
    # The etag of a small file is of another kind.
    announced = about.etag if re.fullmatch("[0-9a-f]{64}", about.etag or "") else None
    for expected, whose in (
        (download.sha256, "the package pins"),
        (recorded, "the first pull recorded"),
        (announced, "the hub announces"),
    ):
        if expected is not None and expected != sha256:
            part.unlink()
            raise LabError(
                f"{download.file}: its sha256 is {sha256[:12]}… and {whose} {expected[:12]}…; "
                "the file was deleted: pull again, or see whether HF_ENDPOINT is a mirror that "
                "altered it."
            )
    return part, {"url": url, "sha256": sha256, "size": part.stat().st_size}


@contextmanager
def _reported(url: str, part: Path) -> Iterator[None]:
    """Report what can go wrong between here and a hub in one sentence."""
    from huggingface_hub import constants, errors
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    AnyHTTPError = errors.HTTPError  # pyright: ignore[reportPrivateImportUsage]

    try:
        yield
    except OfflineModeIsEnabled:
        raise LabError(
            f"no hub can be reached at {constants.ENDPOINT}: HF_HUB_OFFLINE is set; "
            "unset it to pull."
        ) from None
    except HfHubHTTPError as error:
        status = error.response.status_code
        if status == 416:  # asked to go on beyond its end: the hub's file is shorter than it says
            raise _truncated(url, part) from None
        what = "has no such file (404)" if status == 404 else f"answered {status}"
        raise LabError(
            f"{url}: the hub {what}; try again later, or set HF_ENDPOINT to another hub."
        ) from None
    except AnyHTTPError as error:  # of the HTTP library under it: no connection, or one that broke
        advice = "check the network, or set HF_ENDPOINT to a mirror"
        if part.is_file() and (arrived := part.stat().st_size):
            advice = (
                f"the {arrived:,} bytes that arrived are kept, "
                "and the same command continues from there"
            )
        raise LabError(
            f"no hub can be reached at {constants.ENDPOINT} ({error}); {advice}."
        ) from None
    except OSError as error:
        if error.errno is None:  # http_get found another number of bytes than was announced
            raise _truncated(url, part) from None
        if error.errno != errno.ENOSPC:
            raise LabError(f"{part}: cannot be written ({error.strerror}).") from None
        raise LabError(
            f"{part}: the disk is full; "
            "free some space, and the same command continues from what arrived."
        ) from None


def _truncated(url: str, part: Path) -> LabError:
    size = part.stat().st_size
    part.unlink()
    return LabError(
        f"{url}: the hub sent {size:,} bytes, not as many as it announced; "
        "they were deleted: pull again."
    )


def _unpack(archive: Path, folder: Path, wanted: list[str]) -> None:
    """The wanted files of a tar archive; nothing else in it is written."""
    lacking = set(wanted)
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                name = member.name.removeprefix("./")
                if name in lacking and member.isfile():
                    content = tar.extractfile(member)
                    assert content is not None
                    target = folder / name
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(content.read())
                    lacking.remove(name)
    except (tarfile.TarError, EOFError):
        raise LabError(
            f"{archive.stem}: no readable tar archive; it was deleted: pull again."
        ) from None
    if lacking:
        raise LabError(
            f"{archive.stem}: the archive lacks {min(lacking)}; "
            "it was deleted, and nothing was unpacked."
        )
