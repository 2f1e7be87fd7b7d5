"""Named protocols: which tasks, which pairs, which number a table prints.

A protocol's id is part of every score.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from recse_lab.data.sts_sets import DISJOINT, DISJOINT_DEVS, SEVEN
from recse_lab.data.transfer_sets import TRANSFER
from recse_lab.errors import LabError, suggest

AGGREGATIONS = {
    "all": "correlation over the pooled pairs of a task",
    "mean": "mean of the correlations of its subsets",
    "wmean": "the same, weighted by their numbers of pairs",
}
"""How the subsets of a task become one number. All of them are stored, whatever a protocol prints.
"""

SEED = 1111  # SentEval's, of every shuffle of a transfer task
SENTEVAL_FILES = "SentEval's files: STS in lower case and tokenised, SICK as it was written"


class StsProtocol(NamedTuple):
    """``tasks`` are averaged, ``also`` measured beside them; ``printed`` are the aggregations a
    table shows, the first one leading.

    ``legacy_space`` adds alignment and uniformity of STS-B dev, batch by batch. ``dev`` is the dev
    set of runs that are trained and tested under the protocol; None if none are.
    """

    id: str
    tasks: tuple[str, ...]
    also: tuple[str, ...]
    printed: tuple[str, ...]
    about: str
    legacy_space: bool = False
    dev: str | None = None

    def told(self) -> dict[str, Any]:
        """The block ``protocol`` of results.json."""
        return {
            "id": self.id,
            "about": self.about,
            "data": SENTEVAL_FILES,
            "similarity": "cosine in float32",
            **AGGREGATIONS,
            "printed": list(self.printed),
            "scale": "raw, -1 to 1",
        }


class TransferProtocol(NamedTuple):
    """Folds and regularisers of SentEval in one of its settings; ``grid`` by how a task is split.

    ``regulariser`` says what a number of the grid is: ``weight_decay`` λ, the loss being the mean
    cross-entropy + ½ λ (‖W‖² + ‖b‖²) of a softmax, or ``C``, the loss being that of scikit-learn's
    LogisticRegression.
    """

    id: str
    folds: int
    regulariser: str
    grid: Mapping[str, tuple[float, ...]]
    about: str

    @property
    def tasks(self) -> tuple[str, ...]:
        """Its tasks, as they are reported."""
        return TRANSFER

    def told(self) -> dict[str, Any]:
        """The block ``protocol`` of results.json."""
        return self._asdict() | {
            "grid": {split: list(grid) for split, grid in self.grid.items()},
            "seed": SEED,
        }


Protocol = StsProtocol | TransferProtocol

# Since torch 0.4.1 SentEval's loss is a mean: its `size_average = False` lost its effect. So weight
# decay goes with a mean.
DECAYS: dict[str, tuple[float, ...]] = dict.fromkeys(
    ("cv", "test", "dev"), (1e-5, 1e-4, 1e-3, 1e-2)
)
ADAM = (
    "The same data, order, folds, grid, rounding and rule of choice; the loss is the one whose "
    "gradient {} follows. Not the same: SentEval stops training when the dev accuracy stalls, "
    "after a random 5 % of the last training set was put aside for it; here the regularised "
    "problem is solved on the whole training set, so that there is no randomness but that of the "
    "folds, which its seed fixes."
)
MTEB_TASKS = (*SEVEN[:-1], "sickr-all")
PROTOCOLS: dict[str, Protocol] = {
    protocol.id: protocol
    for protocol in (
        StsProtocol(
            "simcse-2021",
            SEVEN,
            ("stsb-dev",),
            ("all",),
            "The tables since SimCSE: Spearman over the pooled pairs of a task; SICK-R is the "
            "test split, 4,927 pairs.",
            dev="stsb-dev",
        ),
        StsProtocol(
            "sts-disjoint",
            DISJOINT,
            DISJOINT_DEVS,
            ("all",),
            "As simcse-2021, without leaks: every distinct pair once (up to case, white space, "
            "punctuation and order), in the smallest task that has it; dev sets are the parts of "
            "STS-B dev and train without a sentence of the seven tasks.",
            dev="stsb-dev-disjoint",
        ),
        StsProtocol(
            "senteval-2018",
            SEVEN,
            ("stsb-dev",),
            ("mean", "wmean"),
            "The tables before SimCSE: the mean over the subsets of a year, plain and weighted by "
            "pairs; SICK-R is the test split, 4,927 pairs. STS-B and SICK-R by cosine too, where "
            "SentEval itself fits a regression.",
        ),
        StsProtocol(
            "mteb",
            MTEB_TASKS,
            (),
            ("all",),
            "MTEB's English STS tasks of that name: pairs pooled, SICK-R all 9,927 pairs. MTEB "
            "reads STS12 to STS-B as they were written; SentEval's files have them in lower case "
            "and tokenised, which changes nothing for uncased BERT tokenizers and something for "
            "cased ones.",
        ),
        StsProtocol(
            "recse-release",
            SEVEN,
            ("stsb-dev",),
            ("all",),
            "As simcse-2021, with alignment and uniformity of STS-B dev as reCSE's release and "
            "others compute them: pairs of gold 4 or more, 128 pairs at a time in the order of "
            "the file, a batch without positives counting 0. They are biased; only to compare "
            "with old tables.",
            legacy_space=True,
        ),
        TransferProtocol(
            "senteval-10fold",
            10,
            "weight_decay",
            DECAYS,
            "SentEval with usepytorch, kfold 10, nhid 0: the setting of published tables (Adam, "
            "batch 64, tenacity 5, epoch_size 4). " + ADAM.format("its Adam"),
        ),
        TransferProtocol(
            "senteval-fast",
            5,
            "weight_decay",
            DECAYS,
            "SentEval's prototyping setting and SimCSE's fast modes: kfold 5, nhid 0 (RMSprop, "
            "batch 128, tenacity 3, epoch_size 2). " + ADAM.format("its RMSprop"),
        ),
        TransferProtocol(
            "senteval-logreg",
            10,
            "C",
            {
                "cv": tuple(2.0**t for t in range(-2, 4)),
                "test": tuple(2.0**t for t in range(-1, 6)),
                "dev": tuple(2.0**t for t in range(-2, 4)),
            },
            "SentEval without usepytorch, kfold 10: the very problems that it hands to "
            "scikit-learn's LogisticRegression (softmax for TREC, intercept free, as since "
            "scikit-learn 0.22), solved to a tolerance instead of lbfgs's default, which may stop "
            "some per cent of the weights away.",
        ),
    )
}
"""By id. Sources: SimCSE (Gao et al. 2021), evaluation.py; SentEval (Conneau & Kiela 2018),
senteval/sts.py, tools/validation.py and classifier.py; MTEB (Muennighoff et al. 2023).
"""


SUITES = tuple(dict.fromkeys(p.tasks for p in PROTOCOLS.values() if isinstance(p, StsProtocol)))
"""The sets of seven STS tasks that some protocol averages; simcse-2021's first."""

BEHAVIOUR: dict[str, int] = {"recse-release": 2}
"""Version of a protocol's numbers, 1 where none is given. Raise it when they change."""


def find_protocol(name: str) -> Protocol:
    """A protocol by its id.

    Raises:
        LabError: There is none of that name.
    """
    if name not in PROTOCOLS:
        raise LabError(f"unknown protocol {name!r}; {suggest(name, PROTOCOLS)}")
    return PROTOCOLS[name]


def training_protocol(name: str) -> StsProtocol:
    """A protocol that trained runs can be tested under, by its id.

    Raises:
        LabError: There is none of that name, or it has no dev set.
    """
    protocol = find_protocol(name)
    if isinstance(protocol, StsProtocol) and protocol.dev is not None:
        return protocol
    known = [each.id for each in PROTOCOLS.values() if isinstance(each, StsProtocol) and each.dev]
    raise LabError(
        f"protocol {name} has no dev set to train by; train under {' or '.join(known)}, and "
        f"measure with `recse-lab eval --protocol {name}`."
    )
