"""Intervals, tests and power for comparisons of encoders.

The page docs/statistics.md says which function answers which question.

- ``rank_bootstrap``: correlations on resamples of the pairs.
- ``seeds`` and ``power``: tests, effect sizes and sample sizes over seeds.
- ``spread`` and ``comparison``: two arms over seeds and pairs.
- ``selection``: the bias of a reported maximum.
- ``factorial``: effects of an ablation's factors.
- ``accuracies``, ``jackknife``: intervals of accuracies and of measures that cannot be resampled.

Requires NumPy, SciPy and pandas only.
"""

from recse_lab.statistics.comparison import Comparison as Comparison
from recse_lab.statistics.comparison import compare as compare
from recse_lab.statistics.comparison import compare_resampled as compare_resampled
from recse_lab.statistics.comparison import compare_sts as compare_sts
from recse_lab.statistics.comparison import mean_interval as mean_interval
from recse_lab.statistics.factorial import factorial_effects as factorial_effects
from recse_lab.statistics.power import minimum_detectable as minimum_detectable
from recse_lab.statistics.power import seeds_needed as seeds_needed
from recse_lab.statistics.rank_bootstrap import bootstrap_correlations as bootstrap_correlations
from recse_lab.statistics.rank_bootstrap import bootstrap_sts as bootstrap_sts
from recse_lab.statistics.rank_bootstrap import correlation_interval as correlation_interval
from recse_lab.statistics.rank_bootstrap import resample_counts as resample_counts
from recse_lab.statistics.rank_bootstrap import spearman_bootstrap as spearman_bootstrap
from recse_lab.statistics.seeds import Interval as Interval
from recse_lab.statistics.seeds import effect_size as effect_size
from recse_lab.statistics.seeds import holm as holm
from recse_lab.statistics.seeds import paired_test as paired_test
from recse_lab.statistics.seeds import t_interval as t_interval
from recse_lab.statistics.selection import BestOf as BestOf
from recse_lab.statistics.selection import best_of as best_of
from recse_lab.statistics.spread import Spread as Spread
from recse_lab.statistics.spread import spread_over_both as spread_over_both
