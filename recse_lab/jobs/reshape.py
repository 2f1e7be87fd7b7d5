"""Build the feature store of a configuration."""

from __future__ import annotations

from recse_lab.config.schema import RunConfig
from recse_lab.errors import LabError
from recse_lab.jobs.build import Lab
from recse_lab.jobs.machine import Notify, silent
from recse_lab.jobs.settling import settle


def build_reshape(config: RunConfig, *, notify: Notify = silent) -> Lab:
    """Build (or open) the feature store of a configuration, ``lab.stored`` in ``lab.store_folder``.

    Raises:
        LabError: There is no reshape in it, it is integrated, or the disk is full.
    """
    lab = Lab(settle(config), notify)
    if lab.config.reshape is None or lab.config.reshape.mode == "integrated":
        raise LabError(
            "only a separated reshape has a feature store; set reshape.mode to separated."
        )
    return lab
