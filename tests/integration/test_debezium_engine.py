"""Debezium's engine, which later tests compare with: it delivers, and goes on where it stopped."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

from tests import servers
from tests.servers import debezium


def test_an_engine_goes_on_where_the_one_before_it_stopped(mariadb: servers.MariaDB, tmp_path: Path) -> None:
    lines = tmp_path / "events.jsonl"

    def events() -> list[dict[str, Any]]:
        text = lines.read_text() if lines.exists() else ""
        return [json.loads(line) for line in text.splitlines() if text.endswith("\n")]

    numbers = itertools.count(1)
    with mariadb.database() as source:
        source.execute("CREATE TABLE shown (id INT PRIMARY KEY, amount DECIMAL(12,2))")
        name = servers.unique_name("dbz")
        settings = debezium.properties(source, name, tmp_path, ["shown"]) | debezium.to_file(lines)
        with debezium.Engine(settings) as engine:

            def seen() -> bool:
                engine.check()
                source.execute("INSERT INTO shown VALUES (%s, 1.5)", (next(numbers),))
                return bool(events())

            servers.wait_until(seen, 60, "Debezium delivers", 0.2)
        before = len(events())
        source.execute("INSERT INTO shown VALUES (-1, 2.5)")
        with debezium.Engine(settings) as engine:

            def arrived() -> bool:
                engine.check()
                return any(event["key"] == {"id": -1} for event in events())

            servers.wait_until(arrived, 60, "Debezium goes on", 0.2)
        assert before > 0
        last = events()[-1]
        assert last["topic"] == f"{name}.{source.name}.shown"
        assert last["value"]["after"] == {"id": -1, "amount": "2.50"}
