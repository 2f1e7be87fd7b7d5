"""Influence: on which of its words the embedding of a sentence depends."""

from typing import Any

from recse_lab.probes.influence.compute import Influence, influence, token_influence
from recse_lab.probes.influence.figures import figures
from recse_lab.probes.influence.summary import summary
from recse_lab.probes.influence.words import word_counts, words
from recse_lab.probes.probe import Probe, ProbeInputs
from recse_lab.probes.result import ProbeResult

__all__ = ["INFLUENCE", "Influence", "influence", "token_influence", "word_counts", "words"]

SENTENCES = 300
"""Evenly spaced over the set: every word of each is removed once, which is ten times as many
texts."""


def _compute(inputs: ProbeInputs, **options: Any) -> ProbeResult:
    step = max(1, len(inputs.sentences) // SENTENCES)
    sentences, counts = inputs.sentences[::step][:SENTENCES], inputs.word_counts()
    found = {
        name: token_influence(encode, sentences, counts=counts)
        for name, encode in inputs.encoders().items()
    }
    return influence(found, **options)


INFLUENCE = Probe(
    name="influence",
    question="On how many of its words does the embedding of a sentence depend?",
    needs=("sentences", "encoders", "word_counts"),
    measure=influence,
    compute=_compute,
    summary=summary,
    figures=figures,
    help={
        "bins": "number of bins of positions in the sentence",
        "resamples": "bootstrap resamples of the sentences",
        "seed": "of the resampling",
        "level": "of the intervals",
    },
)
