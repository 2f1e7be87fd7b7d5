"""Options that exclude each other: which ones, and why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recse_lab.config.schema import RunConfig


def contradictions(config: RunConfig) -> Iterator[str]:
    """What is wrong with a configuration as a whole, one sentence each, the gravest first."""
    yield from _of_prompt(config)
    if config.trained:  # the untrained encoder uses none of the options below
        yield from _of_one_pass(config)
        yield from _of_fixed_masks(config)
        yield from _of_clean_negatives(config)
        yield from _of_roles(config)
        yield from _of_supervision(config)


def _given(config: RunConfig, *names: str) -> list[str]:
    return [name for name in names if getattr(config, name) is not None]


def _of_prompt(config: RunConfig) -> Iterator[str]:
    pooling = config.model.pooling
    if config.prompt is None and pooling == "prompt":
        yield (
            "model.pooling prompt needs a template: give prompt (`prompt: {}` takes PromptBERT's)"
        )
    if config.prompt is not None and pooling not in ("prompt", config.model.default("pooling")):
        yield f"prompt reads the embedding at its mask token: model.pooling {pooling} must go"


def _of_one_pass(config: RunConfig) -> Iterator[str]:
    if config.contrast.weight > 0:
        return
    role = config.reshape.role if config.reshape else None
    if role != "target":
        without = f"role {role} trains through it" if role else "there is no reshape"
        yield f"contrast.weight is 0 and {without}: nothing would be trained"
    unused = _given(config, "view", "positives", "negatives")
    unused += ["contrast.queue"] if config.contrast.queue else []
    if unused:
        yield (
            f"contrast.weight is 0, so that there is no second pass, "
            f"and {unused[0]} would be left unused"
        )


def _of_fixed_masks(config: RunConfig) -> Iterator[str]:
    if config.model.dropout_mask != "fixed":
        return
    if config.contrast.weight == 0:
        yield "model.dropout_mask fixed needs two passes, and contrast.weight 0 makes one"
    if edits := _given(config, "view", "anchor_view", "prompt", "positives"):
        yield f"model.dropout_mask fixed needs two passes of one shape, and {edits[0]} changes it"


def _of_clean_negatives(config: RunConfig) -> Iterator[str]:
    if config.contrast.objective != "off-dropout" or config.contrast.weight == 0:
        return
    unfit = _given(config, "view", "anchor_view", "prompt", "positives", "negatives")
    unfit += ["contrast.queue"] if config.contrast.queue else []
    unfit += ["reshape.role view"] if config.reshape and config.reshape.role == "view" else []
    if unfit:
        yield (
            "objective off-dropout compares a sentence under two dropout masks and without "
            f"dropout, and {unfit[0]} is none of these"
        )


def _of_roles(config: RunConfig) -> Iterator[str]:
    reshape = config.reshape
    if reshape is None:
        return
    second = _given(config, "view", "positives", "negatives")
    if reshape.role == "view" and second:
        yield f"reshape.role view is the second view, and so is {second[0]}: take one of them"
    if config.prompt is not None and reshape.role != "target":
        yield f"reshape.role {reshape.role} has no prompt; role target has"
    if config.prompt is not None and reshape.mode == "integrated":
        yield (
            "reshape.mode integrated would read the words of the prompt as the sentence's; "
            "take separated"
        )


def _of_supervision(config: RunConfig) -> Iterator[str]:
    supervised = config.contrast.objective == "supervised"
    if config.negatives is not None and config.positives is None:
        yield "negatives needs positives: hard negatives are contrasted with given positives"
    if supervised and config.positives is None:
        yield "objective supervised needs positives: the column of each sentence's positive"
    if config.negatives is not None and not supervised:
        yield (
            "negatives needs contrast.objective supervised, "
            "which knows a sentence's own hard negative"
        )
