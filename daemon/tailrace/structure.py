"""What a table has at its source besides columns and rows: indexes, foreign keys, and what numbers its rows.

A source reads it from its catalogue (`SnapshotReader.structure`), under the names that the stream has; a sink makes of
it what its system has a counterpart for, and says of the rest why not. It travels as JSON in the events that mark a
load.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

POSTGRES = "postgresql"
MYSQL = "mysql"
MARIADB = "mariadb"
INDEX, FOREIGN_KEY, NUMBERING, NOTE = "index", "foreign key", "sequence", "note"
#: Of `tailrace schema`: whatever else a target holds, a trigger for example.
OBJECT = "object"
#: What became of a thing: `TO_MAKE` where it is only asked what would be done.
MADE, PRESENT, TO_MAKE, LEFT_OUT, FAILED = "made", "present", "to make", "left out", "failed"


@dataclass(frozen=True, slots=True)
class Part:
    """One column, or expression, of an index.

    Attributes:
        column: the stream's name; "" for an expression.
        expression: in the source's own SQL.
        prefix: leading characters (of text) or bytes that are indexed; 0: all.
        nulls_first: PostgreSQL alone says it; None: as the direction has it.
        operators: PostgreSQL's operator class, with its schema and parameters, where it is not the type's default.
        collation: PostgreSQL's, with its schema, where it is not the column's.
    """

    column: str
    expression: str = ""
    prefix: int = 0
    descending: bool = False
    nulls_first: bool | None = None
    operators: str = ""
    collation: str = ""


@dataclass(frozen=True, slots=True)
class Index:
    """
    Attributes:
        method: btree, hash, gin, gist, brin, …; fulltext, spatial.
        primary: the source's primary key; made where the stream's key is another one.
        constraint: declared as a UNIQUE constraint.
        deferrable: when such a constraint is looked at: "", "deferrable" or "deferred".
        nulls_distinct: False: NULLs are equal (PostgreSQL).
        include: columns that only lie beside the key (PostgreSQL).
        where: the predicate of a partial index, in the source's own SQL.
        invisible: kept up, but not used for queries (MySQL's INVISIBLE, MariaDB's IGNORED).
    """

    name: str
    parts: tuple[Part, ...]
    unique: bool = False
    method: str = "btree"
    primary: bool = False
    constraint: bool = False
    deferrable: str = ""
    nulls_distinct: bool = True
    include: tuple[str, ...] = ()
    where: str = ""
    invisible: bool = False

    @property
    def plain(self) -> bool:
        """Of whole or leading parts of columns, as every SQL system has it."""
        return not self.where and all(part.column for part in self.parts) and self.method in ("btree", "hash")

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(part.column for part in self.parts)


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """
    Attributes:
        topic: of the table that is referred to; its name in a target is that target's.
        references: its name at the source, for a person.
        on_update, on_delete: ``NO ACTION``, ``RESTRICT``, ``CASCADE``, ``SET NULL``, ``SET DEFAULT``.
        set_columns: those that SET NULL or SET DEFAULT of a delete is for; empty: all (PostgreSQL).
        full: MATCH FULL.
        deferrable: "", "deferrable" or "deferred".
        validated: the source has looked at all rows.
    """

    name: str
    columns: tuple[str, ...]
    topic: str
    references: str
    referenced_columns: tuple[str, ...]
    on_update: str = "NO ACTION"
    on_delete: str = "NO ACTION"
    set_columns: tuple[str, ...] = ()
    full: bool = False
    deferrable: str = ""
    validated: bool = True


@dataclass(frozen=True, slots=True)
class Numbering:
    """A column whose values the source counts: AUTO_INCREMENT, identity, or a sequence as its default.

    Attributes:
        next: the value that the source would give next, when it was asked; None: it could not be asked.
        sequence: name of the sequence where it is one by itself; "" for AUTO_INCREMENT and identity.
        always: the source takes no value from a client (GENERATED ALWAYS).
        step: between two values.
    """

    column: str
    next: int | None = None
    sequence: str = ""
    always: bool = False
    step: int = 1


@dataclass(frozen=True, slots=True)
class Collated:
    """How the source compares the texts of a column: what an expression of it means depends on that.

    Attributes:
        charset: "" in PostgreSQL.
        collation: PostgreSQL's only where it is not the type's own; as the source's catalog has it.
    """

    column: str
    charset: str
    collation: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that a target does not get.

    Attributes:
        kind: "index", "foreign key" or "sequence" (of a numbering).
        name: of the index or foreign key; the column's of a numbering.
    """

    kind: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class TableStructure:
    """
    Attributes:
        dialect: whose SQL the texts are: "postgresql", "mysql" or "mariadb".
        left_out: what cannot be said in the stream's columns, for they lack some of the source's.
        collations: of columns with texts; those of PostgreSQL that have none of their own are left out.
    """

    dialect: str
    indexes: tuple[Index, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    numberings: tuple[Numbering, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    collations: tuple[Collated, ...] = ()

    def to_record(self) -> dict[str, Any]:
        """As JSON has it; `from_record` reads it back unchanged."""
        return asdict(self)

    @classmethod
    def from_record(cls, raw: dict[str, Any]) -> TableStructure:
        return cls(
            raw["dialect"],
            tuple(_index(index) for index in raw["indexes"]),
            tuple(ForeignKey(**_tuples(key)) for key in raw["foreign_keys"]),
            tuple(Numbering(**numbering) for numbering in raw["numberings"]),
            tuple(LeftOut(**entry) for entry in raw["left_out"]),
            tuple(Collated(**entry) for entry in raw.get("collations", ())),
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one thing in one target.

    Attributes:
        table: the source's name.
        kind: as in `LeftOut`; "object" for another object of the target's schema; "note" for what a person should know
            of the target.
        name: of the index or foreign key; the column's of a numbering; of an object its kind and name.
        state: `MADE`, `PRESENT`, `TO_MAKE`, `LEFT_OUT` or `FAILED`.
        detail: why not, or in which way it differs from the source's.
        statement: what made it, would make it, or failed.
    """

    table: str
    kind: str
    name: str
    state: str
    detail: str = ""
    statement: str = ""

    def to_dict(self) -> dict[str, Any]:
        return {
            "table": self.table,
            "kind": self.kind,
            "name": self.name,
            "state": self.state,
            "detail": self.detail,
            "statement": self.statement,
        }


def _index(raw: dict[str, Any]) -> Index:
    return Index(**{**_tuples(raw), "parts": tuple(Part(**part) for part in raw["parts"])})


def _tuples(raw: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in raw.items()}
