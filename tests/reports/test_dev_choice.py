"""Which dev set chose the weights, in one sentence."""

from recse_lab.reports.dev_choice import dev_choice, dev_choices
from recse_lab.runs.records import Dev


def test_what_is_said_of_a_dev_set():
    leaky = Dev(task="stsb-dev", selection="best", pairs=1500, test_pairs=1137)
    clean = Dev(task="stsb-dev-disjoint", selection="last", pairs=306, test_pairs=0)
    old = Dev(task="stsb-dev", selection="last")
    assert dev_choice(leaky) == (
        "The weights that are best on STS-B dev are tested; 1,137 of its 1,500 pairs are pairs of "
        "the test tasks (the protocol sts-disjoint has a dev set without any)."
    )
    assert dev_choice(clean).endswith("none of its 306 pairs is a pair of the test tasks.")
    assert dev_choice(old) == "The last weights are tested; STS-B dev was watched and chose none."
    assert dev_choice(Dev()) is None
    assert len(dev_choices([leaky, clean, leaky, Dev()])) == 2
