"""One configuration -> one finished run folder, resumed where an earlier attempt stopped."""

from __future__ import annotations

import json
import platform
import resource
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from recse_lab import __version__
from recse_lab.build import Lab, Notify, device, settle, silent
from recse_lab.config import RunConfig
from recse_lab.encoders.base import Encoder
from recse_lab.encoders.baselines import is_baseline
from recse_lab.encoders.transformer import TransformerEncoder, load_encoder
from recse_lab.errors import LabError
from recse_lab.evaluation.encoder import DevSet, score_tasks
from recse_lab.evaluation.protocols import find_protocol
from recse_lab.evaluation.sts import sts_results
from recse_lab.store import Run, atomic_path, command_line, commit, now, space, write_json
from recse_lab.training.trainer import Interrupted, Progress, train

PROTOCOL = "simcse-2021"  # of every run that is trained, so that all of them can be compared

OnStep = Callable[[dict[str, Any], int], None]
"""A line of metrics and the number of steps in all."""


def environment(**settings: str | None) -> dict[str, Any]:
    """Where and with what a run is computed: everything that may move a number beside its configuration.

    ``settings``: what was settled for this machine, as precision and attention implementation.
    """
    where = device()
    packages = (
        "torch",
        "transformers",
        "accelerate",
        "numpy",
        "scipy",
        "tokenizers",
        "safetensors",
    )
    return {
        "recse_lab": __version__,
        "commit": commit(),
        "command": command_line(),
        "date": now(),
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
        "device": torch.cuda.get_device_name()
        if where.type == "cuda"
        else f"cpu {torch.backends.cpu.get_cpu_capability()}",
        "threads": torch.get_num_threads(),
        "platform": platform.platform(),
        **settings,
    }


def forget_peak() -> None:
    """Begin to look for the largest memory anew. On a system without /proc the peak stays that of the whole process."""
    if device().type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_bytes() -> int:
    """Largest memory since ``forget_peak``: of the accelerator where there is one, else of this process."""
    if device().type == "cuda":
        return torch.cuda.max_memory_allocated()
    # getrusage counts what the parent held when it started this process, too.
    with suppress(OSError):
        status = Path("/proc/self/status").read_text()
        return 1024 * int(status.partition("VmHWM:")[2].split()[0])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
        1 if sys.platform == "darwin" else 1024
    )


class Peaks:
    """Largest memory of a run's training steps, and of all of it: the two are asked apart, since a test may hold more than a step."""

    def __init__(self) -> None:
        self.steps = self.whole = 0

    def after(self, *, steps: bool = False) -> None:
        """Take note of what has been held since the last call, and begin anew."""
        found = peak_bytes()
        self.whole = max(self.whole, found)
        if steps:
            self.steps = max(self.steps, found)
        forget_peak()


def save_encoder(encoder: TransformerEncoder, folder: Path) -> None:
    """Write an encoder's folder, whole or not at all."""
    with atomic_path(folder) as beside:
        encoder.save(beside)


def execute(
    config: RunConfig,
    study: Path,
    *,
    on_step: OnStep = lambda line, steps: None,
    notify: Notify = silent,
    should_stop: Callable[[], bool] = lambda: False,
    keep_model: bool = True,
    lab: Lab | None = None,
) -> Run:
    """Train (or continue), test, and write everything down under ``study/<id>/``; a finished run is returned as it is, one that
    another study has finished is copied.

    Raises:
        LabError: Something the user can mend; the run is marked failed with the same sentence.
        Interrupted: ``should_stop`` said so; the run is marked interrupted and continues next time.
        Claimed: Another process is computing this run.
    """
    lab = lab or Lab(settle(config), notify)
    config = lab.config
    run = Run(study / lab.id)
    if run.state == "done":
        return run
    about = environment(
        precision=config.training.precision,
        evaluation_precision=config.evaluation.precision,
        attention=config.model.attention,
    )
    if _taken_over(run, about, keep_model):
        return run
    with computing(run):
        resolved = config.model_dump(mode="json")
        write_json(run.folder / "config.json", resolved)
        write_json(run.folder / "fingerprints.json", lab.fingerprints)
        write_json(run.folder / "environment.json", about)
        if is_baseline(config.encoder):
            _measure_baseline(lab, run, notify)
        else:
            _compute(lab, run, on_step, notify, should_stop, keep_model)
    return run


def _taken_over(run: Run, about: dict[str, Any], keep_model: bool) -> bool:
    """Copy a run that another study of this store has finished in the very same environment, command and date apart."""
    uncommitted = str(about["commit"]).endswith("+dirty")  # such code has no name to be the same by
    if run.folder.exists() or uncommitted:
        return False
    for twin in (Run(folder) for folder in sorted(run.folder.parent.parent.glob(f"*/{run.id}"))):
        theirs = twin.environment or {}
        same = all(
            theirs.get(key) == value
            for key, value in about.items()
            if key not in ("command", "date")
        )
        if same and twin.state == "done" and (not keep_model or (twin.folder / "model").is_dir()):
            left = shutil.ignore_patterns("status.json", *(() if keep_model else ("model",)))
            with run.claim(), space(run.folder):  # nobody computes it meanwhile
                shutil.copytree(twin.folder, run.folder, ignore=left, dirs_exist_ok=True)
                shutil.copy2(
                    twin.folder / "status.json", run.folder
                )  # last: what was cut short before is computed
            return True
    return False


@contextmanager
def computing(run: Run) -> Iterator[None]:
    """Hold a run while it is computed, and mark it running, then done, interrupted, or failed with the error's own sentence.

    Raises:
        Claimed: Another process is computing this run.
    """
    with run.claim():
        run.set_status("running")
        forget_peak()  # it is this run's, whatever the process computed before
        try:
            yield
        except Interrupted as stop:
            run.set_status("interrupted", str(stop))
            raise
        except Exception as error:
            with suppress(LabError):  # on a full disk the first complaint is the one to be heard
                run.set_status(
                    "failed",
                    str(error)
                    if isinstance(error, LabError)
                    else f"{type(error).__name__}: {error}",
                )
            raise
        run.set_status("done")


def _compute(
    lab: Lab,
    run: Run,
    on_step: OnStep,
    notify: Notify,
    should_stop: Callable[[], bool],
    keep_model: bool,
) -> None:
    config, began = lab.config, time.monotonic()
    best_folder, last_folder = run.folder / "model" / "best", run.folder / "model" / "last"
    stored = lab.stored  # first: what building it holds is no training step's
    peaks = Peaks()
    recipe, arm = lab.recipe(), lab.arm()
    encoder = arm.encoder
    dev = DevSet(lab.dev_task, encoder, precision=config.evaluation.precision)
    peaks.after()

    def look() -> dict[str, float | None]:
        peaks.after(steps=True)
        found = dev(encoder)
        peaks.after()
        return found

    wants_best = config.evaluation.selection == "best"
    progress = train(
        arm,
        lab.tokens,
        recipe,
        run.folder / "state",
        stored=stored,
        positives=lab.partners[0],
        negatives=lab.partners[1],
        dev=look,
        on_best=(lambda: save_encoder(encoder, best_folder))
        if wants_best or keep_model
        else (lambda: None),
        log=logger(run, on_step, recipe.steps),
        should_stop=should_stop,
    )
    peaks.after(steps=True)
    if progress.step == 0:
        progress.dev = dev(encoder)
    if keep_model or progress.best_step is None:
        save_encoder(encoder, last_folder)

    tested = encoder
    if wants_best and progress.best_step not in (None, progress.step):
        tested = load_encoder(
            str(best_folder),
            attention=config.model.attention,
            max_length=config.evaluation.max_length,
        )
        tested = tested.to(device())
    _test(lab, run, tested, notify, progress, began, peaks)
    shutil.rmtree(run.folder / "state", ignore_errors=True)
    if not keep_model:
        shutil.rmtree(run.folder / "model", ignore_errors=True)


def _measure_baseline(lab: Lab, run: Run, notify: Notify) -> None:
    """A training-free baseline: dev set and test suite, nothing trained, nothing saved."""
    began = time.monotonic()
    encoder = lab.baseline()
    dev = DevSet(lab.dev_task, encoder, precision=lab.config.evaluation.precision)
    _test(lab, run, encoder, notify, Progress(dev=dev(encoder)), began, Peaks())


def _test(
    lab: Lab,
    run: Run,
    tested: Encoder,
    notify: Notify,
    progress: Progress,
    began: float,
    peaks: Peaks,
) -> None:
    """Scores of the test tasks, results and cost of a run."""
    began_test = time.monotonic()
    protocol = find_protocol(PROTOCOL).told()
    results: dict[str, Any] = {
        "schema": "recse-lab/results/1",
        "protocol": protocol,
        "tasks": {},
        "average": None,
    }
    if lab.tasks:
        scores = score_tasks(
            tested,
            lab.tasks,
            precision=lab.config.evaluation.precision,
            progress=lambda done, total: notify("testing", done, total),
        )
        with atomic_path(run.scores) as beside:
            scores.to_parquet(beside, index=False)
        results |= sts_results(scores)
    write_json(run.folder / "results.json", results | {"dev": _dev_results(lab, progress)})
    peaks.after()
    write_json(
        run.folder / "cost.json",
        {
            "train_s": progress.train_s,
            "dev_s": progress.dev_s,
            "save_s": progress.save_s,
            "test_s": time.monotonic() - began_test,
            "last_attempt_s": time.monotonic() - began,
            "tokens": progress.tokens,
            "steps": progress.step,
            "peak_bytes": peaks.whole,
            "step_peak_bytes": peaks.steps if progress.step else None,
        },
    )


def _dev_results(lab: Lab, progress: Progress) -> dict[str, Any]:
    selection = lab.config.evaluation.selection
    best = selection == "best" and progress.best is not None
    return {
        "task": lab.config.evaluation.dev,
        "selection": selection,
        "spearman": progress.best if best else progress.dev.get("spearman"),
        "step": progress.best_step if best else progress.step,
        "checks": progress.checks,
        "last": progress.dev,
        "stopped_early": progress.stopped_early,
    }


def logger(run: Run, on_step: OnStep, steps: int) -> Callable[[dict[str, Any]], None]:
    """Append to metrics.jsonl; a resumed run first drops the lines of steps it is about to repeat."""
    path = run.folder / "metrics.jsonl"
    begun = False

    def log(line: dict[str, Any]) -> None:
        nonlocal begun
        if not begun:
            kept = [old for old in run.metrics() if old["step"] < line["step"]]
            with atomic_path(path) as beside:
                beside.write_text("".join(json.dumps(old) + "\n" for old in kept), encoding="utf-8")
            begun = True
        with space(path), path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        on_step(line, steps)

    return log
