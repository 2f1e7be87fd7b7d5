"""The peak of a run is its own, not that of what the process or its parent held before."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from recse_lab.jobs.memory import Peaks, forget_peak, peak_bytes

MEGABYTE = 2**20
pytestmark = pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists() or torch.cuda.is_available(),
    reason="peaks are told by /proc, of a CPU",
)


def test_what_was_given_back_is_forgotten_and_what_comes_is_seen():
    held = np.ones(300 * MEGABYTE, np.uint8)
    with_it = peak_bytes()
    del held
    forget_peak()
    without = peak_bytes()
    assert with_it - without > 250 * MEGABYTE
    held = np.ones(300 * MEGABYTE, np.uint8)
    del held
    assert peak_bytes() - without > 250 * MEGABYTE


def test_what_a_step_holds_is_told_from_what_the_test_holds():
    forget_peak()
    peaks = Peaks()
    held = np.ones(100 * MEGABYTE, np.uint8)
    del held
    peaks.after(steps=True)
    held = np.ones(500 * MEGABYTE, np.uint8)
    del held
    peaks.after()
    peaks.after(steps=True)  # a second stretch of steps that holds less
    assert 300 * MEGABYTE < peaks.whole - peaks.steps < 450 * MEGABYTE


def test_a_parent_s_memory_is_not_its_child_s():
    held = np.ones(1500 * MEGABYTE, np.uint8)
    code = "from recse_lab.jobs.memory import peak_bytes; print(peak_bytes())"
    child = int(
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout
    )
    assert child < 1200 * MEGABYTE
    assert held[-1] == 1
