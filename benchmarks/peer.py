"""sentence-transformers as its users run it: the evaluator, the trainer, and a user who removes
duplicates himself.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate.state import AcceleratorState
from datasets import Dataset
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.base.sampler import DefaultBatchSampler
from sentence_transformers.sentence_transformer.data_collator import SentenceTransformerDataCollator
from sentence_transformers.sentence_transformer.evaluation import EmbeddingSimilarityEvaluator
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
from torch.utils.data import SequentialSampler
from transformers import PrinterCallback, TrainerCallback
from transformers.utils import logging

from benchmarks.measure import ENCODER, clock
from recse_lab.data.sts_sets import StsTask
from recse_lab.jobs.machine import device
from recse_lab.models.folders import resolve

logging.disable_progress_bar()


def model(
    *, dtype: torch.dtype = torch.float32, max_length: int | None = None
) -> SentenceTransformer:
    """The same folder of weights that recse-lab reads."""
    loaded = SentenceTransformer(
        resolve(ENCODER), device=str(device()), model_kwargs={"dtype": dtype}
    )
    loaded.max_seq_length = max_length or loaded.max_seq_length
    return loaded


def evaluate(
    model: SentenceTransformer, tasks: Sequence[StsTask], batch_size: int
) -> dict[str, float]:
    """Spearman by task, from one EmbeddingSimilarityEvaluator a task: sentences1, then
    sentences2.
    """
    scores = {}
    for task in tasks:
        pairs = task.subsets.values()
        evaluator = EmbeddingSimilarityEvaluator(
            [s for p in pairs for s in p.first],
            [s for p in pairs for s in p.second],
            np.concatenate([p.gold for p in pairs]).tolist(),
            batch_size=batch_size,
            name=task.name,
            write_csv=False,
        )
        scores[task.name] = float(evaluator(model)[f"{task.name}_spearman_cosine"])
    return scores


def reset_accelerate() -> None:
    """Forget the precision of the trainer before: accelerate keeps it for the whole process."""
    AcceleratorState._reset_state(reset_partial_state=True)


class Stamps(TrainerCallback):
    """When each step ended."""

    def __init__(self) -> None:
        self.at: list[float] = []

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.at.append(clock())


@dataclass
class CountingCollator(SentenceTransformerDataCollator):
    """Counts the tokens that are no padding, batch by batch."""

    counts: list[int] = field(default_factory=list)

    def __call__(self, features: list[dict[str, Any]]) -> dict[str, Any]:
        batch = super().__call__(features)
        self.counts.append(
            sum(
                int(value.sum()) for name, value in batch.items() if name.endswith("attention_mask")
            )
        )
        return batch


def train(
    sentences: Sequence[str],
    *,
    batch_size: int,
    max_length: int,
    learning_rate: float,
    precision: str,
    folder: Path,
) -> tuple[list[float], list[int]]:
    """One pass of SimCSE over ``sentences`` in their order: when each step ended, and its number of
    real tokens.
    """
    reset_accelerate()
    torch.manual_seed(0)
    encoder = model(max_length=max_length)
    stamps, collator = Stamps(), CountingCollator(preprocess_fn=encoder.preprocess)
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(folder),
        num_train_epochs=1,
        per_device_train_batch_size=batch_size,
        learning_rate=learning_rate,
        bf16=precision == "bf16",
        use_cpu=device().type == "cpu",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        dataloader_num_workers=0,
        dataloader_pin_memory=device().type != "cpu",
        batch_sampler=lambda dataset, **options: DefaultBatchSampler(
            SequentialSampler(dataset), **options
        ),
    )
    trainer = SentenceTransformerTrainer(
        model=encoder,
        args=arguments,
        train_dataset=Dataset.from_dict({"anchor": sentences, "positive": sentences}),
        loss=MultipleNegativesRankingLoss(encoder, scale=20.0),
        data_collator=collator,
        callbacks=[stamps],
    )
    trainer.remove_callback(PrinterCallback)  # it prints to stdout, where the table goes
    trainer.train()
    reset_accelerate()
    return stamps.at, list(itertools.islice(collator.counts, len(stamps.at)))
