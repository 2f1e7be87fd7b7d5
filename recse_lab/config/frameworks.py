"""Training frameworks: named starting points of a configuration, each with or without a reshape."""

from __future__ import annotations

from typing import Any, NamedTuple

from recse_lab.errors import LabError, suggest

RESHAPE = "+reshape"


class Framework(NamedTuple):
    """A published way of training, as options."""

    about: str
    """What it does, and its paper."""
    options: dict[str, Any]
    """What it sets, by dotted key; any other option may be set beside it."""
    paper: str
    """What the paper states."""
    release: str
    """What the authors' code does, with repository and commit, where it says more or other."""
    ours: str
    """What is done differently here, and why."""


FRAMEWORKS: dict[str, Framework] = {
    "simcse": Framework(
        "two dropout masks, InfoNCE (Gao et al. 2021, arXiv 2104.08821)",
        {},
        paper="[CLS] through an MLP in training alone, dropout 0.1 twice, InfoNCE with τ 0.05; a "
        "million Wikipedia sentences, one epoch, best checkpoint by STS-B dev",
        release="princeton-nlp/SimCSE@49fa580, run_unsup_example.sh: batch 64, learning rate 3e-5 "
        "falling linearly without warm-up, 32 tokens, evaluation every 125 steps, gradients "
        "clipped at 1, no weight decay; the MLP is one dense layer with tanh",
        ours="three epochs by default, as reCSE; the rest are the defaults",
    ),
    "reshape-only": Framework(
        "one pass: an embedding must find its own reshaped features, without a dropout term",
        {"contrast.weight": 0.0, "reshape": {"weight": 1.0}},
        paper="none",
        release="none",
        ours="all of it: reCSE's reshape term by itself, to tell it from the dropout term",
    ),
    "esimcse": Framework(
        "repeated sub-words and a momentum queue of negatives "
        "(Wu et al. 2022, arXiv 2109.04380: rate 0.32, 2.5 batches, m 0.995)",
        {
            "view": {"family": "token-repetition", "strength": 0.32},
            "contrast.queue": 2.5,
            "contrast.momentum": 0.995,
        },
        paper="0 to max(2, ⌊0.32·tokens⌋) repeated tokens in the second view; a queue of 2.5 "
        "batches from a momentum encoder (m 0.995) without dropout, as negatives of the first "
        "view",
        release="caskcsg/sentemb@5eeec55, ESimCSE: the backbone is averaged, the head is the live "
        "one; at most min(10, ⌊rate·tokens⌋) − 1 repetitions, the count with [CLS] and [SEP], "
        "drawn once before training; the queue is emptied at each epoch; rate 0.3 for "
        "RoBERTa-base",
        ours="the live head, as the release (contrast.queue_head: copied averages it too); "
        "repetitions as the paper counts them, of content tokens, drawn anew at every step; "
        "the queue goes on over epochs",
    ),
    "adnce": Framework(
        "negatives weighted by a Gaussian of their cosine "
        "(Wu et al. 2023, arXiv 2310.11048: μ 0.4, σ 1, τ 0.07, as their sentence code)",
        {
            "contrast": {
                "objective": "adnce",
                "temperature": 0.07,
                "options": {"mu": 0.4, "sigma": 1.0, "weigh_positive": 1.0},
            }
        },
        paper="each negative weighted by a Gaussian of its cosine, of mean 1 over the negatives",
        release="junkangwu/ADNCE@cdd110f, sentence/simcse/models.py: the positive is weighted too, "
        "in the denominator alone; README: μ 0.4, σ 1, τ 0.07 for BERT-base, μ 2, σ 1, τ 0.06 "
        "and batch 512 for RoBERTa-base",
        ours="as the release; contrast.options.weigh_positive 0 is the paper",
    ),
    "consert": Framework(
        "cut features against shuffled tokens, without dropout, NT-Xent over means "
        "(Yan et al. 2021, arXiv 2105.11741: τ 0.1, 20 % of the features)",
        {
            "anchor_view": {"family": "feature-cutoff", "strength": 0.2},
            "view": {"family": "token-shuffle", "strength": 1.0},
            "model.dropout": 0.0,
            "model.pooling": "mean",
            "model.head": "none",
            "contrast": {"objective": "nt-xent", "temperature": 0.1},
        },
        paper="feature cutoff and token shuffling, NT-Xent with τ 0.1, mean pooling; embeddings of "
        "the tests are means over the last two layers",
        release="yym6472/ConSERT@03c9e8f, scripts/unsup-consert-base.sh: the first view loses "
        "⌊0.2·hidden⌋ features, the second has shuffled position ids ([CLS] and [SEP] too); no"
        " dropout, mean of the last layer, no head; loss 0.15 times the sum of both "
        "directions; batch 96, learning rate 5e-7 with 10 % warm-up, 10 epochs, 64 tokens, on "
        "the STS sets' own sentences",
        ours="tokens are permuted, which is the same to a transformer, and [CLS] and [SEP] stay; "
        "the loss is the mean of both directions, a factor that AdamW does not see; tested "
        "with the pooling it trains (model.pooling top2_mean reads two layers); the recipe is "
        "that of all other arms",
    ),
    "promptbert": Framework(
        "the state of a mask token in two templates, minus the templates' own "
        "(Jiang et al. 2022, arXiv 2201.04337)",
        {"prompt": {}, "model.pooling": "prompt"},
        paper="two templates, the state of [MASK], the template's own state subtracted in "
        "training, InfoNCE with τ 0.05",
        release="kongds/Prompt-BERT@690ba6e: templates laid around 32 content tokens; an MLP after "
        "the subtraction, in training alone; in the final evaluation a sentence gets a full "
        "stop unless it ends in . ? \" or '; batch 256, learning rate 1e-5, one epoch",
        ours="the same; the dev set is measured with the full stop too; the recipe is that of all "
        "other arms; RoBERTa's positions start where RoBERTa counts from",
    ),
    "arccse": Framework(
        "an angle added between a sentence and its positive, without the triplets "
        "(Zhang et al. 2022, ACL 2022.acl-long.336: 10°)",
        {"contrast": {"objective": "arc-con", "options": {"margin_degrees": 10.0}}},
        paper="ArcCon with a margin of 10° and τ 0.05, and a triplet loss over masked spans",
        release="none found",
        ours="ArcCon alone",
    ),
    "supervised": Framework(
        "entailments as positives, contradictions as hard negatives, from a table with the columns "
        "sent0, sent1 and hard_neg (Gao et al. 2021)",
        {
            "column": "sent0",
            "positives": "sent1",
            "negatives": "hard_neg",
            "contrast": {"objective": "supervised"},
            "model.head": "tanh",
            "model.keep_head": True,
            "training": {"batch_size": 512, "learning_rate": 5e-5, "epochs": 3.0},
        },
        paper="InfoNCE with a hard negative per sentence, all of the batch's as negatives, α 1; "
        "NLI triples; batch 512, learning rate 5e-5, three epochs; the MLP stays at test time",
        release="princeton-nlp/SimCSE@49fa580, run_sup_example.sh: 4 GPUs with 128 triples each, "
        "whose embeddings are gathered; pooler cls without --mlp_only_train; "
        "hard_negative_weight 0",
        ours="the same recipe on one device; tested on made-up triples, and not run on NLI",
    ),
    "word-deletion": Framework(
        "a tenth of the words deleted in one view",
        {"view": {"family": "word-deletion", "strength": 0.1}},
        paper="SimCSE (arXiv 2104.08821), table 1: delete 10 % of the words",
        release="not in princeton-nlp/SimCSE@49fa580",
        ours="one view is edited, the other is the sentence; words are drawn anew at every step",
    ),
    "crop": Framework(
        "a tenth of the words cropped in one view",
        {"view": {"family": "crop", "strength": 0.1}},
        paper="SimCSE (arXiv 2104.08821), table 1: keep 90 % of the length",
        release="not in princeton-nlp/SimCSE@49fa580",
        ours="one view is edited, the other is the sentence; the stretch is drawn anew at every "
        "step",
    ),
}
"""Name -> what it is. A new one is one entry here."""

RESHAPED = Framework(
    "any of them, with a reshape beside it; recse is simcse+reshape (arXiv 2408.04975)",
    {"reshape": {}},
    paper="X = √(xᵀx) of a sentence's features, a second contrast with its own temperature τ′, "
    "reshaping separated from training",
    release="heavenhellchen/reCSE@8b2fae4: no reshape; its scripts have batch 64, learning rate "
    "3e-5, three epochs, 32 tokens and evaluation every 125 steps; τ′ 0.05, λ 0.01 and a "
    "projection of 256 are defaults of its options",
    ours="the operators, their statistics, the projections and the roles; see docs/architecture.md",
)
"""What ``+reshape`` adds."""


def framework_options(name: str) -> dict[str, Any]:
    """Options of ``NAME`` or ``NAME+reshape``; ``recse`` is ``simcse+reshape``.

    Raises:
        LabError: An unknown name; the message has the nearest one.
    """
    full = "simcse" + RESHAPE if name == "recse" else name
    base = full.removesuffix(RESHAPE)
    if base not in FRAMEWORKS:
        hint = suggest(base, [*FRAMEWORKS, "recse"])
        raise LabError(f"unknown framework {name!r}; {hint}")
    options = FRAMEWORKS[base].options
    return {"reshape": {}, **options} if full.endswith(RESHAPE) else options
