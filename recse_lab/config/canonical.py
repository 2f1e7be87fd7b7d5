"""The canonical form of a configuration: two spellings of one question become the same options.

An option that a configuration does not use returns to its default, as it would otherwise make two
runs out of one question. An option that follows from others is written out. ``RULES`` lists all of
it, with the reasons.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

from recse_lab.config.options import Strict
from recse_lab.config.pretraining import PretrainConfig
from recse_lab.config.schema import PROMPT, RunConfig, TermConfig, objective_defaults

C = TypeVar("C", bound=Strict)
Config = Any  # RunConfig or PretrainConfig, as the table below says


class Rule(NamedTuple):
    """Options that take a value of their own where a condition holds."""

    why: str
    when: Callable[[Config], bool]
    options: tuple[str, ...]
    """Dotted names; the name of a group means all of it."""
    value: Callable[[Config], Any] | None = None
    """The value they take; their default when absent."""


def _role(*roles: str) -> Callable[[Config], bool]:
    return lambda config: config.reshape is not None and config.reshape.role in roles


def _seed_of_the_run(part: str) -> Callable[[Config], bool]:
    return lambda config: getattr(config.seeds, part) == config.seed


def _always(config: Config) -> bool:
    return True


def _all_numbers(term: TermConfig) -> dict[str, float]:
    numbers = objective_defaults(term.objective) | term.options
    return {name: float(number) for name, number in numbers.items()}


def _operator(config: RunConfig) -> str:
    assert config.reshape is not None
    shuffled, names = config.reshape.operators()
    return ("shuffled:" if shuffled else "") + "+".join(names)


TERM = ("objective", "options", "temperature")
OF_THE_TARGET = tuple(f"reshape.{name}" for name in (*TERM, "weight", "projection"))

RULES: dict[type[Strict], tuple[Rule, ...]] = {
    RunConfig: (
        Rule(
            "nothing that steers training changes the untrained encoder",
            lambda config: not config.trained,
            (
                *("reshape", "view", "anchor_view", "positives", "negatives", "contrast", "seeds"),
                *("model.dropout", "model.dropout_mask", "model.max_length"),
            ),
        ),
        *(
            Rule(
                "a part of the randomness with the seed of the run has none of its own",
                _seed_of_the_run(part),
                (f"seeds.{part}",),
            )
            for part in ("init", "order", "dropout")
        ),
        Rule(
            "with weight 0 there is no dropout contrast",
            lambda config: config.contrast.weight == 0,
            tuple(f"contrast.{name}" for name in TERM),
        ),
        Rule(
            "without a queue there is no momentum encoder",
            lambda config: config.contrast.queue == 0,
            ("contrast.momentum", "contrast.queue_head"),
        ),
        Rule(
            "steps take the place of epochs",
            lambda config: config.training.steps is not None,
            ("training.epochs",),
        ),
        Rule(
            "a template says where the embedding is read",
            lambda config: config.prompt is not None,
            ("model.pooling",),
            lambda config: PROMPT,
        ),
        Rule(
            "auto is one of the two",
            _always,
            ("model.head",),
            lambda config: config.model.resolved_head,
        ),
        Rule(
            "without a training head the queue passes through none",
            lambda config: config.model.resolved_head == "none",
            ("contrast.queue_head",),
        ),
        Rule(
            "shuffled alone, and spaces around +, are spellings of one operator",
            lambda config: config.reshape is not None,
            ("reshape.operator",),
            _operator,
        ),
        Rule(
            "only the target is compared with an embedding",
            _role("view", "residual"),
            OF_THE_TARGET,
        ),
        Rule(
            "the other roles compute their features live",
            _role("view", "residual"),
            ("reshape.mode",),
            lambda config: "integrated",
        ),
        Rule(
            "the view weighs and centres no token",
            _role("view"),
            ("reshape.weights", "reshape.centring"),
        ),
        Rule(
            "an operator without p has no use for one",
            lambda config: config.reshape is not None and not config.reshape.uses_dim,
            ("reshape.dim",),
            lambda config: None,
        ),
        Rule(
            "a run records every number of its objective, given or not",
            _always,
            ("contrast.options",),
            lambda config: _all_numbers(config.contrast),
        ),
        Rule(
            "a run records every number of its objective, given or not",
            lambda config: config.reshape is not None,
            ("reshape.options",),
            lambda config: _all_numbers(config.reshape),
        ),
    ),
    PretrainConfig: (
        Rule(
            "steps take the place of epochs",
            lambda config: config.training.steps is not None,
            ("training.epochs",),
        ),
        Rule(
            "a ready tokenizer has its vocabulary",
            lambda config: config.tokenizer is not None,
            ("vocabulary",),
        ),
    ),
}
"""Applied from top to bottom: a rule sees what those above it have decided."""


def canonical(config: C) -> C:
    """The configuration with every unused option at its default and every derived one written out.

    Applying it twice changes nothing more, and a canonical configuration is valid.
    """
    for rule in RULES.get(type(config), ()):
        if rule.when(config):
            for option in rule.options:
                config = _with(config, option.split("."), rule.value)
    return config


def _with(group: C, path: list[str], value: Callable[[Config], Any] | None, whole: Any = None) -> C:
    """A copy of ``group`` with one option set, to its default where no value is given."""
    whole = whole or group
    name, *rest = path
    if rest:
        new = _with(cast(Strict, getattr(group, name)), rest, value, whole)
    else:
        new = value(whole) if value else group.default(name)
    return group.model_copy(update={name: new})
