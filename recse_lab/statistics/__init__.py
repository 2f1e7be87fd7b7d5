"""Intervals, tests and power for comparisons of encoders.

The page docs/statistics.md says which function answers which question.

- ``influence`` and ``sharing``: variances over pairs that share sentences.
- ``correlation_interval``: one correlation for new pairs.
- ``rank_bootstrap``: correlations on resamples of the pairs, for the probes.
- ``seeds`` and ``power``: tests, effect sizes and sample sizes over seeds.
- ``combined``: interval and test from differences over seeds and a variance over pairs.
- ``spread`` and ``comparison``: two arms over seeds and pairs.
- ``equivalence`` and ``sequential``: the decision of a claim, and seeds added until there is one.
- ``letters`` and ``budget``: groups of arms that cannot be separated, expected best of n options.
- ``selection``: the bias of a reported maximum.
- ``factorial``: effects of an ablation's factors.
- ``accuracies``, ``jackknife``: intervals of accuracies and of measures that cannot be resampled.

Requires NumPy, SciPy and pandas only.
"""

from recse_lab.statistics.budget import expected_best as expected_best
from recse_lab.statistics.combined import combined_test as combined_test
from recse_lab.statistics.combined import tasks_test as tasks_test
from recse_lab.statistics.comparison import Comparison as Comparison
from recse_lab.statistics.comparison import compare as compare
from recse_lab.statistics.comparison import compare_influences as compare_influences
from recse_lab.statistics.comparison import compare_sts as compare_sts
from recse_lab.statistics.comparison import mean_interval as mean_interval
from recse_lab.statistics.correlation_interval import (
    correlation_interval as correlation_interval,
)
from recse_lab.statistics.encoders import across_encoders as across_encoders
from recse_lab.statistics.equivalence import Decision as Decision
from recse_lab.statistics.equivalence import decide as decide
from recse_lab.statistics.factorial import factorial_effects as factorial_effects
from recse_lab.statistics.influence import pearson_influence as pearson_influence
from recse_lab.statistics.influence import spearman_influence as spearman_influence
from recse_lab.statistics.letters import compact_letters as compact_letters
from recse_lab.statistics.power import minimum_detectable as minimum_detectable
from recse_lab.statistics.power import seeds_needed as seeds_needed
from recse_lab.statistics.rank_bootstrap import bootstrap_correlations as bootstrap_correlations
from recse_lab.statistics.rank_bootstrap import resample_counts as resample_counts
from recse_lab.statistics.rank_bootstrap import spearman_bootstrap as spearman_bootstrap
from recse_lab.statistics.seeds import Interval as Interval
from recse_lab.statistics.seeds import effect_size as effect_size
from recse_lab.statistics.seeds import holm as holm
from recse_lab.statistics.seeds import new_seed as new_seed
from recse_lab.statistics.seeds import paired_test as paired_test
from recse_lab.statistics.seeds import t_interval as t_interval
from recse_lab.statistics.selection import BestOf as BestOf
from recse_lab.statistics.selection import best_of as best_of
from recse_lab.statistics.shared_bootstrap import SharedBootstrap as SharedBootstrap
from recse_lab.statistics.sharing import SharedSentences as SharedSentences
from recse_lab.statistics.sharing import pairs_covariance as pairs_covariance
from recse_lab.statistics.spread import Spread as Spread
from recse_lab.statistics.spread import spread_over_both as spread_over_both
