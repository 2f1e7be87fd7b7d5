"""What a person types for a run: found, or refused at once with the nearest name."""

import pytest
from runstore import add_portability, add_trained

from recse_lab.errors import LabError
from recse_lab.runs.references import encoder_label, find_arm, refer, run_label, run_or_encoder


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    root = tmp_path_factory.mktemp("store")
    add_portability(root)
    add_trained(root, "train", "abc123abc123", 0.4, 5)
    return root


@pytest.mark.parametrize(
    ("text", "run"),
    [
        ("portability/crop-with-1", "portability/crop-with-1"),
        ("crop-with-1", "portability/crop-with-1"),
        ("abc123", "train/abc123abc123"),
        ("portability/crop with@2", "portability/crop-with-2"),
        ("trained: framework crop, reshape with@0", "portability/crop-with-0"),
        ("untrained@0", "portability/untrained"),
    ],
)
def test_a_run_goes_by_many_names(store, text, run):
    found = refer(store, text)
    assert f"{found.study}/{found.id}" == run


def test_last_is_the_run_that_finished_last(store):
    run = add_trained(store, "later", "fed000fed000", 0.4, 0)
    assert refer(store, "last").folder == run.folder
    assert refer(store, str(run.folder)).folder == run.folder


def test_an_arm_goes_by_words_that_it_alone_has(store):
    arm = find_arm(store, "ESimCSE:without")
    assert arm is not None
    assert arm.factors == {"framework": "ESimCSE", "reshape": "without"}
    assert find_arm(store, "nothing of the kind") is None
    with pytest.raises(LabError, match=r"name of 2 arms, give one of: .*reshape without; .*with"):
        find_arm(store, "portability/crop")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("abd123", "no run 'abd123' in .*; did you mean abc123abc123?"),
        ("lst", "did you mean last?"),
        ("portability/crop-wth-1", "did you mean portability/crop-with-1?"),
        ("crop with@7", r"no finished run of seed 7 in .*; it has 0, 1, 2\."),
    ],
)
def test_a_mistyped_run_is_refused_with_the_nearest(store, text, message):
    with pytest.raises(LabError, match=message):
        run_or_encoder(store, text)


@pytest.mark.parametrize(
    "text",
    ["bert-base-uncased", "recse-lab/tiny", "princeton-nlp/sup-simcse", "sif@recse-lab/tiny"],
)
def test_encoders_are_no_runs(store, text):
    assert run_or_encoder(store, text) is None


def test_labels_say_what_a_run_is(store, tmp_path):
    assert run_label(refer(store, "crop-with-1")) == "trained crop with seed 1"
    run = refer(store, "abc123")
    assert run_label(run) == "abc123abc123"
    (run.folder / "model" / "best").mkdir(parents=True)
    assert encoder_label(str(run.folder / "model" / "best")) == "abc123abc123 (best)"
    assert encoder_label(str(tmp_path)) == tmp_path.name
    assert encoder_label("bert-base-uncased") == "bert-base-uncased"


def test_a_folder_that_is_gone_still_goes_by_its_last_part():
    assert encoder_label("/somewhere/else/my-encoder") == "my-encoder"
    assert encoder_label("org/model") == "org/model"
