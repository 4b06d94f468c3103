"""Cut-over: what it waits for, and what it says."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tailrace.cli.main import main
from tailrace.cutover import waiting as module
from tailrace.cutover.holding import held
from tailrace.cutover.report import Report
from tailrace.cutover.waiting import Waiting
from tailrace.errors import NotRunningError, StuckError
from tailrace.position import POSITION_KEY, Position
from tailrace.structure import FAILED, LEFT_OUT, MADE, NOTE, PRESENT, Outcome
from tailrace.verify import TableComparison, Verification


class Pipeline:
    """Answers as a running pipeline; `steps` change it, one at each question."""

    def __init__(self, *steps: dict[str, Any]) -> None:
        self.mark = "1"
        self.sink: dict[str, Any] = {"name": "wh", "state": "streaming", "lag_seconds": 0.0}
        self.table: dict[str, Any] = {"name": "s.t", "state": "streaming", "reason": "", "parked": 0}
        self.state = "running"
        self.problems: list[str] = []
        self.steps = list(steps)
        self.told: list[str] = []
        self.posted: list[tuple[str, Any]] = []

    def ask(self) -> dict[str, Any]:
        if self.steps:
            step = self.steps.pop(0)
            self.sink |= step.get("sink", {})
            self.table |= step.get("table", {})
            self.mark = step.get("mark", self.mark)
        return {
            "name": "shop",
            "state": self.state,
            "problems": self.problems,
            "workers": [{"name": "capture", "state": "streaming", "lag_seconds": 9.0}, dict(self.sink)],
            "tables": [dict(self.table)],
        }

    def ends(self) -> dict[str, bytes]:
        return {POSITION_KEY: Position(1, "", "binlog.1:4", mark=self.mark).to_json()}

    def waiting(self, seconds: float = 10) -> Waiting:
        stream: Any = type("Stream", (), {"state": lambda _: self.ends()})()
        return Waiting(self.ask, lambda: "5", stream, seconds, self.told.append)


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", 0.01)


def test_the_loads_then_capture_then_the_sinks_are_waited_for() -> None:
    pipeline = Pipeline(
        {"table": {"state": "loading"}},
        {"table": {"state": "streaming"}},
        {"mark": "4"},
        {"mark": "5", "sink": {"lag_seconds": None}},
        {},
        {"sink": {"lag_seconds": 7.0}},
        {"sink": {"state": "held", "lag_seconds": 0.0}},
        {"sink": {"state": "streaming", "lag_seconds": 0.0}},
    )
    position = pipeline.waiting().caught_up()
    assert position is not None
    assert position.mark == "5"
    assert pipeline.told == [
        "s.t is being loaded",
        "capture has not read the source's log so far",
        "sink wh is streaming",
        "sink wh is 7.0 s behind",
        "sink wh is held",
    ]


def test_a_lag_that_is_older_than_capture_was_through_means_that_the_sink_has_passed() -> None:
    """While the source is written to, a sink is never quite at the stream's end."""
    pipeline = Pipeline({}, {"mark": "5"}, {"sink": {"lag_seconds": 0.05}})
    started = time.monotonic()
    pipeline.waiting().caught_up()
    assert time.monotonic() - started >= 0.05


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"table": {"state": "suspended", "reason": "no key"}}, "s.t is suspended: no key"),
        ({"table": {"parked": 3}}, "3 changes of table s.t are parked"),
        ({"sink": {"lag_seconds": 80.0}, "mark": "5"}, "not caught up within 0.2 s: sink wh is 80.0 s behind"),
        ({}, "not caught up within 0.2 s: capture has not read"),
    ],
)
def test_what_does_not_get_on_is_told(change: dict[str, Any], message: str) -> None:
    with pytest.raises(StuckError, match=message):
        Pipeline(change).waiting(0.2).caught_up()


def test_a_pipeline_that_is_stuck_is_not_waited_for() -> None:
    pipeline = Pipeline()
    pipeline.state, pipeline.problems = "stuck", ["wh is retrying: no answer"]
    with pytest.raises(StuckError, match="wh is retrying: no answer"):
        pipeline.waiting().caught_up()


def test_a_sink_is_held_for_the_block_and_goes_on_afterwards() -> None:
    pipeline = Pipeline()

    def ask(path: str, given: Any) -> Any:
        if path == "/hold":
            pipeline.posted.append((given["sink"], given["seconds"]))
            pipeline.sink["state"] = "held" if given["seconds"] else "starting"
        return pipeline.ask()

    with held(ask, "wh"):
        assert pipeline.sink["state"] == "held"
        assert pipeline.posted[0][1] > 0
    assert pipeline.posted[-1] == ("wh", 0)


def test_a_supervisor_that_leaves_meanwhile_ends_the_hold() -> None:
    asked: list[str] = []

    def ask(path: str, given: Any) -> Any:
        asked.append(path)
        if len(asked) > 2:
            raise NotRunningError("gone")
        return {"workers": [{"name": "wh", "state": "held"}]}

    with held(ask, "wh"):
        pass
    assert asked == ["/hold", "/status", "/hold"]


def test_the_report_by_sink_and_table() -> None:
    verification = Verification([TableComparison("s.t", "wh", 3, 3)])
    outcomes = [
        Outcome("s.t", "index", "i", PRESENT),
        Outcome("s.t", "foreign key", "f", FAILED, "1 row", "ALTER TABLE …"),
        Outcome("s.t", "sequence", "id", MADE, "next 4", "SELECT setval(…)"),
        Outcome("", NOTE, "foreign keys", LEFT_OUT, "they act"),
    ]
    report = Report(position="binlog.1:4", writes=0, verification=verification, outcomes={"wh": outcomes})
    found = report.to_dict()
    assert (found["done"], found["made"], found["failed"]) == (False, 1, 1)
    [sink] = found["sinks"]
    assert sink["notes"] == ["they act"]
    [table] = sink["tables"]
    assert (table["rows"], table["verified"]) == (3, True)
    assert table["sequences"] == [{"name": "id", "state": "made", "detail": "next 4", "statement": "SELECT setval(…)"}]
    assert [thing["state"] for thing in (*table["indexes"], *table["foreign_keys"])] == ["present", "failed"]
    assert not Report(dry_run=True).to_dict()["done"]


def test_targets_that_differ_are_not_done() -> None:
    report = Report(verification=Verification([TableComparison("s.t", "wh", 3, 2, missing=1)]))
    assert not report.done
    assert report.to_dict()["verification"]["equal"] is False


def test_a_pipeline_without_targets_has_nothing_to_cut_over_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "shop.toml"
    file.write_text(
        f'name = "shop"\nstate_dir = "{tmp_path}"\n[source]\nconnector = "mysql"\nurl = "mysql://u@127.0.0.1:1/shop"\n'
    )
    assert main(["cutover", str(file)]) == 2
    assert "no target" in capsys.readouterr().err
