"""The registered plan of a sequential study: plan.json, written before its first run."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, ClassVar, Self

from recse_lab.config.claims import ClaimSpec
from recse_lab.runs.records import FileRecord

PLANNED = ("study", "claims", "looks", "seeds", "levels", "spending", "futility", "cells")
"""The fields that the hash covers."""


class RegisteredPlan(FileRecord):
    """What a sequential study set out to do, and how many runs had finished by then."""

    FILE: ClassVar[str] = "plan.json"
    SCHEMA: ClassVar[str] = "recse-lab/plan/1"
    REMEDY: ClassVar[str] = "restore it; a plan cannot be made after its runs"

    study: str = ""
    claims: list[dict[str, Any]] = []
    looks: list[int] = []
    """Numbers of seeds at which the claims are judged; the last is the largest."""
    seeds: list[int] = []
    """The seeds, in the order in which they are added."""
    levels: list[float] = []
    """Two-sided error levels of direction and size."""
    spending: str = ""
    futility: float = 0.0
    """A claim whose chance to be decided is below this is given up."""
    cells: list[list[Any]] = []
    """Arm, levels and run id of every cell of the first seed: what is run, and on what."""
    registered: str = ""
    commit: str | None = None
    finished_before: int = 0
    """Runs of the plan that had finished when it was registered."""
    hash: str = ""

    @classmethod
    def find(cls, folder: Path) -> Self | None:
        """The plan of a study's folder; None where none is registered.

        Raises:
            LabError: The file is damaged.
        """
        return cls.read(folder) if (Path(folder) / cls.FILE).is_file() else None

    @property
    def specs(self) -> list[ClaimSpec]:
        """Its claims."""
        return [ClaimSpec.model_validate(claim) for claim in self.claims]

    @property
    def most(self) -> int:
        """Largest number of seeds."""
        return self.looks[-1]

    def fields(self) -> dict[str, Any]:
        """What was planned: the fields that the hash covers."""
        return {name: self.model_dump(mode="json")[name] for name in PLANNED}

    def digest(self) -> str:
        """SHA-256 of the planned fields, as twelve hexadecimal digits."""
        text = json.dumps(self.fields(), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()[:12]
