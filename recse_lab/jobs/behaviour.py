"""Versions of the components that a run uses: how a corrected component changes the ids of runs.

Every component has its version beside it, 1 from the start. Whoever changes its numbers raises it,
so that the runs that use it get new ids and are computed again; all others keep theirs.
"""

from __future__ import annotations

from recse_lab import pooling as poolings
from recse_lab.config.pretraining import PretrainConfig
from recse_lab.config.schema import PROMPT, ReshapeConfig, RunConfig
from recse_lab.evaluation import protocols
from recse_lab.models import baselines, loading
from recse_lab.models.heads import HEADS
from recse_lab.models.readouts import Prompt, Residual
from recse_lab.models.transformer import TransformerEncoder
from recse_lab.objectives import CONTRASTS
from recse_lab.optimisation import schedule
from recse_lab.pretraining import loop as pretraining_loop
from recse_lab.reshape import OPERATORS
from recse_lab.reshape.reshaper import Reshaper
from recse_lab.reshape.token_view import ReshapedTokens
from recse_lab.training import loop as training_loop
from recse_lab.training.queue import MomentumContrast
from recse_lab.views import VIEWS


def behaviour_of_run(config: RunConfig) -> dict[str, int]:
    """Component -> version, for every component that a canonical configuration uses."""
    model = config.model
    head = model.head if config.trained or model.keep_head else "none"
    versions = _encoder(config.encoder, model.pooling, head)
    versions |= _protocol(config.evaluation.protocol)
    if config.reshape is not None:
        versions |= _reshape(config.reshape)
    return versions | _training(config) if config.trained else versions


def behaviour_of_evaluation(
    encoder: str, *, pooling: str | None, head: str, protocol: str
) -> dict[str, int]:
    """Component -> version, for what measuring a finished encoder or a baseline uses."""
    return _encoder(encoder, pooling, head) | _protocol(protocol)


def behaviour_of_backbone(family: str) -> dict[str, int]:
    """Component -> version, for what training uses of a family of transformers."""
    if family in loading.UNCHANGED:
        return {}
    return {"backbone": loading.BEHAVIOUR}


def behaviour_of_pretraining(config: PretrainConfig) -> dict[str, int]:
    """Component -> version, for what pretraining uses."""
    return {"pretraining": pretraining_loop.BEHAVIOUR} | _warm_up(config.training.warmup_steps)


def _training(config: RunConfig) -> dict[str, int]:
    versions = {"training": training_loop.BEHAVIOUR} | _warm_up(config.training.warmup_steps)
    if config.contrast.weight > 0:
        versions |= _contrast(config.contrast.objective)
    if config.contrast.queue > 0:
        versions["queue"] = MomentumContrast.behaviour
    for view in (config.anchor_view, config.view):
        if view is not None:
            versions[f"view {view.family}"] = VIEWS[view.family].behaviour
    return versions


def _warm_up(steps: int) -> dict[str, int]:
    return {"warm-up": schedule.WARM_UP_BEHAVIOUR} if steps else {}


def _encoder(name: str, pooling: str | None, head: str) -> dict[str, int]:
    """What turns text into embeddings. A residual belongs to the reshape that it adds."""
    versions = {"encoder": TransformerEncoder.behaviour}
    if baselines.is_baseline(name):
        baseline = baselines.parse_baseline(name).name
        versions[f"baseline {baseline}"] = baselines.BEHAVIOUR.get(baseline, 1)
    if pooling == PROMPT:
        versions["prompt"] = Prompt.behaviour
    elif pooling in poolings.POOLINGS:
        versions[f"pooling {pooling}"] = poolings.BEHAVIOUR.get(pooling, 1)
    if (kind := HEADS[head]) is not None:
        versions[f"head {head}"] = kind.behaviour
    return versions


def _protocol(name: str) -> dict[str, int]:
    return {f"protocol {name}": protocols.BEHAVIOUR.get(name, 1)}


def _contrast(objective: str) -> dict[str, int]:
    return {f"contrast {objective}": CONTRASTS[objective].behaviour}


def _reshape(reshape: ReshapeConfig) -> dict[str, int]:
    if reshape.role == "view":
        return {"reshaped tokens": ReshapedTokens.behaviour}
    versions = {"reshaper": Reshaper.behaviour}
    for name in reshape.operators()[1]:
        versions[f"operator {name}"] = OPERATORS[name].behaviour
    if reshape.role == "residual":
        versions["residual"] = Residual.behaviour
    else:
        versions |= _contrast(reshape.objective)
    return versions
