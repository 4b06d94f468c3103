"""Items of the DynamoDB sink, without a server."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.errors import StuckError
from tailrace.schema import Kind, Type
from tailrace_dynamodb.attributes import FENCE, STREAM, ItemForm, Mark, stream_digest
from tailrace_dynamodb.codecs import codec
from tests.sinks import column, integer, target, text

THREE = ItemForm(target("t", [text(1, "a", key=1), text(2, "b", key=2), text(3, "c", key=3)]))


def split(key: str) -> list[str]:
    """The way back that the documentation describes."""
    parts, escaped = [""], False
    for character in key:
        if escaped or character not in "\\|":
            parts[-1] += character
            escaped = False
        elif character == "\\":
            escaped = True
        else:
            parts.append("")
    return parts


@given(st.lists(st.text(max_size=20), min_size=3, max_size=3))
def test_a_joined_key_can_be_taken_apart(parts: list[str]) -> None:
    item = THREE.key_of(dict(zip("abc", parts, strict=True)))
    assert split(item["_tailrace_key"]["S"]) == parts


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**30), max_value=10**30))
def test_a_decimal_gets_its_zeros_back(value: Decimal) -> None:
    found = codec(Type(Kind.DECIMAL, size=38, scale=4))
    text_ = format(abs(value) if value == 0 else value, "f")
    stored = found.encode(text_).rstrip("0").rstrip(".")  # what DynamoDB makes of it
    assert found.decode(stored) == text_


@given(
    st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from(["NaN", "Infinity", "-Infinity"]) | st.integers()
)
def test_a_float_keeps_its_text(value: Any) -> None:
    if isinstance(value, int) and abs(value) >= 1 << 63:
        return
    found = codec(Type(Kind.FLOAT, size=64))
    assert repr(found.decode(found.encode(value))) == repr(value)


@pytest.mark.parametrize(
    ("type_", "attribute"),
    [
        (Type(Kind.DECIMAL, size=38, scale=10), "N"),
        (Type(Kind.DECIMAL, size=39, scale=10), "S"),
        (Type(Kind.DECIMAL), "S"),
        (Type(Kind.DECIMAL, size=38, scale=-100), "S"),
        (Type(Kind.DECIMAL, size=5, scale=200), "S"),
        (Type(Kind.INTEGER, size=64), "N"),
        (Type(Kind.YEAR), "N"),
        (Type(Kind.JSON), "S"),
        (Type(Kind.BYTES), "B"),
        (Type(Kind.BOOLEAN), "BOOL"),
    ],
)
def test_each_column_has_one_attribute_type(type_: Type, attribute: str) -> None:
    assert codec(type_).type == attribute
    assert codec(type_, in_key=True).type == ("S" if attribute == "BOOL" else attribute)


def test_marks_are_ordered_within_their_stream_only() -> None:
    ours, other = stream_digest("one"), stream_digest("two")
    mark = Mark(ours, "0001-5")
    assert mark.is_newer({})
    assert mark.is_newer({FENCE: {"S": "0001-4"}, STREAM: {"S": ours}})
    assert not mark.is_newer({FENCE: {"S": "0001-5"}, STREAM: {"S": ours}})
    assert mark.is_newer({FENCE: {"S": "9999-9"}, STREAM: {"S": other}})


def test_a_foreign_attribute_is_shown_and_not_hidden() -> None:
    form = ItemForm(target("t", [integer(1, "id", key=1), integer(2, "n")]))
    assert form.values({"id": {"N": "1"}, "n": {"S": "x"}}) == {"id": 1, "n": "{'S': 'x'}"}


def test_names_that_are_ours_are_refused() -> None:
    with pytest.raises(StuckError, match="_tailrace_deleted"):
        ItemForm(target("t", [integer(1, "id", key=1), column(2, "_tailrace_deleted", Kind.TEXT)]))
