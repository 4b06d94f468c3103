"""Events that real targets refuse: parked there, kept over crashes, applied once it takes them; and the commands."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tailrace.apply.parking import Policy
from tailrace.connectors import Context
from tailrace.dead_letters import DeadLetter
from tailrace.errors import OwnershipLostError, UnreachableError
from tailrace.schema import Column, Kind, Type
from tailrace.sink import Sink
from tailrace.stream import Partition
from tailrace.testing import MemoryStream
from tailrace_dynamodb.settings import DynamoDBSinkSettings
from tailrace_dynamodb.sink import DynamoDBSink
from tailrace_mysql.settings import MySQLSinkSettings
from tailrace_mysql.sink import MySQLSink
from tailrace_postgres.settings import PostgresSinkSettings
from tailrace_postgres.sink import PostgresSink
from tailrace_sqlite.sink import SQLiteSink
from tests.integration.sink_rig import ID, Rig
from tests.pipelines.daemon import PipelineFile, until
from tests.servers import Database, unique_name, wait_until

NAME = Column(2, "name", Type(Kind.TEXT, "text"))
#: Larger than an item of DynamoDB's, also compressed.
HUGE = random.Random(1).randbytes(210_000).hex()


@dataclass(frozen=True)
class SQLiteSettings:
    path: Path
    name: str = "target"


@dataclass
class Target:
    """A target that refuses the value `bad` of `name`, and how its owner makes it take it (None: nobody can)."""

    create: Callable[[], Sink]
    bad: str
    mend: Callable[[], object] | None


@contextlib.contextmanager
def sqlite_target(folder: Path) -> Iterator[Target]:
    path = folder / "target.db"

    def run(*statements: str) -> None:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            for statement in statements:
                connection.execute(statement)
            connection.commit()

    run("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL CHECK (name <> 'bad'))")
    mended = (
        "CREATE TABLE other (id INTEGER PRIMARY KEY, name TEXT)",
        "INSERT INTO other SELECT * FROM users",
        "DROP TABLE users",
        "ALTER TABLE other RENAME TO users",
    )
    context = Context("shop", "full-load-and-cdc", folder)
    yield Target(lambda: SQLiteSink(SQLiteSettings(path), context), "bad", lambda: run(*mended))


@contextlib.contextmanager
def sql_target(kind: str, server: Any) -> Iterator[Target]:
    """PostgreSQL: a column that is too short. MySQL and MariaDB, where the sink would make it wider: a rule for it."""
    with server.database("letters") as database:
        name = "VARCHAR(8)" if kind == "postgres" else "LONGTEXT, CONSTRAINT short CHECK (CHAR_LENGTH(name) < 9)"
        database.execute(f"CREATE TABLE users (id BIGINT PRIMARY KEY, name {name})")
        context = Context("shop", "full-load-and-cdc", Path("/nonexistent"))
        raw = {"name": "target", "connector": kind, "url": database.url}

        def create() -> Sink:
            if kind == "postgres":
                return PostgresSink(PostgresSinkSettings.model_validate(raw), context)
            return MySQLSink(MySQLSinkSettings.model_validate(raw), context)

        wider = "ALTER COLUMN name TYPE text" if kind == "postgres" else "DROP CONSTRAINT short"
        yield Target(create, "far too long", lambda: database.execute(f"ALTER TABLE users {wider}"))


@contextlib.contextmanager
def dynamodb_target(dynamodb: Any) -> Iterator[Target]:
    raw = {
        "name": "target",
        "connector": "dynamodb",
        "endpoint_url": dynamodb.endpoint,
        "region": "eu-west-1",
        "prefix": unique_name("letters") + ".",
    }
    context = Context("shop", "full-load-and-cdc", Path("/nonexistent"))
    yield Target(lambda: DynamoDBSink(DynamoDBSinkSettings.model_validate(raw), context), HUGE, None)


@pytest.fixture(params=["sqlite", "postgres15", "mysql", "mariadb", "dynamodb"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Target]:
    kind: str = request.param
    if kind == "sqlite":
        made: contextlib.AbstractContextManager[Target] = sqlite_target(tmp_path)
    elif kind == "dynamodb":
        made = dynamodb_target(request.getfixturevalue(kind))
    else:
        server = request.getfixturevalue(kind)
        made = sql_target("postgres" if kind == "postgres15" else "mysql", server)
    with made as found:
        yield found


@pytest.fixture
def rig(target: Target) -> Rig:
    rig = Rig(target.create)
    rig.policy = Policy()
    return rig


def letters(rig: Rig) -> list[DeadLetter]:
    with contextlib.closing(rig.create()) as sink:
        return sorted(sink.dead_letters.heads(), key=lambda letter: letter.place)


def ask(rig: Rig, wanted: Any) -> None:
    with contextlib.closing(rig.create()) as sink:
        sink.dead_letters.ask([letter.id for letter in letters(rig)], wanted)


def row(number: int, name: str | None = "good") -> dict[str, Any]:
    return {"id": number, "name": name}


def test_a_refused_row_delays_nobody_keeps_its_order_and_is_applied_when_it_can_be(target: Target, rig: Rig) -> None:
    users = rig.script.table("shop.users", [ID, NAME], "mysql")
    users.load([row(number, target.bad if number == 40 else "loaded") for number in range(200)])
    with rig.script.transaction():
        for number in range(200, 260):
            users.insert(row(number, target.bad if number in (210, 259) else "good"))
        users.update(row(210, target.bad), row(210, "second"))
    rig.apply()
    # 210 has a good value at the end of its transaction, and was never refused.
    expected = {number: "loaded" if number < 200 else "good" for number in range(260)}
    expected[210] = "second"
    good = {number: name for number, name in expected.items() if number not in (40, 259)}
    assert {found["id"]: found["name"] for found in rig.rows(users)} == good
    assert [(letter.op, letter.key) for letter in letters(rig)] == [("r", '{"id":40}'), ("c", '{"id":259}')]
    assert all(letter.reason for letter in letters(rig))

    # A new process knows of them; changes behind them wait, with an update that lacks a column among them.
    users.update(row(259, target.bad), row(259, "third"))
    users.update(row(40, target.bad), {"id": 40}, unchanged=("name",))
    users.delete(row(3, "loaded"))
    rig.apply()
    good.pop(3)
    assert {found["id"]: found["name"] for found in rig.rows(users)} == good
    assert [(letter.op, letter.key, bool(letter.reason)) for letter in letters(rig)] == [
        ("r", '{"id":40}', True),
        ("c", '{"id":259}', True),
        ("u", '{"id":259}', False),
        ("u", '{"id":40}', False),
    ]
    with contextlib.closing(rig.create()) as sink:
        (whole,) = sink.dead_letters.read([letters(rig)[0].id])
    assert json.loads(whole.event)["after"] == row(40, target.bad)

    ask(rig, "retry")
    if target.mend is not None:
        rig.apply()
        assert [letter.key for letter in letters(rig)] == ['{"id":40}', '{"id":40}']  # a later value has mended 259
        target.mend()
        ask(rig, "retry")
        rig.apply()
        good[40] = target.bad
    else:
        rig.apply()
        assert [letter.key for letter in letters(rig)] == ['{"id":40}', '{"id":40}']
        ask(rig, "discard")
        rig.apply()
    good[259] = "third"
    assert {found["id"]: found["name"] for found in rig.rows(users)} == good
    assert letters(rig) == []
    with contextlib.closing(rig.create()) as sink:
        assert not any("parked" in line for line in sink.teardown(dry_run=False))


def test_a_parked_change_is_applied_though_the_table_was_altered_meanwhile(target: Target, rig: Rig) -> None:
    """What ALTER has done to all rows of a fenced target is not newer than the change."""
    users = rig.script.table("shop.users", [ID, NAME], "mysql")
    users.insert(row(1, "first"))
    users.insert(row(2, "first"))
    rig.apply()
    users.update(row(1, "first"), row(1, target.bad))
    rig.apply()
    users.update(row(1, target.bad), row(1, "second"))
    added = Column(3, "added", Type(Kind.TEXT, "varchar(9)", 9), initial="x")
    users.alter([ID, NAME, added])
    users.insert({"id": 3, "name": "third", "added": "y"})
    rig.apply()
    assert [(letter.op, bool(letter.reason)) for letter in letters(rig)] == [("u", True), ("u", False)]
    ask(rig, "retry")
    rig.apply()
    assert letters(rig) == []
    assert rig.rows(users) == [
        {"id": 1, "name": "second", "added": "x"},
        {"id": 2, "name": "first", "added": "x"},
        {"id": 3, "name": "third", "added": "y"},
    ]
    users.update({"id": 1, "name": "second", "added": "x"}, {"id": 1, "name": "last", "added": "z"})
    rig.apply()
    assert rig.rows(users)[0] == {"id": 1, "name": "last", "added": "z"}


def test_the_owner_alone_touches_parked_events_until_teardown_removes_them(target: Target, rig: Rig) -> None:
    users = rig.script.table("shop.users", [ID, NAME], "mysql")
    users.insert(row(1, target.bad))
    rig.apply()
    (letter,) = letters(rig)
    stream_id = rig.stream.reader("target").stream_id
    with contextlib.closing(rig.create()) as former, contextlib.closing(rig.create()) as owner:
        former.open(stream_id)
        owner.open(stream_id)

        def discard() -> None:
            former.dead_letters.release([letter.id])
            former.commit({})

        with pytest.raises(OwnershipLostError):
            discard()
    assert letters(rig) == [letter]
    with contextlib.closing(rig.create()) as sink:
        assert sum("1 parked event" in line for line in sink.teardown(dry_run=True)) == 1
        assert len(sink.teardown(dry_run=False)) == 2
        assert sink.teardown(dry_run=False) == []
    assert letters(rig) == []


def parked(target: Target) -> list[tuple[str, bool]]:
    """Operation, and whether it was refused itself."""
    with contextlib.closing(target.create()) as sink:
        heads = sorted(sink.dead_letters.heads(), key=lambda letter: letter.place)
    return [(letter.op, bool(letter.reason)) for letter in heads]


def test_a_worker_that_dies_at_any_step_neither_loses_an_event_nor_applies_it_twice(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dying: the call raises, and the connections go, as after SIGKILL."""
    monkeypatch.setattr("tailrace.apply.parking.LOOK_SECONDS", 0.1)
    monkeypatch.setattr("tailrace.apply.worker.FIRST_BACKOFF_SECONDS", 0.05)
    deaths = ["parked", "committed", "released"]

    def die(step: str) -> None:
        if deaths and deaths[0] == step:
            del deaths[0]
            raise UnreachableError("killed")

    def create() -> Sink:
        sink: Any = target.create()
        park, release, commit = sink.dead_letters.park, sink.dead_letters.release, sink.commit
        wrote: list[bool] = []

        def parking(given: Any) -> None:
            park(given)
            wrote.append(True)
            die("parked")

        def releasing(ids: Any) -> None:
            release(ids)
            die("released")

        def committing(positions: Mapping[Partition, int]) -> None:
            commit(positions)
            if wrote:
                die("committed")

        sink.dead_letters.park, sink.dead_letters.release, sink.commit = parking, releasing, committing
        made: Sink = sink
        return made

    rig = Rig(create, MemoryStream(2))
    rig.policy = Policy()
    users = rig.script.table("shop.users", [ID, NAME], "mysql")
    with rig.script.transaction():
        users.insert(row(1, "first"))
        users.update(row(1, "first"), row(1, target.bad))
        users.insert(row(2))

    def found() -> list[dict[str, Any]]:
        return Rig(target.create).rows(users)

    with rig.running():
        wait_until(lambda: parked(target) == [("u", True)] and len(found()) == 2, 30, "one event parked")
        assert found() == [row(1, "first"), row(2)]
        users.update(row(1, target.bad), row(1, "third"))
        wait_until(lambda: parked(target) == [("u", True), ("u", False)], 30, "two events parked")
        with contextlib.closing(target.create()) as sink:
            sink.dead_letters.ask([letter.id for letter in sink.dead_letters.heads()], "retry")
        wait_until(lambda: parked(target) == [], 30, "nothing parked")
        wait_until(lambda: found() == [row(1, "third"), row(2)], 30, "both rows")
        users.update(row(1, "third"), row(1, "last"))
        wait_until(lambda: found() == [row(1, "last"), row(2)], 30, "the row goes on")
    assert deaths == []


# ---- the commands, on a daemon


@pytest.fixture
def source(postgres15: Any) -> Iterator[Database]:
    with postgres15.database("src") as database:
        database.execute("CREATE TABLE users (id bigint PRIMARY KEY, name text)")
        yield database


def test_the_commands_on_a_daemon_whose_sink_is_killed_again_and_again(source: Database, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    file = PipelineFile(
        tmp_path,
        f"""
name = "{unique_name("letters")}"
state_dir = "state"
[source]
connector = "postgres"
url = "{source.url}"
tables = ["public.users"]
heartbeat = "0.3s"
[[sinks]]
name = "copy"
connector = "sqlite"
url = "sqlite:///{copy}"
""",
    )
    guarded = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT CHECK (name <> 'bad'))"

    def run(*statements: str) -> list[Any]:
        with contextlib.closing(sqlite3.connect(copy)) as connection:
            answers = [connection.execute(statement).fetchall() for statement in statements]
            connection.commit()
        return answers[-1]

    def kill(pid: int | None) -> bool:
        with contextlib.suppress(ProcessLookupError):
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
        return pid is not None

    def stored() -> set[int]:
        heads = run("SELECT head FROM _tailrace_dead_letters WHERE part = 0")
        return {json.loads(json.loads(head)["key"])["id"] for (head,) in heads}

    run(guarded)
    source.execute(
        "INSERT INTO users SELECT n, CASE WHEN mod(n, 100) = 50 THEN 'bad' ELSE 'good' END"
        " FROM generate_series(1, 300) AS n"
    )
    ended = file.until_caught_up()
    assert ended.code == 4, ended.stderr
    assert "events of table public.users are parked (3); see tailrace dead-letters list" in ended.stderr
    assert run("SELECT count(*) FROM users") == [(297,)]
    result = file.command("dead-letters", "list", "--json")
    assert result.code == 0, result.stderr
    listed = json.loads(result.stdout)["dead_letters"]
    assert [letter["key"] for letter in listed] == [{"id": 50}, {"id": 150}, {"id": 250}]
    noted = file.command("dead-letters", "discard", listed[0]["id"])
    assert noted.code == 0
    assert "done when the pipeline starts" in noted.stdout

    with file.running():
        until(lambda: len(file.worker_pids()) == 2, 60, "both workers")
        for number in range(2):
            source.execute(
                f"INSERT INTO users VALUES ({1000 + number}, 'bad'), ({2000 + number}, 'good');"
                f" UPDATE users SET name = 'good {number}' WHERE id IN (150, 1000, {2000 + number})"
            )
            until(lambda: kill(file.worker_pids().get("copy")), 60, "a worker to kill")
        until(lambda: run("SELECT count(*) FROM users WHERE id >= 2000") == [(2,)], 60, "all good rows")
        until(lambda: file.states().get("copy") == "streaming", 60, "the sink at work")
        until(lambda: file.status()["tables"][0]["parked"] > 3, 30, "parked events in the status")
        assert file.command("status", "--json").code == 4
        assert stored() == {150, 250, 1001}

        whole = file.command("dead-letters", "show", listed[-1]["id"])
        assert whole.code == 0
        assert json.loads(whole.stdout)["event"]["after"]["id"] == 250
        assert file.command("dead-letters", "show", "77777777").code == 1
        assert file.command("dead-letters", "retry").code == 2
        refused = file.command("dead-letters", "retry", "--all")
        assert refused.code == 1, refused.stdout + refused.stderr
        assert "is refused again" in refused.stdout
        # Rows that were mended at the source are through.
        assert stored() == {250, 1001}

        run(
            "CREATE TABLE other (id INTEGER PRIMARY KEY, name TEXT)",
            "INSERT INTO other SELECT * FROM users",
            "DROP TABLE users",
            "ALTER TABLE other RENAME TO users",
        )
        done = file.command("dead-letters", "retry", "--table", "public.*", "--sink", "copy")
        assert done.code == 0, done.stdout + done.stderr
        assert stored() == set()
        until(lambda: file.status()["tables"][0]["parked"] == 0, 30, "nothing parked")
        assert file.command("status", "--json").code == 0
    source.execute("DELETE FROM users WHERE id = 50")  # given up above
    ended = file.until_caught_up()
    assert ended.code == 0, ended.stderr
    assert file.command("verify").code == 0
