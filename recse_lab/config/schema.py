"""Options of a training run: strict, and explained field by field.

Validators only refuse; ``config.canonical`` normalises away what a configuration does not use.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from recse_lab.config.contradictions import contradictions
from recse_lab.config.options import Positive, Precision, Rate, Strict, as_tuple, once, one_of
from recse_lab.errors import LabError

if TYPE_CHECKING:
    from recse_lab.objectives import Contrast

# The families behind the options import torch: they are imported when a configuration is made.

PROMPT = "prompt"  # the pooling of a prompt: the state of the mask token in its template


class ModelConfig(Strict):
    """The encoder that is trained: which states become the embedding, and with which dropout."""

    pooling: str = "cls"
    """How token states become one vector: one of `recse-lab list poolings`."""
    layers: Positive | None = None
    """Backbone layers kept, counted from the embeddings; all of them when absent."""
    dropout: Rate = 0.1
    """Rate of every dropout in the backbone; in SimCSE this *is* the augmentation."""
    dropout_mask: Literal["independent", "fixed"] = "independent"
    """fixed: both passes of a sentence draw the same masks (one generator state, replayed)."""
    head: Literal["auto", "tanh", "none"] = "auto"
    """Dense + tanh between pooling and objective; auto = tanh for `cls`, none otherwise."""
    keep_head: bool = False
    """Keep the head at test time. The authors drop it after training."""
    max_length: Annotated[int, Field(ge=4)] = 32
    """Longest training sentence in tokens, [CLS] and [SEP] included; with a prompt they and the
    template come on top, as in PromptBERT."""
    attention: Literal["auto", "plain", "sdpa", "eager"] = "auto"
    """Attention implementation: dropout is drawn inside it, so it is part of the experiment.
    auto = plain on a CPU, sdpa on an accelerator, eager where the architecture has neither."""

    @field_validator("pooling")
    @classmethod
    def _known_pooling(cls, pooling: str) -> str:
        from recse_lab.pooling import POOLINGS

        return one_of(pooling, {*POOLINGS, PROMPT}, "pooling")

    @model_validator(mode="after")
    def _refuse_what_has_no_effect(self) -> ModelConfig:
        if self.keep_head and self.resolved_head == "none":
            raise ValueError("keep_head needs a head: set head to tanh")
        if self.dropout_mask == "fixed" and self.dropout == 0:
            raise ValueError(
                "dropout_mask fixed needs a dropout above 0: without dropout there is no mask"
            )
        return self

    @property
    def resolved_head(self) -> Literal["tanh", "none"]:
        """The head that ``auto`` stands for with this pooling."""
        if self.head == "auto":
            return "tanh" if self.pooling in ("cls", PROMPT) else "none"
        return self.head


class PromptConfig(Strict):
    """PromptBERT: the embedding is the state of a mask token inside a template."""

    template: str = 'This sentence of " [X] " means [MASK] .'
    """Template of the first view, and of use; [X] is the sentence."""
    second: str = 'This sentence : " [X] " means [MASK] .'
    """Template of the second view."""
    debias: bool = True
    """In training, subtract the template's own state from the sentence's (template denoising)."""
    full_stop: bool = True
    """In use, end a sentence with a full stop unless it ends in . ? " or ', as the authors do."""

    @field_validator("template", "second")
    @classmethod
    def _has_both_marks(cls, template: str) -> str:
        for mark in ("[X]", "[MASK]"):
            if template.count(mark) != 1:
                raise ValueError(f"a template has {mark} exactly once")
        return template


class ViewConfig(Strict):
    """An edit of the text or of the embedding layer's output that makes a view of a sentence."""

    family: str
    """One of `recse-lab list views`."""
    strength: Annotated[float, Field(ge=0)]
    """0 is the identity; what it counts depends on the family (mostly a share of the words)."""

    @model_validator(mode="after")
    def _known_view(self) -> ViewConfig:
        from recse_lab.views import VIEWS

        one_of(self.family, VIEWS, "view")
        try:
            VIEWS[self.family].check(self.strength)
        except LabError as error:
            raise ValueError(str(error)) from None
        return self


class TermConfig(Strict):
    """One term of the loss: the contrast that it minimises."""

    objective: str = "info-nce"
    """One of `recse-lab list objectives`."""
    options: dict[str, float] = {}
    """The objective's own numbers, such as mu and sigma of adnce; others keep their defaults."""
    temperature: Annotated[float, Field(gt=0)] = 0.05
    """What cosines are divided by."""

    def contrast(self) -> Contrast:
        """Build the contrast that these options name.

        Raises:
            ValueError: A number out of the contrast's range.
        """
        from recse_lab.objectives import CONTRASTS

        defaults = objective_defaults(self.objective)
        given = {name: type(defaults[name])(value) for name, value in self.options.items()}
        return CONTRASTS[self.objective](temperature=self.temperature, **given)

    def default(self, name: str) -> Any:
        """The default of an option; that of ``options`` is the objective's own."""
        return objective_defaults(self.objective) if name == "options" else super().default(name)

    @model_validator(mode="after")
    def _known_objective(self) -> TermConfig:
        from recse_lab.objectives import CONTRASTS

        one_of(self.objective, CONTRASTS, "objective")
        known = objective_defaults(self.objective)
        for name in self.options:
            one_of(name, known, f"option of objective {self.objective}:")
        try:
            self.contrast()
        except ValueError as error:
            raise ValueError(f"objective {self.objective}: {error}") from None
        return self


def objective_defaults(objective: str) -> dict[str, Any]:
    """The numbers of an objective besides its temperature, with their defaults."""
    from recse_lab.objectives import CONTRASTS

    known = fields(CONTRASTS[objective])
    return {field.name: field.default for field in known if field.name != "temperature"}


class ContrastConfig(TermConfig):
    """The contrast between the two views of a sentence. Its temperature is τ."""

    weight: Annotated[float, Field(ge=0)] = 1.0
    """w, weight of the dropout term; 0 trains on the reshape alone, in one pass per sentence."""
    queue: Annotated[float, Field(ge=0)] = 0.0
    """Size of a momentum queue of negatives, in batches; 0 = none (ESimCSE: 2.5)."""
    momentum: Annotated[float, Field(ge=0, le=1)] = 0.995
    """m of the encoder that fills the queue."""
    queue_head: Literal["live", "copied"] = "live"
    """Head that the queue's embeddings pass through: the trained one, as in ESimCSE's release, or a
    copy that follows it at m."""


class ReshapeConfig(TermConfig):
    """Reshaped features of a sentence, and the contrast of its embedding with them.

    The temperature of that contrast is τ′.
    """

    operator: str = "channel-gram"
    """One of `recse-lab list operators`, several joined by +, or shuffled:NAME."""
    dim: Positive | None = 32
    """p, the side of the square every sentence is brought to; dropped for operators without one."""
    weights: Literal["uniform", "sif", "idf"] = "uniform"
    """Token weights inside a sentence."""
    centring: Annotated[str, Field(pattern=r"^(none|mean|top-[1-9]\d*)$")] = "none"
    """none, mean, or top-K: subtract the mean training token, then K principal components."""
    source: Annotated[int, Field(ge=0)] = 0
    """Hidden layer the features are read from; 0 is the embedding layer."""
    role: Literal["target", "view", "residual"] = "target"
    """target: an embedding must find its own reshaped features among the batch's.
    view: the sentence with reshaped input embeddings is the second view.
    residual: embedding = pooled state + compressed reshape, in training and in use."""
    mode: Literal["separated", "integrated"] = "separated"
    """separated reads features stored once by the frozen backbone; integrated recomputes them live,
    with gradient. Under dropout an integrated target is read through the anchor's own mask: it has
    no pass of its own. That moves the reshape term, by up to 0.16 nats where it was measured;
    without dropout both modes agree to 1e-3 while the live backbone equals the frozen one."""
    weight: Annotated[float, Field(gt=0)] = 0.01
    """λ, weight of the reshape term."""
    projection: Positive = 256
    """Dimensions that both sides are projected to before they are compared."""

    def operators(self) -> tuple[bool, list[str]]:
        """Whether the operator is shuffled, and the names of its parts."""
        from recse_lab.reshape import parse_operator

        return parse_operator(self.operator)

    @property
    def uses_dim(self) -> bool:
        """Whether p matters: an operator has it, and the role brings the features to a square."""
        from recse_lab.reshape import OPERATORS

        names = self.operators()[1]
        return self.role != "view" and any(OPERATORS[name].uses_dim for name in names)

    @field_validator("operator")
    @classmethod
    def _known_operator(cls, operator: str) -> str:
        from recse_lab.reshape import parse_operator

        try:
            parse_operator(operator)
        except LabError as error:
            raise ValueError(str(error)) from None
        return operator

    @model_validator(mode="after")
    def _possible_in_this_role(self) -> ReshapeConfig:
        from recse_lab.reshape.token_view import TOKEN_FORMULAS

        shuffled, _ = self.operators()
        if self.role == "view":
            if self.operator.strip() not in TOKEN_FORMULAS:
                known = ", ".join(TOKEN_FORMULAS)
                raise ValueError(f"role view has no {self.operator}; it has {known}")
            if self.source != 0:
                raise ValueError("role view reshapes the input embeddings: source must be 0")
        elif shuffled and (self.mode == "integrated" or self.role == "residual"):
            raise ValueError(
                "shuffled pairs a sentence with another one's stored features, "
                "so it needs mode separated"
            )
        elif self.uses_dim and self.dim is None:
            raise ValueError(f"{self.operator} needs dim, the side p of the reshaped square")
        return self


class TrainingConfig(Strict):
    """The optimisation: batches, steps, schedule, and dev evaluations."""

    batch_size: Annotated[int, Field(ge=2)] = 64
    """Sentences per optimiser step."""
    epochs: Annotated[float, Field(gt=0)] = 3.0
    """Passes over the corpus; ignored when steps is given."""
    steps: Annotated[int, Field(ge=0)] | None = None
    """Optimiser steps; 0 evaluates the untrained encoder."""
    learning_rate: Annotated[float, Field(gt=0)] = 3e-5
    """Peak learning rate of AdamW."""
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    """Decay after warm-up."""
    warmup_steps: Annotated[int, Field(ge=0)] = 0
    """Steps in which the learning rate rises to its peak."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """Decoupled weight decay of AdamW."""
    clip: Annotated[float, Field(gt=0)] | None = 1.0
    """Largest gradient norm; null leaves gradients alone."""
    eval_every: Positive = 125
    """Steps between two dev evaluations; the state to resume from is saved at the same moments."""
    early_looks: bool = False
    """Also evaluate before the first step and after steps 1, 2, 4, 8 …: the space changes early."""
    patience: Positive | None = None
    """Stop after this many dev evaluations without a better score."""
    precision: Precision = "auto"
    """auto = bf16 where the hardware has it."""
    sub_batches: Positive = 4
    """Groups of similar length that a batch is encoded in, to save padding; same loss."""
    chunk_tokens: Annotated[int, Field(ge=8)] | None = None
    """Padded tokens of a chunk: the gradient of a batch of any size in the memory of one chunk, the
    same within rounding; absent = the whole batch at once."""
    graph_memory: Annotated[float, Field(ge=0)] | None = None
    """GiB for the graphs of chunks that are kept instead of computed again; changes no number.
    Absent = half of what is free."""
    sort_batches: bool = False
    """Draw whole batches of similar length. Faster, but it changes which negatives meet."""


class EvaluationConfig(Strict):
    """What a trained encoder is tested on."""

    protocol: str = "simcse-2021"
    """simcse-2021, or sts-disjoint: no pair twice, no test sentence in the dev set."""
    data_dir: str | None = None
    """Folder with STS data in SentEval's layout, or its parent; sample-sts when absent."""
    tasks: Annotated[tuple[str, ...], AfterValidator(once)] | None = None
    """Test tasks; the protocol's seven (or sample-sts) when absent, none when empty."""
    dev: str | None = None
    """Dev task; the protocol's (or sample-sts-dev) when absent."""
    selection: Literal["best", "last"] = "best"
    """Which weights are tested: the last, or the best on dev (the paper's rule; optimistic)."""
    precision: Precision = "auto"
    """auto = bf16 where the hardware has it."""
    max_length: Positive | None = None
    """Longest test sentence in tokens; the backbone's own limit when absent."""


Seed = Annotated[int, Field(ge=0, lt=2**31)]


class SeedsConfig(Strict):
    """The parts of a run's randomness, each with a seed of its own where one is given."""

    init: Seed | None = None
    """Seed of the weights that are drawn: head and residual; that of the run when absent."""
    order: Seed | None = None
    """Seed of the order of the corpus; that of the run when absent."""
    dropout: Seed | None = None
    """Seed of dropout masks and views; that of the run when absent."""


class RunConfig(Strict):
    """One training run: encoder, corpus, loss, optimisation and test."""

    encoder: str
    """Hub id or folder of the backbone, or a name from `recse-lab list encoders`."""
    framework: str | None = None
    """Framework that these options started from; a name for tables, no part of the question."""
    corpus: Annotated[tuple[str, ...], BeforeValidator(as_tuple), Field(min_length=1)] = (
        "sample-corpus",
    )
    """Files with one sentence per row, or sample-corpus."""
    column: str | None = None
    """Column of the sentences in csv, tsv, jsonl and parquet files."""
    seed: Seed = 0
    """Seed of initialisation, dropout, views and the order of the corpus."""
    seeds: SeedsConfig = SeedsConfig()
    model: ModelConfig = ModelConfig()
    contrast: ContrastConfig = Field(default_factory=ContrastConfig)  # a factory: it loads torch
    view: ViewConfig | None = None
    """Edit that makes the second view; absent = the same sentence under another dropout mask."""
    anchor_view: ViewConfig | None = None
    """Edit that makes the first view."""
    prompt: PromptConfig | None = None
    reshape: ReshapeConfig | None = None
    """Absent = SimCSE."""
    positives: str | None = None
    """Column of every sentence's positive (supervised training); absent = the sentence itself."""
    negatives: str | None = None
    """Column of a hard negative for every sentence."""
    training: TrainingConfig = TrainingConfig()
    evaluation: EvaluationConfig = EvaluationConfig()

    def seed_of(self, part: Literal["init", "order", "dropout"]) -> int:
        """The seed of a part of the randomness."""
        own = getattr(self.seeds, part)
        return self.seed if own is None else own

    @property
    def trained(self) -> bool:
        """Whether any step is taken: with ``training.steps`` 0 the encoder is tested as it is."""
        return self.training.steps != 0

    @model_validator(mode="after")
    def _refuse_contradictions(self) -> RunConfig:
        for message in contradictions(self):
            raise ValueError(message)
        return self
