"""One run's configuration: strict, explained field by field, read from YAML with line numbers in every complaint."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, TypeVar, get_args

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from recse_lab.errors import LabError

Positive: TypeAlias = Annotated[int, Field(gt=0)]
Rate: TypeAlias = Annotated[float, Field(ge=0, lt=1)]
Precision: TypeAlias = Literal["auto", "fp32", "bf16"]
C = TypeVar("C", bound=BaseModel)
V = TypeVar("V", bound=Sequence[Any])
PROMPT = "prompt"  # the pooling of a prompt: the state of the mask token in its template


def repeated(values: Sequence[Any]) -> list[Any]:
    """What is among ``values`` more than once."""
    return [value for place, value in enumerate(values) if value in values[:place]]


def once(values: V) -> V:
    """``values``, where none is among them twice."""
    if again := repeated(values):
        raise ValueError(f"{again[0]!r} is given twice")
    return values


class Strict(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False
    )

    @field_validator("*", mode="before")
    @classmethod
    def _numbers(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse true and "4" where a number is wanted, which pydantic takes for 1 and 4."""
        several = (
            value.values()
            if isinstance(value, dict)
            else value
            if isinstance(value, list)
            else [value]
        )
        wrong = [each for each in several if isinstance(each, bool | str)]
        if wrong and any(
            kind in (int, float)
            for kind in _types(cls.model_fields[info.field_name or ""].annotation)
        ):
            raise ValueError(f"expected a number, not {wrong[0]!r}")
        return value


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
        from recse_lab.encoders.pooling import (
            POOLINGS,
        )  # heavy: torch, needed only when a config is made

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
        from recse_lab.reshape.view import TOKEN_FORMULAS

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


def one_of(name: str, family: Iterable[str], what: str) -> str:
    """``name``, where a family has it."""
    known = sorted(family)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
        hint = (
            f"did you mean {near[0]}?"
            if near
            else f"known: {', '.join(known)}."
            if known
            else "there is none."
        )
        raise ValueError(f"unknown {what} {name!r}; {hint}")
    return name


def _as_tuple(value: Any) -> Any:
    return (
        (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value
    )


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


# Where things lie is no part of the question a run asks: these are replaced by fingerprints of what lies there.
LOCATIONS = ("encoder", "corpus", "column", "positives", "negatives")


def run_id(config: Mapping[str, Any], fingerprints: Mapping[str, str]) -> str:
    """Twelve hex digits naming the question a run answers: its resolved config and the contents of its data and weights."""
    question = {k: v for k, v in config.items() if k not in LOCATIONS}
    if "evaluation" in question:
        question["evaluation"] = {k: v for k, v in config["evaluation"].items() if k != "data_dir"}
    text = json.dumps({"config": question, "fingerprints": dict(fingerprints)}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


# ---- reading -----------------------------------------------------------------------------------------------------


class _Loader(yaml.SafeLoader):
    """YAML 1.1 reads 3e-5 as text; researchers mean a number."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$"),
    list("-+.0123456789"),
)


def read_yaml(path: str | Path) -> tuple[dict[str, Any], dict[str, int]]:
    """Read a YAML mapping and, for every dotted key in it, its line number.

    Raises:
        LabError: The file is absent, no YAML, or no mapping, or has an option twice.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise LabError(f"{path}: no such file.") from None
    except (UnicodeDecodeError, IsADirectoryError):
        raise LabError(f"{path}: not a YAML text file.") from None
    try:
        value = yaml.load(text, Loader=_Loader)
        keys = list(_lines(yaml.compose(text, Loader=_Loader)))
    except RecursionError:
        raise LabError(
            f"{path}: nested too deep, or an anchor that refers to itself; write it out."
        ) from None
    except (yaml.YAMLError, ValueError) as error:  # a day that no month has is a ValueError
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise LabError(
            f"{path}{where}: not valid YAML: {getattr(error, 'problem', error)}."
        ) from None
    if not isinstance(value, dict):
        raise LabError(f"{path}: expected a mapping of options (key: value lines).")
    lines: dict[str, int] = {}
    for key, line in keys:
        if key in lines:
            raise LabError(
                f"{path}, line {line}: {key} is given before, in line {lines[key]}; leave one of them out."
            )
        lines[key] = line
    return value, lines


def _lines(node: yaml.Node, prefix: str = "") -> Iterator[tuple[str, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, child in node.value:
            name = f"{prefix}{key.value}"
            yield name, key.start_mark.line + 1
            yield from _lines(child, f"{name}.")
    elif isinstance(node, yaml.SequenceNode):
        for i, child in enumerate(node.value):
            yield f"{prefix}{i}", child.start_mark.line + 1
            yield from _lines(child, f"{prefix}{i}.")


def parse_assignment(text: str) -> tuple[str, Any]:
    """Read ``key=value`` of ``--set``; the value is YAML, so ``null``, ``0.1`` and ``[1, 2]`` mean what they say.

    Raises:
        LabError: There is no ``=`` in it, or the value is no YAML.
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise LabError(f"--set {text!r}: expected key=value, as in --set reshape.dim=16.")
    try:
        return key.strip(), yaml.load(value, Loader=_Loader)
    except (yaml.YAMLError, ValueError, RecursionError):
        raise LabError(f"--set {key}: the value {value!r} is not valid YAML.") from None


def assign(tree: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    """A copy of ``tree`` with dotted ``key`` set; a mapping is merged into a mapping, anything else replaces."""
    head, _, rest = key.partition(".")
    out = dict(tree)
    if rest:
        child = out.get(head)
        out[head] = assign(child if isinstance(child, dict) else {}, rest, value)
    elif isinstance(value, dict) and isinstance(out.get(head), dict):
        out[head] = merge(out[head], value)
    else:
        out[head] = value
    return out


def merge(base: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with ``over`` laid upon it; keys may be dotted."""
    for key, value in over.items():
        base = assign(base, str(key), value)
    return base


def without(lines: Mapping[str, int], keys: Iterable[str]) -> dict[str, int]:
    """Lines of what still stands as the file has it, once ``keys`` have been overridden."""
    return {
        k: n
        for k, n in lines.items()
        if not any(k == key or k.startswith(f"{key}.") for key in keys)
    }


def make_config(
    tree: Mapping[str, Any],
    *,
    where: str = "config",
    lines: Mapping[str, int] | None = None,
    kind: type[C] = RunConfig,
) -> C:
    """Validate one run's options.

    Raises:
        LabError: An unknown option (with the nearest known one), a value out of range, options that exclude each other;
            names file and line where the option came from a file.
    """
    try:
        return kind.model_validate(tree)
    except ValidationError as error:
        raise LabError(explain(error, kind, where=where, lines=lines)) from None


def explain(
    error: ValidationError,
    model: type[BaseModel],
    *,
    where: str,
    lines: Mapping[str, int] | None = None,
) -> str:
    """One sentence for the first thing wrong in a validation error."""
    first = error.errors()[0]
    # pydantic also names the kind that a value failed to be, as in seeds.int: no part of the option's name
    path = [str(part) for part in first["loc"]]
    if first["type"] != "extra_forbidden":
        path = [part for part in path if not re.fullmatch(r"int|(list|dict)\[.*\]", part)]
    key = ".".join(path)
    message = re.sub(r"^(Value error|Assertion failed), ", "", first["msg"]).rstrip(".")
    # What is checked together begins its message with the option at fault.
    blamed = f"{key}.{message.partition(': ')[0]}".lstrip(".")
    line = (lines or {}).get(blamed, (lines or {}).get(key))
    place = where if line is None else f"{where}, line {line}"
    if first["type"] == "extra_forbidden":
        known = _fields(model, path[:-1])
        near = difflib.get_close_matches(path[-1], known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}."
        return f"{place}: unknown option {key}; {hint}"
    if first["type"] == "missing":
        return f"{place}: option {key} is missing."
    told = isinstance(first["input"], dict | BaseModel) or repr(first["input"]) in message
    given = "" if told else f" (given: {first['input']!r})"
    text = f"{place}: {key + ': ' if key else ''}{message[0].lower() + message[1:]}{given}"
    return text if text.endswith("?") else f"{text}."


def _fields(model: Any, path: list[str]) -> list[str]:
    for name in path:
        if name.isdigit():  # a place in a list, whose options are those of what it lists
            continue
        field = model.model_fields.get(name)
        inner = (
            [
                t
                for t in _types(field.annotation)
                if isinstance(t, type) and issubclass(t, BaseModel)
            ]
            if field
            else []
        )
        if not inner:
            return []
        model = inner[0]
    return list(model.model_fields)


def _types(annotation: Any) -> list[Any]:
    """Everything that an annotation is made of."""
    inner = get_args(annotation)
    return [kind for part in inner for kind in _types(part)] if inner else [annotation]
