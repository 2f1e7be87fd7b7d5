"""The files of a study's report."""

from recse_lab.reports.study.summary import summarise
from recse_lab.reports.study.writing import write_study


def test_it_is_written_whole(study, tmp_path):
    paths = write_study(study.study.folder, tmp_path / "report").paths
    assert {p.name for p in paths} == {
        "table.md",
        "table.tex",
        "table.csv",
        "summary.md",
        "page.html",
        "card.json",
        "differences.png",
        "differences.pdf",
        "figure.png",
        "figure.pdf",
    }
    assert not [p for p in paths if b"/home/me" in p.read_bytes()]
    assert "'selection': 'last'" in (tmp_path / "report" / "summary.md").read_text()
    assert "of the 2 levels" in summarise(study)
    assert "With 3 seeds one unadjusted comparison finds a true difference of" in summarise(study)
