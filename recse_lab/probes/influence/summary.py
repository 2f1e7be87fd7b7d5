"""The summary of the influence probe."""

from __future__ import annotations

import numpy as np

from recse_lab.probes.result import ProbeResult
from recse_lab.probes.wording import records, undefined_notes

CONTENT = "content word"


def summary(result: ProbeResult) -> str:
    """Say what the numbers say, in Markdown."""
    return "\n\n".join([*_lines_of_influence(result), *undefined_notes(result)])


def _lines_of_influence(result: ProbeResult) -> list[str]:
    wide, about = result.frame(), result.about
    lines = [
        f"Removing one of {about['words']:,} words from {about['sentences']:,} sentences "
        f"({about['passed over']:,} too short or too long were passed over):"
    ]
    told = (
        ("evenness", "evenness {:.2f}"),
        ("gini", "Gini {:.2f}"),
        (
            f"relative influence ({CONTENT})",
            "a content word moves the embedding {:.2f} times as far as the sentence's average word",
        ),
        ("relative influence (function word)", "a function word {:.2f} times"),
        ("influence / apart", "a removal is {:.1%} of the distance between two sentences"),
    )
    bullets = []
    for row in records(wide.reset_index()):
        parts = [
            text.format(row[measure]).replace("%", " %")
            for measure, text in told
            if np.isfinite(row[measure])
        ]
        if parts:
            bullets.append(f"- {row['encoder']}: {'; '.join(parts)}.")
    evenness = sorted(wide["evenness"].dropna().items(), key=lambda entry: entry[1])
    ends = [f"{name} ({value:.2f})" for name, value in evenness]
    told = (
        [f"Influence is spread most evenly over the words in {ends[-1]}, least in {ends[0]}."]
        if len(ends) > 1
        else []
    )
    return [*told, *lines, "\n".join(bullets)] if bullets else []
