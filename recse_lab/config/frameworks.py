"""Training frameworks: named starting points of a configuration, each with or without a reshape."""

from __future__ import annotations

from typing import Any, NamedTuple

from recse_lab.errors import LabError, suggest

RESHAPE = "+reshape"


class Framework(NamedTuple):
    """A published way of training, as options."""

    about: str
    """What it does, and its paper."""
    options: dict[str, Any]
    """What it sets, by dotted key; any other option may be set beside it."""


FRAMEWORKS: dict[str, Framework] = {
    "simcse": Framework("two dropout masks, InfoNCE (Gao et al. 2021, arXiv 2104.08821)", {}),
    "reshape-only": Framework(
        "one pass: an embedding must find its own reshaped features, without a dropout term",
        {"contrast.weight": 0.0, "reshape": {"weight": 1.0}},
    ),
    "esimcse": Framework(
        "repeated sub-words and a momentum queue of negatives "
        "(Wu et al. 2022, arXiv 2109.04380: rate 0.32, 2.5 batches, m 0.995)",
        {
            "view": {"family": "token-repetition", "strength": 0.32},
            "contrast.queue": 2.5,
            "contrast.momentum": 0.995,
        },
    ),
    "adnce": Framework(
        "negatives weighted by a Gaussian of their cosine "
        "(Wu et al. 2023, arXiv 2310.11048: μ 0.4, σ 1, τ 0.07, as their sentence code)",
        {
            "contrast": {
                "objective": "adnce",
                "temperature": 0.07,
                "options": {"mu": 0.4, "sigma": 1.0, "weigh_positive": 1.0},
            }
        },
    ),
    "consert": Framework(
        "shuffled tokens against cut features, without dropout, NT-Xent "
        "(Yan et al. 2021, arXiv 2105.11741: τ 0.1, 20 % of the features)",
        {
            "anchor_view": {"family": "token-shuffle", "strength": 1.0},
            "view": {"family": "feature-cutoff", "strength": 0.2},
            "model.dropout": 0.0,
            "contrast": {"objective": "nt-xent", "temperature": 0.1},
        },
    ),
    "promptbert": Framework(
        "the state of a mask token in two templates, minus the templates' own "
        "(Jiang et al. 2022, arXiv 2201.04337)",
        {"prompt": {}, "model.pooling": "prompt"},
    ),
    "arccse": Framework(
        "an angle added between a sentence and its positive, without the triplets "
        "(Zhang et al. 2022, ACL 2022.acl-long.336: 10°)",
        {"contrast": {"objective": "arc-con", "options": {"margin_degrees": 10.0}}},
    ),
    "supervised": Framework(
        "entailments as positives, contradictions as hard negatives, from a table with the columns "
        "sent0, sent1 and hard_neg (Gao et al. 2021)",
        {
            "column": "sent0",
            "positives": "sent1",
            "negatives": "hard_neg",
            "contrast": {"objective": "supervised"},
        },
    ),
    "word-deletion": Framework(
        "a tenth of the words deleted in one view",
        {"view": {"family": "word-deletion", "strength": 0.1}},
    ),
    "crop": Framework(
        "a tenth of the words cropped in one view", {"view": {"family": "crop", "strength": 0.1}}
    ),
}
"""Name -> what it is. A new one is one entry here."""


def framework_options(name: str) -> dict[str, Any]:
    """Options of ``NAME`` or ``NAME+reshape``; ``recse`` is ``simcse+reshape``.

    Raises:
        LabError: An unknown name; the message has the nearest one.
    """
    full = "simcse" + RESHAPE if name == "recse" else name
    base = full.removesuffix(RESHAPE)
    if base not in FRAMEWORKS:
        hint = suggest(base, [*FRAMEWORKS, "recse"])
        raise LabError(f"unknown framework {name!r}; {hint}")
    options = FRAMEWORKS[base].options
    return {"reshape": {}, **options} if full.endswith(RESHAPE) else options
