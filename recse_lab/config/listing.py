"""Every option of a training run with its default and its meaning, from the schema."""

from __future__ import annotations

import json
import re
from typing import get_args

from recse_lab.config.options import Strict
from recse_lab.config.schema import RunConfig


def options(group: type[Strict] = RunConfig, prefix: str = "") -> list[tuple[str, str, str]]:
    """List the options of a group.

    Args:
        group: A group of options.
        prefix: Dotted key of the group, with a dot at its end.

    Returns:
        Dotted key, default (empty where an option has to be given) and meaning of each option; an
        optional group is an option of its own and is followed by its options.
    """
    found = []
    for name, field in group.model_fields.items():
        key, inner = f"{prefix}{name}", _group(field.annotation)
        if inner is None or (not field.is_required() and group.model_fields[name].default is None):
            default = (
                ""
                if field.is_required()
                else _written(field.get_default(call_default_factory=True))
            )
            text = field.description or (inner.__doc__ if inner else "") or ""
            found.append((key, default, re.sub(r"\s+", " ", text).strip()))
        if inner is not None:
            found += options(inner, f"{key}.")
    return found


def _group(annotation: object) -> type[Strict] | None:
    """The group of options that an annotation is made of, if it is one."""
    parts = (annotation, *get_args(annotation))
    return next((p for p in parts if isinstance(p, type) and issubclass(p, Strict)), None)


def _written(value: object) -> str:
    """A value as YAML has it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
