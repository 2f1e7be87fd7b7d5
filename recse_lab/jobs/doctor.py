"""Why two runs differ: all that is stored of both, the most suspicious difference first."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import Any, NamedTuple

from recse_lab.config.overrides import flatten
from recse_lab.errors import LabError
from recse_lab.runs.store import Run

KINDS: dict[str, str] = {
    "data": "other sentences or pairs were read, so that the scores answer different questions",
    "weights": "training began from other weights",
    "tokens": "the same sentence is cut into other tokens",
    "options": "another objective, model or schedule was asked for",
    "precision": "numbers are rounded, or dropout is drawn, in another way",
    "versions": "another version may compute another number",
    "commit": "the code is not the same",
    "hardware": "sums are taken in another order",
    "paths": "the names differ; what lies there is compared under data and weights",
    "seed": "another draw, as it was asked for",
}
"""Kind of difference -> what it does, the most suspicious first."""
PROBE = "Ångström's naïve co-operation cost $3.50; isn't it ANTIDISESTABLISHMENTARIAN?"
"""Accents, capitals, punctuation, digits and a word that no vocabulary holds."""

_OPTIONS = {
    "seed": "seed",
    "encoder": "paths",
    "corpus": "paths",
    "column": "paths",
    "evaluation.data_dir": "paths",
    "training.precision": "precision",
    "evaluation.precision": "precision",
    "model.attention": "precision",
}
_ENVIRONMENT = {
    "commit": "commit",
    "device": "hardware",
    "threads": "hardware",
    "platform": "hardware",
}
# In the options already, or not a property of the computation.
_SILENT = ("precision", "evaluation_precision", "attention", "command", "date")


class Difference(NamedTuple):
    """What two runs do not share; None where a run has stored nothing."""

    kind: str
    what: str
    first: Any
    second: Any


Portrait = dict[str, dict[str, Any]]
"""Kind -> what -> value."""


def portrait(run: Run) -> Portrait:
    """All that is stored of how a run came about; no model is opened."""
    out: Portrait = {kind: {} for kind in KINDS}
    record = run.record
    for name, value in record.fingerprints.tree().items():
        out["weights" if name == "encoder" else "data"][name] = value
    sizes = {task: found.pairs for task, found in record.sts.tasks.items()}
    sizes |= {task: found.n for task, found in record.transfer.tasks.items()}  # examples
    for task, size in sizes.items():
        out["data"][f"{task}, pairs"] = size
    for key, value in flatten(record.config.tree()).items():
        out[_OPTIONS.get(key, "options")][key] = value
    for key, value in record.environment.tree().items():
        if key not in _SILENT:
            out[_ENVIRONMENT.get(key, "versions")][key] = value
    return out


def probe_tokens(run: Run) -> str | None:
    """The probe sentence as the run's encoder tokenises it; None if its tokenizer is not here."""
    from recse_lab.models.folders import resolve
    from recse_lab.models.loading import load_tokenizer

    encoder = run.record.config.backbone
    try:
        tokenizer = load_tokenizer(resolve(encoder))
    except LabError:
        return None
    return " ".join(tokenizer.convert_ids_to_tokens(tokenizer(PROBE)["input_ids"]))


def differences(first: Portrait, second: Portrait) -> list[Difference]:
    """Everything in which two portraits differ, in the order of ``KINDS``."""
    return [
        Difference(kind, what, first[kind].get(what), second[kind].get(what))
        for kind in KINDS
        for what in {**first[kind], **second[kind]}
        if first[kind].get(what) != second[kind].get(what)
    ]


def trained_weights(run: Run) -> str | None:
    """sha256 over the weights a run ended with; None where it kept none."""
    files = sorted((run.folder / "model" / "last").glob("*.safetensors"))
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest() if files else None


def verdict(found: list[Difference], unknown: Collection[str] = ()) -> str:
    """What to look at first, and what both runs share.

    Args:
        found: All differences of the two runs.
        unknown: Kinds that could not be compared.
    """
    kinds = list(dict.fromkeys(difference.kind for difference in found))
    alike = [kind for kind in KINDS if kind not in kinds and kind not in unknown]
    shared = f" Alike: {', '.join(alike)}." if alike else ""
    telling = [kind for kind in kinds if kind not in ("paths", "seed")]
    if not telling:
        left = (
            "Only the seed differs: what their scores differ by is chance"
            if "seed" in kinds
            else "Nothing that is stored differs"
        )
        return f"{left}.{shared}"
    names = [difference.what for difference in found if difference.kind == telling[0]]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return (
        f"Look at {telling[0]} first ({', '.join(names[:3])}{more}): {KINDS[telling[0]]}.{shared}"
    )
