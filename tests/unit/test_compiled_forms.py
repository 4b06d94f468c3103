"""Compiled and interpreted code give the same bytes, and the same error for damaged ones."""

from __future__ import annotations

import importlib.util
import os
import re
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.compiled import is_compiled
from tailrace.emitter import Emitter, EventTable
from tailrace.errors import TailraceError
from tailrace.schema import Column, Kind, TableName, TableSchema, Type
from tailrace.sequence import lsn_mark
from tailrace_mysql.binlog.rows import PlanColumn, RowPlan
from tailrace_mysql.types import column_type, parse
from tailrace_postgres import rowplan, types
from tailrace_postgres.copytext import parse_row
from tailrace_postgres.integers import i32, i64, u16, u32, u64
from tailrace_postgres.lsn import LsnTexts
from tailrace_postgres.pgoutput import Decoder
from tests.unit import test_postgres_decoder, test_postgres_in_progress

ROOT = Path(__file__).parents[2]

#: Declared type, and the table map's metadata for it.
MYSQL = {
    "tinyint": 0,
    "tinyint unsigned": 0,
    "smallint": 0,
    "smallint unsigned": 0,
    "mediumint": 0,
    "mediumint unsigned": 0,
    "int": 0,
    "int unsigned": 0,
    "bigint": 0,
    "bigint unsigned": 0,
    "year": 0,
    "double": 8,
    "decimal(10,2)": 10 | 2 << 8,
    "decimal(65,30)": 65 | 30 << 8,
    "decimal(9,9)": 9 | 9 << 8,
    "decimal(18,0)": 18,
    "date": 0,
    **{f"time({digits})": digits for digits in range(7)},
    **{f"datetime({digits})": digits for digits in range(7)},
    **{f"timestamp({digits})": digits for digits in range(7)},
    "varchar(20)": 80,
    "varchar(200)": 800,
    "char(10)": 254 | 40 << 8,
    "text": 2,
    "longtext": 4,
    "blob": 2,
    "varbinary(300)": 300,
    "binary(4)": 254 | 4 << 8,
    "enum('a','b\"','ü')": 247 | 1 << 8,
}
CHARSETS = ("utf8mb4", "latin1", "ascii", "utf16")


def mysql_plans(declared: str, metadata: int, charset: str) -> tuple[RowPlan, RowPlan]:
    kind = column_type(parse(declared, charset))
    columns = [
        PlanColumn("c%", kind.reader(metadata), 1, kind.native(metadata)),
        PlanColumn("d", kind.reader(metadata)),
    ]
    return RowPlan(columns), RowPlan(columns, compiled=False)


def outcome(read: Any, *arguments: Any) -> Any:
    """What reading gives, or the error's class: of several faults one form may meet another one first."""
    try:
        return read(*arguments)
    except TailraceError as error:
        return type(error)


def test_the_compiled_form_is_what_is_tested_here() -> None:
    assert is_compiled() or os.environ.get("TAILRACE_PURE") == "1", "no compiler: run `make venv` with gcc installed"


@given(data=st.data())
@settings(max_examples=1000, deadline=None)
def test_mysql_rows(data: st.DataObject) -> None:
    declared = data.draw(st.sampled_from(sorted(MYSQL)))
    compiled, interpreted = mysql_plans(declared, MYSQL[declared], data.draw(st.sampled_from(CHARSETS)))
    image = data.draw(st.binary(max_size=2)) + data.draw(mysql_value(declared)) + data.draw(st.binary(max_size=40))
    for row in (b"\0" + data.draw(mysql_value(declared)) * 2, image):
        assert outcome(compiled.read, row, 0) == outcome(interpreted.read, row, 0)


def mysql_value(declared: str) -> st.SearchStrategy[bytes]:
    """Values that are often right: text behind its length, small groups of digits, dates of our times."""
    base = declared.split("(")[0].split(" ")[0]
    if base in ("varchar", "char", "text", "longtext", "blob", "varbinary", "binary"):
        width = {"text": 2, "blob": 2, "longtext": 4}.get(
            base, 2 if declared in ("varchar(200)", "varbinary(300)") else 1
        )
        text = st.one_of(
            st.text(max_size=30).map(str.encode), st.binary(max_size=30), st.sampled_from([b"", b"ab\0\0"])
        )
        return text.map(lambda value: len(value).to_bytes(width, "little") + value)
    if base in ("decimal", "datetime", "time", "timestamp"):
        return st.lists(st.sampled_from([0, 1, 9, 0x0F, 0x63, 0x7F, 0x80, 0x99, 0xFF]), min_size=3, max_size=30).map(
            bytes
        )
    return st.binary(min_size=1, max_size=8)


#: A kind, and texts that PostgreSQL prints for it or never would.
POSTGRES: dict[Kind, list[bytes]] = {
    Kind.BOOLEAN: [b"t", b"f", b"x", b""],
    Kind.INTEGER: [b"0", b"-1", b"9223372036854775807", b"-", b"", b"1a", b"+1"],
    Kind.DECIMAL: [b"1.50", b"NaN", b"-Infinity", b"0.000"],
    Kind.FLOAT: [
        *(b"0", b"-0", b"1", b"0.1", b"-12.25", b"1e+16", b"1e-05", b"0.0001", b"123456789012345", b"NaN", b"Infinity"),
        *(
            b"3.141592653589793",
            b"0.30000000000000004",
            b"1234567890123456",
            b"1.",
            b".5",
            b"1.2.3",
            b"--1",
            b"99999.99",
        ),
    ],
    Kind.TEXT: [
        b"",
        b'"\\/\b\f\n\r\t\x00\x1f\x7f',
        "ü€𝄞".encode(),
        b"\xff",
        b"\xed\xa0\x80",
        b"\xc0\x80",
        b"\xf4\x90\x80\x80",
    ],
    Kind.TIMESTAMP: [
        b"2024-02-29 12:34:56",
        b"2024-02-29 12:34:56.123456",
        b"infinity",
        b"0044-03-15 00:00:00 BC",
        b"x y",
    ],
    Kind.TIMESTAMPTZ: [b"2024-02-29 12:34:56+00", b"2024-02-29 12:34:56.5+00", b"-infinity", b"2024-02-29 12:34:56+01"],
    Kind.BYTES: [b"\\x", b"\\x00ff", b"\\x0", b"00"],
    Kind.UUID: [b"00000000-0000-0000-0000-000000000001"],
}


@given(data=st.data())
@settings(max_examples=600, deadline=None)
def test_postgres_rows(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(POSTGRES)))
    texts = st.one_of(st.sampled_from(POSTGRES[kind]), st.text(max_size=20).map(str.encode), numbers())
    values = data.draw(st.lists(st.one_of(st.none(), texts), min_size=2, max_size=2))
    columns = (Column(1, "k", Type(kind), key=1), Column(2, "v", Type(kind)))
    schema = TableSchema(1, TableName("shop", "public", "t"), "p.public.t", columns)
    plan = rowplan.RowPlan(EventTable(schema, "postgresql", "p"), whole_old=False)
    message = struct.pack("!H", 2)
    for value in values:
        message += b"n" if value is None else b"t" + struct.pack("!i", len(value)) + value
    reader = plan.reader
    if reader is None:
        assert not is_compiled()
        return
    end = reader.read(message, 0)
    try:
        fragments = [plan.fragment(index, value) for index, value in enumerate(values)]
    except TailraceError:
        assert end == -1  # the interpreted reader says what is wrong
        return
    if end == -1:
        assert not ordinary(kind, values)
    else:
        assert (reader.row, reader.key, end) == (plan.row_json(fragments), plan.key_json(fragments), len(message))
    for cut in range(len(message)):
        assert reader.read(message[:cut], 0) == -1


def numbers() -> st.SearchStrategy[bytes]:
    return st.one_of(
        st.integers(-(10**20), 10**20).map(lambda number: b"%d" % number),
        st.floats(allow_nan=False, allow_infinity=False).map(lambda number: repr(number).encode()),
    )


def ordinary(kind: Kind, values: list[bytes | None]) -> bool:
    """Whether the compiled reader is meant to read such values itself."""
    return kind in (Kind.TEXT, Kind.INTEGER, Kind.BOOLEAN, Kind.DECIMAL, Kind.UUID) or values == [None, None]


@given(data=st.data())
@settings(max_examples=600, deadline=None)
def test_postgres_rows_of_a_load(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(POSTGRES)))
    texts = st.one_of(
        st.sampled_from(POSTGRES[kind]), st.text(max_size=20).map(str.encode), numbers(), st.binary(max_size=9)
    )
    values = data.draw(st.lists(st.one_of(st.none(), texts), min_size=2, max_size=2))
    columns = (Column(1, "k", Type(kind), key=1), Column(2, "v", Type(kind)))
    schema = TableSchema(1, TableName("shop", "public", "t"), "p.public.t", columns)
    plan = rowplan.RowPlan(EventTable(schema, "postgresql", "p"), whole_old=False)
    line = b"\t".join(b"\\N" if value is None else copied(value) for value in values) + b"\n"
    assert parse_row(line) == values
    if plan.reader is None:
        assert not is_compiled()
        return
    rows: list[tuple[bytes | None, bytes]] = []
    read = plan.reader.read_lines([line, line], 0, rows)
    try:
        fragments = [plan.fragment(index, value) for index, value in enumerate(values)]
    except TailraceError:
        assert (read, rows) == (0, [])
        return
    if read == 0:
        assert not ordinary(kind, values)
    else:
        assert rows == [(plan.key_json(fragments), plan.row_json(fragments))] * 2
    for other in (line[:-1] + b"\tmore\n", line[: line.index(b"\t")] + b"\n", b"\n", b""):
        assert plan.reader.read_lines([other], 0, rows) == 0


def copied(value: bytes) -> bytes:
    """As COPY writes it."""
    letters = {0x08: b"b", 0x09: b"t", 0x0A: b"n", 0x0B: b"v", 0x0C: b"f", 0x0D: b"r", 0x5C: b"\\"}
    return b"".join(b"\\" + letters[byte] if byte in letters else bytes([byte]) for byte in value)


@given(numbers=st.lists(st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 100_000)), min_size=1, max_size=20))
def test_texts_of_log_positions(numbers: list[int]) -> None:
    texts = LsnTexts()
    for lsn in [found for number in numbers for found in (number, min(number + 1, 2**64 - 1))]:
        assert texts.mark(lsn) == lsn_mark(lsn)
        assert texts.decimal(lsn) == b"%d" % lsn


@given(buffer=st.binary(max_size=12), at=st.integers(0, 12))
def test_integers_of_the_protocol(buffer: bytes, at: int) -> None:
    for read, width, signed in ((u16, 2, False), (u32, 4, False), (i32, 4, True), (u64, 8, False), (i64, 8, True)):
        if at + width <= len(buffer):
            assert read(buffer, at) == int.from_bytes(buffer[at : at + width], "big", signed=signed)
        else:
            with pytest.raises((IndexError, struct.error)):
                read(buffer, at)


def interpreted_decoder() -> Any:
    """The class as its files have it, whether or not they are compiled too."""
    with pytest.MonkeyPatch.context() as patch:
        # The decoder imports its base by this name.
        base = "tailrace_postgres.row_messages"
        patch.setitem(sys.modules, base, interpreted(base, "row_messages.py"))
        return interpreted("interpreted_pgoutput", "pgoutput.py").Decoder


def interpreted(name: str, file: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, Path(str(types.__file__)).with_name(file))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


INTERPRETED = interpreted_decoder()


@given(messages=st.one_of(test_postgres_decoder.damaged(), test_postgres_in_progress.damaged()))
@settings(max_examples=800, deadline=None)
def test_postgres_messages(messages: list[bytes]) -> None:
    found = []
    for form in (Decoder, INTERPRETED):
        emitter = Emitter(1, "", mark=lsn_mark(0x5000))
        decoder = form(emitter, test_postgres_decoder.FakeRelations(), 0, {"p.public.t": 1})
        error = test_postgres_decoder.outcome(decoder, *messages)
        batch = emitter.take()
        events = [
            re.sub(rb',"ts_ms":\d+,"transaction"', b"", value)
            for run in batch.runs
            for _, value in run
            if value is not None
        ]
        keys = [key for run in batch.runs for key, _ in run]
        state = (decoder.idle, decoder.received, decoder.reply_requested, decoder.in_transaction, decoder.in_block)
        found.append((error, events, keys, batch.mark, batch.restart, state, decoder.restart()))
    assert found[0] == found[1]


def test_every_kind_has_a_native_name_that_the_compiled_reader_knows_or_none() -> None:
    known = {"text", "integer", "boolean", "float", "timestamp", "timestamptz", ""}
    assert {types.native(Type(kind)) for kind in Kind} <= known


@pytest.mark.skipif(os.environ.get("TAILRACE_PURE") == "1", reason="this is the interpreted run")
def test_the_interpreted_form_passes_the_same_tests() -> None:
    files = ["test_emitter", "test_mysql_decoder", "test_postgres_decoder", "test_capture_load"]
    files += [
        "test_postgres_in_progress",
        "test_mysql_textrows",
        "test_apply_compaction",
        "test_apply_overlap",
        "test_apply_session",
        "test_apply_targets",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", *(f"tests/unit/{file}.py" for file in files)],
        cwd=ROOT,
        env={**os.environ, "TAILRACE_PURE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert not hasattr(Decoder, "__pyx_vtable__") or is_compiled()
