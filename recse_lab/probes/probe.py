"""What a probe is, and what it may ask for. A new probe is one module with one ``Probe``, and one
line in ``PROBES``."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

import numpy as np
from jaxtyping import Float, Int

from recse_lab.data.sentence_ids import sentence_ids
from recse_lab.data.transfer_sets import TransferTask
from recse_lab.errors import LabError
from recse_lab.probes.result import ProbeResult
from recse_lab.statistics.sharing import SharedSentences

if TYPE_CHECKING:
    from recse_lab.models.transformer import TransformerEncoder
    from recse_lab.objectives.contrast import Contrast

Encode = Callable[[Sequence[str]], Float[np.ndarray, "sentences dim"]]
"""Sentences to embeddings; what is in the embedding cache is not computed again."""

Need = Literal[
    "pairs",
    "sentences",
    "scores",
    "embeddings",
    "encoders",
    "networks",
    "metrics",
    "word_counts",
    "corpus",
    "contrasts",
    "labelled",
    "linguistic",
    "temperatures",
]
"""An attribute of ``ProbeInputs``."""


class Pairs(NamedTuple):
    """All pairs of a task, pooled over its subsets."""

    first: list[str]
    second: list[str]
    gold: Float[np.ndarray, " pairs"]
    sizes: tuple[int, ...] = ()
    """Pairs of each subset in their order; empty if there is one."""

    @property
    def shared(self) -> SharedSentences:
        """Which pairs share sentences, up to case and white space."""
        return SharedSentences(sentence_ids(self.first), sentence_ids(self.second))


class Labelled(NamedTuple):
    """Sentences with a class each."""

    sentences: list[str]
    label: Int[np.ndarray, " sentences"]


class ProbeInputs(Protocol):
    """What a probe can be given, each part computed when first asked for; dicts are by label of the
    encoder."""

    @cached_property
    def pairs(self) -> Pairs:
        """Graded pairs of sentences."""
        ...

    @cached_property
    def sentences(self) -> list[str]:
        """Distinct sentences of the pairs, in their order."""
        ...

    def scores(self) -> dict[str, Float[np.ndarray, " pairs"]]:
        """Cosine of every pair."""
        ...

    def embeddings(self) -> dict[str, Float[np.ndarray, "sentences dim"]]:
        """Embeddings of ``sentences``."""
        ...

    def encoders(self) -> dict[str, Encode]:
        """Functions that embed any sentences."""
        ...

    def networks(self) -> Iterator[tuple[str, TransformerEncoder]]:
        """Transformers to look into.

        Raises:
            LabError: A subject is not a transformer.
        """
        ...

    def metrics(self) -> dict[str, list[dict[str, Any]]]:
        """Lines of metrics.jsonl of each run.

        Raises:
            LabError: A subject is not a run.
        """
        ...

    def word_counts(self) -> Counter[str]:
        """How often each word occurs in the corpus."""
        ...

    def corpus(self) -> Iterable[str]:
        """Sentences of the corpus."""
        ...

    def contrasts(self) -> dict[str, Contrast]:
        """The contrast of views that each encoder was trained with; SimCSE's for one that is no
        run."""
        ...

    def temperatures(self) -> dict[str, float | None]:
        """τ that each run was trained with; None for an encoder, and for a run without a contrast
        of views."""
        ...

    def labelled(self, count: int) -> dict[str, Labelled]:
        """Up to ``count`` evenly spaced sentences of each transfer set of single sentences.

        Raises:
            LabError: There is none in the data folder.
        """
        ...

    def linguistic(self) -> dict[str, TransferTask]:
        """SentEval's linguistic probing tasks, those of the ten whose files are there.

        Raises:
            LabError: There is none in the data folder.
        """
        ...


class Option(NamedTuple):
    """A keyword argument of a probe."""

    annotation: str
    default: Any
    help: str


class Listing(NamedTuple):
    """Rows of text to read, such as pairs of sentences; the last ``texts`` columns are prose, the
    others numbers."""

    title: str
    columns: list[str]
    rows: list[list[str]]
    texts: int = 2


def no_listings(result: ProbeResult) -> list[Listing]:
    """Nothing to list: most probes are numbers alone."""
    return []


@dataclass(frozen=True)
class Probe:
    """A named analysis of one or several encoders: measures with intervals, a summary and
    figures."""

    name: str
    question: str
    """What its page answers, ending in a question mark."""
    needs: tuple[Need, ...]
    """The parts of ``ProbeInputs`` that ``compute`` reads."""
    measure: Callable[..., ProbeResult]
    """The pure function on arrays: its docstring defines the measures, its signature types and
    defaults of the options."""
    compute: Callable[..., ProbeResult]
    """``compute(inputs, **options)`` hands the parts to ``measure``."""
    summary: Callable[[ProbeResult], str]
    """What the numbers say, in Markdown; paragraphs are separated by a blank line."""
    figures: Callable[[ProbeResult], dict[str, Any]]
    """Matplotlib figures by name, drawn from table and curves; the first one is the main one."""
    help: Mapping[str, str] = field(default_factory=dict)
    """One line for each option."""
    listings: Callable[[ProbeResult], list[Listing]] = no_listings
    rotation_invariant: bool = True
    """Whether rotating all embeddings leaves every number as it is."""

    @property
    def options(self) -> dict[str, Option]:
        """Options by name, with type, default and help."""
        parameters = inspect.signature(self.measure).parameters
        return {
            name: Option(str(parameters[name].annotation), parameters[name].default, text)
            for name, text in self.help.items()
        }

    def __call__(self, inputs: ProbeInputs, **options: Any) -> ProbeResult:
        """Compute the probe on ``inputs``.

        Raises:
            LabError: An option that the probe does not have, or whatever the probe itself refuses.
        """
        self.refuse_unknown(options)
        return self.compute(inputs, **options)

    def refuse_unknown(self, options: Mapping[str, Any]) -> None:
        """Refuse options that the probe does not have.

        Raises:
            LabError: There is one.
        """
        for name in options:
            if name not in self.help:
                known = ", ".join(self.help) or "no options"
                raise LabError(
                    f"probe {self.name} has no option {name}; leave it out (it has {known})."
                )
