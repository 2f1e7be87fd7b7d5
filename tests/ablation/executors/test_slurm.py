"""An array job: a script that bash reads, and whose tasks join the study."""

import subprocess

import pytest

from recse_lab.ablation.executors import slurm
from recse_lab.ablation.executors.slurm import array_job, submit, without
from recse_lab.errors import LabError


def test_the_script_joins_the_study():
    script = array_job("dim-quick", "recse-lab ablate dim --quick", 4)
    assert "#SBATCH --array=1-4\n" in script
    assert "\nrecse-lab ablate dim --quick --join --workers 1 &\n" in script
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0


@pytest.mark.parametrize(
    "command",
    [
        "recse-lab ablate dim --executor slurm --workers 4",
        "recse-lab ablate --executor=slurm dim --workers=4",
    ],
)
def test_options_and_their_values_are_left_out(command):
    assert without(command, "--executor", "--workers") == "recse-lab ablate dim"


def test_without_sbatch_nothing_is_submitted(monkeypatch):
    monkeypatch.setattr(slurm.shutil, "which", lambda name: None)
    with pytest.raises(LabError, match="there is no sbatch here"):
        submit("#!/bin/bash\n")
