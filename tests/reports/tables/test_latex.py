"""table.tex compiles in a document that loads booktabs and nothing else, whatever stands in its
cells.
"""

from latex_document import compiled

from recse_lab.reports.tables import Cell, Column, Row, Table
from recse_lab.reports.tables.latex import SPECIAL, escape, latex


def wide_table():
    """Every kind of cell, and every character that has a meaning of its own, where a row begins and
    in the notes.
    """
    columns = [
        Column("arm", "arm_%", "text"),
        Column("level", "p, τ′ & λ", "text"),
        Column("avg", "avg.", best=True),
    ]
    columns += [Column("delta", "Δ SimCSE", "difference"), Column("p", "p (Holm)", "p")]
    columns += [Column(f"task{i}", f"STS{i}") for i in range(12, 20)]
    tasks = {f"task{i}": Cell(0.5 + i / 100) for i in range(12, 20)}
    rows = [
        Row(
            {"arm": Cell("[first]"), "avg": Cell(0.5733, low=0.562, high=0.585), **tasks},
            kind="reference",
        ),
        Row(
            {
                "arm": Cell("*starred"),
                "level": Cell("8"),
                "avg": Cell(0.6, sd=0.01, low=-0.1, high=0.7),
                **tasks,
            }
        ),
        Row(
            {
                "arm": Cell("".join(SPECIAL)),
                "delta": Cell(-0.02, low=-0.05, high=0.01),
                "p": Cell(0.0004, mark="†"),
            }
        ),
        Row({"arm": Cell("published"), "avg": Cell(0.61)}, kind="published"),
    ]
    return Table(
        "a_b: 100 % of {x} ~ \\y, Spearman ×100",
        columns,
        rows,
        ["".join(SPECIAL)],
        ["é, Größe, “quoted”; α–ω."],
    )


def test_compiles_with_booktabs_alone(tmp_path):
    compiled(latex(wide_table()), tmp_path, "booktabs")


def test_with_graphicx_a_wide_table_is_scaled_to_the_line(tmp_path):
    assert "Overfull" not in compiled(latex(wide_table()), tmp_path, "booktabs", "graphicx")


def test_a_narrow_table_keeps_its_size():
    """It would be blown up to the line if it were scaled unasked."""
    text = latex(Table("t", [Column("a", "a", "text")], [Row({"a": Cell("x")})]))
    assert r"\ifdim\wd0>\linewidth" in text
    assert text.index(r"\ifdim") < text.index(r"\resizebox{\linewidth}")


def test_escape_leaves_nothing_that_has_a_meaning():
    assert escape("a_b & 5 % [x]") == r"a\_b \& 5 \% {[}x]"
