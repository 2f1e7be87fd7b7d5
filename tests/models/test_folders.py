"""A name stands for a folder or for a model of the hub; without a network that is told at once."""

import socket

import pytest

from recse_lab.errors import LabError
from recse_lab.models import folders


@pytest.fixture
def no_network(monkeypatch):
    def unknown(*_):
        raise OSError("Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    folders._unknown_host.cache_clear()
    yield
    folders._unknown_host.cache_clear()


@pytest.mark.usefixtures("no_network")
def test_a_name_that_is_no_folder_is_told_without_asking_a_hub(tmp_path):
    with pytest.raises(LabError, match=r"no such folder, and no hub can be asked .*huggingface"):
        folders.resolve("mistyped-encoder")


@pytest.mark.usefixtures("no_network")
def test_what_was_downloaded_before_needs_no_network(monkeypatch):
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_: "/cache/config.json")
    assert folders.resolve("bert-base-uncased") == "bert-base-uncased"


@pytest.mark.usefixtures("no_network")
def test_folders_and_packaged_names_need_none(tiny):
    assert folders.resolve(str(tiny)) == str(tiny)
    assert folders.resolve("recse-lab/tiny").endswith("tiny")
