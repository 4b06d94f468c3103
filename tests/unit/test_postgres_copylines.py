"""Rows written for COPY by compiled code are the lines that the writer in Python gives."""

from __future__ import annotations

import os
from base64 import b64encode
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.compiled import compiled_class
from tailrace.errors import ValueRefusedError
from tailrace.render import object_heads
from tailrace.row import Row
from tailrace.schema import Column, Kind, Type
from tailrace_postgres.sink_rows import RowWriter
from tailrace_postgres.sink_types import native

pytestmark = pytest.mark.skipif(os.environ.get("TAILRACE_PURE") == "1", reason="this is the interpreted run")

TEXTS = st.one_of(
    st.text(max_size=30), st.sampled_from(["\\N", "\\.", "\\", '"', "a\tb\nc\rd\be\ff\x1f\x7f", "żółć 漢字 🎉", "\0"])
)
NUMBERS = st.one_of(st.integers(-(2**63), 2**64 - 1), st.sampled_from([0, -1, 10**17, 10**18]))
#: Per kind what may stand in its column; a column of an older version may hold what belongs to another kind.
VALUES: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.TEXT: TEXTS,
    Kind.DECIMAL: st.decimals(allow_nan=False, allow_infinity=False).map(str),
    Kind.INTEGER: NUMBERS,
    Kind.YEAR: st.integers(0, 2155),
    Kind.FLOAT: st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["NaN", "-Infinity"])),
    Kind.BOOLEAN: st.booleans(),
    Kind.BYTES: st.binary(max_size=40).map(lambda value: b64encode(value).decode()),
}


def compiled(columns: list[Column], names: list[str]) -> Any:
    lines = compiled_class("tailrace_postgres.copylines", "CopyLines")
    if lines is None:
        pytest.skip("no compiler")
    natives = [native(column.type) if column.name in names else "" for column in columns]
    return lines(object_heads(column.name for column in columns), natives)


def interpreted(columns: list[Column], names: list[str], values: dict[str, Any]) -> bytes:
    return RowWriter(columns, [], [], "table t").copy([Row("", values)], names)


def as_python_writes(line: bytes, kinds: list[Kind]) -> list[bytes]:
    """The columns; of a float the number, which may be written in another way (1e-7 and 1e-07)."""
    return [
        repr(float(text)).encode() if kind is Kind.FLOAT and text != b"\\N" else text
        for text, kind in zip(line[:-1].split(b"\t"), kinds, strict=True)
    ]


@given(data=st.data())
@settings(max_examples=1500, deadline=None)
def test_both_write_the_same_line(data: st.DataObject) -> None:
    kinds = data.draw(st.lists(st.sampled_from(list(VALUES)), min_size=1, max_size=4))
    columns = [Column(number, f'c"{number}', Type(kind)) for number, kind in enumerate(kinds)]
    values = {column.name: data.draw(st.one_of(st.none(), VALUES[column.type.kind])) for column in columns}
    if data.draw(st.integers(0, 9)) == 0:
        odd = [NUMBERS, st.booleans(), st.floats(0, 1)] + [TEXTS] * (kinds[0] is not Kind.FLOAT)
        values[columns[0].name] = data.draw(st.one_of(odd))
    names = [column.name for column in columns if data.draw(st.integers(0, 4))] or [columns[0].name]
    written = [column.type.kind for column in columns if column.name in names]
    row = Row("", None, orjson.dumps(values), orjson.loads)
    line, others = compiled(columns, names).write([row])
    if others:
        assert (line, others) == (b"", [row])
        assert not ordinary(values, columns)
    else:
        expected = interpreted(columns, names, values)
        assert as_python_writes(line, written) == as_python_writes(expected, written)


def ordinary(values: dict[str, Any], columns: list[Column]) -> bool:
    """Whether the compiled writer is meant to write such a row itself."""
    expected: dict[Kind, tuple[type, ...]] = {
        Kind.TEXT: (str,), Kind.DECIMAL: (str,), Kind.INTEGER: (int,), Kind.YEAR: (int,), Kind.FLOAT: (float, str),
        Kind.BOOLEAN: (bool,), Kind.BYTES: (str,),
    }  # fmt: skip
    for column in columns:
        value, kind = values[column.name], column.type.kind
        if value is None:
            continue
        if type(value) not in expected[kind] or "\0" in str(value):
            return False
        if type(value) is int and abs(value) >= 10**18:
            return False
        if kind is Kind.FLOAT and isinstance(value, float):
            return False  # one of very many digits is left to Python
        if kind is Kind.BYTES and column is columns[0]:
            return False  # a text may have taken its place
    return True


def test_a_row_of_other_columns_is_left_to_python() -> None:
    columns = [Column(1, "a", Type(Kind.TEXT)), Column(2, "b", Type(Kind.TEXT))]
    write = compiled(columns, ["a", "b"])
    for json in (b'{"a":"x"}', b'{"a":"x","c":"y"}', b'{"b":"x","a":"y"}', b'{"a":"x","b":"y","c":"z"}', b"{}", b""):
        row = Row("", None, json, orjson.loads)
        assert write.write([row]) == (b"", [row])
    rows = [Row("", None, b'{"a":"x","b":"y"}', orjson.loads), Row("", {"a": "v", "b": "w"})]
    assert write.write(rows) == (b"x\ty\n", rows[1:])


@given(data=st.data())
@settings(max_examples=500, deadline=None)
def test_rows_cut_short_are_left_to_python(data: st.DataObject) -> None:
    columns = [Column(number, f"c{number}", Type(kind)) for number, kind in enumerate(VALUES)]
    values = {column.name: data.draw(st.one_of(st.none(), VALUES[column.type.kind])) for column in columns}
    json = orjson.dumps(values)
    row = Row("", None, json[: data.draw(st.integers(0, len(json) - 1))], orjson.loads)
    assert compiled(columns, [column.name for column in columns]).write([row]) == (b"", [row])


def test_a_zero_byte_is_refused_by_name() -> None:
    columns = [Column(1, "a", Type(Kind.TEXT)), Column(2, "b", Type(Kind.TEXT))]
    writer = RowWriter(columns, columns[:1], ["a", "b"], "table t")
    with pytest.raises(ValueRefusedError, match="column b"):
        writer.copy([Row("", None, orjson.dumps({"a": "x", "b": "y\0"}), orjson.loads)], ["a", "b"])
