"""A study over several encoders: the encoder becomes a factor of every arm."""

from __future__ import annotations

from collections.abc import Sequence

from recse_lab.ablation.spec import ArmSpec, StudySpec
from recse_lab.config.overrides import flatten
from recse_lab.errors import LabError
from recse_lab.runs.collection import ENCODER
from recse_lab.runs.references import encoder_label


def over_encoders(spec: StudySpec, encoders: Sequence[str]) -> StudySpec:
    """The study with every arm on every encoder, compared with its reference on the same one.

    Args:
        spec: A study, in the edition that is run.
        encoders: Folders, hub ids or packaged names; with one, the study stays as it is.

    Raises:
        LabError: Two encoders have the same label, or an arm chooses its encoder itself.
    """
    if len(encoders) < 2:
        return spec
    levels: dict[str, dict[str, str]] = {}
    for encoder in encoders:
        label = encoder_label(encoder)
        if label in levels:
            raise LabError(
                f"--encoder {encoder}: {label} is given already; each encoder once, by folders of "
                "different names."
            )
        levels[label] = {"encoder": encoder}
    for arm in spec.arms:
        _refuse_own_encoder(spec, arm)
    arms = [arm.model_copy(update={"sweep": {ENCODER: levels, **arm.sweep}}) for arm in spec.arms]
    return spec.model_copy(update={"arms": arms}).with_origin(spec.origin)


def _refuse_own_encoder(spec: StudySpec, arm: ArmSpec) -> None:
    named = [levels for levels in arm.sweep.values() if isinstance(levels, dict)]
    options = [arm.set, *(options for levels in named for options in levels.values())]
    if ENCODER in arm.sweep or any("encoder" in flatten(each) for each in options):
        raise LabError(
            f"experiment {spec.name}, arm {arm.name}: it chooses its encoder itself, so the study "
            "cannot be run over several; give one --encoder."
        )
