"""What the makers of rows must know of a database's tables, asked of the server itself, not of the product."""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.pipelines.workload import is_mysql
from tests.servers import Database


@dataclass
class Column:
    """
    Attributes:
        type: lower case and without its length ("varchar", "bigint unsigned", "timestamp with time zone", "integer[]").
        length: characters of a text, bytes of a binary, bits; precision of a number or fraction digits of a time.
        choices: an enum's or set's labels, or the literals of the checks that name the column.
        short: it is part of a key, of which other systems hold less.
        counted: the database gives its value where none is given; `always`: only it may.
    """

    name: str
    type: str
    length: int = 0
    scale: int = 0
    nullable: bool = True
    default: bool = False
    generated: bool = False
    counted: bool = False
    always: bool = False
    charset: str = ""
    short: bool = False
    choices: tuple[str, ...] = ()


@dataclass
class ForeignKey:
    name: str
    columns: tuple[str, ...]
    table: str
    referenced: tuple[str, ...]
    action: bool


@dataclass
class Table:
    """
    Attributes:
        keys: the unique ones of plain columns, by the index's name.
        checks: their text by their names.
    """

    name: str
    columns: dict[str, Column] = field(default_factory=dict)
    primary: tuple[str, ...] = ()
    keys: dict[str, tuple[str, ...]] = field(default_factory=dict)
    foreign_keys: list[ForeignKey] = field(default_factory=list)
    checks: dict[str, str] = field(default_factory=dict)


def read(database: Database) -> list[Table]:
    """All tables (partitioned ones as one), those that are referred to first where that can be."""
    tables = _mysql(database) if is_mysql(database) else _postgres(database)
    for table in tables.values():
        keys = {name for key in table.keys.values() for name in key}
        for column in table.columns.values():
            column.short = column.name in keys or any(column.name in key.columns for key in table.foreign_keys)
            named = [text for text in table.checks.values() if re.search(rf"\b{re.escape(column.name)}\b", text)]
            found = itertools.chain(*(re.findall(r"'((?:[^']|'')*)'", text.replace("\\'", "'")) for text in named))
            column.choices = column.choices or tuple(dict.fromkeys(found))
    return _in_order(tables)


def quoted(database: Database, *names: str) -> str:
    """Names with commas between them."""
    mark = "`" if is_mysql(database) else '"'
    return ", ".join(f"{mark}{name.replace(mark, mark * 2)}{mark}" for name in names)


def _in_order(tables: dict[str, Table]) -> list[Table]:
    order: list[Table] = []
    left = dict(tables)
    while left:
        ready = [t for t in left.values() if not _needs(t) & left.keys() - {t.name}]
        ready = ready or [t for t in left.values() if not _needs(t, strictly=True) & left.keys() - {t.name}]
        if not ready:  # a circle that needs rows of itself
            ready = list(left.values())
        order += ready
        left = {name: table for name, table in left.items() if table not in ready}
    return order


def _needs(table: Table, strictly: bool = False) -> set[str]:
    return {
        key.table
        for key in table.foreign_keys
        if not strictly or not all(table.columns[name].nullable for name in key.columns)
    }


def _mysql(database: Database) -> dict[str, Table]:
    tables = {
        name: Table(name)
        for (name,) in database.query(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()"
            " AND table_type LIKE '%%TABLE' ORDER BY table_name",
            (),
        )
    }
    rows: Iterable[tuple[Any, ...]] = database.query(
        "SELECT table_name, column_name, data_type, column_type, is_nullable, column_default, extra,"
        " generation_expression, character_maximum_length, numeric_precision, numeric_scale, datetime_precision,"
        " character_set_name FROM information_schema.columns WHERE table_schema = DATABASE() ORDER BY ordinal_position"
    )
    for table, name, kind, full, null, default, extra, expression, characters, digits, scale, fraction, charset in rows:
        if table not in tables:
            continue
        labels = tuple(label.replace("''", "'") for label in re.findall(r"'((?:[^']|'')*)'", full))
        tables[table].columns[name] = Column(
            name,
            kind.lower() + (" unsigned" if "unsigned" in full else "") + ("(1)" if full == "tinyint(1)" else ""),
            int(characters or fraction or digits or 0),
            int(scale or 0),
            nullable=null == "YES",
            default=default not in (None, "NULL"),
            generated=bool(expression) or "GENERATED" in extra.replace("DEFAULT_GENERATED", ""),
            counted="auto_increment" in extra,
            charset=charset or "",
            choices=labels if kind.lower() in ("enum", "set") else (),
        )
    parts: dict[tuple[str, str], list[str]] = defaultdict(list)
    for table, index, column, prefix in database.query(
        "SELECT table_name, index_name, column_name, sub_part FROM information_schema.statistics"
        " WHERE table_schema = DATABASE() AND non_unique = 0 ORDER BY table_name, index_name, seq_in_index"
    ):
        parts[table, index].append(column if column and not prefix else "")
    for (table, index), columns in parts.items():
        _key(tables[table], index, columns, index == "PRIMARY")
    referring: dict[tuple[str, str, str, bool], list[tuple[str, str]]] = defaultdict(list)
    for table, name, column, other, referenced, delete, update in database.query(
        "SELECT k.table_name, k.constraint_name, k.column_name, k.referenced_table_name, k.referenced_column_name,"
        " r.delete_rule, r.update_rule FROM information_schema.key_column_usage k"
        " JOIN information_schema.referential_constraints r ON r.constraint_schema = k.constraint_schema"
        " AND r.constraint_name = k.constraint_name AND r.table_name = k.table_name"
        " WHERE k.table_schema = DATABASE() AND k.referenced_table_name IS NOT NULL"
        " ORDER BY k.table_name, k.constraint_name, k.ordinal_position"
    ):
        action = not {delete, update} <= {"NO ACTION", "RESTRICT"}
        referring[table, name, other, action].append((column, referenced))
    for (table, name, other, action), pairs in referring.items():
        near, far = zip(*pairs, strict=True)
        tables[table].foreign_keys.append(ForeignKey(name, near, other, far, action))
    if database.server.kind == "mariadb":
        checks = "SELECT table_name, constraint_name, check_clause FROM information_schema.check_constraints"
        checks += " WHERE constraint_schema = DATABASE()"
    else:
        checks = (
            "SELECT t.table_name, c.constraint_name, c.check_clause FROM information_schema.check_constraints c"
            " JOIN information_schema.table_constraints t USING (constraint_schema, constraint_name)"
            " WHERE constraint_schema = DATABASE()"
        )
    for table, name, clause in database.query(checks):
        tables[table].checks[name] = clause
        json = re.fullmatch(r"json_valid\(`(.*)`\)", clause)
        if json:
            tables[table].columns[json[1]].type = "json"
    return tables


def _key(table: Table, name: str, columns: Iterable[str | None], primary: bool) -> None:
    key = tuple(column or "" for column in columns)
    if all(key):
        table.keys[name] = key
    if primary:
        table.primary = key


def _postgres(database: Database) -> dict[str, Table]:
    tables = {}
    numbers: dict[int, str] = {}
    for oid, name in database.query(
        "SELECT oid::bigint, relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY relname"
    ):
        tables[name] = Table(name)
        numbers[oid] = name
    for table, name, null, has, generated, identity, default, kind, choices in database.query(
        "SELECT a.attrelid::bigint, a.attname, NOT a.attnotnull, a.atthasdef, a.attgenerated <> '', a.attidentity,"
        " coalesce(pg_get_expr(d.adbin, d.adrelid), ''),"
        " format_type(coalesce(b.oid, t.oid), CASE WHEN b.oid IS NULL THEN a.atttypmod ELSE t.typtypmod END),"
        " ARRAY(SELECT enumlabel::text FROM pg_enum e WHERE e.enumtypid = t.oid ORDER BY enumsortorder)"
        " FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_type b ON b.oid = t.typbasetype"
        " LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
        " WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attrelid = ANY(%s) ORDER BY a.attnum",
        (list(numbers),),
    ):
        found = re.search(r"\((\d+)(?:,(-?\d+))?\)", kind)
        length, scale = (int(number or 0) for number in found.groups()) if found else (0, 0)
        tables[numbers[table]].columns[name] = Column(
            name,
            "enum" if choices else re.sub(r"\([-\d,]+\)", "", kind),
            length,
            scale,
            nullable=null,
            default=has,
            generated=generated,
            counted=bool(identity) or default.startswith("nextval("),
            always=identity == "a",
            choices=tuple(choices),
        )
    for table, name, columns, primary in database.query(
        "SELECT i.indrelid::bigint, (SELECT relname FROM pg_class WHERE oid = i.indexrelid),"
        " ARRAY(SELECT a.attname::text FROM unnest(i.indkey[0:i.indnkeyatts - 1])"
        " WITH ORDINALITY k(n, o) LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.n ORDER BY o),"
        " i.indisprimary FROM pg_index i WHERE i.indisunique AND i.indpred IS NULL AND i.indrelid = ANY(%s)"
        " ORDER BY i.indexrelid",
        (list(numbers),),
    ):
        _key(tables[numbers[table]], name, columns, primary)
    for table, name, columns, other, referenced, action in database.query(
        "SELECT c.conrelid::bigint, c.conname,"
        " ARRAY(SELECT attname::text FROM unnest(c.conkey) WITH ORDINALITY k(n, o)"
        " JOIN pg_attribute ON attrelid = c.conrelid AND attnum = n ORDER BY o), c.confrelid::bigint,"
        " ARRAY(SELECT attname::text FROM unnest(c.confkey) WITH ORDINALITY k(n, o)"
        " JOIN pg_attribute ON attrelid = c.confrelid AND attnum = n ORDER BY o),"
        " c.confupdtype NOT IN ('a', 'r') OR c.confdeltype NOT IN ('a', 'r')"
        " FROM pg_constraint c WHERE c.contype = 'f' AND c.conrelid = ANY(%s) AND c.conparentid = 0",
        (list(numbers),),
    ):
        tables[numbers[table]].foreign_keys.append(
            ForeignKey(name, tuple(columns), numbers[other], tuple(referenced), action)
        )
    for table, name, clause in database.query(
        "SELECT conrelid::bigint, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE contype = 'c' AND conrelid = ANY(%s)",
        (list(numbers),),
    ):
        tables[numbers[table]].checks[name] = clause
    return tables
