"""Studies as YAML files: found by name, read, and resolved where one extends another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

import recse_lab
from recse_lab.ablation.spec import Origin, StudySpec
from recse_lab.config.overrides import merge
from recse_lab.config.reading import explain
from recse_lab.config.yaml import read_yaml
from recse_lab.errors import LabError, suggest


def experiment_files() -> dict[str, Path]:
    """Name -> file of every study: the package's, and those in ./experiments, which win."""
    folders = (Path(recse_lab.__file__).parent / "experiments", Path("experiments"))
    return {path.stem: path for folder in folders for path in sorted(folder.glob("*.yaml"))}


def load_spec(name: str) -> StudySpec:
    """Read a study, given its name or its YAML file.

    Raises:
        LabError: No such study (with the nearest name), or a mistake in it (file, line, option).
    """
    known = experiment_files()
    path = Path(name) if name.endswith((".yaml", ".yml")) else known.get(name)
    if path is None:
        raise LabError(f"no experiment {name!r}; {suggest(name, known)}")
    tree, lines = read_yaml(path)
    tree = _inherit(tree, str(path))
    try:
        spec = StudySpec.model_validate(tree)
    except ValidationError as error:
        raise LabError(explain(error, StudySpec, where=str(path), lines=lines)) from None
    return spec.with_origin(Origin(str(path), lines))


def _inherit(tree: dict[str, Any], where: str, seen: tuple[str, ...] = ()) -> dict[str, Any]:
    """Resolve ``extends: NAME``: base, seeds, quick and full of that study, updated with its own.

    Raises:
        LabError: It extends an unknown study, or itself.
    """
    if "extends" not in tree:
        return tree
    own, parent = dict(tree), str(tree["extends"])
    own.pop("extends")
    known = experiment_files()
    if parent in seen:
        raise LabError(f"{where}: extends {parent}, which extends itself.")
    if parent not in known:
        hint = suggest(parent, known)
        raise LabError(f"{where}: extends {parent}, which is not an experiment; {hint}")
    inherited = _inherit(read_yaml(known[parent])[0], str(known[parent]), (*seen, parent))
    kept = {key: inherited[key] for key in ("base", "seeds", "quick", "full") if key in inherited}
    return merge(kept, {key: value for key, value in own.items() if isinstance(value, dict)}) | {
        key: value for key, value in own.items() if not isinstance(value, dict)
    }
