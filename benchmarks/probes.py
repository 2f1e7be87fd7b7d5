"""(g) Probes over stored embeddings: seconds and memory at 30,000 sentences of 384 numbers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.measure import ENCODER, Part, Row, Setup, say, timed

SENTENCES = 30_000
SECONDS, GIGABYTES = 60.0, 2.0


def run(setup: Setup) -> Part:
    """All pairs of the STS suite, and sentences of the corpus up to the number; every repeat is a
    process of its own.
    """
    folder = setup.scratch / "probes"
    folder.mkdir()
    pairs = _store(setup, folder)
    found: list[dict[str, Any]] = []
    for repeat in range(setup.repeats):
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.probes", str(folder)],
            stdout=subprocess.PIPE,
            check=True,
        )
        found.append(json.loads(done.stdout))
        say(
            f"g: repeat {repeat + 1} of {setup.repeats}: {sum(found[-1]['seconds'].values()):.1f} s"
        )
    totals = [sum(each["seconds"].values()) for each in found]
    names = found[0]["seconds"]
    return Part(
        f"probes on stored embeddings, {found[0]['sentences']:,} × {found[0]['hidden']}",
        [
            Row("all that work on embeddings or scores, together", "s", totals, at_most=SECONDS),
            Row(
                "peak memory of their process",
                "GB",
                [each["peak_bytes"] / 1e9 for each in found],
                at_most=GIGABYTES,
            ),
            *(Row(name, "s", [each["seconds"][name] for each in found]) for name in names),
        ],
        [
            f"Embeddings of {ENCODER}, mean pooling, of the distinct sentences of the seven STS "
            f"tasks and of the corpus; {pairs:,} pairs with gold. Encoded and stored before the "
            "clock starts; reading the arrays is in it, Python's imports are not.",
            "Left out: layers, tokens, gradients, influence, information, attribution, "
            "minimal-pairs and linguistic, which encode texts of their own or ask the network for "
            "its states; trajectory and rank-in-training, which read a run's metrics.",
        ],
        {"repeats": found},
    )


def _store(setup: Setup, folder: Path) -> int:
    from recse_lab.data.sts_sets import SEVEN, load_task
    from recse_lab.jobs.inputs import open_corpus
    from recse_lab.models.saving import load_encoder

    subsets = [part for task in SEVEN for part in load_task(task, setup.data_dir).subsets.values()]
    first, second = (
        [s for part in subsets for s in side(part)]
        for side in (lambda p: p.first, lambda p: p.second)
    )
    sentences = dict.fromkeys([*first, *second])
    for sentence in open_corpus(setup.corpus):
        if len(sentences) >= (len(sentences) if setup.quick else SENTENCES):
            break
        sentences.setdefault(sentence)
    say(f"g: encoding {len(sentences):,} sentences")
    place = {sentence: i for i, sentence in enumerate(sentences)}
    np.save(
        folder / "embeddings.npy",
        load_encoder(ENCODER, pooling="mean").encode(list(sentences), precision="auto"),
    )
    (folder / "sentences.json").write_text(json.dumps(list(sentences)))
    pd.DataFrame(
        {
            "first": [place[s] for s in first],
            "second": [place[s] for s in second],
            "gold": np.concatenate([p.gold for p in subsets]),
        }
    ).to_parquet(folder / "pairs.parquet")
    return len(first)


def measure(folder: Path) -> dict[str, Any]:
    """Seconds of each probe on what ``_store`` left, and the most memory this process ever held."""
    from recse_lab.evaluation.sts import cosine
    from recse_lab.jobs.memory import peak_bytes
    from recse_lab.probes import PROBES
    from recse_lab.probes.bias import covariates
    from recse_lab.probes.influence import word_counts
    from recse_lab.probes.probe import Labelled

    sentences = json.loads((folder / "sentences.json").read_text())
    pairs = pd.read_parquet(folder / "pairs.parquet")
    first, second, gold = (pairs[name].to_numpy() for name in ("first", "second", "gold"))
    texts = [sentences[i] for i in first], [sentences[i] for i in second]

    def embeddings() -> np.ndarray:
        return np.load(folder / "embeddings.npy", mmap_mode="r")

    def scores() -> dict[str, np.ndarray]:
        return {"encoder": cosine(embeddings()[first], embeddings()[second])}

    def shuffled() -> dict[str, np.ndarray]:
        return {
            "random pairs": cosine(embeddings(), np.roll(embeddings(), 1, axis=0)),
            "pairs": scores()["encoder"],
        }

    lengths = np.array([len(sentence.split()) for sentence in sentences])
    work: dict[str, Callable[[], Any]] = {
        "polarity": lambda: PROBES["polarity"].measure(scores(), gold),
        "unlabelled-polarity": lambda: PROBES["unlabelled-polarity"].measure(
            {"encoder": shuffled()}
        ),
        "alignment": lambda: PROBES["alignment"].measure(
            {"encoder": embeddings()}, first, second, gold
        ),
        "tolerance": lambda: PROBES["tolerance"].measure(
            {"sentences": Labelled(sentences, np.arange(len(sentences)) % 6)},
            {"sentences": {"encoder": embeddings()}},
            {},
        ),
        "geometry": lambda: PROBES["geometry"].measure({"encoder": embeddings()}),
        "dimensions": lambda: PROBES["dimensions"].measure(
            {"encoder": embeddings()}, first, second, gold
        ),
        "length-collapse": lambda: PROBES["length-collapse"].measure(
            {"encoder": embeddings()}, lengths
        ),
        "bias": lambda: PROBES["bias"].measure(
            scores(), gold, covariates(*texts, word_counts(sentences))
        ),
        "errors": lambda: PROBES["errors"].measure(scores(), gold, *texts),
    }
    seconds = {name: timed(task)[0] for name, task in work.items()}
    count, hidden = embeddings().shape
    return {"seconds": seconds, "peak_bytes": peak_bytes(), "sentences": count, "hidden": hidden}


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]))))
