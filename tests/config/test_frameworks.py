"""Frameworks are options: every one is a valid configuration, alone and with a reshape."""

import pytest
from spellings import config_of

from recse_lab.config.frameworks import FRAMEWORKS, framework_options
from recse_lab.config.reading import read_config
from recse_lab.errors import LabError


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_framework_is_a_configuration_alone_and_with_a_reshape(name):
    alone, reshaped = (config_of(framework_options(name + plus)) for plus in ("", "+reshape"))
    assert (alone.reshape is not None) == (name == "reshape-only")
    assert reshaped.reshape is not None
    assert reshaped.model_copy(update={"reshape": alone.reshape}) == alone


def test_simcse_is_the_default_and_recse_is_simcse_with_a_reshape():
    assert framework_options("simcse") == {}
    assert framework_options("recse") == framework_options("simcse+reshape") == {"reshape": {}}


def test_a_file_is_updated_with_a_framework_and_that_with_options(tmp_path):
    (tmp_path / "a.yaml").write_text(
        "encoder: x\nseed: 3\ncontrast: {queue: 9, temperature: 0.2}\n"
    )
    config = read_config(
        tmp_path / "a.yaml", framework="esimcse", overrides={"contrast.momentum": 0.5}
    )
    contrast = config.contrast
    assert (contrast.queue, contrast.temperature, contrast.momentum) == (2.5, 0.2, 0.5)
    assert config.seed == 3


def test_an_unknown_framework_names_the_nearest():
    with pytest.raises(LabError, match="did you mean esimcse"):
        read_config(None, framework="esimsce", overrides={"encoder": "x"})
