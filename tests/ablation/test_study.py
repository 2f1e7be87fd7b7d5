"""Studies that can be read, and cannot be planned."""

import re

import pytest
from study_files import GRAM, study_text

from recse_lab.ablation.study import plan_study
from recse_lab.errors import LabError


@pytest.mark.parametrize(
    ("old", "new", "options", "message"),
    [
        (
            GRAM,
            GRAM + ", baseline: wihtening",
            {},
            "a.yaml (arm gram), line 10: wihtening@recse-lab/tiny: unknown baseline 'wihtening'",
        ),
        (
            "seeds: 3",
            "seeds: 3",
            {"seeds": [5]},
            "experiment small: arm SimCSE has none of the seeds that are run",
        ),
        (
            "SimCSE}",
            "SimCSE, against_level: {reshape.dim: 4}}",
            {"quick": True},
            "report.against_level: reshape.dim has no level 4; it has 2.",
        ),
        (
            GRAM,
            GRAM + ", same: [{when: {mask: a}, then: {mask: b}}]",
            {"overrides": {"mask": "a"}},
            "same takes a run from mask b, which is left out here",
        ),
        (
            "role: control",
            "framework: recse, set: {reshape.dim: null}",
            {},
            "channel-gram needs dim",
        ),
    ],
)
def test_a_study_that_cannot_be_planned_says_why(tmp_path, old, new, options, message):
    (tmp_path / "a.yaml").write_text(study_text(old, new))
    with pytest.raises(LabError, match=re.escape(message)):
        plan_study(str(tmp_path / "a.yaml"), tmp_path, **options)
