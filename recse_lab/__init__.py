"""A laboratory for sentence embeddings, in Python: `import recse_lab as lab`.

Train and measure:

    run = lab.train(encoder="recse-lab/tiny", corpus="wiki.txt", data_dir="senteval", steps=100)
    lab.evaluate("recse-lab/tiny", data_dir="senteval")
    lab.compare(run, "recse-lab/tiny")          # a verdict with interval and p, and a figure
    lab.load(run).encode(["A sentence."])       # one row per sentence

Read what is stored:

    lab.runs(study="arms")                      # the run store as a table
    lab.study("reshape-dim").frame()            # one row per arm and run
    lab.probe("polarity", "last").plot()

Every name below is imported when it is first used; `help(lab.compare)` explains one.
"""

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recse_lab.errors import LabError as LabError
    from recse_lab.notebook import ablate as ablate
    from recse_lab.notebook import compare as compare
    from recse_lab.notebook import evaluate as evaluate
    from recse_lab.notebook import load as load
    from recse_lab.notebook import probe as probe
    from recse_lab.notebook import published as published
    from recse_lab.notebook import run as run
    from recse_lab.notebook import study as study
    from recse_lab.notebook import train as train

__version__ = "0.1.0"

__all__ = [
    "LabError",
    "ablate",
    "alignment",
    "bias",
    "compare",
    "evaluate",
    "geometry",
    "influence",
    "layers",
    "load",
    "minimal_pairs",
    "polarity",
    "probe",
    "published",
    "run",
    "runs",
    "study",
    "train",
    "trajectory",
    "unlabelled_polarity",
]

_MODULES = {"LabError": "errors"}
"""Where a name is defined, if not in ``notebook``; a package can be ``runs``, which is callable."""


def __getattr__(name: str) -> Any:
    """A public name, or a subpackage, when it is first used.

    Raises:
        AttributeError: There is neither.
    """
    if name == "runs":  # the package is callable
        return importlib.import_module("recse_lab.runs")
    if name in __all__:
        return getattr(importlib.import_module(f"recse_lab.{_MODULES.get(name, 'notebook')}"), name)
    if not name.startswith("_") and importlib.util.find_spec(f"recse_lab.{name}") is not None:
        return importlib.import_module(f"recse_lab.{name}")
    raise AttributeError(f"recse_lab has no {name!r}; dir(recse_lab) lists what it has")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
