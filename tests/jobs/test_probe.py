"""Probes from the command line and in a notebook: their inputs, caching, and what is refused."""

import json

import numpy as np
import pandas as pd
import pytest

from recse_lab.config.reading import make_config
from recse_lab.errors import LabError
from recse_lab.jobs.probe import StoredInputs, find_subject
from recse_lab.jobs.probe import probe as run_probe
from recse_lab.jobs.train import execute
from recse_lab.models.saving import load_encoder
from recse_lab.models.transformer import TransformerEncoder
from recse_lab.probes import PROBES
from recse_lab.probes.networks import layer_means, pooled
from recse_lab.reports.page.card import read_cards


@pytest.fixture(scope="module")
def trained(tiny, corpus_file, tmp_path_factory):
    """Two short runs tested on sample-sts: one that kept its model, one that did not."""
    root = tmp_path_factory.mktemp("runs")
    base = {
        "encoder": str(tiny),
        "corpus": str(corpus_file),
        "model": {"pooling": "mean", "max_length": 16},
        "training": {
            "steps": 4,
            "batch_size": 16,
            "learning_rate": 1e-3,
            "eval_every": 2,
            "early_looks": True,
            "precision": "fp32",
        },
        "evaluation": {"precision": "fp32", "selection": "last"},
    }
    kept = execute(make_config(base), root / "s")
    dropped = execute(make_config(base | {"seed": 1}), root / "s", keep_model=False)
    return root, kept, dropped


OWN_DATA = ("tolerance", "linguistic")
"""Probes that read sets of their own below --data-dir."""


@pytest.mark.parametrize("name", PROBES)
def test_every_probe_is_whole(name):
    probe = PROBES[name]
    assert probe.name == name
    assert probe.question.endswith("?")
    assert probe.needs
    assert set(probe.needs) <= set(dir(StoredInputs))
    for option in probe.options.values():  # each in the signature of ``measure``, and explained
        assert option.help
    with pytest.raises(LabError, match=f"probe {name} has no option nosuch"):
        probe.refuse_unknown({"nosuch": 1})


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in PROBES
        if name not in (*OWN_DATA, "trajectory", "influence", "rank-in-training", "information")
    ],
)
def test_the_command_line_probes_an_encoder_and_a_run(name, trained, tiny, call, tmp_path):
    root, kept, _ = trained
    options = (
        [] if name in ("geometry", "layers", "length-collapse", "tokens") else ["--resamples", "20"]
    )
    code, out, err = call(
        "probe",
        name,
        f"mine={kept.id}",
        f"raw={tiny}",
        *options,
        "--precision",
        "fp32",
        "--runs",
        root,
        "--json",
        tmp_path / "p.json",
        "--out",
        tmp_path / "out",
    )
    assert code == 0, err
    told = json.loads((tmp_path / "p.json").read_text())
    assert told["schema"] == "recse-lab/probe/1"
    assert told["about"]["subjects"] == {"mine": kept.id, "raw": str(tiny)}
    encoders = {line["encoder"].split(" vs ")[0] for line in told["measures"]}
    assert {"mine", "raw"} <= encoders
    assert any(line["value"] is not None for line in told["measures"])
    names = {path.suffix for path in (tmp_path / "out").iterdir()}
    assert names == {".png", ".pdf", ".md", ".csv", ".json"}
    card = read_cards(tmp_path)[tmp_path / "out"]
    assert card["runs"] == [f"s/{kept.id}"]
    shown = {row["cells"][0]["text"] for row in card["tables"][-1]["rows"]}
    assert shown == {line["measure"] for line in told["measures"]}
    assert f"`{kept.id}`" in (tmp_path / "out" / "summary.md").read_text()
    assert "mine" in out


def test_probes_of_labelled_sentences_read_the_folder_of_the_user(trained, tiny, call, tmp_path):
    """τ is told of the run, which was trained with one, and not of the encoder."""
    root, kept, _ = trained
    data = tmp_path / "senteval"
    (data / "TREC").mkdir(parents=True)
    (data / "probing").mkdir()
    lines = "".join(f"{'NUM' if i % 2 else 'LOC'}:x where is place {i} ?\n" for i in range(60))
    for file in ("train_5500.label", "TREC_10.label"):
        (data / "TREC" / file).write_text(lines)
    rows = [
        f"{s}\t{'AB'[i % 2]}\tthe dog {i} runs\n" for s in ("tr", "va", "te") for i in range(20)
    ]
    (data / "probing" / "past_present.txt").write_text("".join(rows))
    given = (f"mine={kept.id}", f"raw={tiny}", "--data-dir", data, "--runs", root)
    code, out, err = call("probe", "tolerance", *given, "--against", "raw", "--precision", "fp32")
    assert code == 0, err
    assert "mine (trained with τ = 0.05): TREC" in out
    assert "raw: TREC" in out
    fewer = ("--examples", 10, "--resamples", 20, "--precision", "fp32")
    code, out, err = call("probe", "linguistic", *given, *fewer)
    assert code == 0, err
    assert "1 tasks" not in out
    for name in OWN_DATA:
        code, _, err = call("probe", name, f"raw={tiny}", "--runs", root)
        assert code == 2
        assert "give --data-dir" in err


def test_a_trajectory_starts_before_the_first_step(trained, tiny):
    root, kept, _ = trained
    steps = run_probe("trajectory", [kept.id], root=root).curves["trajectory"]["step"].tolist()
    assert steps == [0, 1, 2, 4]
    with pytest.raises(Exception, match="is not a run"):
        run_probe("trajectory", [str(tiny)], root=root)


def test_a_runs_own_scores_are_used_and_agree_with_its_model(trained):
    root, kept, dropped = trained
    given = {
        "pooling": None,
        "precision": "fp32",
        "attention": "auto",
        "corpus": ("sample-corpus",),
    }
    stored, again = (find_subject(f"x={run.id}", root, given) for run in (kept, kept))
    again.options = given | {"pooling": "mean"}  # asks the model instead of the store
    inputs = StoredInputs([], "sample-sts", None, ("sample-corpus",))
    np.testing.assert_allclose(
        stored.scores("sample-sts", inputs.pairs),
        again.scores("sample-sts", inputs.pairs),
        atol=1e-5,
    )
    without = find_subject(dropped.id, root, given)
    assert len(without.scores("sample-sts", inputs.pairs)) == len(inputs.pairs.gold)
    with pytest.raises(Exception, match="kept no model"):
        without.embed(["a dog"])


def test_nothing_is_encoded_twice(trained, tiny, monkeypatch):
    root, _, _ = trained
    seen = []
    encode = TransformerEncoder.encode
    monkeypatch.setattr(
        TransformerEncoder,
        "encode",
        lambda self, texts, **o: (seen.extend(texts), encode(self, texts, **o))[1],
    )
    first = run_probe("geometry", [str(tiny)], root=root, precision="fp32")
    assert len(seen) == len(set(seen)) > 100
    seen.clear()
    second = run_probe("geometry", [str(tiny)], root=root, precision="fp32")
    assert not seen
    pd.testing.assert_frame_equal(first.table, second.table)


def test_layers_and_pooled_states_are_the_encoders_own(tiny):
    encoder = load_encoder(str(tiny), pooling="mean")
    texts = ["the dog runs", "a child reads a book by the river", "a"]
    expected = encoder.encode(texts)
    np.testing.assert_allclose(pooled(encoder, texts), expected, atol=1e-6)
    stacks = layer_means(encoder, texts)
    assert len(stacks) == encoder.backbone.config.num_hidden_layers + 1
    np.testing.assert_allclose(stacks[-1], expected, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["polarty", "TINY"], "did you mean polarity?"),
        (["polarity", "TINY", "TINY"], "two subjects are called"),
        (["polarity", "0123456789ab"], "no run '0123456789ab'"),
        (["geometry", "TINY", "--legacy-batch"], "probe geometry has no option protocol"),
        (["polarity", "nowhere/at/all"], "no such folder"),
        (["layers", "bag@TINY"], "has no network of its own"),
    ],
)
def test_a_mistake_is_one_sentence(arguments, told, call, tiny, tmp_path):
    code, _, err = call(
        "probe", *(a.replace("TINY", str(tiny)) for a in arguments), "--runs", tmp_path
    )
    assert code == 2
    assert told in err
    assert "Traceback" not in err


def test_the_notebook_objects(trained, tiny):
    import recse_lab as lab

    root, kept, _ = trained
    table = lab.runs(root)
    assert set(table["state"]) == {"done"}
    assert kept.id in set(table["run"])
    assert table["training.steps"].tolist() == [4, 4]
    found = lab.alignment([kept, f"raw={tiny}"], root=root, resamples=20, precision="fp32")
    assert found.frame().index.tolist() == [kept.id, "raw"]
    assert "2 encoders" in repr(found)
    assert "<table" in found._repr_html_()
    figure = found.plot("plane")
    axes = found.plot(measure="spearman", ax=figure.axes[0])
    assert axes is figure.axes[0]
    assert axes.get_xlabel() == "spearman"
    with pytest.raises(AttributeError):
        lab.polarty([kept])
    with pytest.raises(Exception, match="no figure 'plan'"):
        found.plot("plan")
