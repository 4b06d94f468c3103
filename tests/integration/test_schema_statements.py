"""Statements that change tables: the target equals the source after them, or the table is suspended with the reason.

Each case runs while tailrace streams, and as a backlog: then the catalogue shows only what came of all statements.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from structlog.testing import CapturingLogger

from tailrace_postgres import relations
from tests.servers import SqlServer
from tests.statements import mysql_cases, postgres_cases
from tests.statements.running import Bench

SOURCES = ["mariadb", "mysql", "postgres15", "postgres18"]
if os.environ.get("TAILRACE_TEST_MATRIX") == "all":
    SOURCES[2:2] = ["mysql_defaults"]


@pytest.mark.parametrize("live", [True, False], ids=["live", "backlog"])
@pytest.mark.parametrize("kind", SOURCES)
def test_statements_are_followed_or_suspend_their_table(
    kind: str,
    live: bool,
    request: pytest.FixtureRequest,
    postgres18: SqlServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server: SqlServer = request.getfixturevalue(kind)
    every = postgres_cases.CASES if kind.startswith("postgres") else mysql_cases.CASES
    cases = [case for case in every if not case.servers or server.kind in case.servers]
    assert len(cases) >= 40
    said = CapturingLogger()
    monkeypatch.setattr(relations, "log", said)
    with server.database("src") as source, postgres18.database("dst") as target:
        bench = Bench(source, target, cases, tmp_path)
        bench.create()
        if live:
            with bench.streaming():
                for _ in bench.phases():
                    bench.await_end()
        else:
            bench.catch_up()
            for _ in bench.phases():
                pass
        bench.catch_up()
        warned = {
            str(call.kwargs.get("table", "")).rpartition(".")[2]
            for call in said.calls
            if "type was changed" in call.args[0]
        }
        problems = bench.problems(live, warned)
        bench.teardown()
    assert not problems, "\n".join(["", *problems])
