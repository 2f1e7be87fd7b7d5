"""Fixtures shared by all tests: where the real data lies, and encoders built from a config instead of downloaded weights."""

import os
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder that holds ``senteval/`` and ``wiki/``; tests that need it are skipped where it is absent."""
    path = Path(os.environ.get("RECSE_LAB_DATA", REPO.parent / "shared" / "data"))
    if not (path / "senteval" / "STS").is_dir():
        pytest.skip(f"no STS data in {path}; set RECSE_LAB_DATA to the folder that holds senteval/")
    return path
