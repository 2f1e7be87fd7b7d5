"""docs/backbones.md: what was tried with which family of encoders, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping

from recse_lab.jobs.selftest import Cell
from recse_lab.models.attention import EQUAL_TO_EAGER
from recse_lab.models.families import FAMILIES

COLUMNS = {
    "loads": "opens from a folder and embeds sentences of one word up to its longest",
    "= eager": "all hidden states of a padded batch equal those of transformers' eager attention, "
    "sentence by sentence, to 1e-5 of the largest, under every attention that is named here",
    "dropout": "every rate is the one asked for, wherever the family has dropout (Llama and its "
    "kin in attention alone); at rate 0 training computes what testing does",
    "batch": "batch mates, their order and their length change no embedding",
    "SimCSE": "a step is trained, with the first token's state or, from left to right, the last's",
    "reCSE 0": "a step with the reshape of the embedding layer",
    "reCSE 1": "a step with the reshape of the first layer",
    "ESimCSE": "a step with repeated sub-words and the momentum queue",
    "PromptBERT": "a step with both templates and their bias removed",
    "transformers": "the trained encoder, saved, gives the same embeddings when transformers opens "
    "it (of T5, its encoder)",
    "sentence-transformers": "and when sentence-transformers does",
}
"""Column -> what a `yes` in it says."""


def backbones_page(cells: Mapping[str, Mapping[str, Cell]], versions: Mapping[str, str]) -> str:
    """The page as Markdown.

    Args:
        cells: Family -> check -> how it ended.
        versions: Library -> version it was tried with.
    """
    notes: dict[str, int] = {}

    def text(family: str, cell: Cell) -> str:
        if cell.state in ("right", "skipped"):
            return {"right": "yes", "skipped": "–"}[cell.state]
        number = notes.setdefault(without_family(cell.told, family), len(notes) + 1)
        return f"{cell.state} [{number}]"

    rows = [
        f"| {family} | {attentions(family)} | {' | '.join(text(family, c) for c in of.values())} |"
        for family, of in cells.items()
    ]
    columns = list(next(iter(cells.values())))
    tried = ", ".join(f"{name} {version}" for name, version in versions.items())
    return "\n".join(
        [
            "# Backbones",
            "",
            f"What works with which family of transformers: {len(cells)} families, each a random "
            "encoder of 3 layers × 32 made on the spot. A cell is right (yes), refused with the "
            "sentence of its number below, or not tried because the family does not load (–); a "
            "fault would be a traceback or a number that is silently wrong.",
            "",
            f"Written by `recse-lab selftest backbones --out docs/backbones.md` (`make backbones`) "
            f"with {tried}.",
            "",
            f"| family | attention | {' | '.join(columns)} |",
            "|" + " --- |" * (len(columns) + 2),
            *rows,
            "",
            *[f"{number}. {note}" for note, number in notes.items()],
            "",
            "## What the columns say",
            "",
            "- **attention**: implementations that equal eager attention; `auto` takes the first "
            "that suits the machine.",
            *[f"- **{column}**: {COLUMNS[column]}." for column in columns],
            "",
            "A backbone is tried on a few tokens whenever it is loaded "
            "(`recse_lab/models/checks.py`), so that a family that is not in this table is right "
            "or refused as well.",
            "",
        ]
    )


def without_family(told: str, family: str) -> str:
    """A sentence without the name of the family, so that it is printed once for all."""
    name = FAMILIES[family].model_type
    for noun in ("model", "backbone"):
        for article in ("this", "a"):
            told = told.replace(f"{article} {name} {noun}", f"this {noun}")
    return told[:1].upper() + told[1:]


def attentions(family: str) -> str:
    """Implementations of attention that equal eager attention in a family, eager last."""
    kind = FAMILIES[family].model_type
    return ", ".join([name for name, known in EQUAL_TO_EAGER.items() if kind in known] + ["eager"])
