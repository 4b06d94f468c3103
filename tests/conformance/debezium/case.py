"""A case: tables, and the statements that change them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MYSQL, MARIADB, POSTGRES15, POSTGRES18 = "mysql", "mariadb", "postgres15", "postgres18"
MYSQL_FAMILY = (MYSQL, MARIADB)
POSTGRES = (POSTGRES15, POSTGRES18)
EVERYWHERE = (*MYSQL_FAMILY, *POSTGRES)

WAIT = "-- both have delivered everything so far"
"""In a case's changes: only then does it go on."""


@dataclass(frozen=True)
class Case:
    """One comparison. In its statements `{t}` stands for the case's name.

    Attributes:
        name: also what the names of its tables begin with.
        tables: statements that make its tables, and the rows that are there before anybody reads: these are loaded.
        changes: statements for both to follow, on a connection of the case's own, each committed by itself unless
            BEGIN and COMMIT stand around them.
        engines: the servers that it is for.
        inserts_only: tables for which tailrace is told to take inserts alone.
        quick: among the few that the ordinary tests take.
    """

    name: str
    tables: tuple[str, ...]
    changes: tuple[str, ...]
    engines: tuple[str, ...] = EVERYWHERE
    inserts_only: tuple[str, ...] = ()
    quick: bool = False

    @property
    def made(self) -> list[str]:
        return [statement.replace("{t}", self.name) for statement in self.tables]

    @property
    def changed(self) -> list[str]:
        return [statement.replace("{t}", self.name) for statement in self.changes]

    def owns(self, table: str) -> bool:
        return table == self.name or table.startswith(self.name + "_")


def transaction(*statements: str) -> tuple[str, ...]:
    """The statements as one transaction."""
    return ("BEGIN", *statements, "COMMIT")


def typed(
    name: str,
    columns: Mapping[str, tuple[str, Sequence[str]]],
    engines: Sequence[str],
    *,
    before: Sequence[str] = (),
    session: Sequence[str] = (),
    loaded: bool = True,
    quick: bool = False,
) -> Case:
    """A case that shows values: each column's type and SQL texts of its values, a row for each place in these lists.

    The rows are there when the tables are loaded (ids from 1), come again as inserts (from 101), are changed into each
    other and deleted. A column with fewer values than another has NULL in the other rows.

    Args:
        before: statements before CREATE TABLE.
        session: statements that a connection needs before it writes such values.
        loaded: whether there are rows before anybody reads.
    """
    rows = max(len(values) for _, values in columns.values())
    names = ", ".join(columns)

    def insert(first: int) -> tuple[str, ...]:
        return tuple(
            f"INSERT INTO {{t}} (id, {names}) VALUES ({first + row}, "
            + ", ".join(values[row] if row < len(values) else "NULL" for _, values in columns.values())
            + ")"
            for row in range(rows)
        )

    # Else PostgreSQL's log has no old rows.
    identity = ("ALTER TABLE {t} REPLICA IDENTITY FULL",) if set(engines) <= set(POSTGRES) else ()
    declared = ", ".join(f"{column} {type_} NULL" for column, (type_, _) in columns.items())
    sets = ", ".join(f"{column} = {values[-1]}" for column, (_, values) in columns.items())
    return Case(
        name,
        (
            *before,
            f"CREATE TABLE {{t}} (id INT PRIMARY KEY, {declared})",
            *identity,
            *session,
            *(insert(1) if loaded else ()),
        ),
        (
            *session,
            *insert(101),
            f"UPDATE {{t}} SET {sets} WHERE id = 101",
            "DELETE FROM {t} WHERE id = 101",
            f"INSERT INTO {{t}} (id, {names}) VALUES (201, {', '.join('NULL' for _ in columns)})",
        ),
        tuple(engines),
        quick=quick,
    )
