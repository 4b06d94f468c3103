"""`[source] start` of PostgreSQL: on a slot that somebody made before, from a position or a time on."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
import pytest

from tailrace.config.start import moment_text
from tailrace.errors import DataLossError, RefusedError, TailraceError
from tailrace.position import POSITION_KEY
from tailrace.sequence import mark_lsn
from tailrace_postgres.lsn import lsn_text, parse_lsn
from tests import servers
from tests.capture.postgres import VERSIONS, Capture, suspended
from tests.servers import Database, wait_until


@pytest.fixture(scope="module", params=VERSIONS)
def server(request: pytest.FixtureRequest) -> Iterator[servers.Postgres]:
    """Of our own: other slots would hold back what a new one says of its beginning."""
    with servers.start(request.param, {"max_replication_slots": 10}) as found:
        yield found


@pytest.fixture
def database(server: servers.Postgres) -> Iterator[Database]:
    with server.database("past") as found:
        found.execute("CREATE TABLE t (id int PRIMARY KEY, a text)")
        yield found
        slots = "FROM pg_replication_slots WHERE database = current_database()"
        wait_until(lambda: not found.value(f"SELECT count(*) {slots} AND active"), 30, "the sessions are over")
        found.query(f"SELECT pg_drop_replication_slot(slot_name) {slots}")


def publish(database: Database, tables: str = "t") -> None:
    generated = ", publish_generated_columns = stored" if database.server.kind == "postgres18" else ""
    database.execute(
        f"CREATE PUBLICATION past FOR TABLE ONLY {tables} WITH (publish = 'insert, update, delete, truncate',"
        f" publish_via_partition_root = true{generated})"
    )


def make_slot(database: Database, name: str = "past") -> str:
    """Where it begins."""
    return str(database.value(f"SELECT lsn::text FROM pg_create_logical_replication_slot('{name}', 'pgoutput')"))


def here(database: Database) -> str:
    """A position that everything committed until now lies before."""
    return str(database.value("SELECT pg_current_wal_insert_lsn()::text"))


def micros(database: Database) -> int:
    """A moment of the server's clock that nothing committed until now has."""
    now = int(database.value("SELECT ceil(extract(epoch FROM clock_timestamp()) * 1000000)::int8")) + 1000
    clock = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::int8"
    wait_until(lambda: int(database.value(clock)) > now, 5, "the clock goes on")
    return now


def insert(database: Database, *numbers: int) -> None:
    for number in numbers:
        database.execute(f"INSERT INTO t (id, a) VALUES ({number}, 'x')")


def starting(database: Database, start: str, slot: str = "past") -> Capture:
    return Capture(database, mode="cdc", options={"start": start, "slot": slot, "publication": "past"})


def ids(capture: Capture) -> list[int]:
    return [event.after["id"] for event in capture.catch_up() if event.op == "c"]


def refusal(database: Database, start: str, kind: type[TailraceError], slot: str = "past") -> TailraceError:
    """Opening is refused, and `check` says the same."""
    capture = starting(database, start, slot)
    with pytest.raises(kind) as refused:
        capture.open()
    ok, what, fix = check(database, start, slot)
    assert (ok, fix) == (False, refused.value.fix)
    assert what[:40] == refused.value.what[:40]  # the server's clock may follow
    return refused.value


def check(database: Database, start: str, slot: str = "past") -> tuple[bool | None, str, str]:
    source = starting(database, start, slot).create()
    found = [(finding.ok, finding.detail, finding.fix) for finding in source.check() if finding.name == "start"]
    source.close()
    assert len(found) == 1
    return found[0]


# ---- a position


def test_a_start_at_a_position_passes_over_what_was_committed_before_and_is_not_applied_again(
    database: Database,
) -> None:
    publish(database)
    begins = make_slot(database)
    insert(database, 1)
    place = here(database)
    insert(database, 2, 3)
    database.execute("SELECT pg_copy_logical_replication_slot('past', 'again')")
    start = f"position:{place}"
    assert check(database, start)[0]
    unsaved = starting(database, start)
    opened = unsaved.open()
    assert opened.past
    unsaved.close()  # before anything was read
    with starting(database, start) as capture:
        assert capture.confirmed() <= parse_lsn(place)
        assert ids(capture) == [2, 3]
        committed = [mark_lsn(event.source["tailrace_seq"].split("-")[1]) for event in capture.events]
        insert(database, 4)
        capture.options["start"] = "position:FFFFFFFF/0"  # read at a first start alone
        capture.reopen()
        assert ids(capture) == [4]
        database.execute("CHECKPOINT")  # else the server writes what an idle stream moves on by every 15 s
        wait_until(lambda: capture.step() is not None and capture.confirmed() > committed[1], 30, "it is acknowledged")
    # The slot has gone on: an earlier place cannot be had from it.
    beyond = refusal(database, start, DataLossError)
    assert "beyond" in beyond.what
    # A commit that begins at the position is behind it.
    with starting(database, f"position:{lsn_text(committed[1])}", "again") as exact:
        assert ids(exact) == [3, 4]
    assert parse_lsn(begins) <= parse_lsn(place)


def test_what_no_slot_can_give_is_refused(database: Database) -> None:
    publish(database)
    insert(database, 1)
    place = here(database)
    missing = refusal(database, f"position:{place}", RefusedError)
    assert "there is no replication slot past" in missing.what
    assert "pg_create_logical_replication_slot('past', 'pgoutput')" in missing.fix
    begins = make_slot(database)
    early = refusal(database, f"position:{lsn_text(parse_lsn(begins) - 1)}", DataLossError)
    assert f'"position:{begins}"' in early.fix
    future = refusal(database, "position:FFFFFFFF/0", RefusedError)
    assert "the server's log ends at" in future.what


def test_what_was_published_after_the_slots_beginning_is_refused(database: Database) -> None:
    """pgoutput leaves it out, and says nothing."""
    place = make_slot(database)
    insert(database, 1)
    none = refusal(database, f"position:{place}", RefusedError)
    assert "CREATE PUBLICATION" in none.fix
    publish(database)
    young = refusal(database, f"position:{place}", RefusedError)
    assert "publication past" in young.what
    database.execute("SELECT pg_drop_replication_slot('past')")
    place = make_slot(database)
    database.execute("CREATE TABLE other (id int PRIMARY KEY)")
    lacks = refusal(database, f"position:{place}", RefusedError)
    assert 'ADD TABLE ONLY "public"."other"' in lacks.fix
    database.execute("ALTER PUBLICATION past ADD TABLE ONLY other")
    late = refusal(database, f"position:{place}", RefusedError)
    assert "table public.other" in late.what
    assert "public.t" not in late.what
    capture = starting(database, f"position:{place}")
    capture.exclude = ("public.other",)
    with capture:
        insert(database, 2)
        assert ids(capture) == [2]


# ---- a time


def test_a_start_at_a_time_begins_with_the_first_transaction_committed_then(database: Database) -> None:
    publish(database)
    before = micros(database)
    begins = make_slot(database)
    early = refusal(database, f"timestamp:{moment_text(before)}", DataLossError)
    assert "holds no earlier change" in early.what
    assert f'"position:{begins}"' in early.fix
    insert(database, 1)
    at = micros(database)
    nothing_yet = f"timestamp:{moment_text(at)}"
    assert check(database, nothing_yet)[0]
    insert(database, 2)
    later = micros(database)
    insert(database, 3)
    database.execute("SELECT pg_copy_logical_replication_slot('past', 'again')")
    database.execute("SELECT pg_copy_logical_replication_slot('past', 'third')")
    refusal(database, f"timestamp:{moment_text(before)}", DataLossError)
    future = refusal(database, f"timestamp:{moment_text(later + 3_600_000_000)}", RefusedError)
    assert "in the future" in future.what
    with starting(database, f"timestamp:{moment_text(at)}") as capture:
        assert ids(capture) == [2, 3]
        insert(database, 4)
        capture.reopen()
        assert ids(capture) == [4]
    with starting(database, f"timestamp:{moment_text(later)}", "again") as capture:
        assert ids(capture) == [3, 4]
    with starting(database, f"timestamp:{moment_text(micros(database))}", "third") as capture:
        assert ids(capture) == []
        insert(database, 5)
        assert ids(capture) == [5]


# ---- tables as they were


@pytest.mark.parametrize("restarted", [False, True])
def test_tables_are_as_they_were_there_or_suspended(database: Database, restarted: bool) -> None:
    for name in ("volatile", "renamed"):
        database.execute(f"CREATE TABLE {name} (id int PRIMARY KEY)")
    database.execute("CREATE TABLE parted (id int PRIMARY KEY) PARTITION BY RANGE (id)")
    database.execute("CREATE TABLE old PARTITION OF parted FOR VALUES FROM (0) TO (10)")
    database.execute("CREATE TABLE whole (id int PRIMARY KEY) PARTITION BY RANGE (id)")
    database.execute("CREATE TABLE part PARTITION OF whole FOR VALUES FROM (0) TO (10)")
    publish(database, "t, ONLY volatile, ONLY renamed, parted, whole")
    make_slot(database)
    place = here(database)
    insert(database, 1)
    database.execute("ALTER TABLE t ADD c int DEFAULT 5")
    insert(database, 2)
    database.execute("INSERT INTO volatile VALUES (1)")
    database.execute("ALTER TABLE volatile ADD r float DEFAULT random()")
    database.execute("INSERT INTO volatile VALUES (2)")
    database.execute("INSERT INTO renamed VALUES (1)")
    database.execute("ALTER TABLE renamed RENAME TO other")
    database.execute("INSERT INTO whole VALUES (1)")
    database.execute("CREATE TABLE later (id int PRIMARY KEY)")
    database.execute("INSERT INTO later VALUES (11)")
    database.execute("ALTER TABLE parted ATTACH PARTITION later FOR VALUES FROM (10) TO (20)")
    with starting(database, f"position:{place}") as capture:
        if restarted:
            capture.reopen()
        events = [(event.table, event.after) for event in capture.catch_up() if event.op == "c"]
        assert events[:3] == [("t", {"id": 1, "a": "x"}), ("t", {"id": 2, "a": "x", "c": 5}), ("volatile", {"id": 1})]
        assert ("whole", {"id": 1}) in events
        assert not [after for table, after in events if table == "volatile" and after["id"] == 2]
        versions = [
            orjson.loads(value) for key, value in capture.state.items() if key.startswith("schema:test.public.t:")
        ]
        added = [column for version in versions for column in version["columns"] if column["name"] == "c"]
        assert [column["initial"] for column in added] == [5]
        reasons = suspended(capture)
        assert reasons.keys() == {"volatile", "other", "parted"}
        assert "values that PostgreSQL made for every row" in reasons["volatile"]
        assert "renamed" in reasons["other"]
        assert "attached with rows" in reasons["parted"]
        assert POSITION_KEY in capture.state
