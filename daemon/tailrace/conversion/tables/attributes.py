"""What MySQL and MariaDB say of tables, columns, indexes and partitions beside their rows, where the target has not
the same: engines, how rows are stored, digits that are shown. Everything that is not kept is said."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tailrace.conversion.catalog import Column, Dialect, ObjectKind, Table, kind_of
from tailrace.conversion.outcome import Complexity, Grade
from tailrace.conversion.work import Work

_TABLE = ObjectKind.TABLE
_CHANGED, _KNOWN = Grade.CHANGED, Grade.AUTOMATIC
#: What stands elsewhere in a catalog, or is the server's own matter.
_ELSEWHERE = ("charset", "collation", "auto_increment", "system versioning", "sequence")
_MEMBERS = ("column ", "index ", "period ")
#: Row formats that are what a server makes where nothing is said.
_USUAL = {"row_format": ("default", "dynamic"), "encryption": ("n",), "encrypted": ("no",), "union": ()}


class _Engine(NamedTuple):
    grade: Grade
    reason: str
    proposal: str
    complexity: Complexity | None = None


_PLAIN = _Engine(_KNOWN, "which has no transactions; the target's tables have", "nothing")
_ELSEWHERE_KEPT = _Engine(
    _CHANGED,
    "which shows rows that are kept elsewhere; the target's table has rows of its own, and the source's log does not"
    " bring what changes elsewhere",
    "leave it out (`exclude`), and make it there as it is here, or as a view",
    Complexity.MEDIUM,
)
_ENGINES = {
    "myisam": _PLAIN,
    "aria": _PLAIN,
    "csv": _PLAIN,
    "archive": _Engine(_CHANGED, "which takes new rows only; the target lets them be changed", "revoke UPDATE, DELETE"),
    "memory": _Engine(
        _CHANGED, "which forgets its rows when the server stops; the target keeps them", "empty it where that is meant"
    ),
    "blackhole": _Engine(_CHANGED, "which keeps no rows; the target keeps those that are written to it", "see why"),
    **dict.fromkeys(
        ("federated", "mrg_myisam", "merge", "spider", "connect", "s3", "sphinx", "oqgraph", "ndbcluster"),
        _ELSEWHERE_KEPT,
    ),
}
_OTHER_ENGINE = _Engine(_KNOWN, "and by the target's own engine there", "see what of the engine's own is used")
_DIGITS = re.compile(r"(?:float|double|real)\b[^(]*\((\d+),\s*(\d+)\)")
_SRID = re.compile(r" (?:srid|ref_system_id=)\s*(\d+)")
#: In a partition's definition, beside its bounds.
_PARTITION = re.compile(
    r"\bLINEAR\b|\bALGORITHM\s*=\s*\d+|\b(?:COMMENT|DATA DIRECTORY|INDEX DIRECTORY)\s*=\s*'[^']*'"
    r"|\b(?:MAX_ROWS|MIN_ROWS|NODEGROUP|TABLESPACE)\s*=\s*[^\s,)]+",
    re.IGNORECASE,
)


def say_attributes(work: Work, table: Table, kept: Mapping[str, str]) -> None:
    """
    Args:
        kept: options that the target's table has too.
    """
    if not work.source.dialect.mysql_like:
        return
    _engine(work, table, kept)
    left = {key: value for key, value in table.options.items() if kept.get(key) != value}
    storage = [f"{key.upper()}={value}" for key, value in left.items() if _stored(key, value)]
    if storage:
        reason = f"{' '.join(storage)}: how the source stores it is not carried"
        work.ledger.say(_TABLE, table.name, "", "storage", _KNOWN, reason, "ALTER TABLE, where the target has the like")
    if left.get("encryption", left.get("encrypted", "n")).lower() in ("y", "yes"):
        reason = "the source encrypts its file; the target does as its server is set"
        proposal = "set default_table_encryption (MariaDB: innodb_encrypt_tables), or encrypt the target's volume"
        work.ledger.say(_TABLE, table.name, "", "encryption", _CHANGED, reason, proposal, Complexity.SIMPLE)
    for column in table.columns:
        said = left.get(f"column {column.name}", "")
        # Of the history of rows it is said elsewhere.
        said = "" if said == "WITHOUT SYSTEM VERSIONING" else said
        for code, grade, reason, proposal in _of_column(work, column, said):
            work.ledger.say(ObjectKind.COLUMN, table.name, column.name, code, grade, reason, proposal)
    for index in table.indexes:
        # Of a parser of texts it is said with the index.
        if (extra := left.get(f"index {index.name}")) and index.method != "fulltext":
            reason = f"{extra}: what the source says of it is not carried"
            proposal = "add it, where the target has the like"
            work.ledger.say(kind_of(index), table.name, index.name, "storage", _KNOWN, reason, proposal)
    _partitions(work, table)


def _stored(key: str, value: str) -> bool:
    if key in (*_ELSEWHERE, "engine") or key.startswith(_MEMBERS):
        return False
    return value.lower() not in _USUAL.get(key, ())


def _engine(work: Work, table: Table, kept: Mapping[str, str]) -> None:
    engine = table.options.get("engine", "")
    if engine.lower() in ("", "innodb") or kept.get("engine") == engine:
        return
    known = _ENGINES.get(engine.lower(), _OTHER_ENGINE)
    reason = f"it is kept by {engine}, {known.reason}"
    work.ledger.say(_TABLE, table.name, "", "engine", known.grade, reason, known.proposal, known.complexity)


def _of_column(work: Work, column: Column, said: str) -> Iterator[tuple[str, Grade, str, str]]:
    """Code, grade, reason and proposal of each thing.

    Args:
        said: attributes that have no form in the catalog, as written.
    """
    sql_type = column.sql_type.lower()
    if "zerofill" in sql_type:
        reason = f"the source shows it with zeros in front ({column.sql_type}), the target does not"
        yield "zerofill", _CHANGED, reason, "LPAD(…) where it is shown"
    if digits := _DIGITS.match(sql_type):
        reason = f"the source rounds it to {digits[2]} digits and {digits[1]} in all; the target keeps what it is given"
        yield "float-digits", _CHANGED, reason, "ROUND(…) where it is written, or make it a decimal"
    if (srid := _SRID.search(sql_type)) and not sql_type.startswith("vector"):
        reason = f"the source takes values of the reference system {srid[1]} alone; the target takes any"
        yield "srid", _CHANGED, reason, "give the target's column a type with that system, after cut-over"
    if sql_type.startswith("vector"):
        reason = "it holds its numbers as bytes, four for each; functions for vectors do not take it"
        if work.dialect is Dialect.MYSQL and work.source.dialect is Dialect.MYSQL:
            yield "vector", _CHANGED, reason, f"after cut-over: ALTER TABLE … MODIFY … {column.sql_type}"
        else:
            yield "vector", _CHANGED, reason, "a type for vectors that the target has (pgvector)"
    if said or "compressed" in sql_type:
        what = " ".join(filter(None, (said, "COMPRESSED" if "compressed" in sql_type else "")))
        yield "storage", _KNOWN, f"{what}: how the source stores it is not carried", "nothing, where it only stores"


def _partitions(work: Work, table: Table) -> None:
    given = table.partitioning
    if given is None:
        return
    said = list(dict.fromkeys(_PARTITION.findall(given.definition)))
    if said and work.ledger.target_of(ObjectKind.PARTITION, table.name):
        reason = f"{', '.join(said)}: what the source says of partitions beside their bounds is not carried"
        proposal = "nothing, unless queries name partitions (SELECT … PARTITION)"
        work.ledger.say(ObjectKind.PARTITION, table.name, "", "partition-options", _KNOWN, reason, proposal)
