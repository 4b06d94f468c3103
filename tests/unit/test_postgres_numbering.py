"""Ids of the columns of a table that took the place of another one of its name."""

from __future__ import annotations

import orjson
import pytest

from tailrace.schema import Column, Kind, TableName, TableSchema, Type
from tailrace_postgres.columns import INVENTED
from tailrace_postgres.numbering import Numbering, numbered_anew

INT, TEXT = Type(Kind.INTEGER, "int", 32), Type(Kind.TEXT, "text")


def schema(*columns: tuple[int, str, Type], key: int = 0, version: int = 1) -> TableSchema:
    made = tuple(Column(number, name, kind, key=int(number == key)) for number, name, kind in columns)
    return TableSchema(version, TableName("app", "public", "t"), "shop.public.t", made)


BEFORE = schema((1, "id", INT), (2, "a", TEXT), (3, "b", INT), key=1)


def ids(numbering: Numbering, now: TableSchema) -> dict[str, int]:
    return {column.name: column.id for column in numbering.with_ids(now.columns)}


def test_columns_of_the_same_name_and_type_are_the_same_and_others_are_new() -> None:
    older = schema((1, "id", INT), (7, "dropped", INT), (INVENTED + 3, "invented", INT), key=1, version=0)
    now = schema((1, "b", TEXT), (2, "a", TEXT), (4, "id", INT), (5, "c", INT), key=4)
    numbering = numbered_anew(now.columns, (3,), BEFORE, [older, BEFORE])
    assert ids(numbering, now) == {"b": 8, "a": 2, "id": 1, "c": 9}
    taken = {numbering.id_of(number) for number in range(1, 6)}
    assert len(taken) == 5, "a number that the log does not carry yet has an id of its own"
    assert numbering.id_of(6) == max(taken) + 1, "and what is added later is new"


def test_a_part_of_the_key_is_the_same_whatever_its_type() -> None:
    now = schema((1, "v", INT), (2, "id", TEXT), key=2)
    assert ids(numbered_anew(now.columns, (), BEFORE, [BEFORE]), now) == {"v": 4, "id": 1}


@pytest.mark.parametrize("last", [2, 50])
def test_ids_and_numbers_are_each_other_s_inverse(last: int) -> None:
    now = schema((1, "b", INT), (last, "x", INT))
    numbering = Numbering.from_entry(orjson.loads(orjson.dumps(numbered_anew(now.columns, (), BEFORE, [BEFORE]).entry)))
    later = schema((1, "b", INT), (last, "x", INT), (last + 1, "y", INT), (1600, "z", INT), (INVENTED + 1, "i", INT))
    with_ids = schema(*((c.id, c.name, c.type) for c in numbering.with_ids(later.columns)))
    assert numbering.with_numbers(with_ids) == later
    assert len({column.id for column in with_ids.columns}) == 5
    assert with_ids.columns[-1].id == INVENTED + 1


def test_without_another_table_ids_are_the_numbers() -> None:
    numbering = Numbering.from_entry({"oid": 5})
    assert numbering.entry == {}
    assert numbering.with_ids(BEFORE.columns) == BEFORE.columns
    assert numbering.with_numbers(BEFORE) is BEFORE
