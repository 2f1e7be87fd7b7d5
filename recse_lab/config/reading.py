"""From nested options to a checked configuration, or to one sentence that says what is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import (
    BaseModel,
    ValidationError,
)

from recse_lab.config.canonical import canonical
from recse_lab.config.frameworks import framework_options
from recse_lab.config.options import Strict, types_of
from recse_lab.config.overrides import merge, without
from recse_lab.config.pretraining import PretrainConfig
from recse_lab.config.schema import RunConfig
from recse_lab.config.yaml import read_yaml
from recse_lab.errors import LabError, suggest

C = TypeVar("C", bound=Strict)


def make_config(
    tree: Mapping[str, Any],
    *,
    where: str = "config",
    lines: Mapping[str, int] | None = None,
    kind: type[C] = RunConfig,
) -> C:
    """Check options and bring them to their canonical form. Every configuration is made here.

    Args:
        tree: Nested options; keys are not dotted.
        where: What error messages call the source of the options, as the name of a file.
        lines: Line number of every dotted option that comes from a file.
        kind: The schema: ``RunConfig``, or ``PretrainConfig`` for pretraining.

    Raises:
        LabError: An unknown option (with the nearest known one), a value out of range, or options
            that exclude each other. Names file and line where the option came from a file.
    """
    try:
        return canonical(kind.model_validate(tree))
    except ValidationError as error:
        raise LabError(explain(error, kind, where=where, lines=lines)) from None


def explain(
    error: ValidationError,
    model: type[BaseModel],
    *,
    where: str,
    lines: Mapping[str, int] | None = None,
) -> str:
    """One sentence for the first thing wrong in a validation error."""
    first = error.errors()[0]
    # pydantic appends the type that was expected, as in seeds.int: not part of the option's name.
    path = [str(part) for part in first["loc"]]
    if first["type"] != "extra_forbidden":
        path = [part for part in path if not re.fullmatch(r"int|(list|dict)\[.*\]", part)]
    key = ".".join(path)
    message = re.sub(r"^(Value error|Assertion failed), ", "", first["msg"]).rstrip(".")
    # Where several options are checked together, the message begins with the one at fault.
    blamed = f"{key}.{message.partition(': ')[0]}".lstrip(".")
    line = None if lines is None else lines.get(blamed, lines.get(key))
    place = where if line is None else f"{where}, line {line}"
    if first["type"] == "extra_forbidden":
        hint = suggest(path[-1], _fields(model, path[:-1]))
        return f"{place}: unknown option {key}; {hint}"
    if first["type"] == "missing":
        return f"{place}: option {key} is missing."
    known_input = isinstance(first["input"], dict | BaseModel) or repr(first["input"]) in message
    given = "" if known_input else f" (given: {first['input']!r})"
    text = f"{place}: {key + ': ' if key else ''}{message[0].lower() + message[1:]}{given}"
    return text if text.endswith("?") else f"{text}."


def _fields(model: Any, path: list[str]) -> list[str]:
    for name in path:
        if name.isdigit():  # an index: the options are those of the list's items
            continue
        field = model.model_fields.get(name)
        inner = (
            [
                t
                for t in types_of(field.annotation)
                if isinstance(t, type) and issubclass(t, BaseModel)
            ]
            if field
            else []
        )
        if not inner:
            return []
        model = inner[0]
    return list(model.model_fields)


def read_config(
    path: str | Path | None,
    *,
    framework: str | None = None,
    overrides: Mapping[str, Any] = MappingProxyType({}),
) -> RunConfig:
    """Read one run's configuration: a YAML file, updated with a framework, updated with options.

    Args:
        path: The YAML file, if there is one.
        framework: NAME or NAME+reshape, one of ``FRAMEWORKS``.
        overrides: Options by dotted key; they win over file and framework.

    Raises:
        LabError: An unknown framework or option, or a value out of range (file and line).
    """
    tree, lines = read_yaml(path) if path is not None else ({}, {})
    if framework is not None:
        tree = merge(tree, framework_options(framework) | {"framework": framework})
    tree = merge(tree, overrides)
    if "encoder" not in tree:
        where = path or "options"
        raise LabError(
            f"{where}: no encoder; give --encoder, a folder, a hub id or recse-lab/tiny."
        )
    return make_config(tree, where=str(path or "options"), lines=without(lines, overrides))


def read_pretrain_config(
    path: str | Path, overrides: Mapping[str, Any] = MappingProxyType({})
) -> PretrainConfig:
    """Read a pretraining configuration: a YAML file, updated with options by dotted key.

    Raises:
        LabError: An unknown option, or a value out of range (file and line).
    """
    tree, lines = read_yaml(path)
    lines = without(lines, overrides)
    return make_config(merge(tree, overrides), where=str(path), lines=lines, kind=PretrainConfig)
