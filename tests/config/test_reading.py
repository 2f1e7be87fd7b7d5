"""From files and options to a configuration, or to a sentence with file and line."""

import pytest

from recse_lab.config.reading import make_config, read_config, read_pretrain_config
from recse_lab.errors import LabError


def test_a_mistake_has_its_line_unless_it_is_overridden(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("encoder: x\nreshape:\n  dim: 4\n  operator: meen\n")
    with pytest.raises(LabError, match=r"a\.yaml, line 4: reshape\.operator: unknown"):
        read_config(path)
    with pytest.raises(LabError, match=r"a\.yaml: reshape\.operator: unknown"):
        read_config(path, overrides={"reshape.operator": "maen"})
    config = read_config(path, overrides={"reshape.operator": "random"})
    assert config.reshape is not None
    assert (config.reshape.operator, config.reshape.dim) == ("random", 4)


def test_an_encoder_is_needed():
    with pytest.raises(LabError, match="options: no encoder; give --encoder"):
        read_config(None)
    with pytest.raises(LabError, match="config: option encoder is missing"):
        make_config({})


def test_pretraining_is_read_with_its_own_schema(tmp_path):
    path = tmp_path / "p.yaml"
    path.write_text("seed: 2\nvocabulary: {size: 500}\n")
    config = read_pretrain_config(path, {"training.steps": 7})
    assert (config.seed, config.vocabulary.size, config.training.steps) == (2, 500, 7)
    with pytest.raises(LabError, match="unknown option encoder"):
        read_pretrain_config(path, {"encoder": "x"})
