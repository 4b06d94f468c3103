"""The clauses of ALTER TABLE, and a table's columns after them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tailrace_mysql.ddl.columns import ParsedColumn, converted, read_column
from tailrace_mysql.ddl.keys import key_columns, period_columns, with_key
from tailrace_mysql.ddl.tokens import Reader, split
from tailrace_mysql.definition import ColumnDefinition
from tailrace_mysql.system_time import hidden_columns

# Options and clauses that neither touch a column nor a row.
_HARMLESS = frozenset(
    {
        *("ENGINE", "AUTO_INCREMENT", "AVG_ROW_LENGTH", "CHECKSUM", "COMMENT", "COMPRESSION", "CONNECTION", "DATA"),
        *("DELAY_KEY_WRITE", "ENCRYPTION", "INSERT_METHOD", "KEY_BLOCK_SIZE", "MAX_ROWS", "MIN_ROWS", "PACK_KEYS"),
        *(
            "ROW_FORMAT",
            "STATS_AUTO_RECALC",
            "STATS_PERSISTENT",
            "STATS_SAMPLE_PAGES",
            "TABLESPACE",
            "UNION",
            "ALGORITHM",
        ),
        *(
            "LOCK",
            "FORCE",
            "ORDER",
            "DISABLE",
            "ENABLE",
            "WITH",
            "WITHOUT",
            "COLLATE",
            "PAGE_CHECKSUM",
            "TRANSACTIONAL",
        ),
        *("PAGE_COMPRESSED", "PAGE_COMPRESSION_LEVEL", "ENCRYPTED", "ENCRYPTION_KEY_ID", "SECONDARY_LOAD", "WAIT"),
        *("SECONDARY_UNLOAD", "SECONDARY_ENGINE", "ENGINE_ATTRIBUTE", "AUTOEXTEND_SIZE", "NOWAIT", "INDEX", "SEQUENCE"),
    }
)
_KEY_WORDS = ("INDEX", "KEY", "FULLTEXT", "SPATIAL", "UNIQUE", "FOREIGN", "CHECK", "CONSTRAINT", "VECTOR")
_PARTITION_DDL = frozenset({"COALESCE", "REORGANIZE", "ANALYZE", "CHECK", "OPTIMIZE", "REBUILD", "REPAIR"})
# Clauses by which rows come and go with the file that holds them.
_FILE_DDL = frozenset({"TRUNCATE", "EXCHANGE", "DISCARD", "IMPORT"})


class RowsChanged(ValueError):
    """A clause that changes rows without row events: the table's columns say nothing of it.

    Attributes:
        other: the table that the rows went to or came from, (database, table); None where there is none.
        old: they are history where the table is partitioned BY SYSTEM_TIME: the server keeps the partition of its
            current rows.
    """

    def __init__(self, clause: str, other: tuple[str, str] | None = None) -> None:
        super().__init__(f"{clause} changes rows without row events")
        self.other = other
        self.old = clause == "DROP PARTITION"


@dataclass(frozen=True, slots=True)
class Alteration:
    """One clause.

    Attributes:
        action: "add", "drop", "change" (MODIFY is a change to the same name), "rename", "key", "drop key", "charset",
            "convert", "table" (the table's new name), "versioned", "unversioned" (ADD and DROP SYSTEM VERSIONING),
            "period" (of application time), "partition".
        name: the column; the character set; the new table; by what is partitioned.
        column: the new definition, of add and change.
        key: the columns of the primary key, or of the period.
        database: of the new table.
    """

    action: str
    name: str = ""
    column: ParsedColumn | None = None
    new_name: str = ""
    key: tuple[str, ...] = ()
    database: str = ""
    if_exists: bool = False


def read_clauses(reader: Reader, database: str, charset: str, mariadb: bool) -> tuple[Alteration, ...]:
    """All clauses of an ALTER TABLE, from behind the table's name on.

    Raises:
        RowsChanged: one changes rows without row events.
        ValueError: one is not understood.
    """
    found: list[Alteration] = []
    for part in split(reader.rest()):
        clause = Reader(part)
        if clause.token.upper in _PARTITION_DDL:
            break  # stands alone, and lists partitions with commas between them
        found += _read_clause(clause, database, charset, mariadb)
    return tuple(found)


def _read_clause(clause: Reader, database: str, charset: str, mariadb: bool) -> list[Alteration]:
    first = clause.token.upper if clause.token.kind in ("word", "sign") else ""
    if first == "ADD":
        clause.take()
        return _add(clause, charset, mariadb)
    if first == "DROP":
        clause.take()
        return _drop(clause)
    if first in ("CHANGE", "MODIFY"):
        clause.take()
        clause.accept("COLUMN")
        if_exists = clause.accept("IF", "EXISTS")
        old = clause.identifier()
        new = clause.identifier() if first == "CHANGE" else old
        parsed = read_column(clause, new, charset, mariadb)
        return [Alteration("change", old, parsed, if_exists=if_exists)]
    if first == "RENAME":
        clause.take()
        return _rename(clause, database)
    if first == "ALTER":
        return []  # a column's default or visibility, an index, a constraint
    if first == "CONVERT":
        clause.take()
        if clause.token.upper in ("PARTITION", "TABLE"):
            raise _rows_changed(first, clause, database)
        clause.accept("TO")
        return [Alteration("convert", _charset(clause))]
    if first in ("DEFAULT", "CHARACTER", "CHARSET"):
        clause.accept("DEFAULT")
        if clause.token.upper == "COLLATE":
            return _options(clause)
        return [Alteration("charset", _charset(clause)), *_options(clause)]
    if first == "REMOVE" and "PARTITIONING" in {t.upper for t in clause.rest()}:
        return [Alteration("partition")]
    if first in _FILE_DDL:
        clause.take()
        raise _rows_changed(first, clause, database)
    if first == "PARTITION" or first in _HARMLESS:
        return _options(clause)
    raise ValueError(f"ALTER TABLE … {clause.token.text} is not understood")


def _rows_changed(verb: str, clause: Reader, database: str) -> RowsChanged:
    """What follows the verb says what goes, and with which table (behind the word TABLE)."""
    what = f"{verb} {clause.token.text.upper()}"
    while not clause.done:
        if clause.accept("TABLE"):
            return RowsChanged(what, clause.table(database))
        clause.take()
    return RowsChanged(what)


def _options(clause: Reader) -> list[Alteration]:
    """Table options need no commas between them: ``ENGINE=InnoDB DEFAULT CHARSET=utf8mb4``."""
    found: list[Alteration] = []
    while not clause.done:
        if clause.accept("CHARACTER", "SET") or clause.accept("CHARSET"):
            clause.accept("=")
            found.append(Alteration("charset", clause.identifier().lower()))
        elif clause.accept("WITH", "SYSTEM", "VERSIONING"):
            found.append(Alteration("versioned"))
        elif clause.accept("PARTITION", "BY"):
            found.append(Alteration("partition", clause.token.upper))
            clause.rest()
        else:
            clause.take()
    return found


def _charset(clause: Reader) -> str:
    if not (clause.accept("CHARACTER", "SET") or clause.accept("CHARSET")):
        raise ValueError("CHARACTER SET was expected")
    clause.accept("=")
    charset = clause.identifier().lower()
    if charset == "default":
        raise ValueError("the default character set is not known")
    return charset


def _add(clause: Reader, charset: str, mariadb: bool) -> list[Alteration]:
    if clause.token.kind == "word" and not clause.accept("COLUMN"):
        start = clause.at
        if clause.accept("CONSTRAINT") and clause.token.upper not in ("PRIMARY", "UNIQUE", "FOREIGN", "CHECK"):
            clause.take()
        if clause.accept("PRIMARY", "KEY"):
            return [Alteration("key", key=tuple(key_columns(clause)))]
        clause.at = start
        if clause.token.upper in _KEY_WORDS:
            return []
        if clause.token.upper == "PARTITION":
            return []
        if clause.accept("SYSTEM", "VERSIONING"):
            return [Alteration("versioned")]
        if (columns := period_columns(clause)) is not None:
            return [Alteration("period", key=columns)] if columns else []
    if_not_exists = clause.accept("IF", "NOT", "EXISTS")
    parts = split(clause.parentheses()) if clause.token.upper == "(" else [clause.rest()]
    found: list[Alteration] = []
    for part in parts:
        inside = Reader(part)
        if inside.token.kind == "word" and inside.token.upper in (*_KEY_WORDS, "PRIMARY"):
            found += _add(inside, charset, mariadb)
            continue
        name = inside.identifier()
        parsed = read_column(inside, name, charset, mariadb)
        found.append(Alteration("add", name, parsed, if_exists=if_not_exists))
    return found


def _drop(clause: Reader) -> list[Alteration]:
    if clause.token.kind == "word" and not clause.accept("COLUMN"):
        if clause.accept("PRIMARY", "KEY"):
            return [Alteration("drop key")]
        if clause.accept("FOREIGN", "KEY"):
            return []
        if clause.accept_any("INDEX", "KEY", "CHECK", "CONSTRAINT"):
            clause.accept("IF", "EXISTS")
            return [Alteration("drop key")] if clause.identifier().upper() == "PRIMARY" else []
        if clause.accept("SYSTEM", "VERSIONING"):
            return [Alteration("unversioned")]
        if clause.token.upper == "PARTITION":
            raise _rows_changed("DROP", clause, "")
        if clause.accept("PERIOD", "FOR") or clause.accept("PERIOD", "IF", "EXISTS", "FOR"):
            return []  # its columns stay as they are, or are dropped by clauses of their own
    if_exists = clause.accept("IF", "EXISTS")
    return [Alteration("drop", clause.identifier(), if_exists=if_exists)]


def _rename(clause: Reader, database: str) -> list[Alteration]:
    if clause.accept("COLUMN"):
        if_exists = clause.accept("IF", "EXISTS")
        old = clause.identifier()
        if not clause.accept("TO"):
            raise ValueError("RENAME COLUMN without TO")
        return [Alteration("rename", old, new_name=clause.identifier(), if_exists=if_exists)]
    if clause.token.kind == "word" and clause.token.upper in ("INDEX", "KEY"):
        return []
    clause.accept_any("TO", "AS", "=")
    new_database, table = clause.table(database)
    return [Alteration("table", table, database=new_database)]


@dataclass(frozen=True, slots=True)
class Altered:
    """A table's columns after an ALTER TABLE.

    Attributes:
        renamed: new name of a column -> its old one.
        added: columns that were not there before.
        charset: the table's default character set, "" unchanged.
        table: the table's new name (database, table), None unchanged.
        by_time: whether it is partitioned BY SYSTEM_TIME; None unchanged.
        rebuilt: the server has surely put the table together anew, with what is hidden at its end.
    """

    columns: tuple[ColumnDefinition, ...]
    renamed: dict[str, str]
    added: frozenset[str]
    charset: str = ""
    table: tuple[str, str] | None = None
    by_time: bool | None = None
    rebuilt: bool = False


def apply(columns: tuple[ColumnDefinition, ...], clauses: tuple[Alteration, ...]) -> Altered:
    """The columns after all clauses. Those of a system-versioned table are all that the log has.

    As the server does it: clauses name the columns by what they were called before the statement; columns that stay,
    are renamed or redefined keep their place, then those that are added or moved go to theirs, one after the other.
    Hidden columns go last. But where columns of a period are dropped and the table stays versioned, hidden ones take
    their places (as seen on MariaDB 10.11; the next statement moves them).

    Raises:
        ValueError: a clause names a column that is not there, or one that is there already.
    """
    fates = _fates(columns, clauses)
    versioned = any(column.system for column in columns)
    for switch in clauses:
        if switch.action in ("versioned", "unversioned"):
            versioned = switch.action == "versioned"
    now: list[_Placed] = []
    for column in columns:
        clause = fates.get(column.name.lower())
        if column.hidden:
            continue
        if clause is None:
            now.append(_Placed(column, column.name))
        elif clause.action == "drop" and column.system and versioned:
            hidden = next(one for one in hidden_columns() if one.system == column.system)
            now.append(_Placed(hidden, hidden.name))
        elif clause.action == "rename":
            now.append(_Placed(replace(column, name=clause.new_name), column.name))
        elif clause.action == "change":
            assert clause.column is not None
            if not (clause.column.first or clause.column.after):
                now.append(_Placed(_redefined(column, clause.column), column.name))
    before = {column.name.lower(): column for column in columns}
    charset, table = "", None
    key: list[str] | None = None
    by_time: bool | None = None
    bounds: set[str] = set()
    for clause in clauses:
        parsed = clause.column
        if clause.action == "add":
            assert parsed is not None
            if _index(now, clause.name) >= 0:
                if clause.if_exists:
                    continue
                raise ValueError(f"column {clause.name} is there already")
            _insert(now, _Placed(parsed.column, ""), parsed)
        elif clause.action == "change" and parsed is not None and (parsed.first or parsed.after):
            old = before.get(clause.name.lower())
            if old is not None:
                _insert(now, _Placed(_redefined(old, parsed), old.name), parsed)
        elif clause.action == "key":
            key = list(clause.key)
        elif clause.action == "drop key":
            key = key if key is not None else []
        elif clause.action == "convert":
            charset = clause.name
            now = [_Placed(replace(p.column, declared=converted(p.column.declared, charset)), p.origin) for p in now]
        elif clause.action == "charset":
            charset = clause.name
        elif clause.action == "table":
            table = (clause.database, clause.name)
        elif clause.action == "partition":
            by_time = clause.name == "SYSTEM_TIME"
        elif clause.action == "period":
            bounds = {name.lower() for name in clause.key}
        if parsed is not None and parsed.primary:
            key = [parsed.column.name]
    if len({placed.column.name.lower() for placed in now}) != len(now):
        raise ValueError("two columns have one name")
    final = [_bound(placed.column, bounds) for placed in now]
    if key is not None:
        final = list(with_key(final, key))
    if versioned and not any(column.system for column in final):
        final += hidden_columns()
    elif sum(1 for column in final if column.system) != 2 * versioned:
        raise ValueError("the columns of its period do not fit SYSTEM VERSIONING")
    # A dropped column leaves the primary key; the others move up.
    places = {place: number for number, place in enumerate(sorted(c.key for c in final if c.key), 1)}
    return Altered(
        tuple(replace(column, key=places.get(column.key, 0)) for column in final),
        {p.column.name: p.origin for p in now if p.origin and p.origin != p.column.name},
        frozenset(p.column.name for p in now if not p.origin),
        charset,
        table,
        by_time,
        any(clause.action != "table" and not clause.if_exists for clause in clauses),
    )


def _bound(column: ColumnDefinition, bounds: set[str]) -> ColumnDefinition:
    """Columns of a period have no NULL."""
    return replace(column, nullable=False) if column.name.lower() in bounds else column


@dataclass(frozen=True, slots=True)
class _Placed:
    """A column and what it was called before the statement; "" where it was not there."""

    column: ColumnDefinition
    origin: str


def _fates(columns: tuple[ColumnDefinition, ...], clauses: tuple[Alteration, ...]) -> dict[str, Alteration]:
    """Which clause drops, renames or redefines a column, by its old name in lower case (names differ by more)."""
    known = {column.name.lower() for column in columns}
    fates: dict[str, Alteration] = {}
    for clause in clauses:
        if clause.action in ("drop", "change", "rename"):
            name = clause.name.lower()
            if name in known:
                fates[name] = clause
            elif not clause.if_exists:
                raise ValueError(f"column {clause.name} is not there")
    return fates


def _redefined(old: ColumnDefinition, parsed: ParsedColumn) -> ColumnDefinition:
    return replace(parsed.column, key=old.key, nullable=parsed.column.nullable and not old.key)


def _index(columns: list[_Placed], name: str) -> int:
    lower = name.lower()
    return next((i for i, placed in enumerate(columns) if placed.column.name.lower() == lower), -1)


def _insert(columns: list[_Placed], placed: _Placed, parsed: ParsedColumn) -> None:
    place = len(columns)
    if parsed.first:
        place = 0
    elif parsed.after:
        place = _index(columns, parsed.after) + 1
        if not place:
            raise ValueError(f"column {parsed.after} is not there")
    columns.insert(place, placed)
