"""The report of a study: numbers, summary, figures."""
