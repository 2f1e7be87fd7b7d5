"""Versions of the components that a run uses: the part of its id that a corrected component changes.

Every component has its version beside it, 1 from the start. Whoever changes its numbers raises it,
so that the runs that use it get new ids and are computed again; all others keep theirs.
"""

from __future__ import annotations

from recse_lab import pooling as poolings
from recse_lab.config.pretraining import PretrainConfig
from recse_lab.config.schema import ReshapeConfig, RunConfig
from recse_lab.evaluation import protocols
from recse_lab.objectives import CONTRASTS
from recse_lab.reshape import OPERATORS
from recse_lab.reshape.reshaper import Reshaper
from recse_lab.reshape.token_view import ReshapedTokens
from recse_lab.views import VIEWS


def behaviour_of_run(config: RunConfig) -> dict[str, int]:
    """Component -> version, for every component that a canonical configuration uses."""
    versions = _measuring(config.model.pooling, protocols.OF_TRAINED_RUNS)
    if config.contrast.weight > 0 and config.trained:
        versions |= _contrast(config.contrast.objective)
    for view in (config.anchor_view, config.view):
        if view is not None:
            versions[f"view {view.family}"] = VIEWS[view.family].behaviour
    if config.reshape is not None:
        versions |= _reshape(config.reshape)
    return versions


def behaviour_of_evaluation(
    encoder: str, *, pooling: str | None, head: str | None, protocol: str
) -> dict[str, int]:
    """Component -> version, for what measuring a finished encoder or a baseline uses."""
    return _measuring(pooling, protocol)


def behaviour_of_pretraining(config: PretrainConfig) -> dict[str, int]:
    """Component -> version, for what a pretraining configuration uses."""
    return {}


def _measuring(pooling: str | None, protocol: str) -> dict[str, int]:
    versions = {f"protocol {protocol}": protocols.BEHAVIOUR.get(protocol, 1)}
    if pooling in poolings.POOLINGS:
        versions[f"pooling {pooling}"] = poolings.BEHAVIOUR.get(pooling, 1)
    return versions


def _contrast(objective: str) -> dict[str, int]:
    return {f"contrast {objective}": CONTRASTS[objective].behaviour}


def _reshape(reshape: ReshapeConfig) -> dict[str, int]:
    if reshape.role == "view":
        return {"reshaped tokens": ReshapedTokens.behaviour}
    versions = {"reshaper": Reshaper.behaviour}
    for name in reshape.operators()[1]:
        versions[f"operator {name}"] = OPERATORS[name].behaviour
    if reshape.role == "target":
        versions |= _contrast(reshape.objective)
    return versions
