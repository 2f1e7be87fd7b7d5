"""Two studies that ask for the same run compute it once, and only where code and machine are the
same.
"""

import errno
import functools
import shutil

import pytest

from recse_lab.config.overrides import merge
from recse_lab.config.reading import make_config
from recse_lab.errors import LabError
from recse_lab.jobs import environment
from recse_lab.jobs import train as execution
from recse_lab.jobs.train import execute
from recse_lab.runs.store import find_runs
from recse_lab.training import loop


@pytest.fixture
def config(tiny, corpus_file, small_senteval, monkeypatch):
    monkeypatch.setattr(environment, "commit", lambda: "0123456789ab")
    return make_config(
        {
            "encoder": str(tiny),
            "corpus": str(corpus_file),
            "model": {"pooling": "mean", "max_length": 24},
            "training": {"steps": 2, "batch_size": 8, "precision": "fp32"},
            "evaluation": {
                "data_dir": str(small_senteval),
                "precision": "fp32",
                "tasks": ["stsb"],
                "selection": "last",
            },
        }
    )


@pytest.fixture
def trained(monkeypatch):
    """How often anything was trained."""
    count, train = [], loop.train

    def counted(*arguments, **options):
        count.append(1)
        return train(*arguments, **options)

    monkeypatch.setattr(loop, "train", counted)
    return count


def files(run):
    return {p.relative_to(run.folder): p.read_bytes() for p in run.folder.rglob("*") if p.is_file()}


def test_a_run_that_another_study_has_finished_is_copied(config, tmp_path, trained):
    first = execute(config, tmp_path / "one", keep_model=False)
    second = execute(config, tmp_path / "two", keep_model=False)
    assert len(trained) == 1
    assert second.state == "done"
    assert files(second) == files(first)
    assert not list((tmp_path / "two").glob(".*"))


def test_its_model_comes_along_where_it_is_wanted_and_was_kept(config, tmp_path, trained):
    execute(config, tmp_path / "one", keep_model=False)
    with_model = execute(
        config, tmp_path / "two", keep_model=True
    )  # the first kept none: it is computed
    assert len(trained) == 2
    copied = execute(config, tmp_path / "three", keep_model=True)
    without = execute(config, tmp_path / "four", keep_model=False)
    assert len(trained) == 2
    assert files(copied) == files(with_model)
    assert not (without.folder / "model").exists()


@pytest.mark.parametrize(
    "other", ["another commit", "uncommitted", "another thread", "another seed", "unfinished"]
)
def test_anything_else_is_computed(config, tmp_path, trained, monkeypatch, other):
    if other == "uncommitted":
        monkeypatch.setattr(environment, "commit", lambda: "0123456789ab+dirty")
    first = execute(config, tmp_path / "one", keep_model=False)
    if other == "another commit":
        monkeypatch.setattr(environment, "commit", lambda: "ba9876543210")
    if other == "another thread":
        monkeypatch.setattr(environment.torch, "get_num_threads", lambda: 64)
    if other == "another seed":
        config = make_config(merge(config.model_dump(), {"seed": 1}))
    if other == "unfinished":
        first.set_status("interrupted")
    execute(config, tmp_path / "two", keep_model=False)
    assert len(trained) == 2


def test_a_copy_cut_short_is_no_finished_run(config, tmp_path, trained, monkeypatch):
    execute(config, tmp_path / "one", keep_model=False)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        tree = functools.partial(shutil.copytree, copy_function=shutil.copyfile)
        patch.setattr(execution.shutil, "copytree", tree)  # all but the last file is copied
        patch.setattr(execution.shutil, "copy2", full)
        with pytest.raises(LabError, match="full"):
            execute(config, tmp_path / "two", keep_model=False)
    (run,) = find_runs(tmp_path)[1:]
    assert (run.folder / "results.json").is_file()
    assert (run.study, run.state) == ("two", "planned")
    assert execute(config, tmp_path / "two", keep_model=False).state == "done"
    assert len(trained) == 2
