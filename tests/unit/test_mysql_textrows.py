"""Answers to SELECTs: both forms of the reader give the same rows, and the same error for what is no answer."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.errors import LogFormatError, RefusedError, TableBusyError, TailraceError, UnreachableError
from tailrace_mysql.result import Result, server_error
from tailrace_mysql.resultset import JsonRow, Rows, SelectedColumn, TextPlan, TextRows
from tailrace_mysql.types import column_type, parse

MOST = 0xFFFFFF
END = b"\xfe\0\0\x02\0"
OK_END = b"\xfe\0\0\x02\0\0\0" + b"\x08a message"
DESCRIPTION = b"\x03def\4shop\1t\1t\1c\1c\x0c\x3f\0\x0b\0\0\0\3\3\x50\0\0\0"

#: Type, and texts that a server prints for it, would not print in this form, or never prints.
SELECTED: dict[str, list[bytes]] = {
    "int": [b"0", b"-1", b"00042", b"-007", b"-0", b"", b"-", b"+1", b" 1", b"1_0", b"1.5", b"9" * 41, b"x"],
    "bigint unsigned zerofill": [b"00000000000000000000", b"18446744073709551615", b"-5"],
    "year": [b"2024", b"0000", b"1901"],
    "decimal(10,2)": [b"1.50", b"-0.01", b"", b'1"', b"1\\", b"\xff", b"1\x00"],
    "decimal(12,4) zerofill": [b"00000001.5000", b"0000.0000", b'"'],
    "double": [
        *(b"0", b"-0", b"0.1", b"-12.25", b"1e16", b"1e-05", b"0.0001", b"0.00001", b"0.00012", b"0.0000"),
        *(b"123456789012345", b"1234567890123456", b"123456789012345.12", b"0.3333333333333333", b"1.", b".5", b"1.50"),
        *(b"007", b"00.5", b"1.2.3", b"--1", b"-", b"", b"nan", b"inf", b"1_0.5", b" 1", b"-0.000123456789012345"),
        *(b"0.12345678901234567", b"0.123456789012345678901", b"1.7976931348623157e308"),
    ],
    "float": [
        *(
            b"0.10000000149011612",
            b"16777216",
            b"1.401298464324817e-45",
            b"3.4028234663852886e38",
            b"-0",
            b"0",
            b"-1.5",
        ),
        *(
            b"1.1754943508222875e-38",
            b"1.1754942106924411e-38",
            b"123456.7890625",
            b"3.4028236e38",
            b"1e400",
            b"1e-400",
        ),
        *(b"x", b"", b"1e", b"nan", b"1_0", b" 1", b"+1", b"0" * 40),
    ],
    "date": [b"2024-02-29", b"0000-00-00", b'20"'],
    "time(6)": [b"-838:59:59.000000", b"12:00:00.5"],
    "datetime(3)": [b"2024-02-29 12:34:56.789", b"0000-00-00 00:00:00.000", b"a b c", b'" "', b"\x7f"],
    "timestamp": [b"2024-02-29 12:34:56", b"", b"\n"],
    "varchar(20)": [
        b"",
        b'"\\/\b\f\n\r\t\x00\x1f\x7f',
        "ü€𝄞".encode(),
        b"\xff",
        b"\xed\xa0\x80",
        b"\xc0\x80",
        b"x" * 300,
    ],
    "json": [b'{"a": [1, null]}', "ä".encode(), b"\xfe"],
    "text character set latin1": [b"plain", b"\xe4\x80", b'"\x00'],
    "char(5) character set ascii": [b"plain", b"\x80"],
    "varchar(5) character set utf16": ["aä😀".encode("utf-16-be"), b"\xd8"],
    "binary(4)": [b"ab\0\0", b"ab", b"", b"abcde"],
    "varbinary(300)": [b"", b"\0\xff\x80", b"abcd"],
    "blob": [b"x" * 1000],
    "bit(1)": [b"\x01", b"\0", b"", b"\x02"],
    "bit(10)": [b"\x02\x01", b"\xff\xff\xff", b"\1" * 8, b"\1" * 9],
    "bit(64)": [b"\xff" * 8, b"\1"],
    "enum('a','b\"','ü')": [b"0", b"1", b"3", b"4", b"-1", b"", b"+1", b"0001", b"0000001", b"9999999999", b"x"],
    "set('a','b','c')": [b"0", b"5", b"7", b"8", b"-1", b"x"],
    "uuid": [b"123e4567-e89b-12d3-a456-426655440000", b'"'],
    "inet6": [b"2001:db8::1", b"::ffff:1.2.3.4"],
}


def length_of(value: bytes) -> bytes:
    size = len(value)
    if size < 251:
        return bytes([size])
    if size < 1 << 16:
        return b"\xfc" + size.to_bytes(2, "little")
    if size < 1 << 24:
        return b"\xfd" + size.to_bytes(3, "little")
    return b"\xfe" + size.to_bytes(8, "little")


def row_of(values: Sequence[bytes | None]) -> bytes:
    return b"".join(b"\xfb" if value is None else length_of(value) + value for value in values)


def packets(payloads: Sequence[bytes], sequence: int = 1) -> list[bytes]:
    """With their headers; long ones in pieces, behind the last of which there may be nothing."""
    found = []
    for payload in payloads:
        at = 0
        while True:
            piece = payload[at : at + MOST]
            found.append(len(piece).to_bytes(3, "little") + bytes([sequence & 0xFF]) + piece)
            sequence += 1
            at += MOST
            if len(piece) < MOST:
                break
    return found


def answer(rows: Sequence[Sequence[bytes | None]], last: bytes = END, eof: bool = True, sequence: int = 1) -> bytes:
    """What a server sends for a SELECT.

    Args:
        last: the packet behind the rows.
        eof: the columns have an end.
    """
    width = len(rows[0])
    payloads = [bytes([width]), *[DESCRIPTION] * width, *[END] * eof, *map(row_of, rows), last]
    return b"".join(packets(payloads, sequence))


def plan(*declared: str, key: Sequence[int] = (1,)) -> TextPlan:
    """Columns of these types; `key`: the place of each in the key."""
    places = [*key, *[0] * len(declared)]
    types = [column_type(parse(text, "utf8mb4")) for text in declared]
    return TextPlan([SelectedColumn(f"c{n}%", kind.convert, places[n], kind.selected) for n, kind in enumerate(types)])


def forms(of: TextPlan, sequence: int = 1, deprecate_eof: bool = False) -> list[Rows]:
    """A reader in each form."""
    return [of.rows(sequence, deprecate_eof), TextRows(of, sequence, deprecate_eof)]


def outcome(reader: Rows, stream: bytes, pieces: int = 1 << 30, limit: int = 1 << 40) -> Any:
    """Rows and what else is known in the end, or the error and the rows before it.

    Args:
        pieces: so many bytes come at a time.
        limit: so many bytes of rows are asked for at a time.
    """
    rows: list[JsonRow] = []
    end = at = 0
    buffer = bytearray()
    try:
        while True:
            more = reader.size + limit
            at = reader.feed(buffer, at, len(buffer), rows, more)
            if reader.ended or reader.error is not None:
                break
            if reader.size < more:
                assert at == len(buffer), "bytes are left where more rows are wanted"
                if end >= len(stream):
                    break
                buffer = bytearray(stream[end : end + pieces])
                end, at = end + pieces, 0
    except TailraceError as error:
        return type(error), str(error), rows
    return rows, reader.size, reader.last, reader.ended, reader.error


def expected(of: TextPlan, rows: Sequence[Sequence[bytes | None]]) -> Any:
    """What `outcome` is for an answer with these rows, whose keys have values."""
    read: list[JsonRow] = []
    error: TailraceError | None = None
    try:
        read.extend(row for row in map(of.read, rows) if row is not None)
    except TailraceError as caught:
        error = caught
    if error is not None:
        return type(error), str(error), read
    return read, sum(len(key or b"") + len(row) for key, row in read), [rows[-1][i] for i in of.key], True, None


def test_the_compiled_form_is_what_is_tested_here() -> None:
    compiled = not isinstance(plan("int").rows(), TextRows)
    assert compiled or os.environ.get("TAILRACE_PURE") == "1"


def strategy(declared: str) -> st.SearchStrategy[bytes | None]:
    numbers = st.one_of(
        st.integers(-(10**20), 10**20).map(lambda number: b"%d" % number),
        st.floats().map(lambda number: repr(number).encode()),
        st.decimals(allow_nan=False, allow_infinity=False, places=4).map(lambda number: str(number).encode()),
    )
    return st.one_of(
        st.none(), st.sampled_from(SELECTED[declared]), numbers, st.text(max_size=20).map(str.encode), st.binary()
    )


@pytest.mark.parametrize("declared", sorted(SELECTED))
def test_values_that_servers_print_and_others(declared: str) -> None:
    of = plan(declared, declared)
    for value in SELECTED[declared]:
        for row in ([value, None], [value, value]):
            compiled, interpreted = (outcome(reader, answer([row])) for reader in forms(of))
            assert compiled == interpreted
            assert compiled == expected(of, [row])


@given(number=st.floats(width=32, allow_nan=False, allow_infinity=False))
@settings(max_examples=500, deadline=None)
def test_floats_as_servers_print_them(number: float) -> None:
    of = plan("int", "float")
    row = [b"1", repr(number).replace("e+", "e").encode()]
    compiled, interpreted = (outcome(reader, answer([row])) for reader in forms(of))
    assert compiled == interpreted == expected(of, [row])


@given(data=st.data())
@settings(max_examples=1000, deadline=None)
def test_rows_of_any_values(data: st.DataObject) -> None:
    declared = data.draw(st.lists(st.sampled_from(sorted(SELECTED)), min_size=1, max_size=4))
    of = plan(*declared, key=data.draw(st.permutations(range(len(declared) + 1)))[: len(declared)])
    rows = data.draw(st.lists(st.tuples(*map(strategy, declared)), min_size=1, max_size=4))
    compiled, interpreted = (outcome(reader, answer(rows)) for reader in forms(of))
    assert compiled == interpreted
    if all(row[index] is not None for row in rows for index in of.key):
        assert compiled == expected(of, rows)


@given(
    pieces=st.integers(1, 400),
    limit=st.sampled_from([1, 30, 200, 1 << 30]),
    sequence=st.integers(0, 255),
    deprecate_eof=st.booleans(),
    sizes=st.lists(st.sampled_from([0, 1, 5, 250, 251, 300]), min_size=1, max_size=30),
)
@settings(max_examples=300, deadline=None)
def test_an_answer_may_come_in_any_pieces(
    pieces: int, limit: int, sequence: int, deprecate_eof: bool, sizes: list[int]
) -> None:
    of = plan("int", "varchar(300)")
    rows = [(b"%d" % number, b"x" * size) for number, size in enumerate(sizes)]
    stream = answer(rows, OK_END if deprecate_eof else END, not deprecate_eof, sequence)
    for reader in forms(of, sequence, deprecate_eof):
        assert outcome(reader, stream, pieces, limit) == expected(of, rows)


def test_no_more_rows_than_asked_for_but_the_end_behind_them() -> None:
    of = plan("int")
    stream = answer([[b"%d" % number] for number in range(5)])
    for reader in forms(of):
        rows: list[JsonRow] = []
        at = reader.feed(stream, 0, len(stream), rows, 1)
        assert (rows, reader.last, reader.ended) == ([(b'{"c0%":0}', b'{"c0%":0}')], [b"0"], False)
        at = reader.feed(stream, at, len(stream), rows, 1)
        assert (len(rows), reader.ended) == (1, False)
        at = reader.feed(stream, at, len(stream), rows, reader.size * 5)
        assert (len(rows), reader.last, reader.ended, at) == (5, [b"4"], True, len(stream))


def test_a_rows_overhead_counts_as_its_bytes_do() -> None:
    of = plan("int")
    stream = answer([[b"1"], [b"2"], [b"3"]])
    for reader in (of.rows(1, False, 100), TextRows(of, 1, False, 100)):
        rows: list[JsonRow] = []
        reader.feed(stream, 0, len(stream), rows, 101 + 2 * len(b'{"c0%":1}'))
        assert (len(rows), reader.size) == (2, 2 * (100 + 2 * len(b'{"c0%":1}')))


def test_a_packet_kept_back_by_the_limit_is_not_lost() -> None:
    """It had come in two pieces, and is whole when no more rows are wanted."""
    stream = answer([[b"1"], [b"2"], [b"3"]])
    cut = len(stream) - len(packets([END])[0]) - 3  # within the third row
    for reader in forms(plan("int")):
        rows: list[JsonRow] = []
        at = reader.feed(stream, 0, cut, rows, 1)
        while at < cut:
            at = reader.feed(stream, at, cut, rows, reader.size + 1)
        limit = reader.size
        at = reader.feed(stream, cut, len(stream), rows, limit)
        assert (len(rows), reader.ended) == (2, False)
        at = reader.feed(stream, at, len(stream), rows, limit + 1)
        assert ([row for _, row in rows][-1], reader.ended, reader.last) == (b'{"c0%":3}', True, [b"3"])
        assert at == len(stream)


@pytest.mark.parametrize("size", [MOST - 8, MOST - 7, MOST - 6, MOST + 1000])
@pytest.mark.parametrize("deprecate_eof", [False, True])
def test_rows_of_16_mib(size: int, deprecate_eof: bool) -> None:
    """The packet is just not full, just full (an empty one follows), and longer."""
    of = plan("int", "longblob", "int")
    rows = [(b"1", b"x" * size, b"2"), (b"3", b"y", None), (b"4", b"z" * size, b"5")]
    stream = answer(rows, OK_END if deprecate_eof else END, not deprecate_eof)
    found = [outcome(reader, stream, 1 << 18) for reader in forms(of, 1, deprecate_eof)]
    assert found[0] == found[1]
    assert found[0][0] == [of.read(row) for row in rows]
    assert found[0][2:] == ([b"4"], True, None)


def test_a_row_of_16_mib_that_begins_with_its_length_is_no_end() -> None:
    of = plan("longtext")
    for deprecate_eof in (False, True):
        stream = answer([[b"x" * (1 << 24)]], OK_END if deprecate_eof else END, not deprecate_eof)
        for reader in forms(of, 1, deprecate_eof):
            rows, _, _, ended, _ = outcome(reader, stream, 1 << 20)
            assert (len(rows), ended) == (1, True)


# ---- errors


def error_packet(number: int, message: str) -> bytes:
    return b"\xff" + number.to_bytes(2, "little") + b"#HY000" + message.encode()


def test_an_error_stands_in_place_of_anything() -> None:
    of = plan("int")
    broken = error_packet(1317, "Query execution was interrupted")
    for before in range(5):
        payloads = [b"\1", DESCRIPTION, END, row_of([b"7"])][:before]
        stream = b"".join(packets([*payloads, broken]))
        for reader in forms(of):
            rows, _, last, ended, error = outcome(reader, stream, 3)
            assert (error, ended, last) == (broken, False, [b"7"] if before == 4 else None)
            assert len(rows) == (before == 4)


def test_a_server_that_shuts_down_says_so_in_a_packet_of_number_0() -> None:
    lost = error_packet(1927, "Connection was killed")
    stream = b"".join(packets([b"\1", DESCRIPTION, END])) + packets([lost], 0)[0]
    for reader in forms(plan("int")):
        assert outcome(reader, stream)[4] == lost


def test_errors_of_the_server_have_their_names() -> None:
    assert isinstance(server_error(error_packet(1205, "Lock wait timeout exceeded"), "source"), TableBusyError)
    assert isinstance(server_error(error_packet(1927, "Connection was killed"), "source"), UnreachableError)
    found = server_error(error_packet(1317, "interrupted"), "source")
    assert isinstance(found, RefusedError)
    assert str(found) == "source: interrupted (error 1317); run `tailrace check`"
    for size in range(9):
        cut = server_error(error_packet(1317, "")[:size], "source")
        assert cut.where == "source"


HEAD = [b"\1", DESCRIPTION, END]


@pytest.mark.parametrize(
    ("stream", "what"),
    [
        (packets([b"\0\0\0\2\0\0\0"]), "it has no rows"),
        (packets([b"\xfb/etc/passwd"]), "it has no rows"),
        (packets([b"\2"]), "other columns"),
        (packets([b"\1\1"]), "other columns"),
        (packets([b"\xfc\1"]), "other columns"),
        (packets([b"\xfe" + b"\xff" * 8]), "other columns"),
        (packets([b"\1", b"\3abc"]), "not described"),
        (packets([b"\1", b"\xfb"]), "not described"),
        (packets([b"\1", DESCRIPTION, row_of([b"7"])]), "no end"),
        (packets([*HEAD, b""]), "empty"),
        (packets([b""]), "empty"),
        (packets([*HEAD, b"\2x"]), "cut short"),
        (packets([*HEAD, b"\xfcx"]), "cut short"),
        (packets([*HEAD, b"\xfd\xff\xff\xff"]), "cut short"),
        (packets([*HEAD, b"\xfe" + b"\xff" * 8]), "cut short"),
        (packets([*HEAD, b"\1xy"]), "more values than columns"),
        (packets([*HEAD, b"\xfb"]), "a key has no value"),
        (packets([b"\2", DESCRIPTION, DESCRIPTION, END, b"\1x"]), "lacks values"),
        (packets(HEAD) + packets([b"\1x"], 3), "not the next one"),
        (packets([b"\1"], 0), "not the next one"),
    ],
)
def test_what_is_no_answer_is_an_error_with_a_name(stream: list[bytes], what: str) -> None:
    of = plan("varchar(9)", "int") if what == "lacks values" else plan("varchar(9)")
    found = [outcome(reader, b"".join(stream), pieces) for pieces in (1 << 20, 1) for reader in forms(of)]
    assert {kind for kind, _, _ in found} == {LogFormatError}
    assert all(what in text for _, text, _ in found)


def test_what_comes_with_the_end_and_behind_it_is_an_error() -> None:
    for reader in forms(plan("varchar(9)")):
        kind, text, rows = outcome(reader, b"".join(packets([*HEAD, row_of([b"7"]), END, b"\1x"])))
        assert (kind, len(rows), "more behind its end" in text) == (LogFormatError, 1, True)


@given(data=st.data())
@settings(max_examples=500, deadline=None)
def test_damaged_answers(data: st.DataObject) -> None:
    of = plan("int", "varchar(9)", "double")
    stream = bytearray(answer([(b"1", b"text", b"0.5"), (b"2", None, b"1e300")]))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(stream) - 1))
        stream[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
        if not stream:
            return
    pieces = data.draw(st.sampled_from([1, 7, 1 << 20]))
    found = [outcome(reader, bytes(stream), pieces) for reader in forms(of)]
    assert found[0] == found[1]


def test_a_buffers_bounds_are_kept() -> None:
    for reader in forms(plan("int")):
        for at, end in ((-1, 1), (2, 1), (0, 4)):
            with pytest.raises(IndexError):
                reader.feed(b"abc", at, end, [], 1)


# ---- a connection's socket


class Connection:
    """What is used of the driver's."""

    client_flag = server_capabilities = 0
    _next_seq_id = 1

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.sent = ""
        self.closed = False

    def _execute_command(self, command: int, sql: str) -> None:
        self.sent = sql

    def _force_close(self) -> None:
        self._sock.close()
        self.closed = True


def read(stream: bytes, silent: bool, limit: int = 1 << 20) -> tuple[list[JsonRow], Connection, TailraceError | None]:
    """What comes of a server that sends this, and then says nothing, or leaves."""
    ours, theirs = socket.socketpair()
    ours.settimeout(0.05)
    connection = Connection(ours)
    rows: list[JsonRow] = []
    found: TailraceError | None = None
    with theirs:
        theirs.sendall(stream)
        if not silent:
            theirs.shutdown(socket.SHUT_WR)
        try:
            with Result(connection, plan("int"), "SELECT 1", "the server", "shop.t") as result:
                result.read(rows, limit)
        except TailraceError as error:
            found = error
    ours.close()
    assert connection.sent == "SELECT 1"
    return rows, connection, found


def test_a_connection_is_kept_where_its_answer_was_read_to_the_end() -> None:
    stream = answer([[b"1"], [b"2"]])
    rows, connection, error = read(stream, silent=True)
    assert (len(rows), connection.closed, error) == (2, False, None)
    rows, connection, error = read(stream, silent=True, limit=1)
    assert (len(rows), connection.closed, error) == (1, True, None)


@pytest.mark.parametrize(("silent", "why"), [(True, "timed out"), (False, "Lost connection")])
def test_a_server_that_falls_silent_or_leaves_is_unreachable(silent: bool, why: str) -> None:
    rows, connection, error = read(answer([[b"1"]])[:-3], silent)
    assert (len(rows), connection.closed) == (1, True)
    assert isinstance(error, UnreachableError)
    assert why in str(error)


def test_a_value_that_cannot_be_read_is_named_by_table_and_column() -> None:
    rows, connection, error = read(answer([[b"1"], [b"x"]]), silent=True)
    assert (len(rows), connection.closed) == (1, True)
    assert isinstance(error, LogFormatError)
    assert str(error).startswith("table shop.t: column c0% cannot be read: ")
