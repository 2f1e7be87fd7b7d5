"""What a run reads: encoder, corpus and tasks; fingerprints of their contents; the run's id."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property

from recse_lab.config.identity import run_id
from recse_lab.config.schema import RunConfig
from recse_lab.data.corpora import Corpus, check_aligned
from recse_lab.data.manifest import corpus_path
from recse_lab.data.sts_sets import StsTask, load_task, tasks_fingerprint
from recse_lab.jobs.behaviour import behaviour_of_backbone, behaviour_of_run
from recse_lab.jobs.machine import Notify, silent
from recse_lab.models.baselines import is_baseline, parse_baseline
from recse_lab.models.folders import resolve
from recse_lab.models.loading import load_config, load_tokenizer, weights_fingerprint


def backbone_path(encoder: str) -> str:
    """Folder or hub id of an encoder, or of the encoder behind a baseline."""
    return resolve(parse_baseline(encoder).encoder if is_baseline(encoder) else encoder)


def open_corpus(paths: tuple[str, ...], column: str | None = None) -> Corpus:
    """The corpus in some files; ``sample-corpus`` is the packaged one, ``wiki1m`` the pulled one.

    Raises:
        LabError: A file is missing or damaged, or has no such column.
    """
    return Corpus([corpus_path(path) for path in paths], column)


# Every cell of a study reads the same files, so each is read once per process.
task_of = cache(load_task)
weights_of = cache(weights_fingerprint)
tokenizer_of = cache(load_tokenizer)
architecture_of = cache(load_config)


@cache
def corpus_of(paths: tuple[str, ...], column: str | None) -> tuple[Corpus, str]:
    """A corpus and the fingerprint of its contents."""
    corpus = open_corpus(paths, column)
    return corpus, corpus.fingerprint


@cache
def check_aligned_columns(paths: tuple[str, ...], columns: tuple[str | None, ...]) -> None:
    """Check that some columns of a corpus have a sentence in each row.

    Raises:
        LabError: They have not.
    """
    check_aligned([corpus_of(paths, column)[0] for column in columns])


@cache
def tasks_fingerprint_of(names: tuple[str, ...], data_dir: str | None) -> str:
    """Fingerprint of the pairs of some tasks."""
    return tasks_fingerprint([task_of(name, data_dir) for name in names])


@dataclass
class Inputs:
    """What one settled configuration reads; each part is read when it is first asked for, once."""

    config: RunConfig
    notify: Notify = silent

    @cached_property
    def encoder_path(self) -> str:
        """Folder or hub id of the encoder, or of the encoder behind a baseline."""
        return backbone_path(self.config.encoder)

    @cached_property
    def corpus(self) -> Corpus:
        """The sentences that are trained on."""
        return corpus_of(self.config.corpus, self.config.column)[0]

    @cached_property
    def tasks(self) -> list[StsTask]:
        """The STS tasks that the trained encoder is tested on."""
        return [
            task_of(name, self.config.evaluation.data_dir)
            for name in self.config.evaluation.tasks or ()
        ]

    @cached_property
    def dev_task(self) -> StsTask:
        """The dev set that checks training and selects weights."""
        assert self.config.evaluation.dev is not None
        return task_of(self.config.evaluation.dev, self.config.evaluation.data_dir)

    @cached_property
    def fingerprints(self) -> dict[str, str]:
        """Contents of the weights, the corpus and the evaluation data."""
        config, evaluation = self.config, self.config.evaluation
        assert evaluation.tasks is not None
        assert evaluation.dev is not None
        found = {}
        if is_baseline(config.encoder):
            found["baseline"] = config.encoder.partition("@")[0]
        for name in ("positives", "negatives"):
            column = getattr(config, name)
            if column is not None:
                found[name] = corpus_of(config.corpus, column)[1]
        tasks = (*evaluation.tasks, evaluation.dev)
        return found | {
            "encoder": weights_of(self.encoder_path),
            "corpus": corpus_of(config.corpus, config.column)[1],
            "evaluation": tasks_fingerprint_of(tasks, evaluation.data_dir),
        }

    @cached_property
    def id(self) -> str:
        """Twelve hex digits that name the question of the run."""
        behaviour = behaviour_of_run(self.config)
        if self.config.trained:
            behaviour |= behaviour_of_backbone(architecture_of(self.encoder_path).model_type)
        return run_id(self.config, self.fingerprints, behaviour)
