"""A column's type changes at a MySQL source: the target's rows get the same values, or the sink stops by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tailrace.apply import worker as apply_worker
from tailrace.capture import worker as capture_worker
from tailrace.config import load
from tailrace.errors import StuckError
from tailrace.report import Control
from tailrace.verify import verify
from tests.pipelines import text
from tests.servers import Database

PG, MY, BOTH = {"postgres"}, {"mysql"}, {"postgres", "mysql"}
#: (type before, value, type after, targets that can follow)
CHANGES: list[tuple[str, str, str, set[str]]] = [
    ("INT", "-5", "DECIMAL(12,2)", PG),
    ("INT", "-5", "VARCHAR(30)", PG),
    ("DECIMAL(6,2)", "1.5", "DECIMAL(12,4)", BOTH),
    ("DATETIME", "'2024-01-31 12:00:00'", "DATETIME(3)", BOTH),
    ("ENUM('a','b')", "'b'", "VARCHAR(10)", BOTH),
    ("ENUM('a','b')", "'b'", "ENUM('c','b','a')", BOTH),
    ("SET('a','b')", "'a,b'", "SET('a','c','b')", BOTH),
    ("SET('a','b')", "'a,b'", "SET('b','a')", set()),
    ("BIT(3)", "b'101'", "BIT(5)", MY),
    ("BLOB", "'ab'", "TEXT", set()),
    ("TIME", "'01:02:03'", "VARCHAR(20)", set()),
    ("TIMESTAMP", "'2024-01-31 12:00:00'", "DATETIME", set()),
    ("DATETIME", "'2024-01-31 12:00:00'", "TIMESTAMP NULL", set()),
    ("TEXT", """'{"a":1}'""", "JSON", set()),
]


class Silent:
    def send(self, report: Any) -> None:
        """Nobody listens."""


@pytest.fixture(params=["postgres18", "mysql"])
def target(request: pytest.FixtureRequest) -> Iterator[Database]:
    with request.getfixturevalue(request.param).database("dst") as database:
        yield database


def test_values_are_the_source_s_or_the_sink_stops(mysql: Any, target: Database, tmp_path: Path) -> None:
    control = Control()
    control.finish.set()
    names = [f"s{number}" for number in range(len(CHANGES))]
    with mysql.database("src") as source:
        for number, (before, value, _, _) in enumerate(CHANGES):
            source.execute(f"CREATE TABLE t{number} (id INT PRIMARY KEY, v {before})")
            source.execute(f"INSERT INTO t{number} VALUES (1, {value})")
        sinks = [f'{text.sink(name, target.url)}tables = ["*.t{number}"]\n' for number, name in enumerate(names)]
        file = tmp_path / "pipeline.toml"
        file.write_text(text.pipeline(tmp_path, text.source(source.url), *sinks))
        (tmp_path / "state").mkdir()
        pipeline = load(file)
        capture_worker.run(pipeline, control, Silent())
        for name in names:
            apply_worker.run(pipeline, name, control, Silent())
        for number, (_, value, after, _) in enumerate(CHANGES):
            source.script("SET time_zone = '+02:00'", f"ALTER TABLE t{number} MODIFY v {after}")
            source.execute(f"INSERT INTO t{number} VALUES (2, {value})")
        capture_worker.run(pipeline, control, Silent())
        following = []
        for name, (before, _, after, follows) in zip(names, CHANGES, strict=True):
            if target.server.kind.startswith(tuple(follows)):
                apply_worker.run(pipeline, name, control, Silent())
                following.append(pipeline.sink(name))
            else:
                with pytest.raises(StuckError, match=r"column v ") as caught:
                    apply_worker.run(pipeline, name, control, Silent())
                assert caught.value.fix, (before, after)
        found = verify(replace(pipeline, sinks=tuple(following)), pause=0.1)
        assert found.equal, found.to_dict()
        assert len(found.tables) == len(following) >= 3
