"""Capture and sinks as daemons of their own: sinks that several share, deaths, and processes that wake up late."""

from __future__ import annotations

import contextlib
import json
import signal
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests import servers
from tests.pipelines import text
from tests.pipelines.daemon import PipelineFile, until
from tests.pipelines.machines import Machine, kafka_stream, machines, owners, writing
from tests.servers import unique_name
from tests.servers.sql import Database

TABLES = 6
#: What every committed change of a position was, in the order of the commits per row. Sinks may switch triggers off.
AUDIT = """
CREATE TABLE audit (id bigserial, topic text, partition int, owner text, before bigint, after bigint);
CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO audit (topic, partition, owner, before, after)
    VALUES (NEW.topic, NEW.partition, NEW.owner, OLD.next_offset, NEW.next_offset);
    RETURN NEW;
END $$;
CREATE TRIGGER audit AFTER UPDATE ON _tailrace_positions FOR EACH ROW EXECUTE FUNCTION audit();
ALTER TABLE _tailrace_positions ENABLE ALWAYS TRIGGER audit;
"""


def shared_by(target: Database, *counts: int) -> None:
    until(lambda: sorted(owners(target).values()) == sorted(counts), 60, f"{counts}, not {owners(target)}")


def test_machines_share_a_sink_over_joins_deaths_and_sleep(
    postgres18: servers.Postgres, kafka: servers.Kafka, tmp_path: Path
) -> None:
    name = unique_name("shop").replace("_", "-")
    with postgres18.database("source") as source, postgres18.database("target") as target:
        for number in range(TABLES):
            source.execute(f"CREATE TABLE t{number} (id int PRIMARY KEY, n int)")
            source.execute(f"INSERT INTO t{number} SELECT i, 0 FROM generate_series(1, 100) i")
        parts = (text.source(source.url), kafka_stream(kafka.bootstrap, 3), text.sink("wh", target.url))
        capture = Machine(tmp_path / "capture", *parts, name=name, role="capture")
        one, two, three = (Machine(tmp_path / which, *parts, name=name, role="apply") for which in ("a", "b", "c"))
        with machines(capture, one, two, three):
            capture.start()
            one.start()
            until(lambda: one.file.states() == {"wh": "streaming"}, 60, "the first machine is at work")
            shared_by(target, TABLES)
            target.execute(AUDIT)
            with writing(source, TABLES):
                two.start()
                shared_by(target, 3, 3)
                three.start()
                shared_by(target, 2, 2, 2)
                # What stands in both partitions of a topic, while topics go from one worker to another.
                source.execute("ALTER TABLE t0 ADD COLUMN extra int DEFAULT 7")
                source.execute("TRUNCATE t1")
                one.signal(signal.SIGKILL)
                source.execute("ALTER TABLE t2 ADD COLUMN extra int DEFAULT 8")
                shared_by(target, 3, 3)
                asleep = owners(target)
                two.signal(signal.SIGSTOP)
                shared_by(target, TABLES)
                [awake] = owners(target)
                asleep.pop(awake, None)
                target.execute("INSERT INTO audit (topic) VALUES ('wakes up')")
                two.wake()
                shared_by(target, 3, 3)
                until(lambda: two.file.states() == {"wh": "streaming"}, 30, "it has a share again")
            nothing_came_from(target, asleep)

            def shown() -> dict[str, Any]:
                status: dict[str, Any] = json.loads(two.file.command("status", "--json").stdout)
                return status

            assert (shown()["role"], [worker["name"] for worker in shown()["workers"]]) == ("apply", ["wh"])
            until(lambda: len(shown()["tables"]) == 3, 30, "its share of the tables is shown")
            refused = capture.file.command("cutover")
            assert (refused.code, "several daemons" in refused.stderr) == (4, True), refused.stderr
            for machine in (two, three, capture):
                machine.stop()
            # What is left: capture to the source's end, then the sinks to the stream's.
            for machine in (capture, one):
                done = machine.start("--until-caught-up")
                assert done.wait(90) == 0, machine.log()
            verified = capture.file.command("verify")
            assert verified.code == 0, verified.stdout + verified.stderr
            positions_never_went_back(target)
            torn_down = capture.file.command("teardown", "--yes")
            assert torn_down.code == 0, torn_down.stderr
            assert f"topic {name}.__shares" in torn_down.stdout


def nothing_came_from(target: Database, sleepers: dict[str, int]) -> None:
    assert sleepers, "somebody was asleep"
    late = target.query(
        "SELECT * FROM audit WHERE owner = ANY(%s) AND id > (SELECT id FROM audit WHERE topic = 'wakes up')",
        (list(sleepers),),
    )
    assert late == []


def positions_never_went_back(target: Database) -> None:
    """Each commit goes on where the one before it ended, whoever made it, and an owner that was replaced is gone."""
    moves = target.query("SELECT topic, partition, owner, before, after FROM audit WHERE partition >= -1 ORDER BY id")
    at: dict[tuple[str, int], int] = {}
    last: dict[tuple[str, int], str] = {}
    former: dict[tuple[str, int], set[str]] = {}
    for topic, partition, owner, before, after in moves:
        place = (topic, partition)
        if place in at:
            assert at[place] == before
        assert after >= before
        at[place] = after
        if last.get(place, owner) != owner:
            former.setdefault(place, set()).add(last[place])
        last[place] = owner
        assert owner not in former.get(place, ())
    assert len(set(last.values())) >= 1
    assert len(moves) > 50


def test_a_capture_that_wakes_up_behind_its_successor_leaves(
    postgres18: servers.Postgres, kafka: servers.Kafka, tmp_path: Path
) -> None:
    name = unique_name("shop").replace("_", "-")
    with postgres18.database("source") as source:
        source.execute("CREATE TABLE t0 (id int PRIMARY KEY, n int)")
        parts = (text.source(source.url), kafka_stream(kafka.bootstrap, 3))
        older, newer = (Machine(tmp_path / which, *parts, name=name, role="capture") for which in ("a", "b"))
        with machines(older, newer):
            older.start()
            until(lambda: older.file.states() == {"capture": "streaming"}, 60, "the first one streams")
            source.execute("INSERT INTO t0 SELECT i, 0 FROM generate_series(1, 1000) i")
            older.signal(signal.SIGSTOP)
            # It is ended by itself when it has been silent for a minute.
            source.execute("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active")
            newer.start()
            until(lambda: newer.file.states() == {"capture": "streaming"}, 90, "the second one streams")
            source.execute("INSERT INTO t0 VALUES (2000, 0)")
            until(lambda: ids(newer)[-1:] == [2000], 30, "it has published")
            older.wake()
            assert older.process is not None
            assert older.process.wait(60) == 6, older.log()
            assert "another, newer daemon" in older.log()
            source.execute("INSERT INTO t0 VALUES (2001, 0)")
            until(lambda: ids(newer)[-1:] == [2001], 30, "the second one goes on")
            newer.stop()
            assert sorted(ids(newer)) == [*range(1, 1001), 2000, 2001], "each change once"
            assert newer.file.command("teardown", "--yes").code == 0


def ids(machine: Machine) -> list[int]:
    """Of all events; that of the last transaction comes last, whatever its partition."""
    events = machine.file.tail("--timeout", "1.5")
    rows = [event["value"]["after"]["id"] for event in events if event["value"]["op"] in "cr"]
    return sorted(rows)


def test_one_machine_runs_both_roles_on_an_embedded_stream(postgres18: servers.Postgres, tmp_path: Path) -> None:
    with postgres18.database("source") as source:
        source.execute("CREATE TABLE t0 (id int PRIMARY KEY, n int)")
        source.execute("INSERT INTO t0 VALUES (1, 0)")
        path = tmp_path / "copy.db"
        parts = (text.source(source.url), text.sink("copy", f"sqlite:///{path}"))
        name = unique_name("shop").replace("_", "-")
        sinks, capture = (Machine(tmp_path / "one", *parts, name=name, role=role) for role in ("apply", "capture"))
        with machines(sinks, capture):
            sinks.start()
            until(lambda: "there is no stream yet" in sinks.log(), 30, "it waits for capture")
            capture.start()
            until(lambda: rows(path) == [(1, 0)], 60, "the row arrives")
            shown: dict[str, Any] = {}

            def both_have_the_table() -> bool:
                shown.update(json.loads(capture.file.command("status", "--json").stdout))
                return [table["workers"].keys() for table in shown["tables"]] == [{"capture", "copy"}]

            until(both_have_the_table, 20, "status shows the table of both daemons")
            assert [worker["name"] for worker in shown["workers"]] == ["capture", "copy"]
            assert (shown["role"], shown["state"]) == ("capture+apply", "running")
            for role in ("apply", "capture", "both"):
                refused = capture.file.command("run", "--role", role)
                assert (refused.code, "already running" in refused.stderr) == (5, True), refused.stderr
            sinks.stop()
            source.execute("INSERT INTO t0 VALUES (2, 0)")
            # Asleep it holds the stream as well as awake.
            capture.signal(signal.SIGSTOP)
            refused = capture.file.command("run")
            assert (refused.code, "already running" in refused.stderr) == (5, True), refused.stderr
            capture.wake()
            sinks.start("--until-caught-up")
            assert sinks.process is not None
            assert sinks.process.wait(60) == 0, sinks.log()
            sinks.start()
            until(lambda: sinks.file.states().get("copy") == "streaming", 60, "the sink is at work again")
            until(lambda: rows(path) == [(1, 0), (2, 0)], 60, "what came meanwhile arrives")
            sinks.stop()
            capture.stop()
            assert capture.file.command("teardown", "--yes").code == 0


def rows(path: Path) -> list[tuple[int, int]]:
    if not path.exists():
        return []
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        try:
            return list(connection.execute("SELECT id, n FROM t0 ORDER BY id"))
        except sqlite3.OperationalError:
            return []


def test_sinks_alone_need_a_sink(tmp_path: Path) -> None:
    file = PipelineFile(tmp_path, text.pipeline(tmp_path, text.source("postgresql://app@127.0.0.1:1/app")))
    result = file.command("run", "--role", "apply")
    assert (result.code, "there are no sinks to run" in result.stderr) == (2, True), result.stderr


@pytest.mark.parametrize("role", ["apply", "capture"])
def test_a_role_needs_its_own_secrets_only(tmp_path: Path, role: str) -> None:
    parts = (
        text.source("postgresql://app:${SOURCE_SECRET}@127.0.0.1:1/app"),
        text.sink("wh", "postgresql://app:${SINK_SECRET}@127.0.0.1:1/wh"),
    )
    file = PipelineFile(tmp_path, text.pipeline(tmp_path, *parts))
    result = file.command("run", "--role", role)
    missing = {"apply": "SINK_SECRET", "capture": "SOURCE_SECRET"}
    assert result.code == 2
    assert [name for name in missing.values() if name in result.stderr] == [missing[role]]
