"""Reshape operators: name -> class. A new one is one file and one line here."""

from recse_lab.errors import LabError, suggest
from recse_lab.reshape.channel_gram import ChannelGram
from recse_lab.reshape.controls import Mean, Random
from recse_lab.reshape.elementwise import Elementwise
from recse_lab.reshape.linear import Linear
from recse_lab.reshape.operator import Reshape
from recse_lab.reshape.token_gram import TokenGram

OPERATORS: dict[str, type[Reshape]] = {
    "token-gram": TokenGram,
    "channel-gram": ChannelGram,
    "elementwise": Elementwise,
    "linear": Linear,
    "mean": Mean,
    "random": Random,
}

SHUFFLED = "shuffled"


def parse_operator(spec: str) -> tuple[bool, list[str]]:
    """Read ``["shuffled:"] name ("+" name)*`` into whether it is shuffled and the operators' names.

    ``shuffled:`` gives every sentence another one's features; alone it means ``shuffled:channel-gram``.

    Raises:
        LabError: A name that is no operator.
    """
    shuffled = spec == SHUFFLED or spec.startswith(f"{SHUFFLED}:")
    rest = "channel-gram" if spec == SHUFFLED else spec.removeprefix(f"{SHUFFLED}:")
    names = [name.strip() for name in rest.split("+")]
    for name in names:
        if name not in OPERATORS:
            hint = suggest(name, [*OPERATORS, f"{SHUFFLED}:NAME"])
            raise LabError(f"unknown reshape operator {name!r}; {hint}")
    return shuffled, names
