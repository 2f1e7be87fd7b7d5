"""Configurations: pairs of spellings of one question, and every framework."""

from recse_lab.config.frameworks import FRAMEWORKS, framework_options
from recse_lab.config.overrides import merge
from recse_lab.config.reading import make_config

SPELLINGS = {
    "seeds of the run, part by part": (
        {"seed": 3},
        {"seed": 3, "seeds": {"init": 3, "order": 3, "dropout": 3}},
    ),
    "momentum without a queue": ({}, {"contrast.momentum": 0.5}),
    "head of a queue without a head": (
        {"contrast.queue": 2, "model.pooling": "mean"},
        {"contrast.queue": 2, "model.pooling": "mean", "contrast.queue_head": "copied"},
    ),
    "epochs beside steps": ({"training.steps": 9}, {"training.steps": 9, "training.epochs": 1}),
    "head auto": ({}, {"model.head": "tanh"}),
    "head auto of another pooling": (
        {"model.pooling": "mean"},
        {"model.pooling": "mean", "model.head": "none"},
    ),
    "default numbers of an objective": (
        {"contrast.objective": "adnce"},
        {"contrast.objective": "adnce", "contrast.options": {"mu": 0.4}},
    ),
    "default numbers of the reshape's objective": (
        {"reshape": {"objective": "adnce"}},
        {"reshape": {"objective": "adnce", "options": {"sigma": 1.0}}},
    ),
    "pooling of a prompt": ({"prompt": {}}, {"prompt": {}, "model.pooling": "prompt"}),
    "p of an operator without p": (
        {"reshape": {"operator": "mean"}},
        {"reshape": {"operator": "mean", "dim": 7}},
    ),
    "shuffled alone": (
        {"reshape": {"operator": "shuffled"}},
        {"reshape": {"operator": "shuffled:channel-gram"}},
    ),
    "spaces in an operator": (
        {"reshape": {"operator": "mean+channel-gram"}},
        {"reshape": {"operator": "mean + channel-gram"}},
    ),
    "options of a target, in the role view": (
        {"reshape": {"role": "view", "operator": "mean"}},
        {
            "reshape": {
                **{"role": "view", "operator": "mean", "weight": 3, "temperature": 1, "dim": 5},
                **{"objective": "nt-xent", "projection": 8, "weights": "sif", "centring": "mean"},
            }
        },
    ),
    "options of a target, in the role residual": (
        {"reshape": {"role": "residual"}},
        {"reshape": {"role": "residual", "weight": 3, "temperature": 1, "objective": "nt-xent"}},
    ),
    "the contrast of one pass": (
        {"contrast.weight": 0, "reshape": {}},
        {
            "contrast": {"weight": 0, "objective": "adnce", "options": {"mu": 0.1}},
            "contrast.temperature": 0.2,
            "reshape": {},
        },
    ),
    "what trains, in the untrained encoder": (
        {"training.steps": 0},
        {
            "training.steps": 0,
            "reshape": {"role": "view", "operator": "mean"},
            "view": {"family": "crop", "strength": 0.1},
            "anchor_view": {"family": "crop", "strength": 0.1},
            "positives": "sent1",
            "contrast": {"weight": 0, "queue": 2},
            "model": {"dropout": 0.3, "dropout_mask": "fixed", "max_length": 16},
        },
    ),
}
"""What is spelled -> the shortest spelling, and another one of the same question."""

EVERY = [
    *[options for pair in SPELLINGS.values() for options in pair],
    *[framework_options(name + plus) for name in FRAMEWORKS for plus in ("", "+reshape")],
]
"""Options of every configuration above, and of every framework with and without a reshape."""


def config_of(options):
    """A run's configuration with dotted options."""
    return make_config(merge({"encoder": "x"}, options))
