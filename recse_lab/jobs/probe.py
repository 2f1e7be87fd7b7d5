"""From runs and encoders to the inputs of a probe; nothing is encoded twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from recse_lab.data.linguistic_sets import load_linguistic
from recse_lab.data.sts_sets import load_task
from recse_lab.data.transfer_sets import TransferTask, find_transfer, load_transfer_task
from recse_lab.errors import LabError, suggest
from recse_lab.evaluation.sts import cosine
from recse_lab.jobs.evaluate import refuse_attention
from recse_lab.jobs.inputs import open_corpus
from recse_lab.jobs.machine import Notify, device, silent
from recse_lab.jobs.machine import precision as resolved_precision
from recse_lab.models.baselines import is_baseline, load_baseline
from recse_lab.models.embedding_cache import cached_encode, embedding_key
from recse_lab.models.encoder import Encoder
from recse_lab.models.folders import resolve
from recse_lab.models.loading import weights_fingerprint
from recse_lab.models.saving import load_encoder
from recse_lab.models.transformer import TransformerEncoder
from recse_lab.objectives import CONTRASTS
from recse_lab.objectives.contrast import Contrast
from recse_lab.objectives.info_nce import InfoNCE
from recse_lab.probes import PROBES
from recse_lab.probes.influence import word_counts
from recse_lab.probes.probe import Encode, Labelled, Pairs
from recse_lab.probes.result import ProbeResult
from recse_lab.runs.references import encoder_label, run_label, run_or_encoder
from recse_lab.runs.store import Run

LABELLED = ("trec", "subj", "sst2")
"""Transfer sets of single sentences: six kinds of questions, subjectivity, sentiment."""
MODELS = ("last", "best")
"""Where a run keeps a model beside the one that it selected."""


@dataclass
class Subject:
    """What is probed: a run of the store, an encoder, or a training-free baseline.

    It is loaded when first needed.
    """

    label: str
    spec: str
    run: Run | None
    options: dict[str, Any]
    """pooling, precision, attention, corpus."""
    notify: Notify = silent

    @cached_property
    def _loaded(self) -> tuple[Encoder, str]:
        """The encoder and the fingerprint of its weights."""
        if self.run is not None:
            return self._of_run(self.run)
        if is_baseline(self.spec):
            return self._baseline(self.spec, self.options["corpus"])
        return self._pretrained(self.spec, resolve(self.spec))

    def _of_run(self, run: Run) -> tuple[Encoder, str]:
        config = run.record.config
        if not config.trained or config.encoder is None:
            raise LabError(
                f"run {run.id} is a measurement and keeps no model; give the encoder it measured."
            )
        chosen = (config.evaluation.selection or MODELS[0], *MODELS)
        models = (run.folder / "model" / name for name in chosen)
        folder = next((model for model in models if model.is_dir()), None)
        if folder is not None:
            return self._pretrained(str(folder), str(folder))
        if is_baseline(config.encoder):
            return self._baseline(config.encoder, config.corpus or ())
        raise LabError(
            f"run {run.id} kept no model, and this probe needs embeddings; "
            "run its study again with --rerun all --keep-models."
        )

    def _pretrained(self, spec: str, weights: str) -> tuple[Encoder, str]:
        encoder = load_encoder(
            spec, pooling=self.options["pooling"], attention=self.options["attention"]
        )
        encoder = encoder.to(device())
        return encoder, weights_fingerprint(weights)

    def _baseline(self, spec: str, corpus: Sequence[str]) -> tuple[Encoder, str]:
        refuse_attention(spec, self.options["attention"])
        found = load_baseline(
            spec,
            open_corpus(tuple(corpus)),
            pooling=self.options["pooling"],
            precision=resolved_precision(self.options["precision"]),
            device=device(),
            notify=self.notify,
        )
        return found, found.fingerprint

    @property
    def encoder(self) -> Encoder:
        """The encoder, on the device."""
        return self._loaded[0]

    def embed(self, sentences: Sequence[str]) -> Float[np.ndarray, "sentences dim"]:
        """Embed sentences; those in the embedding cache are read from it."""
        encoder, fingerprint = self._loaded
        precision = resolved_precision(self.options["precision"])
        return cached_encode(
            lambda missing: encoder.encode(missing, precision=precision),
            sentences,
            key=embedding_key(encoder, fingerprint, precision),
            progress=lambda done, total: self.notify(f"encoding with {self.label}", done, total),
        )

    def scores(self, task: str, pairs: Pairs) -> Float[np.ndarray, " pairs"]:
        """Cosine of every pair: the run's own scores if it was tested on this task.

        Raises:
            LabError: The run was tested on other pairs of that name, or kept neither scores nor
                a model.
        """
        as_tested = self.options["pooling"] is None and self.options["attention"] == "auto"
        if self.run is not None and self.run.scores.is_file() and as_tested:
            stored = self.run.read_scores()
            own = stored.loc[stored["task"] == task]
            if len(own):
                if not np.array_equal(own["gold"].to_numpy(), pairs.gold):
                    raise LabError(
                        f"run {self.run.id} was tested on other pairs of {task} than are given "
                        "here; give the --data-dir it was run with."
                    )
                return own["score"].to_numpy()
        return cosine(self.embed(pairs.first), self.embed(pairs.second))


def find_subject(
    text: str, root: Path, options: dict[str, Any], notify: Notify = silent
) -> Subject:
    """Find what ``[LABEL=]RUN`` or ``[LABEL=]ENCODER`` names.

    Args:
        text: A run (``recse_lab.runs.references``) or an encoder; with a label of your own.
        root: The run store.
        options: pooling, precision, attention and corpus.
        notify: Progress of encoding.

    Raises:
        LabError: What can only be a run is in no study, or names several runs.
    """
    label, equals, spec = text.partition("=")
    spec = spec if equals else text
    run = run_or_encoder(root, spec)
    own = encoder_label(spec) if run is None else run_label(run)
    return Subject(label if equals else own, spec, run, options, notify)


def load_subject(
    text: str, root: Path, *, pooling: str | None = None, precision: str = "auto"
) -> Encoder:
    """Load the encoder of a run, an encoder, or a baseline, onto the device.

    Raises:
        LabError: There is no such run or encoder, or the run kept no model.
    """
    options = {
        "pooling": pooling,
        "precision": precision,
        "attention": "auto",
        "corpus": ("sample-corpus",),
    }
    return find_subject(text, root, options).encoder


@dataclass
class StoredInputs:
    """The ``ProbeInputs`` of subjects on one data set, each part computed when first asked for."""

    subjects: list[Subject]
    task: str
    data_dir: str | None
    corpora: tuple[str, ...]

    @cached_property
    def pairs(self) -> Pairs:
        """All pairs of the task, pooled over its subsets."""
        subsets = load_task(self.task, self.data_dir).subsets.values()
        return Pairs(
            [sentence for part in subsets for sentence in part.first],
            [sentence for part in subsets for sentence in part.second],
            np.concatenate([part.gold for part in subsets]),
            tuple(len(part.gold) for part in subsets),
        )

    @cached_property
    def sentences(self) -> list[str]:
        """Distinct sentences of the pairs, in their order."""
        return list(dict.fromkeys([*self.pairs.first, *self.pairs.second]))

    def scores(self) -> dict[str, Float[np.ndarray, " pairs"]]:
        """Cosine of every pair."""
        return {s.label: s.scores(self.task, self.pairs) for s in self.subjects}

    def embeddings(self) -> dict[str, Float[np.ndarray, "sentences dim"]]:
        """Embeddings of ``sentences``."""
        return {s.label: s.embed(self.sentences) for s in self.subjects}

    def encoders(self) -> dict[str, Encode]:
        """Functions that embed any sentences, through the embedding cache."""
        return {s.label: s.embed for s in self.subjects}

    def networks(self) -> Iterator[tuple[str, TransformerEncoder]]:
        """Transformers to look into.

        Raises:
            LabError: A subject is not a transformer.
        """
        for subject in self.subjects:
            if not isinstance(subject.encoder, TransformerEncoder):
                raise LabError(
                    f"{subject.label} has no network of its own, which this probe looks into; "
                    "leave it out."
                )
            yield subject.label, subject.encoder

    def metrics(self) -> dict[str, list[dict[str, Any]]]:
        """Lines of metrics.jsonl of each run.

        Raises:
            LabError: A subject is not a run.
        """
        found = {}
        for subject in self.subjects:
            if subject.run is None:
                raise LabError(
                    f"{subject.label} is not a run, and only a run has a trajectory; "
                    "give run ids (`recse-lab runs ls`)."
                )
            found[subject.label] = subject.run.metrics()
        return found

    def word_counts(self) -> Counter[str]:
        """How often each word occurs in the corpus."""
        return word_counts(self.corpus())

    def corpus(self) -> Iterable[str]:
        """Sentences of the corpus."""
        return open_corpus(self.corpora)

    def contrasts(self) -> dict[str, Contrast]:
        """The contrast of views that each run was trained with; SimCSE's for an encoder."""
        return {s.label: _contrast_of(s.run) for s in self.subjects}

    def temperatures(self) -> dict[str, float | None]:
        """τ that each run was trained with; None for an encoder, and for a run without a contrast
        of views."""
        stored = {s.label: s.run.record.config if s.run else None for s in self.subjects}
        return {
            label: config.contrast.temperature if config is not None and config.trained else None
            for label, config in stored.items()
        }

    def labelled(self, count: int) -> dict[str, Labelled]:
        """Up to ``count`` evenly spaced sentences of each transfer set of single sentences.

        Raises:
            LabError: No data folder, or none of the sets in it.
        """
        if self.data_dir is None:
            raise LabError("this probe reads transfer sets; give --data-dir (SentEval's layout).")
        folder = find_transfer(self.data_dir)
        found = {}
        for name in LABELLED:
            try:
                found[name] = _evenly(load_transfer_task(name, folder), count)
            except LabError as error:
                if "no such file" not in str(error):
                    raise
        if not found:
            raise LabError(f"{folder}: none of {', '.join(LABELLED)} is complete here.")
        return found

    def linguistic(self) -> dict[str, TransferTask]:
        """SentEval's linguistic probing tasks, those of the ten whose files are there.

        Raises:
            LabError: No data folder, or none of the tasks in it.
        """
        if self.data_dir is None:
            raise LabError(
                "this probe reads SentEval's linguistic tasks; give --data-dir, a folder with "
                "data/probing of SentEval."
            )
        return load_linguistic(self.data_dir)


def _evenly(task: TransferTask, count: int) -> Labelled:
    """Evenly spaced sentences of a transfer set, of the split that is tested on."""
    examples = list(task.splits.values())[-1]
    rows = np.unique(np.linspace(0, len(examples.label) - 1, count).astype(int))
    return Labelled([examples.first[row] for row in rows], examples.label[rows])


def _contrast_of(run: Run | None) -> Contrast:
    if run is None:
        return InfoNCE()
    stored = run.record.config.contrast
    if stored.objective is None or stored.temperature is None:
        return InfoNCE()
    return CONTRASTS[stored.objective](temperature=stored.temperature, **stored.options)


def probe(
    name: str,
    subjects: Sequence[str],
    *,
    root: Path,
    data_dir: str | None = None,
    task: str | None = None,
    pooling: str | None = None,
    precision: str = "auto",
    attention: str = "auto",
    corpus: Sequence[str] = (),
    notify: Notify = silent,
    **options: Any,
) -> ProbeResult:
    """Probe runs and encoders side by side.

    Args:
        name: A probe of ``PROBES``.
        subjects: Run ids, run folders or encoders, each as ``LABEL=SUBJECT`` or plain.
        root: The run store.
        data_dir: Folder of the STS sets.
        task: The graded pairs. Default: sample-sts without ``data_dir``, else stsb.
        pooling: Default: what each encoder states.
        precision: auto, fp32 or bf16.
        attention: auto, plain, sdpa or eager.
        corpus: Where words are counted, and what baselines are fitted on.
        notify: Progress of encoding.
        **options: Options of the probe.

    Raises:
        LabError: An unknown probe, run, encoder, task or option, two subjects of one name, or
            what the probe itself refuses.
    """
    if name not in PROBES:
        raise LabError(f"unknown probe {name!r}; {suggest(name, PROBES)}")
    PROBES[name].refuse_unknown(options)
    chosen = tuple(corpus) or ("sample-corpus",)
    given = {
        "pooling": pooling,
        "precision": precision,
        "attention": attention,
        "corpus": chosen,
    }
    found = [find_subject(text, root, given, notify) for text in subjects]
    labels = [subject.label for subject in found]
    if twice := {label for label in labels if labels.count(label) > 1}:
        raise LabError(
            f"two subjects are called {min(twice)!r}; "
            f"name one of them, as in mine={found[-1].spec}."
        )
    inputs = StoredInputs(
        found, task or ("sample-sts" if data_dir is None else "stsb"), data_dir, chosen
    )
    result = PROBES[name](inputs, **options)
    about = {
        "task": inputs.task,
        "subjects": {s.label: s.run.id if s.run else s.spec for s in found},
        "options": options,
        "runs": [f"{s.run.study}/{s.run.id}" for s in found if s.run],
        "pooling": pooling,
        "precision": resolved_precision(precision),
        "attention": attention,
        "corpus": list(chosen),
    }
    return ProbeResult(result.name, result.table, result.curves, {**about, **result.about})
