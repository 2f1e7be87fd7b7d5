"""Views: edits of a sentence that make a positive of it."""

from recse_lab.views.crop import Crop
from recse_lab.views.cutoff import FeatureCutoff, TokenCutoff
from recse_lab.views.deletion import WordDeletion
from recse_lab.views.mlm_substitution import MaskedLMSubstitution
from recse_lab.views.noise import EmbeddingNoise
from recse_lab.views.repetition import TokenRepetition, WordRepetition
from recse_lab.views.shuffle import TokenShuffle
from recse_lab.views.span_masking import SpanMasking
from recse_lab.views.synonyms import SynonymReplacement
from recse_lab.views.view import EmbeddingView as EmbeddingView
from recse_lab.views.view import TextView as TextView
from recse_lab.views.view import View
from recse_lab.views.view import Vocabulary as Vocabulary

VIEWS: dict[str, type[View]] = {
    "word-deletion": WordDeletion,
    "crop": Crop,
    "word-repetition": WordRepetition,
    "token-repetition": TokenRepetition,
    "token-shuffle": TokenShuffle,
    "span-masking": SpanMasking,
    "mlm-substitution": MaskedLMSubstitution,
    "synonyms": SynonymReplacement,
    "token-cutoff": TokenCutoff,
    "feature-cutoff": FeatureCutoff,
    "embedding-noise": EmbeddingNoise,
}
"""Views: name -> class. A new one is one file and one line here."""
