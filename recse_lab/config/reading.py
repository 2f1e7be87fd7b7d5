"""From a tree of options to a checked configuration, or to one sentence that says what is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import (
    BaseModel,
    ValidationError,
)

from recse_lab.config.frameworks import framework_options
from recse_lab.config.options import _types
from recse_lab.config.overrides import merge, without
from recse_lab.config.schema import PretrainConfig, RunConfig
from recse_lab.config.yaml import read_yaml
from recse_lab.errors import LabError, suggest

C = TypeVar("C", bound=BaseModel)


def make_config(
    tree: Mapping[str, Any],
    *,
    where: str = "config",
    lines: Mapping[str, int] | None = None,
    kind: type[C] = RunConfig,
) -> C:
    """Validate one run's options.

    Raises:
        LabError: An unknown option (with the nearest known one), a value out of range, options that exclude each other;
            names file and line where the option came from a file.
    """
    try:
        return kind.model_validate(tree)
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
    # pydantic also names the kind that a value failed to be, as in seeds.int: no part of the option's name
    path = [str(part) for part in first["loc"]]
    if first["type"] != "extra_forbidden":
        path = [part for part in path if not re.fullmatch(r"int|(list|dict)\[.*\]", part)]
    key = ".".join(path)
    message = re.sub(r"^(Value error|Assertion failed), ", "", first["msg"]).rstrip(".")
    # What is checked together begins its message with the option at fault.
    blamed = f"{key}.{message.partition(': ')[0]}".lstrip(".")
    line = (lines or {}).get(blamed, (lines or {}).get(key))
    place = where if line is None else f"{where}, line {line}"
    if first["type"] == "extra_forbidden":
        hint = suggest(path[-1], _fields(model, path[:-1]))
        return f"{place}: unknown option {key}; {hint}"
    if first["type"] == "missing":
        return f"{place}: option {key} is missing."
    told = isinstance(first["input"], dict | BaseModel) or repr(first["input"]) in message
    given = "" if told else f" (given: {first['input']!r})"
    text = f"{place}: {key + ': ' if key else ''}{message[0].lower() + message[1:]}{given}"
    return text if text.endswith("?") else f"{text}."


def _fields(model: Any, path: list[str]) -> list[str]:
    for name in path:
        if name.isdigit():  # a place in a list, whose options are those of what it lists
            continue
        field = model.model_fields.get(name)
        inner = (
            [
                t
                for t in _types(field.annotation)
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
    overrides: Mapping[str, Any] | None = None,
) -> RunConfig:
    """One run's configuration from a YAML file, a framework (NAME or NAME+reshape) and options, each laid upon the one before.

    Raises:
        LabError: An unknown framework or option, a value out of range (file and line).
    """
    tree, lines = read_yaml(path) if path is not None else ({}, {})
    if framework is not None:
        tree = merge(tree, framework_options(framework))
    tree = merge(tree, overrides or {})
    if "encoder" not in tree:
        raise LabError(
            f"{path or 'options'}: no encoder; give --encoder, a folder, a hub id or recse-lab/tiny."
        )
    return make_config(tree, where=str(path or "options"), lines=without(lines, overrides or {}))


def read_pretrain_config(
    path: str | Path, overrides: Mapping[str, Any] | None = None
) -> PretrainConfig:
    """A pretraining configuration from a YAML file with options laid upon it.

    Raises:
        LabError: An unknown option, a value out of range (file and line).
    """
    tree, lines = read_yaml(path)
    lines = without(lines, overrides or {})
    return make_config(
        merge(tree, overrides or {}), where=str(path), lines=lines, kind=PretrainConfig
    )
