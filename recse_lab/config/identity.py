"""The name of the question that a run answers.

An id is the hash of the options that differ from their defaults, of the fingerprints of data and
weights, and of the versions of the components that the run uses. So a new option leaves every id as
it is, and a corrected component renames the runs that use it, and no others.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from recse_lab.config.options import Strict

EDITION = 2
"""Version of what options mean. Raise it when the default or the meaning of an option changes."""

LOCATIONS = (
    *("encoder", "corpus", "column", "positives", "negatives", "framework"),
    "evaluation.data_dir",
)
"""Where data and weights are found, and what the options are called. The fingerprints of the data
are in an id; locations and names are not."""


def run_id(
    config: Strict | Mapping[str, Any],
    fingerprints: Mapping[str, str],
    behaviour: Mapping[str, int],
) -> str:
    """Name the question that a run answers, in twelve hex digits.

    Args:
        config: A canonical configuration, settled for this machine; or options without a schema,
            of which null means absent.
        fingerprints: Contents of the data and the weights, by what they are.
        behaviour: Version of every component that the run uses, by the component's name.
    """
    options = differences(config) if isinstance(config, Strict) else _present(config)
    asked = {
        "edition": EDITION,
        "options": _without_locations(options),
        "fingerprints": dict(fingerprints),
        "behaviour": dict(behaviour),
    }
    text = json.dumps(asked, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def differences(group: Strict) -> dict[str, Any]:
    """The options that differ from their defaults, nested as the groups are.

    A group that is absent by default is listed once it is given, even if all its options are at
    their defaults.
    """
    found = {}
    for name in type(group).model_fields:
        value, default = getattr(group, name), group.default(name)
        if isinstance(value, Strict):
            inner = differences(value)
            if inner or default is None:
                found[name] = inner
        elif isinstance(value, dict) and isinstance(default, dict):
            own = {key: each for key, each in value.items() if each != default.get(key)}
            own |= dict.fromkeys(default.keys() - value.keys())
            if own:
                found[name] = own
        elif value != default:
            found[name] = value
    return found


def _present(options: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _present(value) if isinstance(value, Mapping) else value
        for key, value in options.items()
        if value is not None
    }


def _without_locations(options: Mapping[str, Any]) -> dict[str, Any]:
    kept = dict(options)
    for location in LOCATIONS:
        group, _, name = location.rpartition(".")
        if not group:
            kept.pop(name, None)
        elif name in kept.get(group, ()):
            kept[group] = {key: value for key, value in kept[group].items() if key != name}
            if not kept[group]:  # as if nothing in it had been given
                del kept[group]
    return kept
