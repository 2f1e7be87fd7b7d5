"""What a run folder holds, as typed records: one model, one reader and one writer per file.

``Run.record`` opens a folder; each file is read when it is first asked for, without torch, as in
``run.record.sts.average.spearman.all``. Rules of reading:

- A number without a value is None, and ``undefined`` says why. It is never 0.
- A file or field that a run never had, such as the dev set of an evaluation, reads as its explicit
  default, so that ``record.sts.average.spearman.all`` always exists.
- Fields that this edition does not know are kept (``model_extra``).
- A damaged or mistyped file is refused in one sentence that names file and field.

Every file states its layout in the field ``schema``, as ``recse-lab/config/1``. Files of the first
edition, apart from results.json, have none: ``migrate`` reads them as version 1.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, PrivateAttr, ValidationError

from recse_lab.errors import LabError
from recse_lab.files import atomic_path, read_json, space, write_json

REMEDY = "delete the run's folder to compute it again"
STUDY_REMEDY = (
    "restore it, or delete it and run `recse-lab ablate` again, which keeps finished runs"
)
NO_RESULTS = "it holds no results"

State = Literal["planned", "running", "done", "failed", "interrupted"]
T = TypeVar("T")


def _null_as_empty(value: Any) -> Any:
    return {} if value is None else value


def _null_as_empty_list(value: Any) -> Any:
    return [] if value is None else value


Filled = Annotated[T, BeforeValidator(_null_as_empty)]
"""A part that reads as its defaults where the file has null."""

FilledList = Annotated[list[T], BeforeValidator(_null_as_empty_list)]


class Record(BaseModel):
    """A part of a stored file: immutable, without coercion, keeping fields it does not know."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    def tree(self) -> dict[str, Any]:
        """The fields that are set, as JSON values."""
        return self.model_dump(mode="json", exclude_unset=True)


class FileRecord(Record):
    """A whole file of a run folder."""

    FILE: ClassVar[str]
    SCHEMA: ClassVar[str]
    REMEDY: ClassVar[str] = REMEDY

    _stored: dict[str, Any] | None = PrivateAttr(None)

    def tree(self) -> dict[str, Any]:
        """The fields as the file has them, in its order; those that are set where there is none."""
        return super().tree() if self._stored is None else self._stored

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the record from a folder; its defaults where the folder has no such file.

        Raises:
            LabError: The file is damaged, mistyped, or of a newer edition.
        """
        path = Path(folder) / cls.FILE
        if not path.is_file():
            return cls()
        kind, tree = migrate(path, read_json(path, cls.REMEDY), cls)
        record = kind.check(tree, path)
        assert isinstance(record, cls)
        return record

    @classmethod
    def check(cls, tree: dict[str, Any], path: Path | str) -> Self:
        """Make the record of a tree of JSON values; ``path`` is named where it is not one.

        Raises:
            LabError: A field has the wrong type, or is missing.
        """
        try:
            record = cls.model_validate(tree)
        except ValidationError as error:
            raise LabError(f"{path}, {_fault(error)}; {cls.REMEDY}.") from None
        record._stored = tree
        return record

    def document(self) -> dict[str, Any]:
        """The whole file: the schema and the fields."""
        return {"schema": self.SCHEMA} | self.tree()

    def write(self, folder: Path) -> None:
        """Write the record into a folder, whole or not at all.

        Raises:
            LabError: The disk is full.
        """
        write_json(Path(folder) / self.FILE, self.document())


def _fault(error: ValidationError) -> str:
    """The first fault of a record: its field, what was expected, what was found."""
    first = error.errors(include_url=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or "the whole file"
    message = first["msg"][0].lower() + first["msg"][1:]
    if first["type"] == "missing":
        return f"field {field}: damaged (this field is missing)"
    return (
        f"field {field}: damaged ({message}, found {json.dumps(first['input'], default=str)[:60]})"
    )


# ---- what was asked ----------------------------------------------------------------------------


class StoredModel(Record):
    """How the encoder was built."""

    pooling: str | None = None
    head: str | None = None
    layers: int | None = None
    attention: str | None = None
    max_length: int | None = None


class StoredTraining(Record):
    """How long and on what batches a run trained."""

    steps: int | None = None
    epochs: float | None = None
    batch_size: int | None = None
    precision: str | None = None


class StoredEvaluation(Record):
    """What a run was measured on."""

    protocol: str | None = None
    tasks: list[str] | None = None
    dev: str | None = None
    data_dir: str | None = None
    selection: str | None = None
    precision: str | None = None
    max_length: int | None = None


class StoredContrast(Record):
    """The contrastive term of a training run."""

    objective: str | None = None
    weight: float | None = None
    temperature: float | None = None
    options: Filled[dict[str, Any]] = {}


class StoredView(Record):
    """A view of the sentences."""

    family: str | None = None


class StoredReshape(Record):
    """The reshape of a training run."""

    operator: str | None = None
    dim: int | None = None
    weight: float | None = None
    role: str | None = None
    mode: str | None = None


class Source(Record):
    """The file of another program that results were imported from."""

    format: str | None = None
    files: list[dict[str, str]] = []


class Config(FileRecord):
    """The resolved options of a run, as far as stored runs are read by them.

    All options, whatever the edition, are in ``tree()``.
    """

    FILE: ClassVar[str] = "config.json"
    SCHEMA: ClassVar[str] = "recse-lab/config/1"

    encoder: str | None = None
    framework: str | None = None
    corpus: list[str] | None = None
    column: str | None = None
    seed: int | None = None
    model: Filled[StoredModel] = StoredModel()
    training: StoredTraining | None = None
    """None for an evaluation or an imported result."""
    evaluation: Filled[StoredEvaluation] = StoredEvaluation()
    contrast: Filled[StoredContrast] = StoredContrast()
    view: StoredView | None = None
    anchor_view: StoredView | None = None
    reshape: StoredReshape | None = None
    imported: Source | None = None

    @property
    def trained(self) -> bool:
        """Whether the run trained an encoder, and did not only measure one."""
        return self.training is not None

    @property
    def backbone(self) -> str:
        """The encoder; of a training-free baseline, the one whose embeddings it transforms."""
        return "" if self.encoder is None else self.encoder.rpartition("@")[2]


class Fingerprints(FileRecord):
    """sha256 of the contents a run depends on, and the name of its baseline."""

    FILE: ClassVar[str] = "fingerprints.json"
    SCHEMA: ClassVar[str] = "recse-lab/fingerprints/1"

    encoder: str | None = None
    corpus: str | None = None
    evaluation: str | None = None
    baseline: str | None = None
    positives: str | None = None
    negatives: str | None = None
    tokenizer: str | None = None


# ---- where, at what cost, with what end --------------------------------------------------------


class Environment(FileRecord):
    """Where and with what a run was computed: all that may move a number besides its configuration.

    Imported results have the environment of the import. Versions of further packages are in
    ``model_extra``.
    """

    FILE: ClassVar[str] = "environment.json"
    SCHEMA: ClassVar[str] = "recse-lab/environment/1"

    recse_lab: str | None = None
    commit: str | None = None
    command: str | None = None
    date: str | None = None
    python: str | None = None
    torch: str | None = None
    device: str | None = None
    threads: int | None = None
    platform: str | None = None
    precision: str | None = None
    """Of training."""
    evaluation_precision: str | None = None
    attention: str | None = None

    @property
    def settled_precision(self) -> str | None:
        """Precision of training, or of the evaluation where nothing was trained."""
        return self.precision or self.evaluation_precision


class Cost(FileRecord):
    """Seconds, tokens and bytes of a run; None where it did not do such a thing."""

    FILE: ClassVar[str] = "cost.json"
    SCHEMA: ClassVar[str] = "recse-lab/cost/1"

    train_s: float | None = None
    dev_s: float | None = None
    save_s: float | None = None
    test_s: float | None = None
    load_s: float | None = None
    encode_s: float | None = None
    last_attempt_s: float | None = None
    tokens: int | None = None
    steps: int | None = None
    sentences: int | None = None
    encoded: int | None = None
    peak_bytes: int | None = None
    """Of the last attempt."""
    step_peak_bytes: int | None = None
    """Of training steps alone; None where there were none."""

    @property
    def tokens_per_s(self) -> float | None:
        """Tokens of training a second, once for every pass; None where nothing was trained."""
        return self.tokens / self.train_s if self.steps and self.tokens and self.train_s else None


class Status(FileRecord):
    """How far a run is, as its process wrote it; ``Run.status`` also knows whether that lives."""

    FILE: ClassVar[str] = "status.json"
    SCHEMA: ClassVar[str] = "recse-lab/status/1"

    state: State = "planned"
    message: str | None = None
    at: str | None = None


MetricsLine = dict[str, Any]
"""A line of metrics.jsonl: ``step`` and its measures, raw; terms of the loss by their names.

Training: loss, contrast, reshape, learning_rate, gradient_norm, tokens_per_s; at a dev evaluation
also dev_spearman, dev_alignment, dev_uniformity, dev_effective_rank, dev_top_share and
dev_mean_cosine. Pretraining: accuracy of the masked tokens.
"""


# ---- what came out -----------------------------------------------------------------------------


class Correlation(Record):
    """A correlation of a task by aggregation over its subsets, raw; None where undefined."""

    all: float | None = None
    mean: float | None = None
    wmean: float | None = None

    def by(self, aggregation: str) -> float | None:
        """The value under an aggregation; None where it is undefined or not stored."""
        return getattr(self, aggregation, None)


class StoredProtocol(Record):
    """What results were measured under; ``id`` is None where an imported file does not say."""

    id: str | None = None
    printed: list[str] = ["all"]
    """Aggregations that tables print, the leading one first."""


class StsTaskResult(Record):
    """Correlations of one STS task."""

    pairs: int | None = None
    subsets: int | None = None
    undefined: str | None = None
    """Why a correlation has no value."""
    spearman: Filled[Correlation] = Correlation()
    pearson: Filled[Correlation] = Correlation()


class StsAverage(Record):
    """Mean over the tasks of a protocol; undefined where one of them is missing or undefined."""

    tasks: list[str] = []
    undefined: str | None = "no average was stored"
    spearman: Filled[Correlation] = Correlation()
    pearson: Filled[Correlation] = Correlation()


class TransferTaskResult(Record):
    """Accuracy of a classifier on frozen embeddings of one transfer task, raw."""

    protocol: str | None = None
    accuracy: float | None = None
    f1: float | None = None
    """Of class 1; MRPC alone."""
    n: int | None = None
    undefined: str | None = None
    dev_accuracy: float | None = None
    majority: float | None = None
    regulariser: str | None = None
    chosen: list[float] = []
    examples: dict[str, int] = {}
    sentences: int | None = None
    unusual: str | None = None
    residual: float | None = None


class TransferAverage(Record):
    """Mean accuracy over the transfer tasks; undefined where one is missing or undefined."""

    tasks: list[str] = []
    accuracy: float | None = None
    undefined: str | None = "no average was stored"


class DevMeasures(Record):
    """Measures at one dev evaluation."""

    spearman: float | None = None
    alignment: float | None = None
    uniformity: float | None = None


class Dev(Record):
    """Dev evaluations of a training run, and which weights they selected."""

    task: str | None = None
    pairs: int | None = None
    """Number of pairs of the dev set."""
    test_pairs: int | None = None
    """How many of them are pairs of the test tasks, up to case, white space, punctuation, order."""
    selection: str | None = None
    """best or last."""
    spearman: float | None = None
    """Of the selected weights."""
    step: int | None = None
    checks: int | None = None
    """How many dev evaluations there were."""
    last: Filled[DevMeasures] = DevMeasures()
    stopped_early: bool | None = None


class Space(Record):
    """Alignment and uniformity of a dev set, batch by batch; ``undefined`` says why None."""

    task: str | None = None
    batches: str | None = None
    alignment: float | None = None
    uniformity: float | None = None
    undefined: str | None = None


class Measured(Record):
    """The encoder that an evaluation measured."""

    name: str | None = None
    fingerprint: str | None = None
    baseline: str | None = None
    corpus: str | None = None
    """What the baseline was fitted to."""
    pooling: str | None = None
    head: str | None = None
    layers: int | None = None
    max_length: int | None = None
    precision: str | None = None


class Results(FileRecord):
    """Common part of all results; alone, it stands for a run without results."""

    FILE: ClassVar[str] = "results.json"
    SCHEMA: ClassVar[str] = ""

    protocol: Filled[StoredProtocol] = StoredProtocol()
    encoder: Filled[Measured] = Measured()
    imported: Source | None = None
    dev: Filled[Dev] = Dev()

    def headline(self) -> dict[str, float | None]:
        """The leading number of the ``average`` and of every task, raw: the protocol's choice."""
        return {"average": None}


class StsResults(Results):
    """Correlations of similarity with human judgements."""

    SCHEMA: ClassVar[str] = "recse-lab/results/1"

    tasks: Filled[dict[str, StsTaskResult]] = {}
    average: Filled[StsAverage] = StsAverage()
    space: Filled[Space] = Space()

    def spearman(self, task: str, aggregation: str = "all") -> float | None:
        """Spearman of a task, raw; None where it is undefined or was not measured."""
        found = self.tasks.get(task)
        return None if found is None else found.spearman.by(aggregation)

    @property
    def aggregations(self) -> tuple[str, ...]:
        """Aggregations that tables print of these results, the leading one first."""
        from recse_lab.evaluation.protocols import PROTOCOLS, StsProtocol

        known = PROTOCOLS.get(self.protocol.id or "")
        return known.printed if isinstance(known, StsProtocol) else ("all",)

    def headline(self) -> dict[str, float | None]:
        """Spearman of ``average`` and of every task by the protocol's leading aggregation, raw."""
        leading = self.aggregations[0]
        tasks = {name: found.spearman.by(leading) for name, found in self.tasks.items()}
        return {"average": self.average.spearman.by(leading)} | tasks


class TransferResults(Results):
    """Accuracies of classifiers on frozen embeddings."""

    SCHEMA: ClassVar[str] = "recse-lab/transfer/1"

    tasks: Filled[dict[str, TransferTaskResult]] = {}
    average: Filled[TransferAverage] = TransferAverage()

    def headline(self) -> dict[str, float | None]:
        """Accuracy of ``average`` and of every task, raw."""
        tasks = {name: found.accuracy for name, found in self.tasks.items()}
        return {"average": self.average.accuracy} | tasks


class PretrainResults(Results):
    """What pretraining ended with; nothing is tested."""

    SCHEMA: ClassVar[str] = "recse-lab/pretraining/1"

    steps: int = 0
    tokens: int = 0
    vocabulary: int = 0
    parameters: int = 0
    unknown_rate: float | None = None
    """Share of [UNK] among the running tokens of the corpus."""
    last_loss: float | None = None
    last_accuracy: float | None = None


# ---- a study -----------------------------------------------------------------------------------


class StoredArm(Record):
    """An arm as its study declares it."""

    name: str
    seeds: list[int] | None = None
    """Its own seeds; None where it has those of the study."""
    role: str = "arm"
    set: Filled[dict[str, Any]] = {}
    """Options that update the base; keys may be dotted."""

    @property
    def seedless(self) -> bool:
        """Whether no seed changes it: it has one of its own, and meets every seed of the others."""
        return self.seeds is not None and len(self.seeds) == 1


class StoredReport(Record):
    """What the report of a study shows; see ``recse_lab.ablation.spec`` for the choices."""

    x: str | None = None
    """Factor on the horizontal axis."""
    x_label: str | None = None
    x_scale: str = "category"
    y: str | None = None
    y_label: str | None = None
    figure: str = "levels"
    effects: FilledList[str] = []
    against: str | None = None
    """Name of the reference arm."""
    against_level: Filled[dict[str, Any]] = {}
    measures: FilledList[str] = []


class StoredSpec(Record):
    """The specification of a study."""

    name: str | None = None
    question: str | None = None
    cost: str | None = None
    base: Filled[dict[str, Any]] = {}
    arms: list[StoredArm]
    report: Filled[StoredReport] = StoredReport()
    claims: FilledList[dict[str, Any]] = []
    """What its runs are asked to show (``recse_lab.config.claims``)."""


class StoredCell(Record):
    """One point of the design grid and the id of its run."""

    run: str
    arm: str
    role: str = "arm"
    factors: dict[str, Any]
    seed: int


class StudyRecord(FileRecord):
    """study.json: the question of a study, its specification, its commands and its cells."""

    FILE: ClassVar[str] = "study.json"
    SCHEMA: ClassVar[str] = "recse-lab/study/1"
    REMEDY: ClassVar[str] = STUDY_REMEDY

    name: str
    question: str | None = None
    created: str | None = None
    updated: str | None = None
    commands: list[str] = []
    seeds: list[int] = []
    seed_history: list[list[int]] = []
    """The seeds of every time that they changed; the last are ``seeds``."""
    spec: StoredSpec
    cells: list[StoredCell]

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the study of a folder.

        Raises:
            LabError: There is none, or it is damaged or of a newer edition.
        """
        if not (Path(folder) / cls.FILE).is_file():
            name = Path(folder).name
            raise LabError(f"{folder}: no study here; run it with `recse-lab ablate {name}` first.")
        return super().read(folder)


# ---- reading -----------------------------------------------------------------------------------

RESULTS: dict[str, type[Results]] = {
    kind.SCHEMA: kind for kind in (StsResults, TransferResults, PretrainResults)
}
"""By the schema that results.json states."""


def migrate(
    path: Path, tree: dict[str, Any], kind: type[FileRecord]
) -> tuple[type[FileRecord], dict[str, Any]]:
    """The record class of a stored tree, and the tree in the layout of this edition.

    The one path from layouts of earlier editions. So far there is a single layout, which the first
    edition wrote without ``schema``, apart from results.json.

    Raises:
        LabError: The schema is unknown, as of a newer edition.
    """
    tree = dict(tree)
    schema = tree.pop("schema", None)
    if issubclass(kind, Results):
        known = RESULTS.get(schema or _schema_of_results(tree))
        if known is not None and issubclass(known, kind):
            return known, tree
    elif schema in (None, kind.SCHEMA):
        return kind, tree
    raise LabError(
        f"{path}, field schema: {schema!r} is unknown to this edition; "
        f"read it with the edition of recse-lab that wrote it, or {kind.REMEDY}."
    )


def _schema_of_results(tree: dict[str, Any]) -> str:
    """Schema of results that state none, by what they hold."""
    if "vocabulary" in tree:
        return PretrainResults.SCHEMA
    parts = [tree.get("average"), *_values(tree.get("tasks"))]
    transfer = any(isinstance(part, dict) and "accuracy" in part for part in parts)
    return TransferResults.SCHEMA if transfer else StsResults.SCHEMA


def _values(tasks: Any) -> list[Any]:
    return list(tasks.values()) if isinstance(tasks, dict) else []


class RunRecord:
    """Everything one run folder holds, each file read when it is first asked for.

    Args:
        folder: ``runs/<study>/<id>``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    @cached_property
    def config(self) -> Config:
        """Resolved options.

        Raises:
            LabError: config.json is damaged.
        """
        return Config.read(self.folder)

    @cached_property
    def fingerprints(self) -> Fingerprints:
        """Contents of weights, corpus and evaluation data.

        Raises:
            LabError: fingerprints.json is damaged.
        """
        return Fingerprints.read(self.folder)

    @cached_property
    def environment(self) -> Environment:
        """Where and with what the run was computed.

        Raises:
            LabError: environment.json is damaged.
        """
        return Environment.read(self.folder)

    @cached_property
    def cost(self) -> Cost:
        """Seconds, tokens and bytes.

        Raises:
            LabError: cost.json is damaged.
        """
        return Cost.read(self.folder)

    @cached_property
    def status(self) -> Status:
        """State as its process wrote it.

        Raises:
            LabError: status.json is damaged.
        """
        return Status.read(self.folder)

    @cached_property
    def results(self) -> Results:
        """STS, transfer or pretraining results; a bare ``Results`` where there are none yet.

        Raises:
            LabError: results.json is damaged.
        """
        return Results.read(self.folder)

    @property
    def sts(self) -> StsResults:
        """STS results; empty where the run measured no STS task.

        Raises:
            LabError: results.json is damaged.
        """
        return _of_kind(self.results, StsResults)

    @property
    def transfer(self) -> TransferResults:
        """Transfer results; empty where the run measured no transfer task.

        Raises:
            LabError: results.json is damaged.
        """
        return _of_kind(self.results, TransferResults)

    @property
    def pretraining(self) -> PretrainResults:
        """Pretraining results; empty where the run is of another kind.

        Raises:
            LabError: results.json is damaged.
        """
        return _of_kind(self.results, PretrainResults)

    @cached_property
    def metrics(self) -> list[MetricsLine]:
        """Lines of metrics.jsonl; an incomplete last line, of a killed process, is left out.

        Raises:
            LabError: Another line is damaged.
        """
        return read_metrics(self.folder)


ResultsKind = TypeVar("ResultsKind", bound=Results)


def _of_kind(results: Results, kind: Callable[[], ResultsKind]) -> ResultsKind:
    empty = kind()
    return results if isinstance(results, type(empty)) else empty


METRICS_FILE = "metrics.jsonl"


def read_metrics(folder: Path) -> list[MetricsLine]:
    """Read metrics.jsonl; an incomplete last line, of a killed process, is left out.

    Raises:
        LabError: Another line is damaged, or has no step.
    """
    path = Path(folder) / METRICS_FILE
    lines = path.read_bytes().split(b"\n")[:-1] if path.is_file() else []
    return [_metrics_line(text, f"{path}, line {number}") for number, text in enumerate(lines, 1)]


def write_metrics(folder: Path, lines: Iterable[MetricsLine]) -> None:
    """Write metrics.jsonl, whole or not at all.

    Raises:
        LabError: The disk is full.
    """
    with atomic_path(Path(folder) / METRICS_FILE) as beside:
        beside.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def append_metrics(folder: Path, line: MetricsLine) -> None:
    """Append a line to metrics.jsonl.

    Raises:
        LabError: The disk is full.
    """
    path = Path(folder) / METRICS_FILE
    with space(path), path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def _metrics_line(text: bytes, where: str) -> MetricsLine:
    try:
        line = json.loads(text)
    except ValueError as error:
        raise LabError(f"{where}: damaged ({error}); {REMEDY}.") from error
    except RecursionError:
        raise LabError(f"{where}: damaged (nested too deep); {REMEDY}.") from None
    if not isinstance(line, dict):
        raise LabError(f"{where}: damaged (no JSON object); {REMEDY}.")
    if type(line.get("step")) is not int:
        raise LabError(f"{where}, field step: damaged (a whole number is expected); {REMEDY}.")
    return line
