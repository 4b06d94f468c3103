"""What a sink's connector provides for schema conversion, so that `tailrace schema` can make its tables.

A connector names it as `SinkConnector.schema`; a source's reader is `SourceConnector.catalog`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from tailrace.conversion.catalog import Catalog, Dialect, ObjectKind, ObjectName, Table
from tailrace.schema import Type


class Stage(StrEnum):
    """When a statement may run beside a pipeline.

    TABLES: before the first row. REST: whenever, best after the load (secondary indexes, views, programs). CUTOVER:
    only when the application has moved, because it would act on what the sink writes (triggers where the sink cannot
    switch them off) or stand in its way.
    """

    TABLES = "tables"
    REST = "rest"
    CUTOVER = "cutover"


@dataclass(frozen=True, slots=True)
class Statement:
    """
    Attributes:
        kind, name, member: of what it makes, as in the target's catalog.
        sql: one statement, without a closing semicolon; a comment may stand before it.
    """

    kind: ObjectKind
    name: ObjectName
    sql: str
    stage: Stage = Stage.TABLES
    member: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the target's names may be.

    Attributes:
        name_length: of an identifier, in bytes (PostgreSQL) or characters (`in_characters`); 0: no limit.
        folds: names that differ in case only are one.
        schemas: there are schemas within a database.
    """

    name_length: int
    in_characters: bool = False
    folds: bool = False
    schemas: bool = False


@dataclass(frozen=True, slots=True)
class Server:
    """What a target's server has besides the sink's schema, as far as it was asked; None: it was not.

    Attributes:
        release: the first number of its version; 0: not asked.
        extensions: those that the sink's user can make, or that are there.
        locales: of its operating system, by which collations can be made; "icu" where it has those of ICU.
        compressions, access_methods: of tables' columns, and of tables.
        superuser: the sink's user is one.
    """

    release: int = 0
    roles: frozenset[str] | None = None
    extensions: frozenset[str] | None = None
    locales: frozenset[str] | None = None
    compressions: frozenset[str] | None = None
    access_methods: frozenset[str] | None = None
    superuser: bool | None = None


class ChecksTypes(Protocol):
    """What a target of a sink has besides that obeys the types of a person's rules."""

    def obstacle(self, type_: Type, source: Dialect, wanted: str) -> str:
        """Why the sink could not write values of a type into a column that a person wants, or not verify them; ""
        where it can."""
        ...

    def declared(self, wanted: str) -> str:
        """A type that a person wants, as the sink makes a column of it: a text has the sinks' collation."""
        ...


class CompletesTables(Protocol):
    """What a target has besides that can give a table that is there what `render` makes with the table alone."""

    def completing(self, catalog: Catalog, table: Table, kind: ObjectKind, member: str) -> list[Statement]:
        """Statements that give a column its default and NOT NULL, or a table a check or a column's comment, and leave
        types and values as they are; none: it cannot be done.

        Args:
            catalog: of the table, in the words in which the server keeps it.
        """
        ...


class SchemaTarget(Protocol):
    """A target's own ways. `limits`, `types` and `render` need no server; the rest connects when first asked."""

    @property
    def dialect(self) -> Dialect: ...

    @property
    def limits(self) -> Limits: ...

    def types(self, table: Table, source: Dialect) -> dict[str, str]:
        """The target's type of each column, by the column's name: the mapping by which the sink makes its tables.

        Args:
            table: under the names of the target, with the source's types.
        """
        ...

    def render(self, catalog: Catalog) -> list[Statement]:
        """Statements that make all of a catalog in the target's dialect, in an order in which they can run."""
        ...

    def read(self, names: Collection[ObjectName] | None = None) -> Catalog:
        """What the target has now.

        Args:
            names: tables, views, … alone that are wanted; None: all of the sink's schema or database.

        Raises:
            UnreachableError, RefusedError: as named.
        """
        ...

    def canonical(self, catalog: Catalog) -> Catalog:
        """The catalog as `read` would give it back once it is made: SQL in the words in which the server keeps it.

        Made in a throwaway place (a transaction that is rolled back, a scratch database), so that it leaves nothing.
        """
        ...

    def apply(self, statements: Sequence[Statement]) -> None:
        """Runs them, in one transaction where the target can.

        Raises:
            RefusedError: the target refuses one: which, its error, and what was made before.
        """
        ...

    def close(self) -> None: ...
