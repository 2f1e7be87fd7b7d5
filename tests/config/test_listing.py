"""`list options` has every option, by the key that --set takes."""

import pytest

from recse_lab.config.listing import options
from recse_lab.config.overrides import flatten
from recse_lab.config.reading import read_config

LISTED = {key: (default, meaning) for key, default, meaning in options()}


def test_every_option_of_a_configuration_is_listed():
    config = read_config(None, framework="recse", overrides={"encoder": "recse-lab/tiny"})
    missing = flatten(config.model_dump()).keys() - LISTED.keys()
    assert not {key for key in missing if not key.startswith("contrast.options.")}


@pytest.mark.parametrize("key", LISTED)
def test_every_option_has_a_meaning(key):
    assert len(LISTED[key][1]) > 5


def test_defaults_are_those_of_the_schema():
    assert LISTED["training.batch_size"][0] == "64"
    assert LISTED["corpus"][0] == '["sample-corpus"]'
    assert LISTED["reshape.dim"][0] == "32"
    assert LISTED["encoder"][0] == ""
