"""The strict base class of every group of options, with the types and checks they share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal, TypeAlias, TypeVar, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    field_validator,
)

from recse_lab.errors import suggest

Positive: TypeAlias = Annotated[int, Field(gt=0)]

Rate: TypeAlias = Annotated[float, Field(ge=0, lt=1)]

Precision: TypeAlias = Literal["auto", "fp32", "bf16"]

V = TypeVar("V", bound=Sequence[Any])


def repeated(values: Sequence[Any]) -> list[Any]:
    """The values that occur more than once."""
    return [value for place, value in enumerate(values) if value in values[:place]]


def once(values: V) -> V:
    """Return ``values`` if none of them occurs twice.

    Raises:
        ValueError: One does.
    """
    if again := repeated(values):
        raise ValueError(f"{again[0]!r} is given twice")
    return values


class Strict(BaseModel):
    """A frozen group of options. Unknown options are refused, and so is "4" for a number."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False
    )

    def default(self, name: str) -> Any:
        """The value that an option has when it is not given. It may depend on another option."""
        return type(self).model_fields[name].get_default(call_default_factory=True)

    @field_validator("*", mode="before")
    @classmethod
    def _numbers(cls, value: Any, info: Any) -> Any:
        """Refuse true and "4" where a number is expected; pydantic would read 1 and 4."""
        several = value.values() if isinstance(value, dict) else value
        wrong = [
            each
            for each in (several if isinstance(value, dict | list) else [value])
            if isinstance(each, bool | str)
        ]
        kinds = types_of(cls.model_fields[info.field_name or ""].annotation)
        if wrong and (int in kinds or float in kinds):
            raise ValueError(f"expected a number, not {wrong[0]!r}")
        return value


def one_of(name: str, family: Iterable[str], what: str) -> str:
    """Return ``name`` if it is a member of ``family``; ``what`` says what it names.

    Raises:
        ValueError: It is not; the message has the nearest member.
    """
    known = sorted(family)
    if name not in known:
        raise ValueError(f"unknown {what} {name!r}; {suggest(name, known)}")
    return name


def as_tuple(value: Any) -> Any:
    """A string or a list as a tuple; anything else unchanged, for a validator to refuse."""
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


def types_of(annotation: Any) -> list[Any]:
    """The types that an annotation is composed of."""
    inner = get_args(annotation)
    return [kind for part in inner for kind in types_of(part)] if inner else [annotation]
