"""A few cases of the comparison with Debezium; `make conformance` runs all of them, on every server."""

from __future__ import annotations

from pathlib import Path

from tests import servers
from tests.conformance.debezium import declared
from tests.conformance.debezium.cases import cases_of
from tests.conformance.debezium.recording import Recorder
from tests.conformance.debezium.verdict import judge


def test_quick_cases_differ_from_debezium_only_on_purpose(postgres15: servers.Postgres, tmp_path: Path) -> None:
    cases = [case for case in cases_of("postgres15") if case.quick]
    recording = Recorder("postgres15", tmp_path).record(postgres15, cases)
    verdicts = judge(cases, recording, declared.load()["postgres15"])
    assert len(verdicts) > 10
    assert not [complaint for verdict in verdicts for complaint in verdict.complaints]
