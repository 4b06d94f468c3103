"""The small parts of the PostgreSQL source: views, positions, COPY text, keys, values, messages of errors."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.errors import DataLossError, RefusedError, UnreachableError
from tailrace.position import Position
from tailrace.schema import Kind, Type
from tailrace.sequence import lsn_mark, sequence
from tailrace_postgres.connection import identifier, literal
from tailrace_postgres.continuity import Identity, promoted, switch_points
from tailrace_postgres.copytext import parse_row
from tailrace_postgres.errors import login_error, server_error
from tailrace_postgres.keyset import KeyColumn, key_text, span
from tailrace_postgres.lsn import lsn_text, parse_lsn
from tailrace_postgres.slot import Slot, verify_resumable
from tailrace_postgres.types import TypeEntry, converter, describe
from tailrace_postgres.view import Snapshot

# ---- log sequence numbers


@given(st.integers(0, 2**64 - 1))
def test_lsn_text_reads_back(lsn: int) -> None:
    assert parse_lsn(lsn_text(lsn)) == lsn


@pytest.mark.parametrize("text", ["", "/", "1", "1/", "x/1", "1/123456789"])
def test_what_is_no_lsn(text: str) -> None:
    with pytest.raises(ValueError):
        parse_lsn(text)


# ---- views


def test_what_a_snapshot_sees() -> None:
    view = Snapshot.parse("10:20:12,15")
    assert [xid for xid in range(8, 22) if view.sees(str(xid))] == [8, 9, 10, 11, 13, 14, 16, 17, 18, 19]
    assert Snapshot.parse("10:10:").running == frozenset()


def test_transaction_ids_of_the_log_wrap_around() -> None:
    epoch = 3 << 32
    view = Snapshot.parse(f"{epoch + 5}:{epoch + 10}:{epoch + 7}")
    assert view.sees("6")
    assert not view.sees("7")
    assert not view.sees("11")
    assert view.sees(str(0xFFFFFFF0)), "begun before the wrap"
    before = Snapshot.parse(f"{epoch - 10}:{epoch - 5}:")
    assert not before.sees("3"), "begun after the wrap"


def test_a_view_covers_another_that_sees_no_more() -> None:
    view = Snapshot.parse("10:20:12,15")
    assert view.covers(view)
    assert view.covers(Snapshot.parse("10:14:12"))
    assert not view.covers(Snapshot.parse("13:14:")), "12 had committed there"
    assert not view.covers(Snapshot.parse("21:22:")), "20 had committed there"
    assert view.covers(Snapshot.parse("10:22:12,15,20,21"))


# ---- promotions

IDENTITY = Identity("771148", "sh/op", 1)
POSITION = Position(1, str(IDENTITY), lsn_text(0x5000), mark=lsn_mark(0x5000))


def test_identities_read_back() -> None:
    assert Identity.parse(str(IDENTITY)) == IDENTITY


def test_timeline_history() -> None:
    text = "1\t0/5000140\tno recovery target specified\n\n2\t1/A0\tbefore 2000-01-01\n# remark\n"
    assert switch_points(text) == {1: 0x5000140, 2: 0x1000000A0}


def test_a_promotion_ahead_of_us_goes_on() -> None:
    now = replace(IDENTITY, timeline=2)
    assert promoted(POSITION, now, 0x5000, "") == replace(POSITION, identity=str(now))


def test_a_promotion_behind_an_idle_position_begins_a_new_epoch() -> None:
    now = replace(IDENTITY, timeline=2)
    position = replace(POSITION, delivered=sequence(1, lsn_mark(0x4000), 5))
    found = promoted(position, now, 0x4800, "")
    assert (found.epoch, found.restart, found.mark) == (2, lsn_text(0x4800), lsn_mark(0x4800))
    again = promoted(replace(found, mark=lsn_mark(0x3F00)), replace(IDENTITY, timeline=3), 0x3E00, "")
    assert again.epoch == 3, "what an earlier epoch delivered is no question any more"


def test_a_promotion_behind_delivered_changes_is_data_loss() -> None:
    position = replace(POSITION, delivered=sequence(1, lsn_mark(0x4900), 5))
    with pytest.raises(DataLossError, match="lacks changes"):
        promoted(position, replace(IDENTITY, timeline=2), 0x4800, "")
    with pytest.raises(DataLossError, match="does not descend"):
        promoted(position, replace(IDENTITY, timeline=2), None, "")


def test_a_promotion_behind_a_part_of_a_transaction_is_data_loss() -> None:
    """The new timeline gives the same marks out again: events of it would count as delivered."""
    for commit in (0x5100, 0x5200):
        position = replace(POSITION, delivered=sequence(1, lsn_mark(commit), 5))
        with pytest.raises(DataLossError, match="lacks changes"):
            promoted(position, replace(IDENTITY, timeline=2), 0x5100, "")


# ---- slots

SLOT = Slot("s", "pgoutput", "d", None, confirmed=0x5000, lost="")


def test_a_slot_at_or_before_the_position_is_resumable() -> None:
    assert verify_resumable(SLOT, "s", 0x5000, "") is SLOT
    assert verify_resumable(SLOT, "s", 0x6000, "") is SLOT


@pytest.mark.parametrize(
    ("slot", "text"),
    [(None, "is gone"), (replace(SLOT, lost="wal_removed"), "given up"), (replace(SLOT, confirmed=0x5001), "beyond")],
)
def test_other_slots_are_data_loss(slot: Slot | None, text: str) -> None:
    with pytest.raises(DataLossError, match=text):
        verify_resumable(slot, "s", 0x5000, "")


# ---- COPY text


def test_copy_text() -> None:
    assert parse_row(b"1\ta\\tb\\\\n\\n\t\\N\t\n") == [b"1", b"a\tb\\n\n", None, b""]
    assert parse_row(b"1\t2\n") == [b"1", b"2"]
    assert parse_row(b"\\\\N\t\\b\\f\\r\\v\n") == [b"\\N", b"\b\f\r\v"]


# ---- SQL


def test_quoting() -> None:
    assert identifier("a", 'b"c') == '"a"."b""c"'
    assert literal("it's") == "'it''s'"
    assert literal("a\\'b") == "E'a\\\\''b'"


def test_conditions_for_the_next_chunk() -> None:
    key = [KeyColumn("a", "integer"), KeyColumn("b", "text")]
    after = key_text([b"5", b"x'y"])
    assert span(key, None, None) == ""
    assert span(key, after, None) == """ WHERE ("a", "b") > ('5'::integer, 'x''y'::text)"""
    assert span(key, after, key_text([b"7", b"z"])) == (
        """ WHERE ("a", "b") > ('5'::integer, 'x''y'::text) AND ("a", "b") <= ('7'::integer, 'z'::text)"""
    )
    own = [KeyColumn("a", "public.citext", "public"), KeyColumn("b", "text")]
    assert span(own, after, None) == (
        """ WHERE "a" OPERATOR("public".>=) '5'::public.citext AND """
        """(("a" OPERATOR("public".>) '5'::public.citext) OR """
        """("a" OPERATOR("public".=) '5'::public.citext AND "b" > 'x''y'::text))"""
    )
    assert span(own, None, after) == (
        """ WHERE "a" OPERATOR("public".<=) '5'::public.citext AND """
        """(("a" OPERATOR("public".<) '5'::public.citext) OR """
        """("a" OPERATOR("public".=) '5'::public.citext AND "b" <= 'x''y'::text))"""
    )


# ---- types


class Types:
    def __init__(self, *entries: TypeEntry) -> None:
        self.entries = {entry.oid: entry for entry in entries}

    def entry(self, oid: int) -> TypeEntry:
        return self.entries.get(oid) or TypeEntry(oid)

    def name(self, oid: int, modifier: int) -> str:
        return f"{oid}:{modifier}"


@pytest.mark.parametrize(
    ("oid", "modifier", "type_"),
    [
        (1700, (12 << 16 | 2) + 4, Type(Kind.DECIMAL, size=12, scale=2)),
        (1700, (3 << 16 | (-2 & 0x7FF)) + 4, Type(Kind.DECIMAL, size=3, scale=-2)),
        (1700, -1, Type(Kind.DECIMAL)),
        (1043, 24, Type(Kind.TEXT, size=20)),
        (1042, 5, Type(Kind.TEXT, size=1, fixed=True)),
        (1114, 0, Type(Kind.TIMESTAMP, size=0)),
        (1184, -1, Type(Kind.TIMESTAMPTZ, size=6)),
        (1186, 0x7FFF0003, Type(Kind.INTERVAL, size=3)),
        (1560, 5, Type(Kind.BITS, size=5, fixed=True)),
        (1562, -1, Type(Kind.BITS)),
        (26, -1, Type(Kind.INTEGER, size=32, unsigned=True)),
        (1007, -1, Type(Kind.OTHER)),
    ],
)
def test_type_modifiers(oid: int, modifier: int, type_: Type) -> None:
    assert describe(oid, modifier, Types()) == replace(type_, name=f"{oid}:{modifier}")


def test_domains_are_what_they_are_made_of() -> None:
    types = Types(TypeEntry(100, "d", 101), TypeEntry(101, "d", 1043, 14), TypeEntry(200, "e", labels=("a", "b")))
    assert describe(100, -1, types) == Type(Kind.TEXT, name="1043:14", size=10)
    assert describe(200, -1, types) == Type(Kind.ENUM, name="200:-1", labels=("a", "b"))


def test_a_dropped_type_is_carried_as_text() -> None:
    class Nothing(Types):
        def entry(self, oid: int) -> TypeEntry:
            raise KeyError(oid)

    assert describe(5, -1, Nothing()).kind is Kind.OTHER


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Kind.BOOLEAN, b"true"),
        (Kind.INTEGER, b"1.5"),
        (Kind.INTEGER, b"--1"),
        (Kind.INTEGER, b""),
        (Kind.FLOAT, b"nan"),
        (Kind.FLOAT, b"x"),
        (Kind.BYTES, b"abc"),
        (Kind.BYTES, b"\\xabc"),
        (Kind.TIMESTAMPTZ, b"2024-01-01 00:00:00+02"),
        (Kind.TEXT, b"\xff"),
    ],
)
def test_what_a_type_cannot_print_is_an_error(kind: Kind, text: bytes) -> None:
    with pytest.raises(ValueError):
        converter(Type(kind))(text)


@given(st.floats())
def test_floats_read_back(number: float) -> None:
    text = {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}.get(repr(number), repr(number))
    found = orjson.loads(converter(Type(Kind.FLOAT))(text.encode()))
    assert repr(float(found)) == repr(number)


# ---- errors


@pytest.mark.parametrize(
    ("message", "kind", "text"),
    [
        (
            'connection to server at "h", port 1 failed: Connection refused\n\tIs the server running on that host?\n',
            UnreachableError,
            "w: Connection refused",
        ),
        (
            'connection to server at "localhost" (::1), port 1 failed: Connection refused\n'
            "\tIs the server running?\n"
            'connection to server at "localhost" (127.0.0.1), port 1 failed: FATAL:  password authentication failed'
            ' for user "u"\n',
            RefusedError,
            'w: password authentication failed for user "u"; mend user and password in the url',
        ),
        (
            'connection to server at "h", port 1 failed: FATAL:  the database system is starting up',
            UnreachableError,
            "",
        ),
        ('connection to server at "h", port 1 failed: FATAL:  sorry, too many clients already', UnreachableError, ""),
        (
            'connection to server at "h", port 1 failed: FATAL:  number of requested standby connections exceeds'
            ' "max_wal_senders" (currently 10)',
            UnreachableError,
            'w: number of requested standby connections exceeds "max_wal_senders" (currently 10); it goes on once'
            " another replication connection ends; ALTER SYSTEM SET max_wal_senders = … allows more",
        ),
        (
            'connection to server at "h", port 1 failed: FATAL:  number of requested standby connections exceeds'
            " max_wal_senders (currently 0)",
            RefusedError,
            "w: number of requested standby connections exceeds max_wal_senders (currently 0); ALTER SYSTEM SET"
            " max_wal_senders = 10, then restart the server",
        ),
        (
            'connection to server at "h", port 1 failed: server does not support SSL, but SSL was required',
            RefusedError,
            "",
        ),
        ('connection to server at "h", port 1 failed: fe_sendauth: no password supplied', RefusedError, ""),
        ("", UnreachableError, ""),
    ],
)
def test_login_errors(message: str, kind: type[Exception], text: str) -> None:
    error = login_error(message, "w")
    assert type(error) is kind
    assert str(error).startswith(text)
    assert "\n" not in str(error)


def test_server_errors() -> None:
    assert isinstance(server_error(None, "", "w"), UnreachableError)
    assert isinstance(server_error("57P01", "terminating connection", "w"), UnreachableError)
    assert isinstance(server_error("55P03", "lock timeout", "w"), UnreachableError)
    assert isinstance(server_error("53300", "too many connections", "w"), UnreachableError)
    assert isinstance(server_error("53400", "all replication slots are in use", "w"), RefusedError)
    assert isinstance(server_error("42501", "permission denied", "w"), RefusedError)
    assert str(server_error("22P02", "one line\nanother", "w", "doing")) == "w: doing: one line"
