"""Stable column ids from Relation messages, the catalog of now, and the version before."""

from __future__ import annotations

from tailrace.schema import Column, Kind, TableName, TableSchema, Type
from tailrace_postgres.catalog import CatalogColumn, CatalogColumns, CatalogTable
from tailrace_postgres.columns import INVENTED, relation_columns
from tailrace_postgres.relation import Relation, RelationColumn
from tailrace_postgres.types import TypeEntry

INT, TEXT = 23, 25
TYPES = {INT: Type(Kind.INTEGER, name="int", size=32), TEXT: Type(Kind.TEXT, name="text")}
OLD_DDL, NEW_DDL = 1000, 10  # ages, in transactions; what is read is 100 old
READ = 100


class Types:
    def entry(self, oid: int) -> TypeEntry:
        return TypeEntry(oid)

    def name(self, oid: int, modifier: int) -> str:
        return TYPES[oid].name


def catalog(*columns: tuple[int, str, int], key: tuple[int, ...] = (1,), age: int = OLD_DDL) -> CatalogColumns:
    live = tuple(
        CatalogColumn(number, name, type_oid, -1, number != 1, False, None, False, False, age)
        for number, name, type_oid in columns
    )
    return CatalogColumns(CatalogTable(1, "public", "t", "r", "d", primary=key), live, "1")


def before(*columns: tuple[int, str, int], key: tuple[int, ...] = (1,)) -> TableSchema:
    return TableSchema(
        1,
        TableName("d", "public", "t"),
        "t",
        tuple(
            Column(number, name, TYPES[kind], number != 1, key.index(number) + 1 if number in key else 0)
            for number, name, kind in columns
        ),
    )


def ids(
    described: tuple[tuple[str, int], ...],
    now: CatalogColumns | None,
    previous: TableSchema | None,
    highest: int = 0,
    identity: str = "d",
    flagged: tuple[str, ...] = ("id",),
) -> list[int]:
    columns = tuple(RelationColumn(name, kind, -1, name in flagged) for name, kind in described)
    relation = Relation(1, "public", "t", identity, columns)
    return [column.id for column in relation_columns(relation, now, previous, highest, Types(), READ)]


def test_the_catalog_decides_where_it_says_the_same() -> None:
    assert ids((("id", INT), ("b", TEXT)), catalog((1, "id", INT), (4, "b", TEXT)), None) == [1, 4]


def test_the_version_before_decides_where_the_catalog_moved_on() -> None:
    now = catalog((1, "id", INT), (9, "z", TEXT))
    assert ids((("id", INT), ("b", TEXT)), now, before((1, "id", INT), (4, "b", TEXT))) == [1, 4]


def test_of_a_dropped_table_the_version_before_is_kept() -> None:
    assert ids((("id", INT), ("b", TEXT)), None, before((1, "id", INT), (4, "b", TEXT))) == [1, 4]


def test_an_added_column_has_the_catalogs_number() -> None:
    now = catalog((1, "id", INT), (2, "a", TEXT), (3, "b", TEXT), (4, "c", TEXT))
    assert ids((("id", INT), ("a", TEXT), ("b", TEXT)), now, before((1, "id", INT), (2, "a", TEXT))) == [1, 2, 3]


def test_an_added_column_that_is_gone_again_has_an_invented_number() -> None:
    now = catalog((1, "id", INT), (2, "a", TEXT))
    previous = before((1, "id", INT), (2, "a", TEXT))
    assert ids((("id", INT), ("a", TEXT), ("b", TEXT)), now, previous, highest=2) == [1, 2, INVENTED]
    assert ids((("id", INT), ("a", TEXT), ("b", TEXT)), now, previous, highest=INVENTED + 3) == [1, 2, INVENTED + 4]


def test_a_column_added_written_and_renamed_since_has_the_catalogs_number() -> None:
    now = catalog((1, "id", INT), (2, "a", TEXT), (3, "later", INT))
    previous = before((1, "id", INT), (2, "a", TEXT))
    assert ids((("id", INT), ("a", TEXT), ("first", INT)), now, previous) == [1, 2, 3]


def test_a_column_added_and_dropped_is_not_the_one_added_after_it() -> None:
    now = catalog((1, "id", INT), (2, "a", TEXT), (4, "later", INT))
    previous = before((1, "id", INT), (2, "a", TEXT))
    assert ids((("id", INT), ("a", TEXT), ("first", INT)), now, previous) == [1, 2, INVENTED]


def test_a_column_renamed_twice_since_is_the_one_at_its_place() -> None:
    now = catalog((1, "id", INT), (2, "third", TEXT), (3, "c", INT))
    previous = before((1, "id", INT), (2, "first", TEXT), (3, "c", INT))
    assert ids((("id", INT), ("second", TEXT), ("c", INT)), now, previous) == [1, 2, 3]


def test_another_type_at_that_place_is_another_column() -> None:
    now = catalog((1, "id", INT), (3, "c", INT))
    previous = before((1, "id", INT), (2, "first", TEXT), (3, "c", INT))
    assert ids((("id", INT), ("second", INT), ("c", INT)), now, previous) == [1, INVENTED, 3]


def test_two_renamed_columns_are_not_guessed() -> None:
    previous = before((1, "id", INT), (2, "a", TEXT), (3, "b", TEXT))
    found = ids((("id", INT), ("x", TEXT), ("y", TEXT)), catalog((1, "id", INT)), previous)
    assert found == [1, INVENTED, INVENTED + 1]


def test_swapped_names_are_seen_where_the_catalog_says_so() -> None:
    now = catalog((1, "id", INT), (2, "b", TEXT), (3, "a", TEXT))
    previous = before((1, "id", INT), (2, "a", TEXT), (3, "b", TEXT))
    assert ids((("id", INT), ("b", TEXT), ("a", TEXT)), now, previous) == [1, 2, 3]


def test_a_changed_type_keeps_the_column() -> None:
    now = catalog((1, "id", INT), (2, "a", INT))
    assert ids((("id", INT), ("a", INT)), now, before((1, "id", INT), (2, "a", TEXT))) == [1, 2]


def test_a_column_added_again_alike_is_told_by_the_age_of_the_ddl() -> None:
    previous = before((1, "id", INT), (2, "a", TEXT))
    described = (("id", INT), ("a", TEXT))
    assert ids(described, catalog((1, "id", INT), (3, "a", TEXT), age=OLD_DDL), previous) == [1, 3]
    assert ids(described, catalog((1, "id", INT), (3, "a", TEXT), age=NEW_DDL), previous) == [1, 2]


def test_a_column_moved_to_the_end_is_another_one() -> None:
    previous = before((1, "id", INT), (2, "a", TEXT), (3, "b", TEXT))
    found = ids((("id", INT), ("b", TEXT), ("a", TEXT)), catalog((1, "id", INT), (3, "b", TEXT)), previous)
    assert found == [1, 3, INVENTED]


def key(
    identity: str, flagged: tuple[str, ...], now: CatalogColumns | None, previous: TableSchema | None
) -> list[tuple[str, int]]:
    names = (("a", INT), ("b", INT), ("c", INT))
    columns = tuple(RelationColumn(name, kind, -1, name in flagged) for name, kind in names)
    found = relation_columns(Relation(1, "public", "t", identity, columns), now, previous, 0, Types(), READ)
    return sorted(((column.name, column.key) for column in found if column.key), key=lambda pair: pair[1])


NOW = catalog((1, "a", INT), (2, "b", INT), (3, "c", INT), key=(3, 1))


def test_the_keys_order_is_the_catalogs() -> None:
    assert key("d", ("a", "c"), NOW, None) == [("c", 1), ("a", 2)]


def test_a_key_that_changed_since_is_what_the_log_says() -> None:
    assert key("d", ("a", "b"), NOW, None) == [("a", 1), ("b", 2)]
    previous = before((1, "a", INT), (2, "b", INT), (3, "c", INT), key=(2, 1))
    assert key("d", ("a", "b"), NOW, previous) == [("b", 1), ("a", 2)]


def test_the_full_identity_does_not_tell_the_key() -> None:
    assert key("f", ("a", "b", "c"), NOW, None) == [("c", 1), ("a", 2)]
    assert key("n", (), NOW, None) == [("c", 1), ("a", 2)]
    assert key("f", ("a", "b", "c"), None, None) == []
