"""Settle a configuration: decide what depends on machine or data, and refuse the impossible."""

from __future__ import annotations

from recse_lab.config.schema import RunConfig
from recse_lab.errors import LabError
from recse_lab.evaluation.protocols import training_protocol
from recse_lab.jobs.inputs import architecture_of, backbone_path, tokenizer_of
from recse_lab.jobs.machine import precision
from recse_lab.models.attention import best_attention
from recse_lab.models.baselines import is_baseline
from recse_lab.models.folders import resolve
from recse_lab.models.loading import check_vocabulary
from recse_lab.models.masked_lm import check_masked_lm
from recse_lab.models.positions import longest_sentence
from recse_lab.models.readouts.prompt import parse_template
from recse_lab.reshape import OPERATORS, parse_operator
from recse_lab.views.wordnet import find_wordnet


def settle(config: RunConfig) -> RunConfig:
    """Decide everything that depends on the machine or the data, so that a run's id says what ran.

    Raises:
        LabError: The configuration asks for what its encoder cannot do.
    """
    protocol = training_protocol(config.evaluation.protocol)
    sample = config.evaluation.data_dir is None
    tasks, dev = (("sample-sts",), "sample-sts-dev") if sample else (protocol.tasks, protocol.dev)
    evaluation = {
        "precision": precision(config.evaluation.precision),
        "tasks": tasks if config.evaluation.tasks is None else config.evaluation.tasks,
        "dev": config.evaluation.dev or dev,
    }
    training = {"precision": precision(config.training.precision)}
    model = {}
    if config.model.attention == "auto":
        architecture = architecture_of(backbone_path(config.encoder))
        model = {"attention": best_attention(architecture)}
    settled = config.model_copy(
        update={
            "evaluation": config.evaluation.model_copy(update=evaluation),
            "training": config.training.model_copy(update=training),
            "model": config.model.model_copy(update=model),
        }
    )
    refuse_impossible(settled)
    return settled


def refuse_impossible(config: RunConfig) -> None:
    """Refuse what an encoder cannot do before anything is computed; reads configs and tokenizers.

    Raises:
        LabError: Training of a baseline, a prompt or a masking view without a mask token,
            mlm-substitution without a language model, synonyms without WordNet, an operator wider
            than the hidden size.
    """
    if is_baseline(config.encoder):
        if config.training.steps != 0:
            raise LabError(
                f"{config.encoder}: a training-free baseline is not trained; "
                "set training.steps to 0."
            )
        return
    where = resolve(config.encoder)
    architecture = architecture_of(where)
    check_vocabulary(config.encoder, tokenizer_of(where), architecture.vocab_size)
    if config.prompt is not None:
        tokenizer = tokenizer_of(where)
        longest = longest_sentence(architecture, tokenizer, config.evaluation.max_length)
        for template in (config.prompt.template, config.prompt.second):
            parse_template(template, tokenizer, max_length=longest)
    for view in (config.anchor_view, config.view):
        if view is not None:
            _refuse_impossible_view(view.family, config.encoder)
    reshape = config.reshape
    if reshape is not None and reshape.dim is not None and reshape.role != "view":
        for name in parse_operator(reshape.operator)[1]:
            if OPERATORS[name].uses_dim:
                OPERATORS[name](architecture.hidden_size, reshape.dim)


def _refuse_impossible_view(family: str, encoder: str) -> None:
    masks = family in ("span-masking", "mlm-substitution")
    if masks and tokenizer_of(resolve(encoder)).mask_token_id is None:
        raise LabError(
            f"view {family} needs a mask token, and the tokenizer of {encoder} has none."
        )
    if family == "mlm-substitution":
        check_masked_lm(encoder)
    if family == "synonyms":
        find_wordnet()
