"""A study as an array job of Slurm: every task of it joins the study and works its plan off."""

from __future__ import annotations

import shlex
import shutil
import subprocess

from recse_lab.errors import LabError


def array_job(name: str, command: str, tasks: int) -> str:
    """The script of an array job.

    Args:
        name: The study.
        command: The command of the study; ``--join`` is added to it.
        tasks: Tasks of the array, each of which computes one cell at a time.
    """
    return f"""#!/bin/bash
#SBATCH --job-name=recse-lab-{name}
#SBATCH --array=1-{tasks}
#SBATCH --output=recse-lab-{name}-%a.log
#SBATCH --signal=B:TERM@120
# Two minutes before its end a task is asked to stop: it saves its state, and the next one goes on.
trap 'kill -TERM "$!"; wait "$!"' TERM
{command} --join --workers 1 &
wait "$!"
"""


def submit(script: str) -> str:
    """Hand a script to sbatch; what sbatch says.

    Raises:
        LabError: There is no sbatch, or it refuses the job.
    """
    if shutil.which("sbatch") is None:
        raise LabError("there is no sbatch here; save the script and submit it on the cluster.")
    done = subprocess.run(["sbatch"], input=script, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"sbatch refuses the job: {' '.join(done.stderr.split())[:300]}.")
    return done.stdout.strip()


def without(command: str, *options: str) -> str:
    """A command line without some options and their values."""
    words, kept = shlex.split(command), []
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word in options:
            skip = True
        elif word.partition("=")[0] not in options:
            kept.append(word)
    return shlex.join(kept)
