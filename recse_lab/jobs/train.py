"""One configuration -> one finished run folder, resumed where an earlier attempt stopped."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from recse_lab.config.schema import RunConfig
from recse_lab.data.sts_sets import task_keys
from recse_lab.evaluation.protocols import training_protocol
from recse_lab.evaluation.sts import sts_results
from recse_lab.files import atomic_path, space
from recse_lab.jobs.build import Lab
from recse_lab.jobs.computing import OnStep, computing, logger
from recse_lab.jobs.environment import environment
from recse_lab.jobs.interrupt import stoppable
from recse_lab.jobs.machine import Notify, device, silent
from recse_lab.jobs.measure import DevSet, score_tasks
from recse_lab.jobs.memory import Peaks
from recse_lab.jobs.settling import settle
from recse_lab.models.baselines import is_baseline
from recse_lab.models.encoder import Encoder
from recse_lab.models.saving import load_encoder
from recse_lab.models.transformer import TransformerEncoder
from recse_lab.runs.leases import Finished
from recse_lab.runs.records import Config, Cost, Environment, Fingerprints, StsResults
from recse_lab.runs.store import Run
from recse_lab.training.loop import Progress


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
    """Train (or continue) and test one configuration under ``study/<id>/``.

    A finished run is returned as it is; one that another study has finished is copied.

    Raises:
        LabError: Something the user can fix; the run is marked failed with the same sentence.
        Interrupted: ``should_stop`` said so; the run is marked interrupted and continues next time.
        Claimed: Another process is computing this run.
    """
    lab = lab or Lab(settle(config), notify)
    config = lab.config
    run = Run(study / lab.id)
    if run.tidy():
        return run
    about = environment(
        precision=config.training.precision,
        evaluation_precision=config.evaluation.precision,
        attention=config.model.attention,
    )
    if _take_over(run, about, keep_model):
        return run
    with suppress(Finished), computing(run):
        Config.check(config.model_dump(mode="json"), Config.FILE).write(run.folder)
        Fingerprints.check(lab.fingerprints, Fingerprints.FILE).write(run.folder)
        about.write(run.folder)
        if is_baseline(config.encoder):
            _measure_baseline(lab, run, notify)
        else:
            _compute(lab, run, on_step, notify, should_stop, keep_model)
    return run


def _take_over(run: Run, about: Environment, keep_model: bool) -> bool:
    """Copy a run that another study finished in the same environment, command and date apart."""
    # Code with uncommitted changes has no name by which it could be recognised.
    uncommitted = str(about.commit).endswith("+dirty")
    if run.folder.exists() or uncommitted:
        return False
    for twin in (Run(home) for home in sorted(run.home.parent.parent.glob(f"*/{run.id}"))):
        theirs = twin.record.environment.tree()
        same = all(
            theirs.get(key) == value
            for key, value in about.tree().items()
            if key not in ("command", "date")
        )
        if same and twin.state == "done" and (not keep_model or (twin.folder / "model").is_dir()):
            left = shutil.ignore_patterns("status.json", *(() if keep_model else ("model",)))
            with run.claim() as lease, space(run.folder):
                shutil.copytree(twin.folder, run.folder, ignore=left, dirs_exist_ok=True)
                # Last, so that a copy that was cut short counts as unfinished.
                shutil.copy2(twin.folder / "status.json", run.folder)
                lease.publish()
            return True
    return False


def _compute(
    lab: Lab,
    run: Run,
    on_step: OnStep,
    notify: Notify,
    should_stop: Callable[[], bool],
    keep_model: bool,
) -> None:
    config, began = lab.config, time.monotonic()
    models = _model_folder(run, keep_model)
    best_folder, last_folder = models / "best", models / "last"
    _ = lab.stored  # first: building it is not part of the memory of a training step
    peaks = Peaks()
    steps, arm = lab.steps, lab.arm()
    encoder = arm.encoder
    dev = DevSet(lab.dev_task, encoder, precision=config.evaluation.precision)
    peaks.after()

    def evaluate_dev() -> dict[str, float | None]:
        peaks.after(steps=True)
        found = dev(encoder)
        peaks.after()
        return found

    wants_best = config.evaluation.selection == "best"
    progress = lab.train(
        arm,
        run.folder / "state",
        dev=evaluate_dev,
        on_best=(lambda: save_encoder(encoder, best_folder))
        if wants_best or keep_model
        else (lambda: None),
        log=logger(run, on_step, steps),
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


def _model_folder(run: Run, keep_model: bool) -> Path:
    """Where encoders are written: those that nobody keeps go with the state, when it is dropped."""
    kept, left_out = run.folder / "model", run.folder / "state" / "model"
    here, before = (kept, left_out) if keep_model else (left_out, kept)
    if before.is_dir() and not here.is_dir():  # of an attempt with the other choice
        here.parent.mkdir(exist_ok=True)
        before.rename(here)
    return here


def _measure_baseline(lab: Lab, run: Run, notify: Notify) -> None:
    """Measure a training-free baseline on the dev set and the tasks; nothing is saved."""
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
    """Write scores of the test tasks, results and cost of a run."""
    began_test = time.monotonic()
    protocol = training_protocol(lab.config.evaluation.protocol)
    results: dict[str, Any] = {"protocol": protocol.told(), "tasks": {}, "average": None}
    if lab.tasks:
        scores = score_tasks(
            tested,
            lab.tasks,
            precision=lab.config.evaluation.precision,
            progress=lambda done, total: notify("testing", done, total),
        )
        with atomic_path(run.scores) as beside:
            scores.to_parquet(beside, index=False)
        results |= sts_results(scores, protocol.tasks)
    results["dev"] = _dev_results(lab, progress)
    StsResults.check(results, StsResults.FILE).write(run.folder)
    peaks.after()
    Cost(
        train_s=progress.train_s,
        dev_s=progress.dev_s,
        save_s=progress.save_s,
        test_s=time.monotonic() - began_test,
        last_attempt_s=time.monotonic() - began,
        tokens=progress.tokens,
        steps=progress.step,
        peak_bytes=peaks.whole,
        step_peak_bytes=peaks.steps if progress.step else None,
    ).write(run.folder)


def _dev_results(lab: Lab, progress: Progress) -> dict[str, Any]:
    selection = lab.config.evaluation.selection
    best = selection == "best" and progress.best is not None
    return {
        "task": lab.config.evaluation.dev,
        **_shared_with_tests(lab),
        "selection": selection,
        "spearman": progress.best if best else progress.dev.get("spearman"),
        "step": progress.best_step if best else progress.step,
        "checks": progress.checks,
        "last": progress.dev,
        "stopped_early": progress.stopped_early,
    }


def _shared_with_tests(lab: Lab) -> dict[str, int | None]:
    """How many pairs the dev set has, and how many of them are pairs of the other test tasks."""
    dev = task_keys(lab.dev_task)
    tests = [task_keys(task) for task in lab.tasks if task.name != lab.dev_task.name]
    known = set().union(*tests)
    return {"pairs": len(dev), "test_pairs": sum(key in known for key in dev) if tests else None}


def train(
    config: RunConfig,
    root: Path,
    *,
    on_step: OnStep = lambda line, steps: None,
    notify: Notify = silent,
) -> Run:
    """Train and test one configuration under ``root/train/``.

    A finished run is returned, an unfinished one continued.

    Raises:
        LabError: Bad input, or a loss that is not finite.
        Interrupted: Ctrl-C; the state is saved.
    """
    with stoppable() as should_stop:
        return execute(
            config, root / "train", on_step=on_step, notify=notify, should_stop=should_stop
        )
