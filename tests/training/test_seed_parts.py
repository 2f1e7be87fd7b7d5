"""Order, dropout and initialisation have seeds of their own."""

import pytest
import torch

from recse_lab.config.canonical import canonical
from recse_lab.config.overrides import merge
from recse_lab.config.reading import make_config
from recse_lab.jobs.build import Lab
from recse_lab.jobs.settling import settle
from recse_lab.optimisation.batches import Batches


@pytest.fixture
def base(tiny, corpus_file, small_senteval):
    return {
        "encoder": str(tiny),
        "corpus": str(corpus_file),
        "model": {"pooling": "mean", "max_length": 24, "head": "tanh"},
        "training": {"steps": 3, "batch_size": 8, "learning_rate": 1e-3, "precision": "fp32"},
        "evaluation": {"data_dir": str(small_senteval), "tasks": []},
    }


def trained(base, folder, **options):
    """Weights after training, and those before."""
    lab = Lab(settle(make_config(merge(base, options))))
    arm = lab.arm()
    before = {name: p.clone() for name, p in arm.named_parameters()}
    lab.train(arm, folder)
    return before, dict(arm.named_parameters())


def same(first, second):
    return all(torch.equal(value, second[name]) for name, value in first.items())


def test_parts_with_the_seed_of_the_run_are_the_run(base, tmp_path):
    _, whole = trained(base, tmp_path / "a", seed=3)
    _, parts = trained(base, tmp_path / "b", seed=0, seeds={"init": 3, "order": 3, "dropout": 3})
    assert same(whole, parts)


@pytest.mark.parametrize("part", ["init", "order", "dropout"])
def test_each_part_changes_the_run_and_only_init_its_start(base, tmp_path, part):
    start, whole = trained(base, tmp_path / "a", seed=3)
    other_start, other = trained(base, tmp_path / "b", seed=3, seeds={part: 4})
    assert same(start, other_start) == (part != "init")
    assert not same(whole, other)


def test_only_the_order_deals_the_batches(base, tmp_path, monkeypatch):
    drawn = []

    class Noted(Batches):
        def __init__(self, *given, seed, **options):
            drawn.append(seed)
            super().__init__(*given, seed=seed, **options)

    monkeypatch.setattr("recse_lab.training.loop.Batches", Noted)
    trained(base, tmp_path / "a", seed=3, seeds={"order": 7})
    trained(base, tmp_path / "b", seed=3, seeds={"dropout": 7})
    assert drawn == [7, 3]


def test_a_part_with_the_seed_of_the_run_asks_nothing_new(base):
    config = make_config(merge(base, {"seed": 5, "seeds": {"order": 5, "init": 6}}))
    assert canonical(config).seeds.order is None
    assert canonical(config).seeds.init == 6
