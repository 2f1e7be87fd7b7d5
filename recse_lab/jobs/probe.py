"""From runs and encoders to what a probe asks for: scores, embeddings, hidden states. Nothing is encoded twice."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float

from recse_lab.data.minimal_pair_items import load_minimal_pairs
from recse_lab.data.sts_sets import load_task
from recse_lab.errors import LabError, suggest
from recse_lab.evaluation.sts import cosine
from recse_lab.files import read_json
from recse_lab.jobs.inputs import open_corpus
from recse_lab.jobs.machine import Notify, device, precision, silent
from recse_lab.models.baselines import is_baseline, load_baseline
from recse_lab.models.batching import by_token_budget, pad, token_budget
from recse_lab.models.editing import edited_embeddings
from recse_lab.models.embedding_cache import cached_encode, embedding_key
from recse_lab.models.encoder import Encoder
from recse_lab.models.folders import resolve
from recse_lab.models.loading import weights_fingerprint
from recse_lab.models.saving import load_encoder
from recse_lab.models.transformer import TransformerEncoder
from recse_lab.pooling import masked_mean
from recse_lab.probes import PROBES
from recse_lab.probes.bias import covariates
from recse_lab.probes.influence import token_influence, word_counts
from recse_lab.probes.minimal_pairs import embed_minimal_pairs
from recse_lab.probes.result import ProbeResult
from recse_lab.reshape.token_view import ReshapedTokens
from recse_lab.runs.store import Run, find_run, find_runs

INFLUENCE_SENTENCES = 300
LAYER_SENTENCES = 2000


class Pairs(NamedTuple):
    """All pairs of a task, pooled."""

    first: list[str]
    second: list[str]
    gold: Float[np.ndarray, " pairs"]


@dataclass
class Subject:
    """One thing that is probed: a run of the store, an encoder, or a training-free baseline; each loaded when first needed."""

    label: str
    spec: str
    run: Run | None
    options: dict[str, Any]
    """pooling, precision, corpus."""
    notify: Notify = silent

    @cached_property
    def _loaded(self) -> tuple[Encoder, str]:
        chosen, pooling = precision(self.options["precision"]), self.options["pooling"]
        if self.run is not None:
            if "training" not in (self.run.config or {}):
                raise LabError(
                    f"run {self.run.id} is a measurement and keeps no model; give the encoder it measured."
                )
            selection = (self.run.config or {})["evaluation"]["selection"]
            folders = [self.run.folder / "model" / name for name in (selection, "last", "best")]
            folder = next((f for f in folders if f.is_dir()), None)
            encoder = (self.run.config or {})["encoder"]
            if folder is None and is_baseline(encoder):
                return self._baseline(encoder, (self.run.config or {})["corpus"], chosen)
            if folder is None:
                raise LabError(
                    f"run {self.run.id} kept no model, and this probe needs embeddings; run its study again with --rerun all --keep-models."
                )
            return load_encoder(str(folder), pooling=pooling).to(device()), weights_fingerprint(
                str(folder)
            )
        if is_baseline(self.spec):
            return self._baseline(self.spec, self.options["corpus"], chosen)
        return load_encoder(self.spec, pooling=pooling).to(device()), weights_fingerprint(
            resolve(self.spec)
        )

    def _baseline(self, spec: str, corpus: Sequence[str], chosen: str) -> tuple[Encoder, str]:
        found = load_baseline(
            spec,
            open_corpus(tuple(corpus)),
            pooling=self.options["pooling"],
            precision=chosen,
            device=device(),
            notify=self.notify,
        )
        return found, found.fingerprint

    @property
    def encoder(self) -> Encoder:
        return self._loaded[0]

    def embed(self, sentences: Sequence[str]) -> Float[np.ndarray, "sentences dim"]:
        """Embeddings, from the cache where they are there."""
        encoder, fingerprint = self._loaded
        chosen = precision(self.options["precision"])
        return cached_encode(
            lambda missing: encoder.encode(missing, precision=chosen),
            sentences,
            key=embedding_key(encoder, fingerprint, chosen),
            progress=lambda done, total: self.notify(f"encoding with {self.label}", done, total),
        )

    def scores(self, task: str, pairs: Pairs) -> Float[np.ndarray, " pairs"]:
        """Cosine of every pair: the run's own where it was tested on this task, else from embeddings.

        Raises:
            LabError: The run was tested on other pairs of that name, or kept neither scores nor model.
        """
        if self.run is not None and self.run.scores.is_file() and self.options["pooling"] is None:
            stored = self.run.read_scores()
            own = stored.loc[stored["task"] == task]
            if len(own):
                if not np.array_equal(own["gold"].to_numpy(), pairs.gold):
                    raise LabError(
                        f"run {self.run.id} was tested on other pairs of {task} than are given here; give the --data-dir it was run with."
                    )
                return own["score"].to_numpy()
        return cosine(self.embed(pairs.first), self.embed(pairs.second))


def find_subject(
    text: str, root: Path, options: dict[str, Any], notify: Notify = silent
) -> Subject:
    """``[LABEL=]RUN`` or ``[LABEL=]ENCODER``. A run goes by the beginning of its id, or its folder.

    Raises:
        LabError: Neither.
    """
    label, equals, spec = text.partition("=")
    spec = spec if equals else text
    folder = Path(spec)
    run = Run(folder) if (folder / "results.json").is_file() else None
    if run is None and "/" not in spec and "@" not in spec and not folder.exists():
        try:
            run = find_run(root, spec)
        except LabError:
            known = any(
                each.id.startswith(spec) for each in find_runs(root)
            )  # then it is ambiguous
            if known or (len(spec) == 12 and all(c in "0123456789abcdef" for c in spec)):
                raise
    return Subject(label if equals else _label(spec, run), spec, run, options, notify)


def _label(spec: str, run: Run | None) -> str:
    """What a run is called in its study, else its id; an encoder by its own name."""
    if run is None:
        return spec
    study = run.folder.parent / "study.json"
    for cell in read_json(study)["cells"] if study.is_file() else []:
        if cell["run"] == run.id:
            levels = [str(level) for level in cell["factors"].values()]
            return " ".join([cell["arm"], *levels, f"seed {cell['seed']}"])
    return run.id


@dataclass
class Bench:
    """Subjects on one data set, and what each probe needs of them."""

    subjects: list[Subject]
    task: str
    data_dir: str | None
    corpus: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)
    """Keyword arguments of the probe."""

    @cached_property
    def pairs(self) -> Pairs:
        subsets = load_task(self.task, self.data_dir).subsets.values()
        gold = np.concatenate([part.gold for part in subsets])
        return Pairs(
            [s for p in subsets for s in p.first], [s for p in subsets for s in p.second], gold
        )

    @cached_property
    def sentences(self) -> list[str]:
        """Distinct sentences of the pairs, in their order."""
        return list(dict.fromkeys([*self.pairs.first, *self.pairs.second]))

    def scores(self) -> dict[str, np.ndarray]:
        return {s.label: s.scores(self.task, self.pairs) for s in self.subjects}

    def embeddings(self) -> dict[str, np.ndarray]:
        return {s.label: s.embed(self.sentences) for s in self.subjects}

    def trained(self) -> Iterator[tuple[Subject, TransformerEncoder]]:
        """Subjects with a network.

        Raises:
            LabError: One has none.
        """
        for subject in self.subjects:
            if not isinstance(subject.encoder, TransformerEncoder):
                raise LabError(
                    f"{subject.label} has no network of its own, which this probe looks into; leave it out."
                )
            yield subject, subject.encoder


# ---- what each probe is given ------------------------------------------------------------------------------------


def _polarity(bench: Bench) -> ProbeResult:
    gold = bench.pairs.gold
    return PROBES["polarity"](bench.scores(), gold, gold_range=(0.0, 5.0), **bench.options)


def _unlabelled(bench: Bench) -> ProbeResult:
    """Pairs of the task's own sentences: each with another one, with itself under another dropout mask, with its reshaped self."""
    sentences = bench.sentences[:LAYER_SENTENCES]
    groups = {}
    for subject, encoder in bench.trained():
        plain = subject.embed(sentences)
        reshape = ReshapedTokens("token-gram", encoder.special_ids)
        with torch.random.fork_rng(), dropout_on(encoder):
            torch.manual_seed(0)
            one, two = (pooled(encoder, sentences) for _ in range(2))
        reshaped = pooled(encoder, sentences, edit=reshape)
        groups[subject.label] = {
            "random pairs": cosine(plain, np.roll(plain, 1, axis=0)),
            "dropout pairs": cosine(one, two),
            "reshape pairs": cosine(plain, reshaped),
        }
    return PROBES["unlabelled-polarity"](groups, **bench.options)


def _alignment(bench: Bench) -> ProbeResult:
    place = {sentence: i for i, sentence in enumerate(bench.sentences)}
    first, second = (np.array([place[s] for s in side]) for side in bench.pairs[:2])
    lengths = np.array([len(sentence.split()) for sentence in bench.sentences])
    return PROBES["alignment"](
        bench.embeddings(), first, second, bench.pairs.gold, lengths=lengths, **bench.options
    )


def _trajectory(bench: Bench) -> ProbeResult:
    metrics = {}
    for subject in bench.subjects:
        if subject.run is None:
            raise LabError(
                f"{subject.label} is no run, and only a run has a trajectory; give run ids (`recse-lab runs ls`)."
            )
        metrics[subject.label] = subject.run.metrics()
    return PROBES["trajectory"](metrics, **bench.options)


def _geometry(bench: Bench) -> ProbeResult:
    return PROBES["geometry"](bench.embeddings(), **bench.options)


def _layers(bench: Bench) -> ProbeResult:
    sentences = bench.sentences[:LAYER_SENTENCES]
    stacks = {
        subject.label: layer_means(encoder, sentences) for subject, encoder in bench.trained()
    }
    return PROBES["layers"](stacks, **bench.options)


def _bias(bench: Bench) -> ProbeResult:
    counts = word_counts(open_corpus(bench.corpus))
    pairs = bench.pairs
    return PROBES["bias"](
        bench.scores(), pairs.gold, covariates(pairs.first, pairs.second, counts), **bench.options
    )


def _influence(bench: Bench) -> ProbeResult:
    step = max(1, len(bench.sentences) // INFLUENCE_SENTENCES)
    sentences, counts = (
        bench.sentences[::step][:INFLUENCE_SENTENCES],
        word_counts(open_corpus(bench.corpus)),
    )
    found = {s.label: token_influence(s.embed, sentences, counts=counts) for s in bench.subjects}
    return PROBES["influence"](found, **bench.options)


def _minimal_pairs(bench: Bench) -> ProbeResult:
    items = load_minimal_pairs()
    return PROBES["minimal-pairs"](
        {s.label: embed_minimal_pairs(s.embed, items) for s in bench.subjects},
        items,
        **bench.options,
    )


def _errors(bench: Bench) -> ProbeResult:
    return PROBES["errors"](
        bench.scores(), bench.pairs.gold, bench.pairs.first, bench.pairs.second, **bench.options
    )


GIVEN: dict[str, Callable[[Bench], ProbeResult]] = {
    "polarity": _polarity,
    "unlabelled-polarity": _unlabelled,
    "alignment": _alignment,
    "trajectory": _trajectory,
    "geometry": _geometry,
    "layers": _layers,
    "bias": _bias,
    "influence": _influence,
    "minimal-pairs": _minimal_pairs,
    "errors": _errors,
}


def run_probe(
    name: str,
    subjects: Sequence[str],
    *,
    root: Path,
    data_dir: str | None = None,
    task: str | None = None,
    pooling: str | None = None,
    precision_: str = "auto",
    corpus: Sequence[str] = (),
    notify: Notify = silent,
    **options: Any,
) -> ProbeResult:
    """Probe runs and encoders side by side; ``options`` go to the probe.

    Raises:
        LabError: An unknown probe, run, encoder or task, two subjects of one name, or what the probe itself refuses.
    """
    if name not in GIVEN:
        raise LabError(f"unknown probe {name!r}; {suggest(name, GIVEN)}")
    chosen = tuple(corpus) or ("sample-corpus",)
    given = {"pooling": pooling, "precision": precision_, "corpus": chosen}
    found = [find_subject(text, root, given, notify) for text in subjects]
    twice = {s.label for s in found if [other.label for other in found].count(s.label) > 1}
    if twice:
        raise LabError(
            f"two subjects are called {min(twice)!r}; name one of them, as in mine={found[-1].spec}."
        )
    bench = Bench(
        found, task or ("sample-sts" if data_dir is None else "stsb"), data_dir, chosen, options
    )
    result = GIVEN[name](bench)
    about = {
        "task": bench.task,
        "subjects": {s.label: s.run.id if s.run else s.spec for s in found},
        "options": options,
        "runs": [f"{s.run.study}/{s.run.id}" for s in found if s.run],
        "pooling": pooling,
        "precision": precision(precision_),
        "corpus": list(chosen),
    }
    return ProbeResult(result.name, result.table, result.curves, {**about, **result.about})


# ---- looking into a network --------------------------------------------------------------------------------------


@contextmanager
def dropout_on(encoder: TransformerEncoder) -> Iterator[None]:
    """Dropout as in training."""
    before = encoder.training
    encoder.train()
    try:
        yield
    finally:
        encoder.train(before)


@torch.no_grad()
def pooled(
    encoder: TransformerEncoder, sentences: Sequence[str], *, edit: ReshapedTokens | None = None
) -> Float[np.ndarray, "sentences hidden"]:
    """Embeddings in the mode the encoder is in, in float32, with the embedding layer's output edited where asked for."""
    rows = encoder.tokenize(sentences)
    out = np.empty((len(rows), encoder.hidden), np.float32)
    for batch in by_token_budget(
        np.array([len(row) for row in rows]), token_budget(encoder.device)
    ):
        ids, mask = (t.to(encoder.device) for t in pad([rows[i] for i in batch], encoder.pad_id))
        editing = (
            nullcontext()
            if edit is None
            else edited_embeddings(
                encoder.backbone, lambda out, mask=mask, ids=ids: edit(out, mask, ids, seed=0)
            )
        )
        with editing:
            out[batch] = encoder.pool(encoder.hidden_states(ids, mask), ids, mask).cpu().numpy()
    return out


@torch.inference_mode()
def layer_means(
    encoder: TransformerEncoder, sentences: Sequence[str]
) -> list[Float[np.ndarray, "sentences hidden"]]:
    """Token means of every hidden layer, the embedding layer first."""
    rows = encoder.tokenize(sentences)
    stacks: list[np.ndarray] = []
    for batch in by_token_budget(
        np.array([len(row) for row in rows]), token_budget(encoder.device)
    ):
        ids, mask = (t.to(encoder.device) for t in pad([rows[i] for i in batch], encoder.pad_id))
        states = encoder.hidden_states(ids, mask)
        stacks = stacks or [np.empty((len(rows), encoder.hidden), np.float32) for _ in states]
        for stack, state in zip(stacks, states, strict=True):
            stack[batch] = masked_mean(state, mask).float().cpu().numpy()
    return stacks


# ---- probes ------------------------------------------------------------------------------------------------------


def probe(
    name: str,
    subjects: Sequence[str],
    *,
    root: Path,
    data_dir: str | None = None,
    task: str | None = None,
    pooling: str | None = None,
    precision: str = "auto",
    corpus: Sequence[str] = (),
    notify: Notify = silent,
    **options: Any,
) -> ProbeResult:
    """Probe runs and encoders side by side.

    Raises:
        LabError: An unknown probe, run or encoder, an option the probe has not, or what the probe itself refuses.
    """
    from recse_lab.jobs.probe import run_probe
    from recse_lab.probes import PROBES

    if name in PROBES:
        known = inspect.signature(PROBES[name]).parameters
        for option in options:
            if option not in known:
                raise LabError(f"probe {name} has no option {option}; leave it out.")
    return run_probe(
        name,
        subjects,
        root=root,
        data_dir=data_dir,
        task=task,
        pooling=pooling,
        precision_=precision,
        corpus=corpus,
        notify=notify,
        **options,
    )
