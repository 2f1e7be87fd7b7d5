"""A table as booktabs LaTeX, which needs no package but booktabs.

With graphicx a table that is too large for the page is scaled; with color published rows are grey.
"""

from __future__ import annotations

from recse_lab.reports.tables.model import Cell, Column, Row, Table, lift_shared, printed

LONG = 45
"""Characters of a cell that is broken into lines."""
WRAPPED = 18
"""Width of its column, in em."""

SPECIAL = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"$<$",
    ">": r"$>$",
    "±": r"$\pm$",
    "Δ": r"$\Delta$",
    "′": r"$'$",
    "×": r"$\times$",
    "†": r"$^{\dagger}$",
    "‡": r"$^{\ddagger}$",
    "§": r"$^{\S}$",
    "–": "--",
    "…": r"\dots{}",
    "−": "$-$",
    "·": r"$\cdot$",
    "∈": r"$\in$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "≈": r"$\approx$",
    "→": r"$\rightarrow$",
    "²": r"$^2$",
    "₁": r"$_1$",
    "√": r"$\surd$",
    "[": "{[}",
    "*": "{*}",  # after the end of a row they would be its options
}
LETTERS = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho "
    "varsigma sigma tau upsilon phi chi psi omega"
)
SPECIAL |= {
    chr(ord("α") + i): rf"$\{name}$" for i, name in enumerate(LETTERS.split()) if name != "omicron"
}


def escape(text: str) -> str:
    """Escape every character that is special to LaTeX."""
    return "".join(SPECIAL.get(character, character) for character in text)


def _cell(table: Table, column: Column, row: Row) -> str:
    parts = printed(column, row.cells.get(column.key, Cell(None)))
    text = (
        escape(parts.value).replace("+", "$+$").replace("-", "$-$")
        if column.kind != "text"
        else escape(parts.value)
    )
    if table.is_best(row, column):
        text = rf"\textbf{{{text}}}"
    if parts.sd:
        text += rf"\,{{\scriptsize$\pm${parts.sd}}}"
    if parts.interval:
        low, high = (
            escape(p).replace("+", "$+$").replace("-", "$-$") for p in parts.interval.split(", ")
        )
        text += rf" {{\scriptsize[{low}, {high}]}}"
    text += escape(parts.mark)
    return (
        rf"\textcolor[gray]{{0.45}}{{\textit{{{text}}}}}"
        if row.kind == "published" and text
        else text
    )


def _align(table: Table, column: Column) -> str:
    """Left for text, a paragraph for long text, right for numbers."""
    if column.kind != "text":
        return "r"
    texts = [printed(column, row.cells.get(column.key)).value for row in table.rows]
    words = [word for text in texts for word in text.split()]
    long = max(map(len, texts), default=0) > LONG and max(map(len, words)) <= LONG // 2
    return rf"p{{{WRAPPED}em}}" if long else "l"


def latex(table: Table) -> str:
    r"""Render a table as a LaTeX ``table`` environment with a caption.

    Shared columns become headings over their rows; notes and provenance are in small print below.
    The numbers are those of the Markdown and CSV of the same table.
    """
    columns, above = lift_shared(table)
    lines = [
        r"\begin{table}[tp]",
        r"\providecommand{\resizebox}[3]{#3}",
        r"\providecommand{\textcolor}[3][]{#3}",
        r"\centering\small",
        rf"\caption{{{escape(table.title)}}}",
        r"\sbox{0}{%",
        rf"\begin{{tabular}}[b]{{{''.join(_align(table, c) for c in columns)}}}",
        r"\toprule",
        " & ".join(escape(c.label) for c in columns) + r" \\",
        r"\midrule",
    ]
    before, said = None, ""
    for row, heading in zip(table.rows, above, strict=True):
        part = row.kind, row.group, heading
        if before not in (None, part):
            lines.append(r"\midrule")
        if heading != said:
            lines.append(rf"\multicolumn{{{len(columns)}}}{{l}}{{\textit{{{escape(heading)}}}}} \\")
        before, said = part, heading
        lines.append(" & ".join(_cell(table, column, row) for column in columns) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}}%"]
    lines.append(r"\ifdim\wd0>\linewidth\sbox{0}{\resizebox{\linewidth}{!}{\usebox{0}}}\fi")
    lines.append(r"\ifdim\ht0>.8\textheight\sbox{0}{\resizebox{!}{.8\textheight}{\usebox{0}}}\fi")
    lines.append(r"\usebox{0}")
    small = " ".join(escape(text) for text in (*table.notes, *table.provenance))
    return (
        "\n".join(
            [*lines, rf"\par\smallskip{{\scriptsize\raggedright {small}\par}}", r"\end{table}"]
        )
        + "\n"
    )
