"""Compile LaTeX in a test, where pdflatex is installed."""

import shutil
import subprocess

import pytest


def compiled(source, folder, *packages):
    """Compile a document that holds ``source`` alone, and return the log of pdflatex."""
    if shutil.which("pdflatex") is None:
        pytest.skip("no pdflatex here (Debian: texlive-latex-base and texlive-latex-recommended)")
    head = "".join(rf"\usepackage{{{name}}}" for name in packages)
    (folder / "page.tex").write_text(
        rf"\documentclass{{article}}{head}\begin{{document}}{source}\end{{document}}",
        encoding="utf-8",
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, errors="replace", check=False
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert (folder / "page.pdf").stat().st_size > 1000
    return done.stdout
