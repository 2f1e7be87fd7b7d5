"""A Hugging Face backbone with its tokenizer, from text to one vector per sentence."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from recse_lab.encoders.dropout import register_plain_attention, replace_dropouts
from recse_lab.encoders.embedded import EMBEDDED, embedded_path
from recse_lab.encoders.heads import TanhHead
from recse_lab.encoders.pooling import LAYERS, POOLINGS, HiddenStates
from recse_lab.encoders.positions import positions
from recse_lab.encoders.prompt import Template, mask_state, parse_template, template_bias, wrap
from recse_lab.encoders.residual import FILE as RESIDUAL
from recse_lab.encoders.residual import Residual, load_residual
from recse_lab.errors import LabError
from recse_lab.store import read_json

if TYPE_CHECKING:
    from transformers import PreTrainedModel

CARD = "recse_lab.json"  # what transformers has no place for: pooling, head, longest sentence
AGAIN = "copy or save this folder again"


def resolve(encoder: str) -> str:
    """The folder or hub id behind a name.

    Raises:
        LabError: A folder without config.json or weights, or a name that is neither a folder nor looks like a hub id.
    """
    packaged = embedded_path(encoder)
    if packaged is not None:
        return str(packaged)
    path = Path(encoder).expanduser()
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise LabError(f"{encoder}: this folder is no encoder, it holds no config.json.")
        if not any(path.glob("*.safetensors")):
            raise LabError(
                f"{encoder}: no *.safetensors weights in this folder; pickled weights are not loaded."
            )
        return str(path)
    if path.exists():
        raise LabError(
            f"{encoder}: this is a file; give the folder that holds config.json and model.safetensors."
        )
    if encoder.startswith((".", "/", "~")) or encoder.count("/") > 1:
        raise LabError(f"{encoder}: no such folder.")
    return encoder


def _load(kind: Any, encoder: str, **options: Any) -> Any:
    """``kind.from_pretrained`` with its many ways to fail told in one sentence."""
    try:
        return kind.from_pretrained(encoder, trust_remote_code=False, **options)
    except (
        Exception
    ) as error:  # a damaged folder fails in the exceptions of every library that reads it
        if isinstance(error, OSError) and error.errno is not None:
            raise
        asked = options.get("attn_implementation")
        if asked in ("plain", "sdpa") and "attention implementation" in str(error):
            raise LabError(
                f"{encoder}: this architecture has no {asked} attention; set model.attention to auto or eager."
            ) from error
        if Path(encoder).is_dir():
            raise LabError(
                f"{encoder}: it cannot be loaded as a BERT-like encoder ({_reason(error)}); {AGAIN}."
            ) from error
        near = difflib.get_close_matches(encoder, EMBEDDED, n=1, cutoff=0.4)
        hint = (
            f"did you mean {near[0]}?"
            if near
            else "give a folder, a hub id this machine can reach, or recse-lab/tiny."
        )
        raise LabError(f"{encoder}: neither a folder nor reachable on the hub; {hint}") from error


def _reason(error: Exception) -> str:
    """What another library says of a damaged file, on one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


@contextmanager
def _reading(file: Path) -> Iterator[None]:
    """Tell of a file that is missing, damaged or made for another encoder in one sentence."""
    try:
        yield
    except Exception as error:  # safetensors and torch have exceptions of their own
        raise LabError(
            f"{file}: missing, or not what {CARD} says ({_reason(error)}); {AGAIN}."
        ) from error


def load_tokenizer(encoder: str) -> Any:
    """The fast tokenizer of an encoder.

    Raises:
        LabError: It cannot be loaded, is not a fast one, or knows no word.
    """
    from transformers import AutoTokenizer

    tokenizer = _load(AutoTokenizer, encoder)
    if not tokenizer.is_fast:
        raise LabError(
            f"{encoder}: its tokenizer has no fast (Rust) version, which is needed to stream a corpus."
        )
    if set(tokenizer.get_vocab()) <= set(
        tokenizer.all_special_tokens
    ):  # what transformers makes of a missing file
        raise LabError(
            f"{encoder}: its tokenizer knows no word; add the vocabulary it was trained with (tokenizer.json or vocab.txt)."
        )
    return tokenizer


def load_config(encoder: str) -> Any:
    """The transformers config of an encoder.

    Raises:
        LabError: It is no BERT-like encoder.
    """
    from transformers import AutoConfig

    config = _load(AutoConfig, encoder)
    if not hasattr(config, "num_hidden_layers") or not hasattr(config, "hidden_size"):
        raise LabError(f"{encoder}: a {config.model_type} model is no BERT-like encoder.")
    return config


def best_attention(config: Any) -> str:
    """plain on a CPU, where its dropout is cheap; sdpa on an accelerator; eager where the architecture has neither."""
    from transformers import MODEL_MAPPING

    kind: Any = MODEL_MAPPING[type(config)]
    if not torch.cuda.is_available():
        return "plain" if kind._supports_attention_backend else "eager"
    return "sdpa" if kind._supports_sdpa else "eager"


def load_weights(kind: Any, encoder: str, **options: Any) -> tuple[Any, set[str]]:
    """A model in float32, and the names of what its files lack or hold in another shape: those weights are random."""
    from transformers.utils import logging as hf_logging

    hf_logging.disable_progress_bar()
    verbosity = hf_logging.get_verbosity()
    hf_logging.set_verbosity_error()  # layers cut off, a pooler, another head would be listed as unexpected weights
    try:
        model, told = _load(
            kind,
            encoder,
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            **options,
        )
    finally:
        hf_logging.set_verbosity(verbosity)
    return model, {*told["missing_keys"], *(key for key, *_ in told["mismatched_keys"])}


def load_backbone(
    encoder: str,
    *,
    layers: int | None = None,
    dropout: float | None = None,
    attention: str = "auto",
) -> PreTrainedModel:
    """The backbone in float32, cut to its first ``layers`` layers, every dropout set to ``dropout``.

    ``attention`` is plain (recse_lab.encoders.dropout), sdpa, eager, or auto: ``best_attention``.

    Raises:
        LabError: It cannot be loaded, has fewer than ``layers`` layers, or its files lack some of its weights.
    """
    from transformers import AutoModel

    config = load_config(encoder)
    depth = config.num_hidden_layers
    if layers is not None:
        if layers > depth:
            raise LabError(
                f"{encoder} has {depth} layers; model.layers {layers} asks for more than there are."
            )
        config.num_hidden_layers = layers
    if dropout is not None:
        for field in (
            "hidden_dropout_prob",
            "attention_probs_dropout_prob",
            "dropout",
            "attention_dropout",
        ):
            if hasattr(config, field):
                setattr(config, field, dropout)
    register_plain_attention()
    chosen = best_attention(config) if attention == "auto" else attention
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(
            0
        )  # weights the folder lacks (a pooler nobody reads) are the same every time
        backbone, lacking = load_weights(
            AutoModel, encoder, config=config, attn_implementation=chosen
        )
    drawn = sorted(
        name for name, _ in backbone.named_parameters() if name in lacking and "pooler" not in name
    )
    if drawn:
        more = f" and {len(drawn) - 3} more" if len(drawn) > 3 else ""
        raise LabError(
            f"{encoder}: its weights do not fit its config.json, which asks for {', '.join(drawn[:3])}{more}; {AGAIN}."
        )
    replace_dropouts(backbone)
    return backbone


def weights_fingerprint(encoder: str) -> str:
    """sha256 over an encoder's weights, config and tokenizer files; of the resolved hub revision for a hub id."""
    path = Path(encoder)
    if not path.is_dir():
        revision = getattr(load_config(encoder), "_commit_hash", None)
        return hashlib.sha256(f"{encoder}@{revision}".encode()).hexdigest()
    digest = hashlib.sha256()
    names = (
        "config.json",
        "tokenizer.json",
        "vocab.txt",
        "vocab.json",
        "merges.txt",
        "tokenizer_config.json",
        CARD,
    )
    weights = {*path.glob("*.safetensors"), *path.glob("*_Dense/*.safetensors")}
    for file in sorted({*weights, *(path / n for n in names if (path / n).is_file())}):
        digest.update(str(file.relative_to(path)).encode())
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def best_precision(device: torch.device | str = "cpu") -> str:
    """bf16 where the hardware multiplies it natively, fp32 elsewhere."""
    if torch.device(device).type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    capability = torch.backends.cpu.get_cpu_capability()
    native = (
        capability.startswith("AVX512")
        and getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)()
    )
    return "bf16" if native else "fp32"


def autocast(device: torch.device, precision: str):
    """Context in which matrix products run in ``precision`` (fp32 or bf16)."""
    return torch.autocast(device.type, torch.bfloat16) if precision == "bf16" else nullcontext()


def pad(
    rows: Sequence[np.ndarray], pad_id: int
) -> tuple[Int[Tensor, "batch tokens"], Int[Tensor, "batch tokens"]]:
    """Token ids and attention mask of a batch, padded to its own longest row."""
    width = max(map(len, rows))
    ids = np.full((len(rows), width), pad_id, dtype=np.int64)
    mask = np.zeros((len(rows), width), dtype=np.int64)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = row
        mask[i, : len(row)] = 1
    return torch.from_numpy(ids), torch.from_numpy(mask)


def token_budget(device: torch.device | str) -> int:
    """Tokens to encode at once. A larger batch leaves a CPU's caches; in a smaller one the calls cost more than the sums."""
    return 4096 if torch.device(device).type == "cpu" else 8192


def by_token_budget(lengths: np.ndarray, tokens_per_batch: int) -> Iterator[np.ndarray]:
    """Indices of all rows, longest first, in batches whose padded size stays within a token budget."""
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        size = max(1, tokens_per_batch // max(1, int(lengths[order[start]])))
        yield order[start : start + size]
        start += size


class Prompt(NamedTuple):
    """Templates around a sentence, one a view; the first is that of use."""

    texts: tuple[str, ...]
    templates: tuple[Template, ...]
    debias: bool
    """In training, the state of the template alone is taken from the sentence's."""


class TransformerEncoder(nn.Module):
    """Backbone, pooling, residual and head: token ids -> embedding.

    ``forward`` applies the head; ``encode`` applies it only where it is kept at test time.
    """

    special_ids: Tensor

    def __init__(
        self,
        backbone: PreTrainedModel,
        tokenizer: Any,
        *,
        pooling: str = "mean",
        head: nn.Module | None = None,
        keep_head: bool = False,
        max_length: int | None = None,
        prompt: Sequence[str] = (),
        debias: bool = False,
        residual: Residual | None = None,
    ) -> None:
        super().__init__()
        self.backbone, self.tokenizer, self.head, self.residual = (
            backbone,
            tokenizer,
            head,
            residual,
        )
        self.pooling, self.keep_head = pooling, keep_head
        limit = min(tokenizer.model_max_length, positions(backbone.config))
        self.max_length = min(max_length or limit, limit)
        self.pad_id: int = tokenizer.pad_token_id or 0
        special = sorted(set(tokenizer.all_special_ids) - {tokenizer.unk_token_id})
        self.register_buffer("special_ids", torch.tensor(special), persistent=False)
        self.prompt = None
        if prompt:
            templates = (
                parse_template(text, tokenizer, max_length=self.max_length) for text in prompt
            )
            self.prompt = Prompt(tuple(prompt), tuple(templates), debias)

    @property
    def hidden(self) -> int:
        return self.backbone.config.hidden_size

    @property
    def device(self) -> torch.device:
        return next(self.backbone.parameters()).device

    def hidden_states(
        self, ids: Int[Tensor, "batch tokens"], mask: Int[Tensor, "batch tokens"]
    ) -> HiddenStates:
        """All hidden states, embedding layer first."""
        return self.backbone(
            input_ids=ids, attention_mask=mask, output_hidden_states=True
        ).hidden_states

    def words(self, ids: Int[Tensor, "*shape"]) -> Float[Tensor, "*shape hidden"]:
        """Word embeddings, before positions and norm. One look-up for several groups has one gradient of the table's size."""
        return self.backbone.get_input_embeddings()(ids)

    def forward(
        self,
        words: Float[Tensor, "batch tokens hidden"],
        ids: Int[Tensor, "batch tokens"],
        mask: Int[Tensor, "batch tokens"],
        *,
        view: int = 0,
    ) -> tuple[Float[Tensor, "batch hidden"], HiddenStates]:
        """Embedding after the training head, and the hidden states it came from, of sentences whose words are looked up.

        ``view`` says which template the sentences stand in, where there is a prompt.
        """
        hidden = self.backbone(
            inputs_embeds=words, attention_mask=mask, output_hidden_states=True
        ).hidden_states
        return self.finish(self.pool(hidden, ids, mask, view=view)), hidden

    def pool(
        self,
        hidden: HiddenStates,
        ids: Int[Tensor, "batch tokens"],
        mask: Int[Tensor, "batch tokens"],
        *,
        view: int = 0,
    ) -> Float[Tensor, "batch hidden"]:
        """One float32 vector a sentence, with the residual where there is one, before the head."""
        if self.prompt is not None:
            template = self.prompt.templates[min(view, len(self.prompt.templates) - 1)]
            state = mask_state(hidden[-1], mask, template).float()
            if self.prompt.debias and self.training:
                state = state - template_bias(self.backbone, mask, template).float()
            return state
        pooled = POOLINGS[self.pooling](hidden, mask).float()
        if self.residual is not None:
            pooled = pooled + self.residual(
                hidden[self.residual.source], ids, self.content(ids, mask)
            )
        return pooled

    def finish(self, pooled: Float[Tensor, "batch hidden"]) -> Float[Tensor, "batch hidden"]:
        """Through the training head, where there is one."""
        return self.head(pooled) if self.head is not None else pooled

    def content(
        self, ids: Int[Tensor, "batch tokens"], mask: Int[Tensor, "batch tokens"]
    ) -> Bool[Tensor, "batch tokens"]:
        """True on tokens that are neither padding nor special."""
        return mask.bool() & ~torch.isin(ids, self.special_ids)

    @torch.inference_mode()
    def encode_ids(
        self,
        rows: Sequence[np.ndarray],
        *,
        precision: str = "fp32",
        tokens_per_batch: int | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Float[np.ndarray, "sentences hidden"]:
        """Embeddings of tokenised sentences, float32 whatever the precision of the backbone, dropout off."""
        training = self.training
        self.eval()
        if self.prompt is not None:
            rows = [wrap(row, self.prompt.templates[0]) for row in rows]
        lengths = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))
        out = np.empty((len(rows), self.hidden), dtype=np.float32)
        head = self.head if self.keep_head else None
        done = 0
        try:
            with autocast(self.device, precision):
                for batch in by_token_budget(
                    lengths, tokens_per_batch or token_budget(self.device)
                ):
                    ids, mask = (
                        t.to(self.device) for t in pad([rows[i] for i in batch], self.pad_id)
                    )
                    embedding = self.pool(self.hidden_states(ids, mask), ids, mask)
                    if head is not None:
                        embedding = head(embedding.float())
                    out[batch] = embedding.float().cpu().numpy()
                    done += len(batch)
                    if progress:
                        progress(done, len(rows))
        finally:
            self.train(training)
        return out

    def tokenize(self, sentences: Sequence[str]) -> list[np.ndarray]:
        """Token ids with special tokens, cut at ``max_length``."""
        ids = self.tokenizer(
            list(sentences),
            truncation=True,
            max_length=self.max_length,
            return_attention_mask=False,
        )
        return [np.asarray(row, dtype=np.int64) for row in ids["input_ids"]]

    def encode(
        self, sentences: Sequence[str], **options: Any
    ) -> Float[np.ndarray, "sentences hidden"]:
        """Embeddings of sentences; options as in ``encode_ids``."""
        return (
            self.encode_ids(self.tokenize(sentences), **options)
            if len(sentences)
            else np.empty((0, self.hidden), np.float32)
        )

    # ---- on disk -------------------------------------------------------------------------------------------------

    def save(self, folder: Path) -> None:
        """Write a folder that opens with ``AutoModel.from_pretrained`` and, where its stock modules can say the pooling,
        with sentence-transformers: cls, mean and the means of two layers, with the head when it is kept."""
        folder.mkdir(parents=True, exist_ok=True)
        self.backbone.save_pretrained(folder, safe_serialization=True)
        self.tokenizer.save_pretrained(folder)
        kept = self.head is not None and self.keep_head
        card: dict[str, Any] = {
            "pooling": self.pooling,
            "max_length": self.max_length,
            "head": "tanh" if kept else "none",
        }
        if self.prompt is not None:
            card["prompt"] = self.prompt.texts[0]
        if self.residual is not None:
            card["residual"] = self.residual.card
            self.residual.save(folder)
        (folder / CARD).write_text(json.dumps(card, indent=2) + "\n")
        if kept:
            assert isinstance(self.head, TanhHead)
            (folder / "2_Dense").mkdir(exist_ok=True)
            linear = {"linear.weight": self.head.dense.weight, "linear.bias": self.head.dense.bias}
            save_file(
                {k: v.detach().cpu().contiguous() for k, v in linear.items()},
                folder / "2_Dense" / "model.safetensors",
            )
        if self.pooling in ("cls", "mean", *LAYERS) and self.residual is None:
            self._save_sentence_transformers(folder, kept)

    def _save_sentence_transformers(self, folder: Path, kept: bool) -> None:
        module = "sentence_transformers.models."
        mixed = self.pooling in LAYERS
        modules = [
            ("", "Transformer"),
            *[("0_WeightedLayerPooling", "WeightedLayerPooling")] * mixed,
        ]
        modules += [("1_Pooling", "Pooling"), *[("2_Dense", "Dense")] * kept]
        files: dict[str, Any] = {
            "modules.json": [
                {"idx": i, "name": str(i), "path": path, "type": module + kind}
                for i, (path, kind) in enumerate(modules)
            ],
            "sentence_bert_config.json": {
                "max_seq_length": self.max_length,
                "do_lower_case": False,
            },
            "1_Pooling/config.json": {
                "word_embedding_dimension": self.hidden,
                "pooling_mode_cls_token": self.pooling == "cls",
                "pooling_mode_mean_tokens": self.pooling != "cls",
            },
        }
        if mixed:
            depth = self.backbone.config.num_hidden_layers
            weights = torch.zeros(depth + 1)
            weights[list(LAYERS[self.pooling])] = 1.0
            (folder / "0_WeightedLayerPooling").mkdir(exist_ok=True)
            save_file(
                {"layer_weights": weights}, folder / "0_WeightedLayerPooling" / "model.safetensors"
            )
            files["0_WeightedLayerPooling/config.json"] = {
                "word_embedding_dimension": self.hidden,
                "layer_start": 0,
                "num_hidden_layers": depth,
            }
            files["config.json"] = json.loads((folder / "config.json").read_text()) | {
                "output_hidden_states": True
            }
        if kept:
            activation = "torch.nn.modules.activation.Tanh"
            files["2_Dense/config.json"] = {
                "in_features": self.hidden,
                "out_features": self.hidden,
                "bias": True,
                "activation_function": activation,
            }
        for name, value in files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(json.dumps(value, indent=2) + "\n")


def read_card(folder: str) -> dict[str, Any]:
    """Pooling, longest sentence and head as a folder states them: ours, else those of sentence-transformers, else empty.

    Raises:
        LabError: The folder names a module that would change the embedding and is not known here, or a file is damaged.
    """
    path = Path(folder)
    if (path / CARD).is_file():
        card = read_json(path / CARD, AGAIN)
    elif (path / "modules.json").is_file():
        try:
            card = _read_modules(path)
        except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise LabError(
                f"{path / 'modules.json'}: this file, or one it names, is damaged ({_reason(error)}); {AGAIN}."
            ) from error
    else:
        return {}
    longest = card.get("max_length")
    if longest is not None and not (isinstance(longest, int) and longest >= 4):
        raise LabError(
            f"{folder}: it states {longest!r} as its longest sentence; expected a number of tokens from 4 on."
        )
    return card


def _read_modules(path: Path) -> dict[str, Any]:
    """What sentence-transformers' files say of a folder."""
    card: dict[str, Any] = {"head": "none"}
    for module in json.loads((path / "modules.json").read_text()):
        kind = module["type"].rsplit(".", 1)[-1]
        config = path / module["path"] / "config.json"
        if kind == "Pooling":
            modes = json.loads(config.read_text())
            if modes.get("pooling_mode_cls_token") or modes.get("pooling_mode") == "cls":
                card["pooling"] = "cls"
            elif modes.get("pooling_mode_mean_tokens") or modes.get("pooling_mode") == "mean":
                card["pooling"] = "mean"
            else:
                raise LabError(
                    f"{config}: of sentence-transformers' poolings only cls and mean are known; give --pooling."
                )
        elif kind == "Dense":
            dense = json.loads(config.read_text())
            if (
                not dense["activation_function"].endswith("Tanh")
                or dense["in_features"] != dense["out_features"]
            ):
                raise LabError(f"{config}: only a square dense layer with tanh is known as a head.")
            card["head"] = "tanh"
        elif kind not in ("Transformer", "Normalize"):  # a norm does not move a cosine
            raise LabError(
                f"{path / 'modules.json'}: module {kind} is not known; its embeddings would differ from ours."
            )
    settings = path / "sentence_bert_config.json"
    if settings.is_file():
        card["max_length"] = json.loads(settings.read_text()).get("max_seq_length")
    return card


def load_encoder(
    encoder: str,
    *,
    pooling: str | None = None,
    layers: int | None = None,
    max_length: int | None = None,
    attention: str = "auto",
) -> TransformerEncoder:
    """An encoder for use, not for training: pooling, prompt, residual and head as its folder states them unless given.

    A folder that states no pooling is read with ``mean``. Another pooling than the stated one, or fewer layers, leave out
    what was trained on top of it.

    Raises:
        LabError: It cannot be loaded, the pooling is not known, or ``prompt`` is asked of a folder that states none.
    """
    where = resolve(encoder)
    card = read_card(where)
    stated = card.get("pooling") or "mean"
    chosen = pooling or stated
    as_stated = chosen == stated and layers is None
    if chosen not in ("prompt", *POOLINGS):
        raise LabError(
            f"{encoder}: pooling {chosen!r} is not known; expected one of {', '.join(POOLINGS)}."
        )
    if chosen == "prompt" and not isinstance(card.get("prompt"), str):
        raise LabError(
            f"{encoder}: this folder states no template, so that it has no pooling prompt."
        )
    backbone = load_backbone(where, layers=layers, attention=attention)
    head = None
    if card.get("head") == "tanh" and layers is None:
        head = TanhHead(backbone.config.hidden_size)
        with _reading(file := Path(where) / "2_Dense" / "model.safetensors"):
            weights = load_file(file)
            head.dense.load_state_dict({k.removeprefix("linear."): v for k, v in weights.items()})
    residual = None
    if "residual" in card and as_stated:
        with _reading(Path(where) / RESIDUAL):
            residual = load_residual(Path(where), card["residual"])
    model = TransformerEncoder(
        backbone,
        load_tokenizer(where),
        pooling=chosen,
        head=head,
        keep_head=head is not None,
        max_length=max_length or card.get("max_length"),
        prompt=(card["prompt"],) if chosen == "prompt" else (),
        residual=residual,
    )
    return model.eval()
