"""What a database holds besides rows: tables and all that belongs to them, views, programs.

Text in SQL (defaults, checks, predicates, queries, bodies) is in the catalog's own dialect. A catalog in a target's
dialect is what the target shall have, or has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from tailrace.schema import Type
from tailrace.structure import Index


class Dialect(StrEnum):
    POSTGRESQL = "postgresql"
    MYSQL = "mysql"
    MARIADB = "mariadb"
    SQLITE = "sqlite"
    ORACLE = "oracle"
    TSQL = "tsql"
    DYNAMODB = "dynamodb"

    @property
    def mysql_like(self) -> bool:
        return self in (Dialect.MYSQL, Dialect.MARIADB)


class ObjectKind(StrEnum):
    """As a report counts them, and in the order in which it does."""

    SCHEMA = "schema"
    EXTENSION = "extension"
    ENUM = "enum"
    DOMAIN = "domain"
    TYPE = "type"
    SEQUENCE = "sequence"
    TABLE = "table"
    COLUMN = "column"
    PRIMARY_KEY = "primary key"
    UNIQUE = "unique constraint"
    CHECK = "check constraint"
    EXCLUSION = "exclusion constraint"
    FOREIGN_KEY = "foreign key"
    INDEX = "index"
    PARTITION = "partitioning"
    COMMENT = "comment"
    VIEW = "view"
    MATERIALIZED_VIEW = "materialized view"
    FUNCTION = "function"
    PROCEDURE = "procedure"
    PACKAGE = "package"
    TRIGGER = "trigger"
    EVENT = "event"
    SYNONYM = "synonym"
    POLICY = "policy"
    GRANT = "grant"
    OTHER = "other"


class ObjectName(NamedTuple):
    """
    Attributes:
        schema: PostgreSQL's, Oracle's or SQL Server's schema, MySQL's database; "" where there is but one.
    """

    schema: str
    name: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name


@dataclass(frozen=True, slots=True)
class Counter:
    """What a sequence or a counted column goes by.

    Attributes:
        next: the value that comes next; None: it could not be asked, `start` holds.
    """

    start: int = 1
    increment: int = 1
    minimum: int | None = None
    maximum: int | None = None
    cycle: bool = False
    cache: int = 1
    next: int | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """A column that the database counts: AUTO_INCREMENT, IDENTITY, serial.

    Attributes:
        always: a client's own value is refused (GENERATED ALWAYS).
        sequence: PostgreSQL's serial: the owned sequence that is the default; None: the column itself counts.
    """

    counter: Counter = Counter()
    always: bool = False
    sequence: ObjectName | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """
    Attributes:
        type: without a dialect; decides what a target makes of it. `Type.name` is the dialect's own text.
        sql_type: as the dialect writes it in CREATE TABLE, without collation ("varchar(20)", "bigint unsigned").
        default: an expression; "" none. Literals as SQL writes them (``'new'``, ``0``, ``NULL``).
        on_update: MySQL's ON UPDATE CURRENT_TIMESTAMP(n).
        generated: the expression of a generated column; "" for an ordinary one.
        stored: a generated column is stored, not computed when it is read.
        collation: the one in force for text, "" for the database's default.
        user_type: the enum, domain or composite type that it is of.
        line: in the script, 0 where there is none; so everywhere.
    """

    name: str
    type: Type
    sql_type: str
    nullable: bool = True
    default: str = ""
    on_update: str = ""
    generated: str = ""
    stored: bool = True
    identity: Identity | None = None
    charset: str = ""
    collation: str = ""
    comment: str = ""
    invisible: bool = False
    user_type: ObjectName | None = None
    line: int = 0


@dataclass(frozen=True, slots=True)
class Check:
    """
    Attributes:
        enforced: False: MySQL's NOT ENFORCED, PostgreSQL's, SQL Server's disabled.
        validated: False: older rows were not looked at (NOT VALID, NOCHECK).
    """

    name: str
    expression: str
    enforced: bool = True
    validated: bool = True
    line: int = 0


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """
    Attributes:
        on_update, on_delete: ``NO ACTION``, ``RESTRICT``, ``CASCADE``, ``SET NULL``, ``SET DEFAULT``.
        set_columns: those that SET NULL or SET DEFAULT of a delete is for; empty: all (PostgreSQL).
        full: MATCH FULL.
        deferrable: "", "deferrable" or "deferred".
    """

    name: str
    columns: tuple[str, ...]
    table: ObjectName
    referenced_columns: tuple[str, ...]
    on_update: str = "NO ACTION"
    on_delete: str = "NO ACTION"
    set_columns: tuple[str, ...] = ()
    full: bool = False
    deferrable: str = ""
    enforced: bool = True
    validated: bool = True
    line: int = 0


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition. Bounds are expressions of the dialect, one for each partitioning column.

    Attributes:
        lower, upper: of a range, from and below; None: unbounded (MINVALUE, MAXVALUE).
        members: of a list.
        modulus, remainder: of a hash.
        default: takes what no other does.
        within: its own partitioning (sub-partitions).
    """

    name: str
    lower: tuple[str, ...] | None = None
    upper: tuple[str, ...] | None = None
    members: tuple[tuple[str, ...], ...] = ()
    modulus: int = 0
    remainder: int = 0
    default: bool = False
    within: Partitioning | None = None


@dataclass(frozen=True, slots=True)
class Partitioning:
    """
    Attributes:
        method: "range", "list", "hash", "key" (MySQL), "interval" (Oracle), or the dialect's other word.
        expressions: columns, or expressions, that decide; each as SQL.
        count: of partitions by hash or key that are not named.
        definition: as the source writes it.
    """

    method: str
    expressions: tuple[str, ...]
    partitions: tuple[Partition, ...] = ()
    count: int = 0
    definition: str = ""


#: What an option of a table begins with that says how the index of that name is stored (PostgreSQL).
OF_INDEX = "storage of "


@dataclass(frozen=True, slots=True)
class Table:
    """
    Attributes:
        indexes: all of them; the primary key (`Index.primary`) and unique constraints (`Index.constraint`) too.
        options: what the dialect says of a table besides ("engine", "collation", "unlogged", "tablespace", …).
        rows, bytes: as the server's statistics estimate them; None: nobody knows.
        lines: in a script, of indexes by their names ("" of the partitioning), where they are not the table's.
    """

    name: ObjectName
    columns: tuple[Column, ...]
    indexes: tuple[Index, ...] = ()
    checks: tuple[Check, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    partitioning: Partitioning | None = None
    comment: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    rows: int | None = None
    bytes: int | None = None
    line: int = 0
    lines: Mapping[str, int] = field(default_factory=dict, compare=False)

    @property
    def primary_key(self) -> Index | None:
        return next((index for index in self.indexes if index.primary), None)

    def column(self, name: str) -> Column | None:
        return next((column for column in self.columns if column.name == name), None)


@dataclass(frozen=True, slots=True)
class Sequence:
    """A sequence that stands by itself; one that a column owns is `Identity.sequence`, and here too."""

    name: ObjectName
    counter: Counter = Counter()
    sql_type: str = "bigint"
    owner: tuple[ObjectName, str] | None = None
    line: int = 0


@dataclass(frozen=True, slots=True)
class Enum:
    name: ObjectName
    labels: tuple[str, ...]
    line: int = 0


@dataclass(frozen=True, slots=True)
class Domain:
    name: ObjectName
    type: Type
    sql_type: str
    nullable: bool = True
    default: str = ""
    checks: tuple[Check, ...] = ()
    collation: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class View:
    """
    Attributes:
        query: the SELECT alone.
        columns: their names, where the definition gives them; empty: the query's own.
        check_option: "", "LOCAL" or "CASCADED".
        indexes: of a materialized view.
        options: what the head says besides ("security", "algorithm", "definer", …).
    """

    name: ObjectName
    query: str
    columns: tuple[str, ...] = ()
    materialized: bool = False
    check_option: str = ""
    indexes: tuple[Index, ...] = ()
    line: int = 0
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Argument:
    """
    Attributes:
        mode: "IN", "OUT", "INOUT" or "VARIADIC".
    """

    name: str
    sql_type: str
    mode: str = "IN"
    default: str = ""


@dataclass(frozen=True, slots=True)
class Routine:
    """
    Attributes:
        kind: `ObjectKind.FUNCTION` or `ObjectKind.PROCEDURE`.
        returns: the type that a function gives, as SQL.
        language: "sql", "plpgsql", …; MySQL, Oracle and SQL Server: "sql".
        body: what it does, without the head.
        definition: the whole statement.
        options: what the head says besides ("deterministic", "security", "volatility", "strict", …).
    """

    name: ObjectName
    kind: ObjectKind
    arguments: tuple[Argument, ...]
    returns: str
    language: str
    body: str
    definition: str
    options: Mapping[str, str] = field(default_factory=dict)
    line: int = 0


@dataclass(frozen=True, slots=True)
class Trigger:
    """
    Attributes:
        timing: "BEFORE", "AFTER" or "INSTEAD OF".
        events: of INSERT, UPDATE, DELETE, TRUNCATE.
        columns: of UPDATE OF.
        row: for each row, not for each statement.
        when: its condition.
        function: PostgreSQL's trigger function, with its arguments as written.
        body: of the other systems.
        definition: the whole statement.
        options: what it was made with besides ("definer", "sql_mode", …). Triggers of one table, timing and event run
            in the order in which a catalog has them.
    """

    name: ObjectName
    table: ObjectName
    timing: str
    events: tuple[str, ...]
    row: bool
    definition: str
    columns: tuple[str, ...] = ()
    when: str = ""
    function: ObjectName | None = None
    arguments: str = ""
    body: str = ""
    enabled: bool = True
    line: int = 0
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Comment:
    """On something other than a table or a column.

    Attributes:
        member: the index's, constraint's, … name within `name`; "" for `name` itself.
    """

    kind: ObjectKind
    name: ObjectName
    text: str
    member: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Other:
    """What has no form of its own here; carried as text, so that nothing disappears.

    Attributes:
        table: that it belongs to, if any.
        definition: the whole statement.
        reason: why it was not understood, where a script's parser did not.
        options: what it was made with besides ("definer", "sql_mode", "time_zone").
    """

    kind: ObjectKind
    name: ObjectName
    definition: str
    table: ObjectName | None = None
    reason: str = ""
    line: int = 0
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Skipped:
    """Statements of a script that make no object: settings of a session, data. They are named, so that each is known.

    Attributes:
        line, last: of the first and of the last one.
        text: how the first one begins.
        count: how many stand one after the other.
        rows: of data, where the script tells them.
    """

    line: int
    text: str
    reason: str
    last: int = 0
    count: int = 1
    rows: int = 0


@dataclass(frozen=True, slots=True)
class Catalog:
    """
    Attributes:
        version: the server's, as it says it; "" of a script.
        skipped: of a script alone.
        default_schema: where names without a schema belong.
        collation: the database's default.
        origin: for a person: server and database, or the script's path.
        supplied: what extensions bring, by its names: the extension.
    """

    dialect: Dialect
    version: str = ""
    default_schema: str = ""
    charset: str = ""
    collation: str = ""
    origin: str = ""
    schemas: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    sequences: tuple[Sequence, ...] = ()
    enums: tuple[Enum, ...] = ()
    domains: tuple[Domain, ...] = ()
    views: tuple[View, ...] = ()
    routines: tuple[Routine, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    comments: tuple[Comment, ...] = ()
    others: tuple[Other, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    supplied: Mapping[ObjectName, str] = field(default_factory=dict, compare=False)

    def table(self, name: ObjectName) -> Table | None:
        return next((table for table in self.tables if table.name == name), None)

    def count(self) -> Iterator[tuple[ObjectKind, ObjectName, str, int]]:
        """Every object once: kind, name, member of a table ("" for what stands by itself), line.

        What `convert` must say something of. Columns and comments of tables and columns are counted as members.
        """
        for schema in self.schemas:
            yield ObjectKind.SCHEMA, ObjectName("", schema), "", 0
        for table in self.tables:
            yield from _members(table)
        for kind, objects in (
            (ObjectKind.SEQUENCE, self.sequences),
            (ObjectKind.ENUM, self.enums),
            (ObjectKind.DOMAIN, self.domains),
        ):
            for thing in objects:
                yield kind, thing.name, "", thing.line
        for view in self.views:
            kind = ObjectKind.MATERIALIZED_VIEW if view.materialized else ObjectKind.VIEW
            yield kind, view.name, "", view.line
            yield from ((ObjectKind.INDEX, view.name, index.name, view.line) for index in view.indexes)
        for routine in self.routines:
            yield routine.kind, routine.name, signature(routine), routine.line
        for trigger in self.triggers:
            yield ObjectKind.TRIGGER, trigger.table, trigger.name.name, trigger.line
        for comment in self.comments:
            yield ObjectKind.COMMENT, comment.name, f"{comment.kind} {comment.member}".strip(), comment.line
        for other in self.others:
            member = other.name.name if other.table else ""
            yield other.kind, other.table or other.name, member, other.line


def signature(routine: Routine) -> str:
    """Tells routines of one name apart: the types that go in."""
    return "(" + ", ".join(a.sql_type for a in routine.arguments if a.mode != "OUT") + ")"


def kind_of(index: Index) -> ObjectKind:
    if index.primary:
        return ObjectKind.PRIMARY_KEY
    return ObjectKind.UNIQUE if index.constraint else ObjectKind.INDEX


def _members(table: Table) -> Iterator[tuple[ObjectKind, ObjectName, str, int]]:
    yield ObjectKind.TABLE, table.name, "", table.line
    for column in table.columns:
        yield ObjectKind.COLUMN, table.name, column.name, column.line
        if column.comment:
            yield ObjectKind.COMMENT, table.name, column.name, column.line
    for index in table.indexes:
        yield kind_of(index), table.name, index.name, table.lines.get(index.name, table.line)
    for check in table.checks:
        yield ObjectKind.CHECK, table.name, check.name, check.line
    for key in table.foreign_keys:
        yield ObjectKind.FOREIGN_KEY, table.name, key.name, key.line
    if table.partitioning:
        yield ObjectKind.PARTITION, table.name, "", table.lines.get("", table.line)
    if table.comment:
        yield ObjectKind.COMMENT, table.name, "", table.line
