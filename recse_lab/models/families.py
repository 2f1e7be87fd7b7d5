"""Small encoders of many transformers families, with random weights, made on the spot.

Three layers of width 32 and a vocabulary trained on the packaged corpus: enough to run everything
that the package does with an encoder of that family, in milliseconds and without a download. Every
weight is random, so that no bias, norm or scale can hide behind its initial value.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch

from recse_lab.data.manifest import corpus_path
from recse_lab.data.token_store import vocabulary_size
from recse_lab.models.loading import quiet

POSITIONS = 64
"""Tokens that an encoder has positions for, where its family has a limit."""

VOCABULARY = 400
"""Pieces of a vocabulary, special tokens included."""

SIZES: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": POSITIONS,
}


class Family(NamedTuple):
    """An architecture, in which its configuration differs from ``SIZES``, and its tokenizer."""

    model_type: str
    tokenizer: Literal["wordpiece", "roberta", "camembert", "unigram", "gpt"] = "wordpiece"
    sizes: dict[str, Any] = {}
    """Options beside ``SIZES``; None takes one away."""


AFTER_PADDING = {"max_position_embeddings": POSITIONS + 2}
GROUPED = {"num_key_value_heads": 2, "head_dim": 8}
T5 = {"num_heads": 4, "d_ff": 64, "d_kv": 8, "num_decoder_layers": 1}
BART = {
    **{"d_model": 32, "encoder_layers": 3, "decoder_layers": 3, "encoder_attention_heads": 4},
    **{"decoder_attention_heads": 4, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64},
    **{"hidden_size": None, "num_hidden_layers": None, "num_attention_heads": None},
}
XLM = {"emb_dim": 32, "n_layers": 3, "n_heads": 4, "hidden_size": None, "num_hidden_layers": None}

FAMILIES: dict[str, Family] = {
    "bert": Family("bert"),
    "albert": Family("albert", "unigram", {"embedding_size": 16}),
    "big_bird": Family("big_bird", sizes={"block_size": 8, "num_random_blocks": 1}),
    "bert-generation": Family("bert-generation", "unigram"),
    "camembert": Family("camembert", "camembert", AFTER_PADDING),
    "convbert": Family("convbert", sizes={"embedding_size": 16}),
    "data2vec-text": Family("data2vec-text", "roberta", AFTER_PADDING),
    "deberta": Family("deberta", "roberta", {"relative_attention": True, "pos_att_type": ["c2p"]}),
    "deberta-v2": Family(
        "deberta-v2", "unigram", {"relative_attention": True, "pos_att_type": ["p2c", "c2p"]}
    ),
    "distilbert": Family("distilbert", sizes={"hidden_dim": 64}),
    "electra": Family("electra", sizes={"embedding_size": 16}),
    "ernie": Family("ernie"),
    "esm": Family("esm", sizes={"position_embedding_type": "rotary", "mask_token_id": 4}),
    "fnet": Family("fnet", "unigram", {"use_tpu_fourier_optimizations": False}),
    "flaubert": Family("flaubert", "roberta", XLM),
    "funnel": Family(
        "funnel",
        sizes={
            **{"block_sizes": [1, 1, 1], "d_inner": 64, "d_head": 8},
            **{"num_hidden_layers": None, "max_position_embeddings": None},
        },
    ),
    "ibert": Family("ibert", "roberta", AFTER_PADDING),
    "layoutlm": Family("layoutlm"),
    "longformer": Family("longformer", "roberta", AFTER_PADDING | {"attention_window": [4, 4, 4]}),
    "luke": Family("luke", "roberta", AFTER_PADDING | {"entity_vocab_size": 8}),
    "megatron-bert": Family("megatron-bert"),
    "mobilebert": Family("mobilebert", sizes={"embedding_size": 16, "intra_bottleneck_size": 16}),
    "modernbert": Family("modernbert", "wordpiece", {"local_attention": 8}),
    "mpnet": Family("mpnet", "roberta", AFTER_PADDING),
    "nomic_bert": Family("nomic_bert"),
    "nystromformer": Family("nystromformer", sizes={"segment_means_seq_len": 64}),
    "rembert": Family("rembert", "unigram", {"input_embedding_size": 16}),
    "roberta": Family("roberta", "roberta", AFTER_PADDING),
    "roberta-prelayernorm": Family("roberta-prelayernorm", "roberta", AFTER_PADDING),
    "roc_bert": Family("roc_bert", sizes={"pronunciation_vocab_size": 8, "shape_vocab_size": 8}),
    "roformer": Family("roformer", sizes={"embedding_size": 32}),
    "squeezebert": Family("squeezebert", sizes={"embedding_size": 32}),
    "xlm": Family("xlm", "roberta", XLM),
    "xlm-roberta": Family("xlm-roberta", "roberta", AFTER_PADDING),
    "xlm-roberta-xl": Family("xlm-roberta-xl", "roberta", AFTER_PADDING),
    "xlnet": Family(
        "xlnet", "unigram", {"d_inner": 64, "d_head": 8, "max_position_embeddings": None}
    ),
    "xmod": Family("xmod", "roberta", AFTER_PADDING | {"default_language": "en_XX"}),
    "yoso": Family("yoso"),
    "eurobert": Family("eurobert", "roberta", GROUPED),
    "gte": Family("gte"),
    "jina_embeddings_v3": Family("jina_embeddings_v3", "roberta", AFTER_PADDING),
    "t5": Family("t5", "unigram", T5),
    "mt5": Family("mt5", "unigram", T5),
    "umt5": Family("umt5", "unigram", T5),
    "bart": Family("bart", "roberta", BART),
    "mbart": Family("mbart", "roberta", BART),
    "bloom": Family("bloom", "gpt"),
    "gemma2": Family("gemma2", "gpt", GROUPED | {"attn_logit_softcapping": 2.0}),
    "gemma3_text": Family("gemma3_text", "gpt", GROUPED | {"sliding_window": 8}),
    "gpt2": Family("gpt2", "gpt"),
    "gpt_neox": Family("gpt_neox", "gpt"),
    "llama": Family("llama", "gpt", GROUPED),
    "mistral": Family("mistral", "gpt", GROUPED | {"sliding_window": 8}),
    "opt": Family("opt", "gpt", {"ffn_dim": 64, "word_embed_proj_dim": 32}),
    "qwen2": Family("qwen2", "gpt", GROUPED),
    "qwen3": Family("qwen3", "gpt", GROUPED),
    "mamba": Family("mamba", "gpt"),
}
"""Name -> family. A new one is one line here."""


def make_encoder(family: str, folder: Path, *, seed: int = 0) -> Path:
    """Write a small random encoder of a family; returns its folder.

    Args:
        family: A name of ``FAMILIES``.
        folder: Where its configuration, weights and tokenizer are written.
        seed: Of its weights.
    """
    from transformers import MODEL_MAPPING, AutoConfig

    kind = FAMILIES[family]
    tokenizer = TOKENIZERS[kind.tokenizer]()
    special = {
        f"{name}_token_id": getattr(tokenizer, f"{name}_token_id")
        for name in ("pad", "bos", "eos", "cls", "sep")
        if getattr(tokenizer, f"{name}_token") is not None
    }
    options = {"vocab_size": vocabulary_size(tokenizer), **SIZES, **special, **kind.sizes}
    config = AutoConfig.for_model(
        kind.model_type, **{name: value for name, value in options.items() if value is not None}
    )
    with quiet():
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            kinds: Any = MODEL_MAPPING[type(config)]
            model = (kinds[0] if isinstance(kinds, tuple) else kinds)(config)
            for parameter in model.parameters():
                with torch.no_grad():
                    parameter.add_(torch.randn_like(parameter), alpha=0.1)
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return folder


@cache
def sample_sentences(count: int) -> tuple[str, ...]:
    """The first sentences of the packaged corpus."""
    with gzip.open(corpus_path("sample-corpus"), "rt", encoding="utf-8") as lines:
        return tuple(line.strip() for line in islice(lines, count))


def _wordpiece() -> Any:
    from tokenizers import BertWordPieceTokenizer

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trained = BertWordPieceTokenizer(lowercase=True)
    trained.train_from_iterator(
        sample_sentences(500),
        vocab_size=VOCABULARY,
        special_tokens=special,
        show_progress=False,
        limit_alphabet=80,
    )
    return _fast(trained._tokenizer, *special, around="[CLS] $A [SEP]")


def _roberta(*, unused: int = 0) -> Any:
    from tokenizers import ByteLevelBPETokenizer, Tokenizer

    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator(
        sample_sentences(500), vocab_size=VOCABULARY, special_tokens=special, show_progress=False
    )
    plain = json.loads(trained._tokenizer.to_str())
    vocabulary = plain["model"]["vocab"]
    plain["model"]["vocab"] = {
        token: number + unused * (number >= len(special)) for token, number in vocabulary.items()
    }
    names = ("<pad>", "<unk>", "<s>", "</s>", "<mask>")
    fast = _fast(Tokenizer.from_str(json.dumps(plain)), *names, around="<s> $A </s>")
    fast.bos_token, fast.eos_token = "<s>", "</s>"
    return fast


def _unigram() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    special = ["<pad>", "<unk>", "[CLS]", "</s>", "<mask>"]
    trained = Tokenizer(models.Unigram())
    trained.pre_tokenizer = pre_tokenizers.Metaspace()  # type: ignore[reportAttributeAccessIssue]
    trained.decoder = decoders.Metaspace()  # type: ignore[reportAttributeAccessIssue]
    trainer = trainers.UnigramTrainer(
        vocab_size=VOCABULARY, special_tokens=special, unk_token="<unk>", show_progress=False
    )
    trained.train_from_iterator(sample_sentences(500), trainer)
    fast = _fast(trained, *special, around="$A </s>")
    fast.eos_token = "</s>"
    return fast


def _gpt() -> Any:
    from tokenizers import ByteLevelBPETokenizer
    from transformers import PreTrainedTokenizerFast

    trained = ByteLevelBPETokenizer()
    end = "<|endoftext|>"
    trained.train_from_iterator(
        sample_sentences(500), vocab_size=VOCABULARY, special_tokens=[end], show_progress=False
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=trained._tokenizer, model_max_length=512, bos_token=end, eos_token=end
    )


def _fast(trained: Any, pad: str, unk: str, cls: str, sep: str, mask: str, *, around: str) -> Any:
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    trained.post_processor = TemplateProcessing(
        single=around, special_tokens=[(name, trained.token_to_id(name)) for name in (cls, sep)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=trained,
        model_max_length=512,
        pad_token=pad,
        unk_token=unk,
        cls_token=cls,
        sep_token=sep,
        mask_token=mask,
    )


TOKENIZERS: dict[str, Callable[[], Any]] = {
    "wordpiece": _wordpiece,
    "roberta": _roberta,
    "camembert": partial(_roberta, unused=2),
    "unigram": _unigram,
    "gpt": _gpt,
}
"""Kind -> a fast tokenizer trained on the packaged corpus."""
