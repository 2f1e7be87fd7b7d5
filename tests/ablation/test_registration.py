"""A plan is written before the first run, cannot be changed after it, and is run look by look."""

import pytest
from runstore import add_trained

from recse_lab.ablation.plan import Cell
from recse_lab.ablation.registration import first_seeds, make_plan, register, run_until
from recse_lab.ablation.runner import Outcome
from recse_lab.ablation.spec import StudySpec
from recse_lab.ablation.study import Study
from recse_lab.config.claims import ArmChoice, ClaimSpec
from recse_lab.errors import LabError
from recse_lab.files import read_json, write_json
from recse_lab.reports.claims.evidence import Evidence
from recse_lab.reports.claims.verdicts import follow
from recse_lab.runs.collection import Arm
from recse_lab.runs.plans import RegisteredPlan

CLAIM = ClaimSpec(
    name="better", question="?", first=ArmChoice(arm="new"), second=ArmChoice(arm="old"), margin=1
)


class Planned:
    """What a cell needs of its configuration: an id."""

    def __init__(self, run):
        self.id = run


def study(root, most=8, name="mine"):
    arms = [{"name": arm} for arm in ("old", "new")]
    spec = StudySpec.model_validate(
        {
            "name": name,
            "question": "?",
            "cost": "none",
            "base": {},
            "arms": arms,
            "seeds": most,
            "report": {"against": "old"},
        }
    )
    cells = [
        Cell(arm, "arm", {}, seed, Planned(f"{arm}-{seed}"))  # type: ignore[arg-type]
        for seed in range(most)
        for arm in ("old", "new")
    ]
    return Study(spec, cells, root / name)


def test_a_plan_has_a_hash_of_what_was_planned(tmp_path):
    plan = make_plan(study(tmp_path), [CLAIM])
    assert plan.looks == [5, 8]
    assert plan.hash == plan.digest() == make_plan(study(tmp_path), [CLAIM]).hash
    other = CLAIM.model_copy(update={"margin": 2.0})
    assert make_plan(study(tmp_path), [other]).hash != plan.hash
    assert make_plan(study(tmp_path, most=9), [CLAIM]).hash != plan.hash
    assert make_plan(study(tmp_path), [CLAIM], looks=[3]).looks == [3, 8]
    assert plan.specs[0] == CLAIM


@pytest.mark.parametrize(
    ("claims", "most", "looks", "message"),
    [
        ([], 8, [], "no claims"),
        ([CLAIM], 1, [], "one seed decides nothing"),
        ([CLAIM], 8, [5, 5], "more seeds than the one before"),
        ([CLAIM], 8, [5, 12], "more than max_seeds"),
    ],
)
def test_plans_that_cannot_be(tmp_path, claims, most, looks, message):
    with pytest.raises(LabError, match=message):
        make_plan(study(tmp_path, most=most), claims, looks=looks)


def test_a_plan_cannot_be_changed_after_its_first_run(tmp_path):
    mine = study(tmp_path)
    first = register(mine, make_plan(mine, [CLAIM]))
    found = RegisteredPlan.find(mine.folder)
    assert found is not None
    assert (found.hash, found.fields()) == (first.hash, first.fields())
    assert first.finished_before == 0
    other = make_plan(mine, [CLAIM.model_copy(update={"margin": 2.0})])
    second = register(mine, other)  # nothing has run, so that it may change
    assert second.hash == other.hash
    add_trained(tmp_path, "mine", "old-0", 0.3, 0)
    assert register(mine, other).registered == second.registered
    with pytest.raises(LabError, match=r"cannot be changed \(claims differ\).*another `name`"):
        register(mine, make_plan(mine, [CLAIM]))
    larger = study(tmp_path, most=12)
    with pytest.raises(LabError, match="looks, seeds differ"):
        register(larger, make_plan(larger, other.specs))


def test_an_edited_plan_is_refused(tmp_path):
    mine = study(tmp_path)
    plan = register(mine, make_plan(mine, [CLAIM]))
    path = mine.folder / plan.FILE
    write_json(path, read_json(path) | {"looks": [8]})
    with pytest.raises(LabError, match="edited after it was registered"):
        register(mine, plan)


def test_runs_that_were_known_before_are_counted(tmp_path):
    add_trained(tmp_path, "elsewhere", "old-0", 0.3, 0)
    mine = study(tmp_path)
    assert register(mine, make_plan(mine, [CLAIM])).finished_before == 1


def test_looks_end_where_all_claims_are_stopped(tmp_path):
    mine = study(tmp_path, most=12)
    plan = make_plan(mine, [CLAIM])
    ran = []

    def run(part):
        ran.append(part.spec.seed_list)
        assert {cell.seed for cell in part.cells} == set(part.spec.seed_list)
        return Outcome(len(part.cells), {}, True)

    run_until(mine, plan, run=run, stopped=lambda seeds: seeds >= 8)
    assert [len(seeds) for seeds in ran] == [5, 8]
    ran.clear()
    failed = Outcome(0, {"old": "no memory"}, True)
    assert run_until(mine, plan, run=lambda part: failed, stopped=lambda _: False) == failed
    assert first_seeds(mine, [0, 1]).spec.seed_list == [0, 1]


def test_a_claim_is_judged_on_the_seeds_of_its_look_alone(tmp_path):
    """More seeds in the store change nothing about a look that has stopped."""
    mine = study(tmp_path)
    arms = []
    for name, noise in (("old", 0.6), ("new", 0.2)):
        runs = {
            seed: add_trained(
                tmp_path, "mine", f"{name}-{seed}", noise, seed, drawn=seed + 20 * (name == "new")
            )
            for seed in range(8)
        }
        arms.append(Arm("mine", name, runs=runs, planned=8))
    plan = make_plan(mine, [CLAIM])
    judged = follow(CLAIM, Evidence("mine", arms), plan)
    assert judged.look is not None
    assert (judged.look.seeds, judged.verdict, judged.stopped) == (5, "supported", True)
    assert judged.estimate is not None
    assert judged.estimate.compared.seeds == 5
    few = [Arm("mine", a.name, runs={s: a.runs[s] for s in range(3)}, planned=8) for a in arms]
    early = follow(CLAIM, Evidence("mine", few), plan)
    assert (early.verdict, early.look, early.stopped) == ("undecided", None, False)
