"""Options of a run and of pretraining: strict, explained field by field."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    field_validator,
    model_validator,
)

from recse_lab.config.options import Positive, Precision, Rate, Strict, _as_tuple, once, one_of
from recse_lab.errors import LabError

PROMPT = "prompt"  # the pooling of a prompt: the state of the mask token in its template


class ModelConfig(Strict):
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
    """Longest training sentence in tokens, [CLS] and [SEP] included."""
    attention: Literal["auto", "plain", "sdpa", "eager"] = "auto"
    """Attention implementation: dropout is drawn inside it, so it is part of the experiment. auto = plain on a CPU, sdpa
    on an accelerator, eager where the architecture has neither."""

    @field_validator("pooling")
    @classmethod
    def _known_pooling(cls, pooling: str) -> str:
        from recse_lab.pooling import POOLINGS  # heavy: torch, needed only when a config is made

        return one_of(pooling, {*POOLINGS, PROMPT}, "pooling")

    @model_validator(mode="after")
    def _settle(self) -> ModelConfig:
        if self.head == "auto":
            object.__setattr__(self, "head", "tanh" if self.pooling in ("cls", PROMPT) else "none")
        if self.keep_head and self.head == "none":
            raise ValueError("keep_head needs a head: set head to tanh")
        if self.dropout_mask == "fixed" and self.dropout == 0:
            raise ValueError(
                "dropout_mask fixed needs a dropout above 0: without dropout there is no mask to fix"
            )
        return self


class PromptConfig(Strict):
    """PromptBERT: the embedding is the state of a mask token inside a template."""

    template: str = 'This sentence of " [X] " means [MASK] .'
    """Template of the first view, and of use; [X] is the sentence."""
    second: str = 'This sentence : " [X] " means [MASK] .'
    """Template of the second view."""
    debias: bool = True
    """In training, take the template's own state from the sentence's (template denoising)."""

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
    """0 is the identity; what it counts is the family's own (mostly a share of the words)."""

    @model_validator(mode="after")
    def _known_view(self) -> ViewConfig:
        from recse_lab.views import VIEWS  # heavy: torch, needed only when a config is made

        one_of(self.family, VIEWS, "view")
        try:
            VIEWS[self.family].check(self.strength)
        except LabError as error:
            raise ValueError(str(error)) from None
        return self


class ContrastConfig(Strict):
    weight: Annotated[float, Field(ge=0)] = 1.0
    """w, weight of the dropout term; 0 trains on the reshape alone, with one encoder pass per sentence."""
    temperature: Annotated[float, Field(gt=0)] = 0.05
    """τ, temperature of the dropout contrast."""
    objective: str = "info-nce"
    """One of `recse-lab list objectives`."""
    options: dict[str, float] = {}
    """The objective's own numbers, as mu and sigma of adnce; what is not given keeps its default."""
    queue: Annotated[float, Field(ge=0)] = 0.0
    """Size of a momentum queue of negatives, in batches; 0 = none (ESimCSE: 2.5)."""
    momentum: Annotated[float, Field(ge=0, le=1)] = 0.995
    """m of the encoder that fills the queue."""

    @model_validator(mode="after")
    def _settle(self) -> ContrastConfig:
        from recse_lab.objectives import (
            CONTRASTS,
        )  # heavy: torch, needed only when a config is made

        kind = CONTRASTS[one_of(self.objective, CONTRASTS, "objective")]
        defaults = {f.name: f.default for f in fields(kind) if f.name != "temperature"}
        for name in self.options:
            one_of(name, defaults, f"option of objective {self.objective}:")
        given = {
            name: type(default)(self.options.get(name, default))
            for name, default in defaults.items()
        }
        try:
            kind(temperature=self.temperature, **given)
        except ValueError as error:
            raise ValueError(f"objective {self.objective}: {error}") from None
        object.__setattr__(
            self, "options", given
        )  # the id of a run tells every number, given or not
        if self.queue == 0:
            object.__setattr__(self, "momentum", ContrastConfig.model_fields["momentum"].default)
        return self


class ReshapeConfig(Strict):
    operator: str = "channel-gram"
    """One of `recse-lab list operators`, several joined by +, or shuffled:NAME."""
    dim: Positive | None = 32
    """p, the side of the square every sentence is brought to; dropped for operators that have none."""
    weights: Literal["uniform", "sif", "idf"] = "uniform"
    """Token weights inside a sentence."""
    centring: Annotated[str, Field(pattern=r"^(none|mean|top-[1-9]\d*)$")] = "none"
    """none, mean, or top-K: subtract the mean of the training tokens, then remove K principal components."""
    source: Annotated[int, Field(ge=0)] = 0
    """Hidden layer the features are read from; 0 is the embedding layer."""
    role: Literal["target", "view", "residual"] = "target"
    """target: an embedding must find its own reshaped features among the batch's. view: the sentence with reshaped input
    embeddings is the second view. residual: embedding = pooled state + compressed reshape, in training and in use."""
    mode: Literal["separated", "integrated"] = "separated"
    """separated reads features stored once by the frozen backbone; integrated recomputes them live, with gradient."""
    weight: Annotated[float, Field(gt=0)] = 0.01
    """λ, weight of the reshape term."""
    temperature: Annotated[float, Field(gt=0)] = 0.05
    """τ′, temperature of the reshape contrast."""
    projection: Positive = 256
    """Numbers both sides are projected to before they are compared."""

    @field_validator("operator")
    @classmethod
    def _known_operator(cls, operator: str) -> str:
        from recse_lab.reshape import (
            parse_operator,
        )  # heavy: torch, needed only when a config is made

        try:
            shuffled, names = parse_operator(operator)
        except LabError as error:
            raise ValueError(str(error)) from None
        return ("shuffled:" if shuffled else "") + "+".join(names)

    @model_validator(mode="after")
    def _settle_role(self) -> ReshapeConfig:
        """Options that a role has no use for go back to their defaults: they must not make two runs out of one."""
        from recse_lab.reshape.token_view import TOKEN_FORMULAS

        unused = {"target": (), "residual": ("weight", "temperature", "projection", "mode")}
        unused["view"] = (*unused["residual"], "weights", "centring")
        for name in unused[self.role]:
            object.__setattr__(self, name, ReshapeConfig.model_fields[name].default)
        if self.role == "view":
            if self.operator not in TOKEN_FORMULAS:
                raise ValueError(
                    f"role view has no {self.operator}; it has {', '.join(TOKEN_FORMULAS)}"
                )
            if self.source != 0:
                raise ValueError("role view reshapes the input embeddings: source must be 0")
            object.__setattr__(self, "dim", None)
        if self.role != "target":
            object.__setattr__(self, "mode", "integrated")
        return self

    @model_validator(mode="after")
    def _settle_operator(self) -> ReshapeConfig:
        from recse_lab.reshape import OPERATORS, parse_operator

        if self.role == "view":
            return self
        shuffled, names = parse_operator(self.operator)
        if shuffled and self.mode == "integrated":
            raise ValueError(
                "shuffled pairs a sentence with another one's stored features, so it needs mode separated"
            )
        needs_dim = any(OPERATORS[name].uses_dim for name in names)
        if needs_dim and self.dim is None:
            raise ValueError(f"{self.operator} needs dim, the side p of the reshaped square")
        if not needs_dim:  # a p that changes nothing must not make two runs out of one
            object.__setattr__(self, "dim", None)
        return self


class TrainingConfig(Strict):
    batch_size: Annotated[int, Field(ge=2)] = 64
    epochs: Annotated[float, Field(gt=0)] = 3.0
    """Passes over the corpus; ignored when steps is given."""
    steps: Annotated[int, Field(ge=0)] | None = None
    """Optimiser steps; 0 evaluates the untrained encoder."""
    learning_rate: Annotated[float, Field(gt=0)] = 3e-5
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    """Decay after warm-up."""
    warmup_steps: Annotated[int, Field(ge=0)] = 0
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    clip: Annotated[float, Field(gt=0)] | None = 1.0
    """Largest gradient norm; null leaves gradients alone."""
    eval_every: Positive = 125
    """Steps between two looks at the dev set; the state to resume from is saved at the same moments."""
    early_looks: bool = False
    """Also look before the first step and after steps 1, 2, 4, 8 …: what happens to the space, happens early."""
    patience: Positive | None = None
    """Stop after this many looks without a better dev score."""
    precision: Precision = "auto"
    """auto = bf16 where the hardware has it."""
    sub_batches: Positive = 4
    """Groups of similar length a batch is encoded in, so that nothing is padded for nothing. The loss is unchanged."""
    sort_batches: bool = False
    """Draw whole batches of similar length. Faster, but it changes which negatives meet."""


class EvaluationConfig(Strict):
    data_dir: str | None = None
    """Folder with STS data in SentEval's layout, or the one above it; the packaged sample-sts when absent."""
    tasks: Annotated[tuple[str, ...], AfterValidator(once)] | None = None
    """Test tasks; all seven (or sample-sts) when absent, none when empty."""
    dev: str | None = None
    """Dev task; stsb-dev (or sample-sts-dev) when absent."""
    selection: Literal["best", "last"] = "best"
    """Which weights are tested: best on the dev set (the paper's rule, an optimistic one) or the last."""
    precision: Precision = "auto"
    max_length: Positive | None = None
    """Longest test sentence in tokens; the backbone's own limit when absent."""


class RunConfig(Strict):
    encoder: str
    """Hub id or folder of the backbone, or a name from `recse-lab list encoders`."""
    corpus: Annotated[tuple[str, ...], BeforeValidator(_as_tuple), Field(min_length=1)] = (
        "sample-corpus",
    )
    """Files with one sentence a row, or sample-corpus."""
    column: str | None = None
    """Column of the sentences in csv, tsv, jsonl and parquet files."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    model: ModelConfig = ModelConfig()
    contrast: ContrastConfig = Field(
        default_factory=ContrastConfig
    )  # made when a config is made: it loads torch
    view: ViewConfig | None = None
    """Edit that makes the second view; absent = the sentence as it is, under another dropout mask."""
    anchor_view: ViewConfig | None = None
    """Edit that makes the first view."""
    prompt: PromptConfig | None = None
    reshape: ReshapeConfig | None = None
    """Absent = SimCSE."""
    positives: str | None = None
    """Column of a ready positive of every sentence (supervised training); absent = the sentence itself."""
    negatives: str | None = None
    """Column of a hard negative of every sentence."""
    training: TrainingConfig = TrainingConfig()
    evaluation: EvaluationConfig = EvaluationConfig()

    @model_validator(mode="after")
    def _settle(self) -> RunConfig:
        if (
            self.training.steps == 0
        ):  # the untrained encoder: nothing that steers training may tell two such runs apart
            for name in ("reshape", "view", "anchor_view", "positives", "negatives"):
                object.__setattr__(self, name, None)
            for name, kept in (
                ("contrast", {}),
                ("model", {"pooling", "layers", "head", "keep_head", "attention"}),
            ):
                kind = type(getattr(self, name))
                object.__setattr__(
                    self, name, kind(**{k: getattr(getattr(self, name), k) for k in kept})
                )
        self._settle_prompt()
        if self.training.steps != 0:
            self._refuse_contradictions()
        return self

    def _settle_prompt(self) -> None:
        if self.prompt is not None:  # a template says where the embedding is read
            if self.model.pooling not in (PROMPT, ModelConfig.model_fields["pooling"].default):
                raise ValueError(
                    f"prompt reads the embedding at its mask token: model.pooling {self.model.pooling} must go"
                )
            object.__setattr__(self, "model", self.model.model_copy(update={"pooling": PROMPT}))
        elif self.model.pooling == PROMPT:
            raise ValueError(
                "model.pooling prompt needs a template: give prompt (`prompt: {}` takes PromptBERT's)"
            )

    def _refuse_contradictions(self) -> None:
        one_pass = self.contrast.weight == 0
        role = self.reshape.role if self.reshape else None
        second = [
            name for name in ("view", "positives", "negatives") if getattr(self, name) is not None
        ]
        if one_pass and role != "target":
            without = f"role {role} trains through it" if role else "there is no reshape"
            raise ValueError(f"contrast.weight is 0 and {without}: nothing would be trained")
        if one_pass and (second or self.contrast.queue):
            told = second[0] if second else "contrast.queue"
            raise ValueError(
                f"contrast.weight is 0, so that there is no second pass, and {told} would be left unused"
            )
        if self.model.dropout_mask == "fixed":
            if one_pass:
                raise ValueError(
                    "model.dropout_mask fixed needs two passes, and contrast.weight 0 makes one"
                )
            edits = [
                name
                for name in ("view", "anchor_view", "prompt", "positives")
                if getattr(self, name) is not None
            ]
            if edits:
                raise ValueError(
                    f"model.dropout_mask fixed needs two passes of one shape, and {edits[0]} changes it"
                )
        if role == "view" and second:
            raise ValueError(
                f"reshape.role view is the second view, and so is {second[0]}: take one of them"
            )
        if self.prompt is not None and role is not None and role != "target":
            raise ValueError(f"reshape.role {role} has no prompt; role target has")
        if (
            self.prompt is not None
            and self.reshape is not None
            and self.reshape.mode == "integrated"
        ):
            raise ValueError(
                "reshape.mode integrated would read the words of the prompt as the sentence's; take separated"
            )
        if self.negatives is not None and self.positives is None:
            raise ValueError(
                "negatives needs positives: hard negatives are told apart from given positives"
            )
        if self.contrast.objective == "supervised" and self.positives is None:
            raise ValueError(
                "objective supervised needs positives: the column of each sentence's positive"
            )
        if self.negatives is not None and self.contrast.objective != "supervised":
            raise ValueError(
                "negatives needs contrast.objective supervised, which tells a sentence's own hard negative"
            )


class VocabularyConfig(Strict):
    size: Annotated[int, Field(ge=100)] = 12_000
    lowercase: bool = True
    rarest_character: Positive = 20
    """Characters seen less often than this are unknown."""


class FactorisationConfig(Strict):
    """Where token embeddings start from: positive PMI of the same corpus, then a truncated SVD."""

    window: Positive = 5
    """Tokens on either side that count as context."""
    smoothing: Annotated[float, Field(gt=0, le=1)] = 0.75
    """Exponent of the context counts."""
    exponent: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Exponent of the singular values."""
    scale: Annotated[float, Field(gt=0)] = 0.05
    """Root mean square of the embeddings' entries at the start."""


class MaskedTrainingConfig(Strict):
    batch_size: Positive = 64
    epochs: Annotated[float, Field(gt=0)] = 20.0
    steps: Positive | None = None
    """Optimiser steps; overrides epochs."""
    max_length: Annotated[int, Field(ge=4)] = 64
    """Longest sentence in tokens, [CLS] and [SEP] included."""
    mask_rate: Annotated[float, Field(gt=0, lt=1)] = 0.15
    """Share of the tokens that must be found again."""
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    warmup_steps: Annotated[int, Field(ge=0)] = 100
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    clip: Annotated[float, Field(gt=0)] | None = 1.0
    precision: Precision = "auto"


class PretrainConfig(Strict):
    """Masked language modelling from nothing: vocabulary, token embeddings and encoder come from the corpus alone."""

    corpus: Annotated[tuple[str, ...], BeforeValidator(_as_tuple), Field(min_length=1)] = (
        "sample-corpus",
    )
    """Files with one sentence a row, or sample-corpus."""
    column: str | None = None
    """Column of the sentences in csv, tsv, jsonl and parquet files."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    architecture: dict[str, Any] = {"model_type": "bert"}
    """Fields of a transformers configuration, model_type among them; what is not given keeps that family's default."""
    tokenizer: str | None = None
    """Folder or hub id of a ready tokenizer; a WordPiece vocabulary is learned from the corpus when absent."""
    vocabulary: VocabularyConfig = VocabularyConfig()
    factorisation: FactorisationConfig | None = FactorisationConfig()
    """Absent = random token embeddings."""
    training: MaskedTrainingConfig = MaskedTrainingConfig()
    save_dtype: Literal["float32", "float16"] = "float32"
    """Type the finished weights are stored in."""
