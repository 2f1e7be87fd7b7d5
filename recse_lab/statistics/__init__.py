"""Is a difference one? What every table asks, from one door; docs/statistics.md says which question has which function.

``rank_bootstrap``: correlations on resamples of the pairs. ``seeds``: tests and power over seeds. ``comparison``: two arms
over seeds and pairs, the best of several. ``factorial``: effects of an ablation's factors. NumPy and SciPy alone.
"""

from recse_lab.statistics.comparison import (
    BestOf,
    Comparison,
    Spread,
    best_of,
    compare,
    compare_resampled,
    compare_sts,
    mean_interval,
    nested_interval,
    nested_test,
    spread_over_both,
)
from recse_lab.statistics.factorial import factorial_effects
from recse_lab.statistics.rank_bootstrap import (
    bootstrap_correlations,
    bootstrap_sts,
    correlation_interval,
    pearson_bootstrap,
    resample_counts,
    spearman_bootstrap,
)
from recse_lab.statistics.seeds import (
    Interval,
    PairedTest,
    effect_size,
    expected_maximum,
    holm,
    minimum_detectable,
    paired_test,
    seeds_needed,
    sign_flip_test,
    t_interval,
)

__all__ = [
    "BestOf",
    "Comparison",
    "Interval",
    "PairedTest",
    "Spread",
    "best_of",
    "bootstrap_correlations",
    "bootstrap_sts",
    "compare",
    "compare_resampled",
    "compare_sts",
    "correlation_interval",
    "effect_size",
    "expected_maximum",
    "factorial_effects",
    "holm",
    "mean_interval",
    "minimum_detectable",
    "nested_interval",
    "nested_test",
    "paired_test",
    "pearson_bootstrap",
    "resample_counts",
    "seeds_needed",
    "sign_flip_test",
    "spearman_bootstrap",
    "spread_over_both",
    "t_interval",
]
