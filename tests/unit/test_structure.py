"""Tables' structure: as JSON, and in the stream's names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from tailrace.completion import fitting, following
from tailrace.config.table_settings import TableSettings
from tailrace.connectors import Context
from tailrace.schema import Column, Kind, TableName, TableSchema, Type
from tailrace.shaping.shapes import Shapes
from tailrace.shaping.structures import names, shaped
from tailrace.structure import POSTGRES, Collated, ForeignKey, Index, LeftOut, Numbering, Part, TableStructure

USERS = TableSchema(
    1,
    TableName("shop", "public", "users"),
    "shop.public.users",
    (
        Column(1, "id", Type(Kind.INTEGER, "bigint", 64), nullable=False, key=1),
        Column(2, "email", Type(Kind.TEXT, "text")),
        Column(3, "note", Type(Kind.TEXT, "text")),
        Column(4, "team", Type(Kind.INTEGER, "bigint", 64)),
    ),
)
STRUCTURE = TableStructure(
    POSTGRES,
    (
        Index("plain", (Part("email"), Part("team", descending=True, nulls_first=False)), include=("note",)),
        Index("lower", (Part("", "lower(email)"),), unique=True, where="(note IS NOT NULL)"),
        Index("team", (Part("team"),), unique=True, constraint=True, nulls_distinct=False, deferrable="deferred"),
    ),
    (ForeignKey("teams", ("team",), "", "public.teams", ("id",), on_delete="SET NULL", set_columns=("team",)),),
    (Numbering("id", 7, "users_id_seq"),),
    (LeftOut("index", "old", "it is not valid"),),
    (Collated("email", "", "C"), Collated("note", "", "C")),
)
TEAMS = {"public.teams": ("shop.public.teams", {"id": "id"})}


def shaped_by(**entry: Any) -> TableStructure:
    settings = TableSettings.model_validate({"match": "public.users", **entry})
    shapes = Shapes(Context("shop", "cdc", Path("/nonexistent"), tables=(settings,) if entry else ()))
    own = names(USERS, shapes.of(USERS))
    mentions = {"lower": ["email", "note"]}
    return shaped(STRUCTURE, own, lambda index: mentions.get(index.name, ()), TEAMS.get)


def test_json_has_all_of_it() -> None:
    record = orjson.loads(orjson.dumps(STRUCTURE.to_record()))
    assert TableStructure.from_record(record) == STRUCTURE
    del record["collations"]
    assert TableStructure.from_record(record).indexes == STRUCTURE.indexes, "of an older daemon"


def test_collations_are_those_of_the_stream_s_columns() -> None:
    found = shaped_by(columns={"rename": {"email": "mail"}, "drop": ["note"]}).collations
    assert found == (Collated("mail", "", "C"),)


def test_without_rules_names_stay_and_the_table_that_is_referred_to_has_its_topic() -> None:
    found = shaped_by()
    assert (found.indexes, found.left_out) == (STRUCTURE.indexes, STRUCTURE.left_out)
    assert found.foreign_keys[0].topic == "shop.public.teams"


def test_renamed_columns_have_their_new_names_but_in_the_sources_sql() -> None:
    found = shaped_by(columns={"rename": {"email": "mail", "team": "group", "id": "nr"}})
    assert [index.name for index in found.indexes] == ["plain", "team"]
    assert found.indexes[0].columns == ("mail", "group")
    assert found.indexes[0].include == ("note",)
    assert (found.foreign_keys[0].columns, found.foreign_keys[0].set_columns) == (("group",), ("group",))
    assert found.numberings == (Numbering("nr", 7, "users_id_seq"),)
    assert found.left_out[1:] == (LeftOut("index", "lower", "its SQL names the column email, which is renamed"),)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"columns": {"drop": ["note"]}}, "dropped"),
        ({"mask": {"note": "null"}}, "other values"),
        ({"columns": {"type": {"note": "varchar(9)"}}}, "other values"),
    ],
)
def test_what_is_over_a_column_with_other_values_is_left_out_with_the_reason(
    entry: dict[str, Any], reason: str
) -> None:
    found = shaped_by(**entry)
    assert [index.name for index in found.indexes] == ["team"]
    assert [(entry.kind, entry.name) for entry in found.left_out] == [
        ("index", "old"),
        ("index", "plain"),
        ("index", "lower"),
    ]
    assert all(reason in entry.reason and "note" in entry.reason for entry in found.left_out[1:])


def test_a_foreign_key_to_a_table_that_is_not_captured_is_left_out() -> None:
    own = names(USERS, None)
    found = shaped(STRUCTURE, own, lambda index: (), lambda name: None)
    assert found.foreign_keys == ()
    assert "public.teams" in found.left_out[-1].reason


@pytest.mark.parametrize(
    ("after", "last", "step", "expected"),
    [
        (None, None, 1, 1),
        (None, 41, 1, 42),
        (7, None, 1, 7),
        (7, 6, 1, 7),
        (7, 7, 1, 8),
        (7, 100, 1, 101),
        (7, 100, 10, 107),
        (7, 97, 10, 107),
    ],
)
def test_numbering_goes_on_beyond_the_rows_and_the_sources_next(
    after: int | None, last: int | None, step: int, expected: int
) -> None:
    assert following(after, last, step) == expected


def test_a_long_name_is_cut_and_stays_different_from_others() -> None:
    assert fitting("x" * 63, 63) == "x" * 63
    one, two = fitting("ä" * 40 + "1", 63), fitting("ä" * 40 + "2", 63)
    assert one != two
    assert len(one.encode()) <= 63
