"""Enums, domains and sequences: made where the target has such things, else said by the columns that are of them."""

from __future__ import annotations

from dataclasses import replace

from tailrace.conversion.catalog import Column, Dialect, Domain, Enum, ObjectKind, ObjectName
from tailrace.conversion.catalog import Sequence as CatalogSequence
from tailrace.conversion.expressions import translate
from tailrace.conversion.outcome import Complexity, Grade
from tailrace.conversion.tables.identity import fitting_counter
from tailrace.conversion.translation import Use
from tailrace.conversion.work import Work

#: MariaDB keeps the least number of 64 bits for itself.
_BELOW_MARIADB = -(1 << 63)


def converted_enums(work: Work) -> list[Enum]:
    found = []
    for enum in work.source.enums:
        name = work.names.objects.get(enum.name)
        if name is None:
            _left_out(work, ObjectKind.ENUM, enum)
        elif work.dialect is Dialect.POSTGRESQL and work.alike:
            work.ledger.made(ObjectKind.ENUM, enum.name, "", str(name))
            found.append(replace(enum, name=name))
        else:
            reason = "the target has no such type: its columns are texts that a check keeps to its labels"
            work.ledger.say(ObjectKind.ENUM, enum.name, "", "enum-as-check", Grade.CHANGED, reason, "nothing")
            work.ledger.gone(ObjectKind.ENUM, enum.name, "")
    return found


def converted_domains(work: Work) -> list[Domain]:
    found = []
    for domain in work.source.domains:
        name = work.names.objects.get(domain.name)
        if name is None:
            _left_out(work, ObjectKind.DOMAIN, domain)
        elif work.verbatim is not None and domain.name in work.verbatim.absent:
            reason = f"it is of {domain.sql_type}, which is not in the target"
            work.ledger.by_hand(ObjectKind.DOMAIN, domain.name, "", "domain", reason, "make that type first")
        elif work.dialect is Dialect.POSTGRESQL and work.alike:
            work.ledger.made(ObjectKind.DOMAIN, domain.name, "", str(name))
            found.append(_domain(work, domain, name))
        else:
            reason = "the target has no domains: its columns have its default and its checks themselves"
            work.ledger.say(ObjectKind.DOMAIN, domain.name, "", "domain-inlined", Grade.CHANGED, reason, "nothing")
            work.ledger.gone(ObjectKind.DOMAIN, domain.name, "")
    return found


def _domain(work: Work, domain: Domain, name: ObjectName) -> Domain:
    default = domain.default
    bare = _Bare(work, domain)
    if default:
        default = bare.translated(default, Use.DEFAULT)
    checks = [
        replace(check, expression=text)
        for check in domain.checks
        if (text := bare.translated(check.expression, Use.CHECK))
    ]
    return replace(domain, name=name, default=default, checks=tuple(checks))


class _Bare:
    """Expressions of a domain, which has no table."""

    def __init__(self, work: Work, domain: Domain) -> None:
        self._work = work
        self._domain = domain

    def translated(self, sql: str, use: Use) -> str:
        work, domain = self._work, self._domain
        value = Column("VALUE", domain.type, domain.sql_type, collation=domain.collation)
        found = translate(
            sql,
            use,
            work.source.dialect,
            work.dialect,
            {"VALUE": value, "value": value},
            work.names,
            None,
            work.rules,
        )
        work.ledger.remarks(ObjectKind.DOMAIN, domain.name, "", found.remarks, sql, found.sql)
        if not found.sql and not found.remarks:
            reason = f"its expression {sql} has no counterpart"
            work.ledger.say(
                ObjectKind.DOMAIN, domain.name, "", "domain", Grade.BY_HAND, reason, "write it", Complexity.SIMPLE
            )
        return found.sql


def converted_sequences(work: Work) -> list[CatalogSequence]:
    """Those that stand by themselves, and those that columns of the target's tables own."""
    counted = {
        column.identity.sequence: (table, column)
        for table in work.source.tables
        for column in table.columns
        if column.identity is not None and column.identity.sequence is not None
    }
    made = {
        column.identity.sequence
        for table in work.tables.values()
        for column in table.columns
        if column.identity is not None
    }
    found = list(work.sequences)
    kind = ObjectKind.SEQUENCE
    for sequence in work.source.sequences:
        name = work.names.objects.get(sequence.name)
        if name is None:
            _left_out(work, kind, sequence)
            continue
        owner = counted.get(sequence.name)
        table = work.tables.get(owner[0].name) if owner else None
        column = work.names.columns.get(owner[0].name, {}).get(owner[1].name, "") if owner else ""
        target = table.column(column) if table is not None else None
        if owner and table is None:
            reason = f"it counts {owner[0].name}.{owner[1].name}, which is not in the target"
            work.ledger.say(kind, sequence.name, "", "left-out", Grade.AUTOMATIC, reason, "nothing")
            work.ledger.gone(kind, sequence.name, "")
        elif target is not None and target.identity is not None and name not in made:
            work.ledger.made(kind, sequence.name, "", f"{table.name if table else ''}.{column}")
        elif work.dialect is Dialect.MARIADB and sequence.counter.start <= _BELOW_MARIADB:
            reason = f"it begins with {sequence.counter.start}, below what MariaDB's sequences count"
            proposal = "let it begin one higher"
            work.ledger.by_hand(kind, sequence.name, "", "sequence", reason, proposal, Complexity.SIMPLE)
        elif work.dialect in (Dialect.POSTGRESQL, Dialect.MARIADB):
            work.ledger.made(kind, sequence.name, "", str(name))
            found.append(_sequence(work, sequence, name))
        else:
            reason = f"{'SQLite' if work.dialect is Dialect.SQLITE else 'MySQL'} has no sequences"
            proposal = "AUTO_INCREMENT where it counts one column, else a table with one row"
            work.ledger.by_hand(kind, sequence.name, "", "sequence", reason, proposal, Complexity.MEDIUM)
    return found


def _sequence(work: Work, sequence: CatalogSequence, name: ObjectName) -> CatalogSequence:
    owner = None
    if sequence.owner is not None and work.dialect is Dialect.POSTGRESQL:
        table, column = sequence.owner
        kept = work.names.columns.get(table, {}).get(column)
        if table in work.tables and kept is not None:
            owner = (work.names.objects[table], kept)
    mariadb = work.dialect is Dialect.MARIADB
    kept_type = sequence.sql_type if work.alike else "bigint"
    return replace(
        sequence, name=name, counter=fitting_counter(sequence.counter, mariadb), sql_type=kept_type, owner=owner
    )


def _left_out(work: Work, kind: ObjectKind, thing: Enum | Domain | CatalogSequence) -> None:
    reason = work.names.left_out.get(thing.name, "it is not selected")
    work.ledger.say(kind, thing.name, "", "not-selected", Grade.AUTOMATIC, reason, "nothing, if that is meant")
    work.ledger.gone(kind, thing.name, "")
