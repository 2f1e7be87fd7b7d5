"""What every contrast refuses."""

import pytest

from recse_lab.objectives import CONTRASTS


@pytest.mark.parametrize("name", CONTRASTS)
@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan")])
def test_a_temperature_of_0_or_below_is_refused(name, temperature):
    with pytest.raises(ValueError, match="it must be above 0"):
        CONTRASTS[name](temperature=temperature)
