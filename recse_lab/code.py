"""Code as it runs, to be compared with the code behind a stored number or a cache."""

from __future__ import annotations

import ast
import hashlib
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def as_it_runs(source: str) -> str:
    """Return the syntax tree as text, without docstrings, comments and layout."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            body = getattr(node, field, None)
            if isinstance(body, list):
                read = [
                    s
                    for s in body
                    if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))
                ]
                setattr(node, field, read)
    return ast.dump(tree)


@cache
def code_hash(*paths: str) -> str:
    """Hash the code of some modules, for the names of caches that outlive a process.

    Args:
        paths: Modules and packages by their paths in this package, or files elsewhere by absolute
            path.

    Raises:
        ValueError: A path does not exist.
    """
    digest = hashlib.sha256()
    for name in sorted(paths):
        path = PACKAGE / name
        modules = sorted(path.rglob("*.py")) if path.is_dir() else [path] if path.is_file() else []
        if not modules:
            raise ValueError(f"{name}: no module here")
        for module in modules:
            digest.update(module.relative_to(path.parent).as_posix().encode())
            digest.update(as_it_runs(module.read_text(encoding="utf-8")).encode())
    return digest.hexdigest()[:16]
