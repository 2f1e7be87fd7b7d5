"""Tables of one encoder: rows name their protocols, SICK-R sets never share a column, numbers are
those of results.json.
"""

import pytest

from recse_lab.data.sts_sets import SEVEN
from recse_lab.data.transfer_sets import TRANSFER
from recse_lab.evaluation.protocols import AGGREGATIONS, StsProtocol, find_protocol
from recse_lab.evaluation.sts import sts_average
from recse_lab.reports.encoder_table import results_table
from recse_lab.reports.published import sts_rows, transfer_rows
from recse_lab.reports.tables import comma_separated, markdown, printed, rich_table


def sts(protocol, tasks=None):
    chosen = find_protocol(protocol)
    assert isinstance(chosen, StsProtocol)
    found = {
        task: {"pairs": 100 + i, "subsets": 2, "undefined": None}
        | {
            metric: {a: 0.5 + i / 100 + j / 1000 for j, a in enumerate(AGGREGATIONS)}
            for metric in ("spearman", "pearson")
        }
        for i, task in enumerate(tasks or (*chosen.tasks, *chosen.also))
    }
    return {"protocol": chosen.told(), "tasks": found, "average": sts_average(found, chosen.tasks)}


def transfer(**changed):
    tasks = {
        task: {
            "accuracy": 0.7 + i / 100,
            "f1": 0.8 if task == "mrpc" else None,
            "n": 100 * (i + 1),
            "undefined": None,
        }
        for i, task in enumerate(TRANSFER)
    }
    average = {"tasks": list(TRANSFER), "accuracy": 0.73, "undefined": None}
    return {
        "protocol": find_protocol("senteval-10fold").told(),
        "tasks": tasks,
        "average": average,
    } | changed


def cells(table, row):
    return {c.key: printed(c, table.rows[row].cells.get(c.key)).value for c in table.columns}


def test_a_row_for_every_aggregation_that_is_printed():
    table = results_table(sts("senteval-2018"), "mine")
    assert [cells(table, i)["protocol"] for i in range(len(table.rows))] == [
        "senteval-2018, mean",
        "senteval-2018, wmean",
    ]
    assert cells(table, 0)["sts12"] == "50.10"
    assert cells(table, 1)["sts12"] == "50.20"
    assert cells(table, 1)["avg"] == "53.20"


@pytest.mark.parametrize("protocol", ["simcse-2021", "mteb"])
def test_the_two_sick_sets_never_share_a_column(protocol):
    table = results_table(sts(protocol), "mine", sts_rows(["all-minilm-l6-v2", "simcse@bert-base"]))
    by_name = {cells(table, i)["protocol"]: cells(table, i) for i in range(len(table.rows))}
    assert (by_name["mteb"]["sickr-all"], by_name["mteb"]["sickr"]) == ("77.58", "")
    assert (by_name["all"]["sickr"], by_name["all"]["sickr-all"]) == ("72.23", "")
    own = by_name[f"{protocol}, all"]
    assert (own["sickr"] == "") == (protocol == "mteb") == (own["sickr-all"] != "")
    assert any("9,927" in note for note in table.notes)
    alone = results_table(sts(protocol), "mine")
    assert len([c for c in alone.columns if c.key.startswith("sickr")]) == 1


def test_an_sts_table_says_what_is_undefined_and_what_else_was_measured():
    results = sts("simcse-2021")
    for metric in ("spearman", "pearson"):
        results["tasks"]["sts13"][metric] = dict.fromkeys(AGGREGATIONS)
    results["tasks"]["sts13"]["undefined"] = "all scores are the same: the encoder is constant"
    results["average"] = sts_average(results["tasks"], SEVEN)
    table = results_table(results, "mine")
    assert cells(table, 0)["sts13"] == cells(table, 0)["avg"] == ""
    assert "Undefined: STS13: all scores are the same: the encoder is constant." in table.notes
    assert "No average: undefined sts13." in table.notes
    assert "STS-B dev (107 pairs): 57.00." in table.notes


def test_a_transfer_table_holds_the_numbers_of_its_results():
    table = results_table(
        transfer(), "mine", transfer_rows(["simcse@bert-base", "rankcse-listnet"], memory=True)
    )
    own = cells(table, 0)
    assert own["protocol"] == "senteval-10fold"
    assert [own[task] for task in TRANSFER] == [
        "70.00",
        "71.00",
        "72.00",
        "73.00",
        "74.00",
        "75.00",
        "76.00",
    ]
    assert (own["mrpc_f1"], own["avg"]) == ("80.00", "73.00")
    published = [cells(table, i) for i in (1, 2)]
    assert [row["avg"] for row in published] == ["85.81", "87.33"]
    assert [row["mrpc_f1"] for row in published] == ["", ""]
    assert published[1]["method"].endswith("(from memory)")
    assert any("MRPC 700" in note for note in table.notes)
    for text in (markdown(table), comma_separated(table)):
        assert "85.81" in text
    rich_table(table, 80)


def test_what_was_imported_is_marked():
    table = results_table(
        transfer(imported={"format": "simcse-log"}, protocol={"id": "senteval-fast"}), "theirs"
    )
    assert cells(table, 0)["protocol"] == "senteval-fast (imported)"
    nobody_knows = results_table(sts("mteb") | {"imported": {}, "protocol": {"id": None}}, "theirs")
    assert cells(nobody_knows, 0)["protocol"] == "not stated (imported), all"
