"""Primary keys, unique constraints and indexes of a table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from tailrace.conversion.catalog import Column, Dialect, Table, kind_of
from tailrace.conversion.indexes import mysql, postgres, sqlite
from tailrace.conversion.indexes.fitting import Fitted, Refusal
from tailrace.conversion.outcome import Complexity, Grade
from tailrace.conversion.tables.identity import counting
from tailrace.conversion.tables.keys import is_key, target_key
from tailrace.conversion.tables.periods import period_columns, without_overlaps
from tailrace.conversion.translation import Remark, Use
from tailrace.conversion.work import Work
from tailrace.structure import Index, Part


def converted_indexes(work: Work, table: Table, columns: list[Column]) -> list[Index]:
    """
    Args:
        columns: the target's.
    """
    found: list[Index] = []
    by_name = {column.name: column for column in columns}
    key = target_key(work, table)
    whole = key is not None and set(key.columns) <= by_name.keys()
    if key is not None and whole:
        found.append(_key(work, table, key))
    target = work.names.objects[table.name]
    for index in table.indexes:
        kind = kind_of(index)
        if index.primary and whole and is_key(work, table, index):
            work.ledger.made(kind, table.name, index.name, found[0].name)
            _say_of_key(work, table, index)
            continue
        made = _index(work, table, index, by_name)
        if made is None:
            continue
        if index.primary:
            made = replace(made, primary=False)
            reason = "[[tables]] chooses another key: it is a unique index there"
            work.ledger.say(kind, table.name, index.name, "key", Grade.CHANGED, reason, "nothing, if that is meant")
        made = replace(made, name=_name(work, table, index, target.name))
        work.ledger.made(kind, table.name, index.name, made.name)
        found.append(made)
    return found


def _key(work: Work, table: Table, key: Index) -> Index:
    """The target's primary key, with its name and what belongs to it."""
    own = table.primary_key
    parts = key.parts if work.dialect.mysql_like else tuple(replace(part, prefix=0) for part in key.parts)
    made = replace(key, name=_key_name(work, table), parts=parts)
    if own is None or work.dialect is not Dialect.POSTGRESQL:
        return made
    names = work.names.columns[table.name]
    include = tuple(names[column] for column in own.include if column in names)
    return replace(made, deferrable=own.deferrable, include=include)


def _key_name(work: Work, table: Table) -> str:
    target = work.names.objects[table.name]
    if work.dialect.mysql_like:
        return "PRIMARY"
    own = table.primary_key
    candidates = [f"{target.name}_pkey"]
    if work.alike and own is not None:
        candidates.insert(0, own.name)
    return _free(work, table, *candidates)


def _free(work: Work, table: Table, *candidates: str) -> str:
    """The first that is free. Where it is a constraint's too, no check of the table may have it."""
    name = work.taken.free(_room(work, table), *candidates, holder=str(table.name))
    if not work.dialect.mysql_like:
        target = work.names.objects[table.name]
        work.taken.take(("constraints", target.schema, target.name), name, str(table.name))
    return name


def _room(work: Work, table: Table) -> tuple[str, ...]:
    """Names of indexes are the table's in MySQL, and stand among those of tables elsewhere."""
    target = work.names.objects[table.name]
    return ("indexes", target.schema, target.name) if work.dialect.mysql_like else ("relations", target.schema)


def _name(work: Work, table: Table, index: Index, target: str) -> str:
    name = "primary" if index.primary else index.name or "_".join([*filter(None, index.columns), "idx"])
    longer = f"{target}_{name}"
    own = [name] if work.dialect.mysql_like and not index.primary else []
    if work.dialect is Dialect.POSTGRESQL and not work.source.dialect.mysql_like:
        own = [name]
    if work.source.dialect in (Dialect.ORACLE, Dialect.TSQL) and work.dialect is Dialect.POSTGRESQL:
        own, longer = [name.lower()], longer.lower()
    return _free(work, table, *own, longer)


def _say_of_key(work: Work, table: Table, index: Index) -> None:
    if index.deferrable and work.dialect is not Dialect.POSTGRESQL:
        _deferred(work, table, index)
    if any(part.prefix for part in index.parts) and not work.dialect.mysql_like:
        reason = "at the source the first characters alone must be unique, here whole values"
        work.ledger.say(
            kind_of(index), table.name, index.name, "index-prefix", Grade.CHANGED, reason, "see that it does"
        )


def _deferred(work: Work, table: Table, index: Index) -> None:
    reason = "it is checked with each row, and not at the end of a statement or transaction"
    proposal = "see whether a transaction has two rows of one value for a moment"
    work.ledger.say(kind_of(index), table.name, index.name, "deferrable", Grade.CHANGED, reason, proposal)


def _index(work: Work, table: Table, index: Index, columns: dict[str, Column]) -> Index | None:
    """In the target's words, with the source's name."""
    kind = kind_of(index)
    if any(without_overlaps(part.expression) for part in index.parts):
        if work.alike and not work.names.piped:
            return index
        index = _of_period(work, table, index)
    found = fitted(work, table, index, columns)
    if isinstance(found, Refusal):
        if found.gone:
            work.ledger.say(kind, table.name, index.name, found.code, Grade.AUTOMATIC, found.reason, found.proposal)
            work.ledger.gone(kind, table.name, index.name)
        else:
            work.ledger.by_hand(
                kind,
                table.name,
                index.name,
                found.code,
                found.reason,
                found.proposal,
                found.complexity,
                original=found.original,
                replacement=found.replacement,
            )
        return None
    for said in found.remarks:
        work.ledger.say(
            kind, table.name, index.name, said.code, said.grade, said.reason, said.proposal, said.complexity
        )
    return found.index


def fitted(work: Work, table: Table, index: Index, columns: dict[str, Column]) -> Fitted | Refusal:
    """What becomes of one index: the one decision, for the conversion and for sinks (`stream`).

    Args:
        columns: the target's, by name.
    """
    prepared = _prepared(work, table, index, columns)
    if isinstance(prepared, Refusal):
        return prepared
    return _FITTING[work.dialect](work, table, index, prepared, columns)


def _of_period(work: Work, table: Table, index: Index) -> Index:
    """A key of MariaDB's by a period of application time, as the sink makes it: by the period's columns, so that no
    two rows have the same period."""
    written = ", ".join(part.column or part.expression for part in index.parts)
    period = next(part.expression.split()[0] for part in index.parts if not part.column)
    start, end = period_columns(table, period)
    reason = (
        "at the source periods of rows that are otherwise alike do not overlap; there they may, but not be the same"
    )
    proposals = {
        Dialect.MARIADB: f"after cut-over: ALTER TABLE … ADD UNIQUE ({written})",
        Dialect.POSTGRESQL: "after cut-over: EXCLUDE USING gist (… WITH =, daterange(…) WITH &&), with btree_gist",
    }
    proposal = proposals.get(work.dialect, "look in the application, or in a trigger")
    work.ledger.say(
        kind_of(index),
        table.name,
        index.name,
        "application-period",
        Grade.CHANGED,
        reason,
        proposal,
        Complexity.MEDIUM,
        original=f"UNIQUE ({written})",
    )
    return replace(index, parts=(*(part for part in index.parts if part.column), Part(end), Part(start)))


def _prepared(work: Work, table: Table, index: Index, columns: dict[str, Column]) -> Index | Refusal:
    """Names and expressions in the target's words; methods, predicates and lengths are still the source's."""
    names = work.names.columns[table.name]
    texts = [part.expression for part in index.parts if part.expression] + ([index.where] if index.where else [])
    mentioned = [name for text in texts for name in work.mentions(text, table)]
    plain = [name for name in (*index.columns, *index.include) if name]
    if reason := work.altered(table.name, [*plain, *mentioned]):
        return Refusal("altered", reason, "write one for the columns that the target has")
    if reason := counting(work, table, mentioned):
        return Refusal("counted-column", reason, "index the column itself, if that serves")
    gone = [name for name in (*plain, *mentioned) if names[name] not in columns]
    if gone:
        return Refusal("altered", f"the column {gone[0]} is not in the target", "add it with the column")
    parts = []
    for part in index.parts:
        if part.column:
            parts.append(replace(part, column=names[part.column]))
            continue
        found = work.translate(part.expression, Use.INDEX, table)
        if not found.sql:
            return _untranslated(found.remarks, part.expression, "expression")
        work.ledger.remarks(kind_of(index), table.name, index.name, found.remarks, part.expression, found.sql)
        parts.append(replace(part, expression=found.sql))
    where = ""
    if index.where:
        found = work.translate(index.where, Use.PREDICATE, table)
        if not found.sql:
            return _untranslated(found.remarks, index.where, "predicate")
        work.ledger.remarks(kind_of(index), table.name, index.name, found.remarks, index.where, found.sql)
        where = found.sql
    include = tuple(names[name] for name in index.include)
    return replace(index, parts=tuple(parts), where=where, include=include)


def _untranslated(remarks: Iterable[Remark], original: str, word: str) -> Refusal:
    remark = next((remark for remark in remarks if remark.grade is Grade.BY_HAND), None)
    return Refusal(
        remark.code if remark else "index-expression",
        remark.reason if remark else f"its {word} has no counterpart that surely means the same",
        remark.proposal if remark else "write it for the target",
        (remark.complexity if remark else None) or Complexity.SIMPLE,
        original=original,
    )


_FITTING = {
    Dialect.POSTGRESQL: postgres.fitted,
    Dialect.MYSQL: mysql.fitted,
    Dialect.MARIADB: mysql.fitted,
    Dialect.SQLITE: sqlite.fitted,
}
