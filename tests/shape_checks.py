"""The type checker that annotated shapes of the package are held against while testing.

Functions without shapes in their annotations are left alone: they are pyright's.
"""

import re
from collections.abc import Callable
from typing import Any

from beartype import BeartypeConf, beartype

SHAPED = re.compile(r"\b(Float|Int|Integer|Bool|UInt|UInt8|Num|Real|Inexact|Shaped)\[")

_check = beartype(conf=BeartypeConf(is_pep484_tower=True))  # an int is a float, as in PEP 484


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function``, checked at each call if an annotation of it has a shape."""
    told = " ".join(map(str, getattr(function, "__annotations__", {}).values()))
    return _check(function) if SHAPED.search(told) else function
