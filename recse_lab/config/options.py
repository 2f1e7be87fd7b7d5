"""Types, checks and the strict base class that every group of options is made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal, TypeAlias, TypeVar, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)

from recse_lab.errors import suggest

Positive: TypeAlias = Annotated[int, Field(gt=0)]

Rate: TypeAlias = Annotated[float, Field(ge=0, lt=1)]

Precision: TypeAlias = Literal["auto", "fp32", "bf16"]

V = TypeVar("V", bound=Sequence[Any])


def repeated(values: Sequence[Any]) -> list[Any]:
    """What is among ``values`` more than once."""
    return [value for place, value in enumerate(values) if value in values[:place]]


def once(values: V) -> V:
    """``values``, where none is among them twice."""
    if again := repeated(values):
        raise ValueError(f"{again[0]!r} is given twice")
    return values


class Strict(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False
    )

    @field_validator("*", mode="before")
    @classmethod
    def _numbers(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse true and "4" where a number is wanted, which pydantic takes for 1 and 4."""
        several = (
            value.values()
            if isinstance(value, dict)
            else value
            if isinstance(value, list)
            else [value]
        )
        wrong = [each for each in several if isinstance(each, bool | str)]
        if wrong and any(
            kind in (int, float)
            for kind in _types(cls.model_fields[info.field_name or ""].annotation)
        ):
            raise ValueError(f"expected a number, not {wrong[0]!r}")
        return value


def one_of(name: str, family: Iterable[str], what: str) -> str:
    """``name``, where a family has it."""
    known = sorted(family)
    if name not in known:
        raise ValueError(f"unknown {what} {name!r}; {suggest(name, known)}")
    return name


def _as_tuple(value: Any) -> Any:
    return (
        (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value
    )


def _types(annotation: Any) -> list[Any]:
    """Everything that an annotation is made of."""
    inner = get_args(annotation)
    return [kind for part in inner for kind in _types(part)] if inner else [annotation]
