"""Reshape operators: formulas from a sentence's token features to a fixed number of values."""

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
"""Operators: name -> class. A new one is one file and one line here."""

SHUFFLED = "shuffled"


def parse_operator(spec: str) -> tuple[bool, list[str]]:
    """Read ``["shuffled:"] name ("+" name)*``.

    ``shuffled:`` gives every sentence the features of another one; ``shuffled`` alone means
    ``shuffled:channel-gram``.

    Returns:
        Whether the features are shuffled, and the names of the operators.

    Raises:
        LabError: A name is not an operator.

    >>> parse_operator("mean+channel-gram")
    (False, ['mean', 'channel-gram'])
    """
    shuffled = spec == SHUFFLED or spec.startswith(f"{SHUFFLED}:")
    rest = "channel-gram" if spec == SHUFFLED else spec.removeprefix(f"{SHUFFLED}:")
    names = [name.strip() for name in rest.split("+")]
    for name in names:
        if name not in OPERATORS:
            hint = suggest(name, [*OPERATORS, f"{SHUFFLED}:NAME"])
            raise LabError(f"unknown reshape operator {name!r}; {hint}")
    return shuffled, names
