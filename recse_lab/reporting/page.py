"""A study as one self-contained HTML page: no network, light and dark, readable on a phone and on paper."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path

from recse_lab.reporting.tables import Table, shown

TEMPLATE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ name }} · recse-lab</title>
<style>
:root { color-scheme: light dark; --ink: #1a1a1a; --paper: #fff; --faint: #666; --line: #ddd; --tint: #f4f4f2; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8e6; --paper: #17181a; --faint: #a0a0a0; --line: #3a3b3e; --tint: #222326; } }
body { margin: 0 auto; max-width: 60rem; padding: 1.5rem 1rem 3rem; color: var(--ink); background: var(--paper); font: 16px/1.55 system-ui, sans-serif; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .2rem; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
.name, .note, caption { color: var(--faint); font-size: .85rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; width: 100%; }
caption { text-align: left; padding-bottom: .4rem; }
th, td { padding: .3rem .6rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
th.text, td.text { text-align: left; }
thead th { border-bottom: 2px solid var(--line); }
tr.reference td { background: var(--tint); }
tr.published td { color: var(--faint); font-style: italic; }
td.best { font-weight: 700; }
td small { color: var(--faint); font-weight: 400; }
figure { margin: 1.2rem 0; padding: .8rem; background: #fff; border: 1px solid var(--line); border-radius: .4rem; }
img { display: block; width: 100%; max-width: 48rem; height: auto; margin: 0 auto; }
pre { overflow-x: auto; padding: .7rem; background: var(--tint); border-radius: .4rem; font-size: .8rem; }
@media print { pre, .scroll { overflow: visible; white-space: pre-wrap; } details { display: block; } }
</style>
<p class="name">recse-lab · {{ name }}</p>
<h1>{{ question }}</h1>
<p>{{ summary }}</p>
{% if picture %}<figure><img alt="{{ question }}" src="data:image/png;base64,{{ picture }}"></figure>{% endif %}
{% for table in tables %}<h2>{{ "Table" if loop.last else "Effects" }}</h2>
<div class="scroll"><table>
<caption>{{ table.title }}</caption>
<thead><tr>{% for column in table.columns %}<th class="{{ column.kind }}" scope="col">{{ column.label }}</th>{% endfor %}</tr></thead>
<tbody>
{% for row in table.rows %}<tr class="{{ row.kind }}">{% for cell in row.cells %}<td class="{{ cell.kind }}">{{ cell.text }}{% if cell.extra %} <small>{{ cell.extra }}</small>{% endif %}</td>{% endfor %}</tr>
{% endfor %}</tbody></table></div>
{% for note in table.notes %}<p class="note">{{ note }}</p>
{% endfor %}{% endfor %}
<h2>How it was computed</h2>
<pre>{{ commands }}</pre>
<details><summary>{{ runs|length }} runs</summary>
<div class="scroll"><table><thead><tr><th class="text">arm</th><th>seed</th><th class="text">run</th></tr></thead><tbody>
{% for arm, seed, run in runs %}<tr><td class="text">{{ arm }}</td><td>{{ seed }}</td><td class="text"><code>{{ run }}</code></td></tr>
{% endfor %}</tbody></table></div></details>
</html>
"""


def study_page(
    *, name: str, question: str, summary: str, table: Table, picture: Path | None, commands: Sequence[str],
    runs: Sequence[tuple[str, int, str]], more: Sequence[Table] = (),
) -> str:  # fmt: skip
    """The page as text; everything that comes from a user's file is escaped."""
    from jinja2 import Environment, StrictUndefined

    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(TEMPLATE)
    return template.render(
        name=name, question=question, summary=summary, commands="\n".join(commands), runs=runs,
        tables=[shown(t) for t in (*more, table)],
        picture=base64.b64encode(picture.read_bytes()).decode() if picture else None,
    ) + "\n"  # fmt: skip
