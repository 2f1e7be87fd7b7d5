"""The published gains over SimCSE."""

import pytest

from recse_lab.reports.literature.gains import ENCODERS, frame, published_gains, seeds_deviation
from recse_lab.reports.published import published_sts


def test_a_gain_is_the_difference_of_two_printed_averages():
    """PromptBERT on BERT-base: 78.54 against SimCSE's 76.25, both printed with the seven tasks."""
    rows = published_sts().set_index(["method", "encoder"])
    tasks = ["sts12", "sts13", "sts14", "sts15", "sts16", "stsb", "sickr"]
    found = {(g.method, g.encoder): g for g in published_gains()}
    (name,) = (
        method for method, encoder in found if encoder == "BERT-base" and method == "CT-BERT"
    )
    gain = found[name, "BERT-base"]
    both = [rows.loc[(m, "BERT-base")] for m in (name, "SimCSE")]
    both = [row.iloc[0] if row.ndim > 1 else row for row in both]
    expected = both[0][tasks].mean() - both[1][tasks].mean()
    assert gain.gain == pytest.approx(float(expected))
    assert gain.average == pytest.approx(float(both[0][tasks].mean()))


def test_what_is_compared():
    gains = published_gains()
    keys = [(gain.method.lower(), gain.encoder) for gain in gains]
    assert len(keys) == len(set(keys))
    assert {gain.encoder for gain in gains} == set(ENCODERS)
    assert all(gain.setting.startswith("unsup") for gain in gains)
    assert not any(gain.method == "SimCSE" for gain in gains)
    order = [(ENCODERS.index(gain.encoder), -gain.gain) for gain in gains]
    assert order == sorted(order)
    assert list(frame(gains).columns)[:4] == ["method", "encoder", "average", "gain"]


@pytest.mark.parametrize(
    ("setting", "deviation"),
    [
        ("unsup; agg=all; mean of seeds (std .18 .22 .26 .24 .21 .22 .40 .15)", 0.15),
        ("unsup; agg=all (assumed); mean of seeds (std 0.49 0.53)", None),
        ("unsup; agg=all", None),
    ],
)
def test_the_spread_over_seeds_is_that_of_the_average(setting, deviation):
    assert seeds_deviation(setting) == deviation


def test_some_rows_state_their_spread():
    assert sum(gain.seeds_sd is not None for gain in published_gains()) >= 5
