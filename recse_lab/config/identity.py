"""The name of the question that a run answers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

# Where things lie is no part of the question a run asks: these are replaced by fingerprints of what lies there.
LOCATIONS = ("encoder", "corpus", "column", "positives", "negatives")


def run_id(config: Mapping[str, Any], fingerprints: Mapping[str, str]) -> str:
    """Twelve hex digits naming the question a run answers: its resolved config and the contents of its data and weights."""
    question = {k: v for k, v in config.items() if k not in LOCATIONS}
    if "evaluation" in question:
        question["evaluation"] = {k: v for k, v in config["evaluation"].items() if k != "data_dir"}
    text = json.dumps({"config": question, "fingerprints": dict(fingerprints)}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
