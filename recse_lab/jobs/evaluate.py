"""One encoder under one protocol -> one finished run of the study ``eval``.

Embeddings of sentences that the encoder has met are taken from the embedding cache.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from recse_lab.config.identity import run_id
from recse_lab.config.options import repeated
from recse_lab.data.sts_sets import SAMPLES, StsTask, load_task, tasks_fingerprint
from recse_lab.data.transfer_sets import TransferTask, load_transfer_task, transfer_fingerprint
from recse_lab.errors import LabError
from recse_lab.evaluation.protocols import Protocol, StsProtocol, TransferProtocol, find_protocol
from recse_lab.evaluation.sts import score_pairs, sts_results
from recse_lab.evaluation.transfer import evaluate_transfer
from recse_lab.files import atomic_path
from recse_lab.jobs.behaviour import behaviour_of_evaluation
from recse_lab.jobs.computing import computing
from recse_lab.jobs.environment import environment
from recse_lab.jobs.inputs import open_corpus
from recse_lab.jobs.machine import Notify, device, precision, silent
from recse_lab.jobs.memory import peak_bytes
from recse_lab.models.attention import attention_of
from recse_lab.models.baselines import is_baseline, load_baseline
from recse_lab.models.embedding_cache import cached_encode, embedding_key
from recse_lab.models.encoder import Encoder
from recse_lab.models.folders import resolve
from recse_lab.models.loading import weights_fingerprint
from recse_lab.models.saving import load_encoder
from recse_lab.probes.alignment.compute import legacy_batch
from recse_lab.probes.similarity import unit
from recse_lab.runs.leases import Finished
from recse_lab.runs.records import Config, Cost, Fingerprints, StsResults, TransferResults
from recse_lab.runs.store import Run

STUDY = "eval"

Encode = Callable[[list[str]], Float[np.ndarray, "sentences dim"]]


def evaluate(
    encoder: str,
    root: Path,
    *,
    protocol: str = "simcse-2021",
    data_dir: str | None = None,
    tasks: Sequence[str] | None = None,
    pooling: str | None = None,
    layers: int | None = None,
    precision_: str = "auto",
    max_length: int | None = None,
    attention: str = "auto",
    corpus: Sequence[str] | None = None,
    from_scratch: bool = False,
    notify: Notify = silent,
) -> Run:
    """Measure an encoder or a training-free baseline under ``root/eval/<id>/``.

    A finished run is returned as it is.

    Args:
        encoder: Folder, hub id, name of a packaged encoder, or NAME[-N]@ENCODER for a baseline.
        root: The run store.
        protocol: One of ``recse-lab list protocols``.
        data_dir: Folder in SentEval's layout; the packaged sample without it.
        tasks: Tasks of the protocol to measure; all by default.
        pooling, layers, max_length: Override what the encoder's folder says.
        precision_: auto, fp32 or bf16.
        attention: auto, plain, sdpa or eager.
        corpus: What a baseline is fitted to; the packaged corpus by default.
        from_scratch: Measure again what is stored, and encode every sentence without the cache.
        notify: Is called with the progress.

    Raises:
        LabError: No encoder, no data, an unknown protocol, task or baseline, or a corpus for an
            encoder that is not fitted.
        Claimed: Another process is computing the same evaluation.
    """
    began = time.monotonic()
    chosen, settled = find_protocol(protocol), precision(precision_)
    pairs = load_pairs(chosen, data_dir, tasks)
    loading = time.monotonic()
    asked = (pooling, layers, settled, max_length, attention, corpus)
    model, about = load_measured(encoder, *asked, notify)
    loading = time.monotonic() - loading
    used = None if model.backbone is None else attention_of(model.backbone)
    config = {
        "encoder": encoder,
        "corpus": list(corpus) if corpus else None,
        "model": {name: about[name] for name in ("pooling", "head", "layers")}
        | {"attention": used},
        "evaluation": _options(chosen, pairs, data_dir, settled, model.max_length),
    }
    fingerprints = {"encoder": about["fingerprint"], "evaluation": fingerprint(pairs)}
    read = {name: about[name] for name in ("pooling", "head")}
    behaviour = behaviour_of_evaluation(encoder, **read, protocol=chosen.id)
    run = Run(root / STUDY / run_id(config, fingerprints, behaviour))
    if run.tidy() and not from_scratch:
        return run
    with suppress(Finished), computing(run, again=from_scratch):
        Config.check(config, Config.FILE).write(run.folder)
        Fingerprints.check(fingerprints, Fingerprints.FILE).write(run.folder)
        environment(evaluation_precision=settled, attention=used).write(run.folder)
        encode = Embedder(model, about["fingerprint"], settled, from_scratch, notify)
        measured, rows = measure(chosen, pairs, encode, notify)
        with atomic_path(run.scores if "score" in rows else run.predictions) as beside:
            rows.to_parquet(beside, index=False)
        told = {"name": encoder, **about}
        about_run = _about(chosen, told, fingerprints["evaluation"])
        kind = StsResults if isinstance(chosen, StsProtocol) else TransferResults
        kind.check(about_run | measured, kind.FILE).write(run.folder)
        Cost(
            load_s=loading,
            encode_s=encode.seconds,
            last_attempt_s=time.monotonic() - began,
            sentences=encode.asked,
            encoded=encode.encoded,
            peak_bytes=peak_bytes(),
        ).write(run.folder)
    return run


def _options(
    protocol: Protocol, pairs: list[Any], data_dir: str | None, precision_: str, max_length: int
) -> dict[str, Any]:
    """The options of an evaluation, as config.json has them."""
    return {
        "protocol": protocol.id,
        "tasks": [task.name for task in pairs],
        "data_dir": data_dir,
        "precision": precision_,
        "max_length": max_length,
    }


def _about(protocol: Protocol, encoder: dict[str, Any], data: str) -> dict[str, Any]:
    """What results.json says of a measurement beside its numbers."""
    return {"protocol": protocol.told(), "encoder": encoder, "data": {"fingerprint": data}}


def refuse_attention(baseline: str, attention: str) -> None:
    """Refuse an attention that is asked of a baseline.

    Raises:
        LabError: It is another than auto.
    """
    if attention != "auto":
        raise LabError(f"{baseline}: a baseline takes attention auto; leave the option out.")


def load_pairs(
    protocol: Protocol, data_dir: str | None, names: Sequence[str] | None = None
) -> list[StsTask] | list[TransferTask]:
    """Load the tasks of a protocol, or those that are named; the packaged sample without data.

    Raises:
        LabError: A transfer protocol without data, an unknown task or one named twice, or files
            that are missing or damaged.
    """
    if again := repeated(names or ()):
        raise LabError(f"task {again[0]} is named twice; name it once.")
    if isinstance(protocol, StsProtocol):
        asked = names or (SAMPLES if data_dir is None else (*protocol.tasks, *protocol.also))
        return [load_task(name, data_dir) for name in asked]
    if data_dir is None:
        raise LabError(
            f"protocol {protocol.id} needs the transfer sets: "
            "give --data-dir, the folder in SentEval's layout."
        )
    return [load_transfer_task(name, data_dir) for name in names or protocol.tasks]


def fingerprint(pairs: list[StsTask] | list[TransferTask]) -> str:
    """sha256 over everything that is measured on."""
    if pairs and isinstance(pairs[0], TransferTask):
        return transfer_fingerprint(pairs)  # type: ignore[arg-type]
    return tasks_fingerprint(pairs)  # type: ignore[arg-type]


def load_measured(
    encoder: str,
    pooling: str | None,
    layers: int | None,
    precision_: str,
    max_length: int | None,
    attention: str,
    corpus: Sequence[str] | None,
    notify: Notify = silent,
) -> tuple[Encoder, dict[str, Any]]:
    """Load an encoder or baseline onto the device, with its description for results.json.

    Raises:
        LabError: It cannot be loaded or fitted, a corpus is given to what is not fitted, or an
            attention to a baseline.
    """
    if is_baseline(encoder):
        refuse_attention(encoder, attention)
        model: Encoder = load_baseline(
            encoder,
            open_corpus(tuple(corpus or ("sample-corpus",))),
            pooling=pooling,
            layers=layers,
            max_length=max_length,
            precision=precision_,
            device=device(),
            notify=notify,
        )
        about = {
            "fingerprint": model.fingerprint,
            "baseline": encoder.partition("@")[0],
            "corpus": model.fitted_on,
        }
    elif corpus:
        raise LabError(
            f"{encoder}: only a baseline is fitted on a corpus, such as whitening@{encoder}."
        )
    else:
        model = load_encoder(
            encoder, pooling=pooling, layers=layers, max_length=max_length, attention=attention
        ).to(device())
        about = {
            "fingerprint": weights_fingerprint(resolve(encoder)),
            "baseline": None,
            "corpus": None,
        }
    depth = 0 if model.backbone is None else model.backbone.config.num_hidden_layers
    return model, about | {
        "pooling": model.pooling,
        "head": "tanh" if model.head else "none",
        "layers": depth,
        "max_length": model.max_length,
        "precision": precision_,
    }


@dataclass
class Embedder:
    """Sentences -> embeddings, counting how many were asked for and how many had to be encoded."""

    model: Encoder
    fingerprint: str
    precision: str
    from_scratch: bool
    notify: Notify
    asked: int = 0
    encoded: int = 0
    seconds: float = 0.0

    def __call__(self, sentences: list[str]) -> Float[np.ndarray, "sentences dim"]:
        began = time.monotonic()
        self.asked += len(sentences)
        if self.from_scratch:
            rows = self._encode(sentences)
        else:
            key = embedding_key(self.model, self.fingerprint, self.precision)
            rows = cached_encode(self._encode, sentences, key=key)
        self.seconds += time.monotonic() - began
        return rows

    def _encode(self, sentences: list[str]) -> Float[np.ndarray, "sentences dim"]:
        before, self.encoded = self.encoded, self.encoded + len(sentences)
        return self.model.encode(
            sentences,
            precision=self.precision,
            progress=lambda done, total: self.notify("encoding", before + done, before + total),
        )


def measure(
    protocol: Protocol, pairs: list[Any], encode: Encode, notify: Notify = silent
) -> tuple[dict[str, Any], pd.DataFrame]:
    """What a protocol adds to results.json, and the rows it follows from.

    A row is the score of a pair, or the predicted class of an example.
    """
    if isinstance(protocol, TransferProtocol):
        return evaluate_transfer(
            pairs,
            encode,
            protocol=protocol.id,
            device=device(),
            progress=lambda done, total: notify("classifying", done, total),
        )
    scores = score_pairs(pairs, encode)
    results = sts_results(scores, protocol.tasks)
    if protocol.legacy_space:
        results["space"] = legacy_space(
            next((task for task in pairs if task.name.endswith("-dev")), None), encode
        )
    return results, scores


def legacy_space(task: StsTask | None, encode: Encode) -> dict[str, Any]:
    """Alignment and uniformity of a dev set, batch by batch.

    None without a dev set, or if an embedding is zero or not finite; ``undefined`` says which.
    """
    space: dict[str, Any] = {
        "task": task.name if task else None,
        "batches": "legacy-batch",
        "alignment": None,
        "uniformity": None,
        "undefined": None,
    }
    if task is None:
        return space | {"undefined": "no dev set was measured"}
    index: dict[str, int] = {}
    parts = list(task.subsets.values())
    first = np.array([index.setdefault(s, len(index)) for part in parts for s in part.first])
    second = np.array([index.setdefault(s, len(index)) for part in parts for s in part.second])
    embeddings = encode(list(index))
    if not np.isfinite(embeddings).all() or not embeddings.any(axis=1).all():
        return space | {"undefined": "an embedding is zero or not finite"}
    gold = np.concatenate([part.gold for part in parts])
    aligned, uniform = legacy_batch(unit(embeddings), first, second, gold)  # unsorted, as STS-B is
    return space | {"alignment": aligned, "uniformity": uniform}
