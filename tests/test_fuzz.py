"""Whatever is given, the command line succeeds or says in one sentence what is wrong.

`make fuzz` tries a hundred inputs of each kind; a few of each belong to the suite.
"""

import random
import resource
import shutil
import sys
import time
from pathlib import Path

import pytest
from fuzz import KINDS, World, base, written

SECONDS = 10.0
BYTES = 2**30
FEW, MANY = 4, 100


@pytest.fixture(scope="module")
def world(tiny, corpus_file, small_senteval, tmp_path_factory):
    """A finished run beside what inputs are made from."""
    from recse_lab.config.reading import read_config
    from recse_lab.jobs.train import execute

    folder = tmp_path_factory.mktemp("world")
    about = World(tiny, corpus_file, small_senteval, folder, folder)
    tree = base(about)
    del tree["evaluation"]["tasks"]
    run = execute(read_config(written(folder / "c.yaml", tree)), folder / "runs")
    return about._replace(run=run.folder)


def law_broken(kind, seed, world, folder, call):
    """What an input did that it may not; None if it kept the law."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    line = KINDS[kind](random.Random(f"{kind} {seed}"), world._replace(folder=folder))
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    told = f"{kind}, seed {seed}: recse-lab {' '.join(line)[:400]}"
    try:
        code, out, err = call(*line)
    except BaseException as error:
        return f"{told}\n  raised {type(error).__name__}: {str(error)[:500]}"
    took = time.monotonic() - began
    grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    said = err.strip()
    if "Traceback" in err:
        return f"{told}\n  printed a traceback"
    if code not in (0, 1, 2):
        return f"{told}\n  left with {code}: {said[-300:]}"
    if code == 2 and not said and "Usage:" in out:  # a command without its verb prints its help
        return None
    if code == 2 and not said:
        return f"{told}\n  left with 2 and said nothing"
    if code == 2 and "Usage:" not in err and said.count("error: ") != 1:
        return f"{told}\n  said {said.count('error: ')} sentences: {said[:300]}"
    if took > SECONDS:
        return f"{told}\n  took {took:.0f} s"
    if grown > BYTES:
        return f"{told}\n  took {grown / BYTES:.1f} GiB more"
    left = [path for path in Path(folder).rglob(".*.tmp") if path.exists()]
    return f"{told}\n  left {left[0]}" if left else None


@pytest.mark.parametrize("kind", KINDS)
def test_a_few_inputs_of_each_kind(kind, world, tmp_path, call):
    broken = [law_broken(kind, seed, world, tmp_path / "in", call) for seed in range(FEW)]
    assert [each for each in broken if each] == []


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kind", KINDS)
def test_many_inputs_of_each_kind(kind, world, tmp_path, call):
    broken = []
    for seed in range(FEW, FEW + MANY):
        found = law_broken(kind, seed, world, tmp_path / "in", call)
        if found:
            broken.append(found)
            print(found, file=sys.stderr)
    assert broken == []
