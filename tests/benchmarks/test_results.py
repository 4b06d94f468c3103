"""results.json, the bars and the table."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.bars import Bar, bars
from benchmarks.figures import Run
from benchmarks.results import LISTS, Results, record
from benchmarks.table import render


def run(rows: int = 1000, seconds: float = 2.0, **more: float) -> Run:
    return Run(rows, seconds, cpu_seconds=1.0, peak_rss_mb=50.0, more={"warm_rows_per_second": 500.0, **more})


def test_a_record_has_a_list_entry_for_each_run() -> None:
    entry = record("mysql -> kafka", "bulk", "tailrace", [run(seconds=2.0), run(seconds=4.0, extra=1.0)])
    assert (entry["path"], entry["work"], entry["contender"]) == ("mysql -> kafka", "bulk", "tailrace")
    assert all(len(entry[name]) == 2 for name in LISTS)
    assert entry["seconds"] == [2.0, 4.0]
    assert entry["latency_ms"] == [None, None]
    assert entry["extra"] == [None, 1.0]


def test_a_run_leaves_the_records_of_others_and_is_not_compared_with_them(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    first = Results(file)
    first.put(record("mysql -> kafka", "bulk", "tailrace", [run(1)]), "one")
    first.put(record("mysql -> kafka", "bulk", "debezium", [run(2)]), "one")
    again = Results(file)
    again.put(record("mysql -> kafka", "bulk", "tailrace", [run(3), run(4)]), "two")
    content = json.loads(file.read_text())
    assert [(entry["contender"], entry["rows"]) for entry in content["records"]] == [
        ("tailrace", [3, 4]),
        ("debezium", [2]),
    ]
    assert again.pair("mysql -> kafka", "bulk", "tailrace", "debezium") is None
    assert first.pair("mysql -> kafka", "bulk", "tailrace", "debezium") is not None
    assert [entry["command"] for entry in content["records"]] == ["two", "one"]
    assert content["head"]["command"] == "two"
    assert {"machine", "versions", "date"} <= content["head"].keys()


def test_a_bar_is_met_on_its_own_side() -> None:
    rate = Bar("rate", "×", 4.5, 8, True, lambda results: None)
    assert [rate.verdict(figure) for figure in (4.4, 4.5, 8.0)] == ["missed", "met", "aim"]
    wait = Bar("wait", "ms", 15, 8, False, lambda results: None)
    assert [wait.verdict(figure) for figure in (15.1, 15.0, 8.0)] == ["missed", "met", "aim"]
    without_aim = Bar("wait", "ms", 25, None, False, lambda results: None)
    assert [without_aim.verdict(figure) for figure in (26.0, 1.0)] == ["missed", "met"]


def measured(results: Results, title: str) -> float | None:
    [bar] = [bar for bar in bars() if bar.title == title]
    return bar.measured(results)


def test_bars_compare_the_warm_rates_and_the_cpu_per_event_of_the_same_rounds(tmp_path: Path) -> None:
    results = Results(tmp_path / "results.json")
    ours = [Run(1000, 1.0, 1.0, 50.0, more={"warm_rows_per_second": rate}) for rate in (600.0, 900.0)]
    theirs = [Run(500, 1.0, 4.0, 800.0, more={"warm_rows_per_second": rate}) for rate in (100.0, 100.0)]
    results.put(record("mysql -> kafka", "bulk", "tailrace", ours), "")
    results.put(record("mysql -> kafka", "bulk", "debezium", theirs), "")
    assert measured(results, "mysql -> kafka, bulk, against Debezium's warm rate") == 7.5
    assert measured(results, "mysql -> kafka, bulk, Debezium's CPU per event against ours") == 8.0
    assert measured(results, "mysql -> kafka, single, against Debezium's warm rate") is None


def test_starting_and_stopping_is_left_out_where_whole_processes_are_compared(tmp_path: Path) -> None:
    results = Results(tmp_path / "results.json")
    results.put(record("kafka -> postgres18", "mixed", "tailrace", [run(600, 5.0, idle_seconds=2.0)]), "")
    results.put(record("kafka -> postgres18", "mixed", "execute_values", [run(600, 6.0, idle_seconds=0.0)]), "")
    assert measured(results, "kafka -> PostgreSQL, against `execute_values` upserts") == 2.0


def test_latency_bars_take_the_median_of_the_runs(tmp_path: Path) -> None:
    results = Results(tmp_path / "results.json")
    for name, p50s in (("tailrace-at-least-once", (2.0, 9.0, 3.0)), ("debezium", (4.0, 4.0, 4.0))):
        runs = [Run(10, 1.0, latency_ms={"p50": p50, "p99": 20.0, "p99.9": 30.0}) for p50 in p50s]
        results.put(record("mysql -> kafka", "latency-2000", name, runs), "")
    start = "mysql -> consumer at 2,000 tx/s, `transactional = false`, p50"
    assert measured(results, start) == 3.0
    assert measured(results, f"{start} against Debezium's") == 0.75


def test_the_table_shows_medians_and_which_bars_are_missed(tmp_path: Path) -> None:
    results = Results(tmp_path / "results.json")
    assert "Nothing" in render(results)
    results.put(record("mysql -> kafka", "bulk", "tailrace", [run(1000, 2.0), run(1000, 4.0), run(1000, 1.0)]), "")
    results.put(record("mysql -> kafka", "bulk", "debezium", [run(1000, 2.0)] * 3), "")
    text = render(results)
    assert "| mysql -> kafka, bulk, against Debezium's warm rate | 1 × | ≥ 4.5 × | 8 | **missed** |" in text
    assert "| mysql -> kafka, bulk, tailrace | 3 | 1,000 | 500 | 500 |  | 1000.0 |" in text
