"""A source's indexes in MySQL and MariaDB: InnoDB's 3,072 bytes of an entry, no methods, no predicates."""

from __future__ import annotations

from dataclasses import replace

from tailrace.conversion.catalog import Column, Dialect, Table
from tailrace.conversion.indexes.fitting import Fitted, Refusal, changed, distinct_remarks, known
from tailrace.conversion.outcome import Complexity
from tailrace.conversion.tables.charsets import character_bytes
from tailrace.conversion.tables.literals import parsed, quoted
from tailrace.conversion.tables.meaning import textual
from tailrace.conversion.translation import Remark
from tailrace.conversion.work import Work
from tailrace.structure import Index, Part

KEY_BYTES = 3072
_OUTSIDE = ("text", "blob", "json")
_BYTES = {
    "tinyint": 1,
    "smallint": 2,
    "mediumint": 3,
    "int": 4,
    "bigint": 8,
    "float": 4,
    "double": 8,
    "date": 3,
    "time": 6,
    "datetime": 8,
    "timestamp": 7,
    "year": 1,
    "bit": 8,
    "enum": 2,
    "set": 8,
}


def fitted(work: Work, table: Table, given: Index, prepared: Index, columns: dict[str, Column]) -> Fitted | Refusal:
    if given.method in ("fulltext", "spatial") and work.source.dialect.mysql_like:
        return _special(work, table, given, prepared, columns)
    if refusal := _impossible(work, table, given, prepared, columns):
        return refusal
    if (
        given.unique
        and given.method == "hash"
        and not given.where
        and work.dialect is Dialect.MARIADB
        and _unchanged(work, table, given, columns)
    ):
        # MariaDB's, of texts that are too long for an index.
        return Fitted(replace(prepared, constraint=False))
    remarks: list[Remark] = []
    made = prepared
    if not work.related:
        made = _simpler(given, prepared, remarks)
        remarks += distinct_remarks(work, table, given, prepared, columns)
    if made.where:
        found = _whole(work, made, columns, remarks)
        if isinstance(found, Refusal):
            return found
        made = found
    parts = fitted_parts(made, columns)
    if parts is None:
        reason = f"its columns have more than the {KEY_BYTES} bytes that an index takes, and a part is not unique"
        proposal = "shorten the columns, or make a generated column of a digest (SHA2) unique"
        return Refusal("key-length", reason, proposal)
    short = [now.column for now, was in zip(parts, made.parts, strict=True) if now.prefix != was.prefix]
    if short:
        remarks.append(known("index-prefix", f"of the first characters of {', '.join(short)}: {KEY_BYTES} bytes"))
    made = replace(made, parts=parts, constraint=False, method="btree", deferrable="", nulls_distinct=True)
    return Fitted(made, tuple(remarks))


def _special(work: Work, table: Table, given: Index, prepared: Index, columns: dict[str, Column]) -> Fitted | Refusal:
    wrong = [part.column for part in given.parts if not part.column]
    remarks: list[Remark] = []
    if not work.alike and (parser := table.options.get(f"index {given.name}", "")):
        reason = f"the target has not what it is made with ({parser}): it finds words between blanks"
        remarks.append(changed("fulltext", reason, "make it with a parser that the target has"))
    texts = all(part.column and textual(columns[part.column].sql_type) for part in prepared.parts)
    if given.method == "fulltext" and texts and not wrong:
        return Fitted(replace(prepared, where="", include=()), tuple(remarks))
    if given.method == "fulltext":
        others = [part.column for part in prepared.parts if part.column and not textual(columns[part.column].sql_type)]
        reason = f"the target's column {others[0]} is no text" if others else "MySQL has none of an expression"
        return Refusal("fulltext", reason, "index a generated column of the text", Complexity.MEDIUM)
    reason = "the target keeps geometries as bytes, of which there is no such index"
    return Refusal("spatial", reason, "add a geometry column after cut-over, and the index of it", Complexity.MEDIUM)


def _unchanged(work: Work, table: Table, given: Index, columns: dict[str, Column]) -> bool:
    """Whether the source is the same system, and the columns are of the same types there."""
    names = work.names.columns[table.name]
    expressions = " ".join(part.expression for part in given.parts)
    mentioned = [*(column for column in given.columns if column), *work.mentions(expressions, table)]
    pairs = [(table.column(column), columns.get(names.get(column, ""))) for column in mentioned]
    return work.alike and all(
        was is not None and now is not None and parsed(was.sql_type).base == parsed(now.sql_type).base
        for was, now in pairs
    )


def _impossible(work: Work, table: Table, given: Index, prepared: Index, columns: dict[str, Column]) -> Refusal | None:
    if given.method not in ("btree", "hash", "brin") and not work.related:
        fulltext = any("tsvector" in part.expression.lower() for part in given.parts)
        reason = f"MySQL has no {given.method} index"
        proposal = "a FULLTEXT index, and MATCH … AGAINST in queries" if fulltext else "an index that queries need"
        original = ", ".join(part.column or part.expression for part in given.parts)
        return Refusal("index-method", reason, proposal, Complexity.MEDIUM, original=f"{given.method} ({original})")
    expressions = [part.expression for part in prepared.parts if not part.column]
    if expressions and work.dialect is Dialect.MARIADB:
        reason = "MariaDB has no index of an expression"
        proposal = "index a virtual generated column of it"
        return Refusal("index-expression", reason, proposal, original=", ".join(expressions))
    if any(not _named(expression, columns) for expression in expressions):
        reason = "an expression is the same in all rows, of which MySQL makes no index"
        return Refusal("index-expression", reason, "leave it out", original=", ".join(expressions))
    if any("\\" in expression for expression in expressions):
        reason = "MySQL cannot open a table with such a literal in an index in sessions with NO_BACKSLASH_ESCAPES"
        return Refusal("index-expression", reason, "write it without a backslash", original=", ".join(expressions))
    if expressions and not _unchanged(work, table, given, columns) and (long := _long_texts(expressions, columns)):
        reason = f"MySQL has no index of an expression of {columns[long].sql_type} ({long})"
        return Refusal("index-expression", reason, "index a generated column of it", original=", ".join(expressions))
    for part in prepared.parts:
        if part.column and parsed(columns[part.column].sql_type).base == "json":
            reason = f"{part.column} is JSON, which no index takes"
            return Refusal("index-type", reason, "index a generated column of what queries ask for")
    return None


def _named(expression: str, columns: dict[str, Column]) -> list[str]:
    """Columns that an expression may speak of."""
    text = expression.casefold()
    return [name for name in columns if quoted(name, Dialect.MYSQL)[1:-1].casefold() in text]


def _long_texts(expressions: list[str], columns: dict[str, Column]) -> str:
    """A column without a bound on its length that an expression may speak of; "" none."""
    return next((name for one in expressions for name in _named(one, columns) if _outside(columns[name])), "")


def _outside(column: Column) -> bool:
    return parsed(column.sql_type).base.endswith(_OUTSIDE)


def _simpler(given: Index, prepared: Index, remarks: list[Remark]) -> Index:
    if given.method != "btree":
        remarks.append(known("index-method", f"{given.method} at the source, btree there"))
    if given.include:
        remarks.append(known("index-include", f"without INCLUDE ({', '.join(given.include)})"))
    if any(part.operators or part.nulls_first is not None for part in given.parts):
        remarks.append(known("index-order", "without PostgreSQL's operator class or order of NULLs"))
    if any(part.collation for part in given.parts):
        reason = "it compares by the column's collation, and not by one of its own"
        say = changed if given.unique else lambda code, reason, proposal: known(code, reason, proposal)
        remarks.append(say("index-collation", reason, "see what is unique by it"))
    if given.deferrable:
        reason = "it is checked with each row, and not at the end of a statement or transaction"
        remarks.append(
            changed("deferrable", reason, "see whether a transaction has two rows of one value for a moment")
        )
    parts = tuple(replace(part, operators="", collation="", nulls_first=None) for part in prepared.parts)
    return replace(prepared, parts=parts, include=())


def _whole(work: Work, index: Index, columns: dict[str, Column], remarks: list[Remark]) -> Index | Refusal:
    """An index of all rows, where it only serves queries; else of NULL outside of the rows of the predicate."""
    if not index.unique:
        remarks.append(known("index-partial", "of all rows: MySQL has no index of some"))
        return replace(index, where="")
    original = f"WHERE {index.where}"
    if work.dialect is Dialect.MARIADB:
        reason = "MariaDB has no index of some rows, nor of an expression"
        proposal = "a virtual generated column that is NULL in other rows, and a unique index of it"
        return Refusal("index-partial", reason, proposal, original=original)
    if any(not part.column or _outside(columns[part.column]) for part in index.parts):
        reason = "MySQL has no index of some rows, and none of an expression of such columns"
        return Refusal("index-partial", reason, "a generated column that is NULL in other rows", original=original)
    if "\\" in index.where or _long_texts([index.where], columns):
        reason = "MySQL has no index of some rows, and no expression of such columns or texts in one"
        return Refusal("index-partial", reason, "a generated column that is NULL in other rows", original=original)
    parts = tuple(
        Part("", f"CASE WHEN {index.where} THEN {quoted(part.column, work.dialect)} END", 0, part.descending)
        for part in index.parts
    )
    remarks.append(known("index-partial", "of expressions that are NULL in the rows that it is not for"))
    return replace(index, parts=parts, where="")


def fitted_parts(index: Index, columns: dict[str, Column]) -> tuple[Part, ...] | None:
    """With prefixes where columns are too long; those share what the others leave of an entry. None: it is unique."""
    needed = [_bytes(part, columns) for part in index.parts]
    if sum(needed) <= KEY_BYTES:
        return index.parts
    if index.unique:
        return None
    share = KEY_BYTES // len(index.parts)
    long = [place for place, size in enumerate(needed) if size > share and index.parts[place].column]
    room = KEY_BYTES - sum(size for size in needed if size <= share)
    parts = list(index.parts)
    for place in long:
        part = parts[place]
        parts[place] = replace(part, prefix=room // len(long) // _width(columns[part.column]))
    return tuple(parts)


def _bytes(part: Part, columns: dict[str, Column]) -> int:
    """Of an index's entry, at most; more than one has where the length has no bound."""
    if not part.column:  # the value may be as long as the texts that it speaks of
        named = [name for name in columns if name.casefold() in part.expression.casefold()]
        return 16 + sum(_bytes(Part(name), columns) for name in named if textual(columns[name].sql_type))
    column = columns[part.column]
    type_ = parsed(column.sql_type)
    base = type_.base.removesuffix(" unsigned").removesuffix(" zerofill").removesuffix(" unsigned")
    if base in ("char", "varchar", "binary", "varbinary"):
        length = type_.arguments[0] if type_.arguments else 1
        return min(part.prefix or length, length) * _width(column)
    if _outside(column):
        return part.prefix * _width(column) if part.prefix else KEY_BYTES + 1
    if base == "decimal":
        return (type_.arguments[0] if type_.arguments else 10) // 2 + 4
    return _BYTES.get(base, 8)


def _width(column: Column) -> int:
    """Bytes of a character."""
    return character_bytes(column.charset) if textual(column.sql_type) else 1
