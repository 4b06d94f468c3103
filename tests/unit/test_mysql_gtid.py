"""GTID sets of MySQL and positions of MariaDB."""

from __future__ import annotations

import struct
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymysqlreplication.gtid import GtidSet as WitnessSet

from tailrace_mysql.gtid import DomainPosition, GtidSet

A = "3e11fa47-71ca-11e1-9e33-c80aa9429562"
B = "ffffffff-71ca-11e1-9e33-c80aa9429562"


def test_text_forms() -> None:
    assert GtidSet("").text == ""
    assert GtidSet(f"{A}:1-5:7,\n{B}:3").text == f"{A}:1-5:7,{B}:3"
    assert GtidSet(f"{A.upper()}:5:1-4").text == f"{A}:1-5"
    assert GtidSet(f"{A}:1-3:tag:5:other:1").text == f"{A}:1-3:other:1:tag:5"


@pytest.mark.parametrize("text", ["nonsense:1", f"{A}:1-x"])
def test_what_is_no_set(text: str) -> None:
    with pytest.raises(ValueError):
        GtidSet(text)


@given(st.lists(st.tuples(st.sampled_from([A, B, f"{A}:tag", f"{B}:tag"]), st.integers(1, 12)), max_size=40))
def test_adding_one_by_one_gives_the_set_of_all(gtids: list[tuple[str, int]]) -> None:
    grown = GtidSet()
    seen = set()
    for source, number in gtids:
        grown.add(source, number)
        seen.add(f"{source}:{number}")
        assert grown.text == GtidSet(grown.text).text == GtidSet(",".join(sorted(seen))).text
    for source in (A, B, f"{A}:tag", f"{B}:tag"):
        for number in range(1, 13):
            assert (f"{source}:{number}" in grown) == (f"{source}:{number}" in seen)


@given(st.sets(st.integers(1, 30), min_size=1), st.sets(st.integers(1, 30), min_size=1))
def test_supersets_and_encoding_agree_with_an_independent_witness(ours: set[int], theirs: set[int]) -> None:
    one = GtidSet(",".join(f"{A}:{number}" for number in ours))
    two = GtidSet(",".join(f"{A}:{number}" for number in theirs))
    assert one.issuperset(two) == (ours >= theirs)
    witness: Any = WitnessSet
    assert one.encode() == witness(one.text).encoded()


def test_tagged_sets_are_encoded_in_the_newer_format() -> None:
    encoded = GtidSet(f"{A}:1-3:tag:5").encode()
    head, *_ = struct.unpack_from("<Q", encoded)
    assert head == 1 << 56 | 2 << 8 | 1
    assert encoded[8:24] == uuid.UUID(A).bytes
    assert encoded[24] == 0  # no tag
    assert encoded[25:49] == struct.pack("<QQQ", 1, 1, 4)
    assert encoded[49:65] == uuid.UUID(A).bytes
    assert encoded[65:69] == b"\x06tag"
    assert encoded[69:] == struct.pack("<QQQ", 1, 5, 6)


def test_domain_positions() -> None:
    position = DomainPosition("1-10-5,0-1-100")
    assert position.text == "0-1-100,1-10-5"
    position.add("0-2", 101)
    assert position.text == "0-2-101,1-10-5"
    assert position.reaches(DomainPosition("0-1-101"))
    assert not position.reaches(DomainPosition("0-1-102"))
    assert not position.reaches(DomainPosition("3-1-1"))
    assert DomainPosition("").text == ""
    with pytest.raises(ValueError):
        DomainPosition("0-1")
