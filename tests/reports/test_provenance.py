"""The line under a table: everything its numbers come from, once each."""

from recse_lab.files import write_json
from recse_lab.reports.provenance import provenance
from recse_lab.runs.store import Run


def test_it_tells_what_runs_share_and_where_they_differ(tmp_path):
    runs = []
    for seed, (date, commit, threads) in enumerate(
        (("2026-01-03", "bbb", 1), ("2026-01-02", "aaa", 2), ("2026-01-04", "bbb", 1))
    ):
        run = Run(tmp_path / "s" / str(seed))
        write_json(run.folder / "config.json", {"seed": seed})
        about = {
            "date": f"{date}T00:00:00+00:00",
            "commit": commit,
            "threads": threads,
            "precision": "bf16",
            "torch": "2.0",
        }
        write_json(run.folder / "environment.json", about)
        write_json(
            run.folder / "results.json",
            {"protocol": {"id": "simcse-2021"}, "dev": {"selection": "last"}},
        )
        runs.append(run)
    assert provenance(runs, aggregation="all") == (
        "Protocol simcse-2021 (all); 3 runs; seeds 0, 1, 2; weights tested: last; precision bf16; "
        "threads 1, 2; torch 2.0; commit aaa, bbb; 2026-01-02 to 2026-01-04."
    )
    assert provenance(runs[:1]).startswith("Protocol simcse-2021; 1 run; seeds 0; ")
    assert provenance(runs[:1]).endswith("commit bbb; 2026-01-03.")
