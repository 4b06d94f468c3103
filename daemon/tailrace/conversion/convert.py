"""A source's catalog becomes a target's, with a verdict for every object."""

from __future__ import annotations

from dataclasses import replace

from tailrace.conversion.catalog import Catalog, Dialect, ObjectKind, ObjectName, Routine, Trigger, View, signature
from tailrace.conversion.identifiers import Taken
from tailrace.conversion.ledger import Ledger
from tailrace.conversion.names import Names
from tailrace.conversion.outcome import Complexity, Conversion, Grade
from tailrace.conversion.programs import Program, routine, trigger, view
from tailrace.conversion.rules import Rules
from tailrace.conversion.tables.findings import findings
from tailrace.conversion.tables.leftovers import converted_comments, converted_others, converted_schemas
from tailrace.conversion.tables.tables import converted_tables
from tailrace.conversion.tables.user_types import converted_domains, converted_enums, converted_sequences
from tailrace.conversion.tables.verbatim import root_of
from tailrace.conversion.target import SchemaTarget
from tailrace.conversion.translation import Remark
from tailrace.conversion.work import Work


def convert(source: Catalog, target: SchemaTarget, rules: Rules, names: Names, sink: str) -> Conversion:
    """What the target shall have, in its own dialect, and what is to be said of every object of the source.

    Needs no server: of the target only `dialect`, `limits` and `types` are asked.

    Args:
        names: of `naming.pipeline_names` or `naming.script_names`.
        sink: the sink's name, or the kind of target.

    Returns:
        In its `target` catalog names and SQL are the target's. `Column.type` is the stream's (the source's) type still,
        `Column.sql_type` the target's; compare catalogs by the latter. One verdict for each entry of
        `source.count()`, in that order; each that is not automatic has an item at least, of the same kind, name and
        member. An automatic one without a target's name was left out on purpose: nothing is left to do.
    """
    ledger = Ledger(source)
    for item in names.items:
        ledger.add(item)
    taken = Taken(target.limits, target.dialect)
    for old, new in names.objects.items():
        taken.take(("relations", new.schema), new.name, str(old))
    work = Work(source, target, rules, names, ledger, taken)
    enums, domains = converted_enums(work), converted_domains(work)
    _convert_routines(work)
    converted_tables(work)
    sequences = converted_sequences(work)
    _convert_programs(work)
    findings(work)
    schemas = converted_schemas(work)
    others = converted_others(work)
    comments = converted_comments(work, others)
    charset, collation = _text(work)
    converted = Catalog(
        target.dialect,
        default_schema=names.schema,
        charset=charset,
        collation=collation,
        origin=source.origin,
        schemas=schemas,
        tables=tuple(work.tables[table.name] for table in source.tables if table.name in work.tables),
        sequences=tuple(sequences),
        enums=tuple(enums),
        domains=tuple(domains),
        views=tuple(made for made in work.programs if isinstance(made, View)),
        routines=tuple(made for made in work.programs if isinstance(made, Routine)),
        triggers=tuple(made for made in work.programs if isinstance(made, Trigger)),
        comments=tuple(comments),
        others=tuple(others),
    )
    items, verdicts = ledger.close()
    return Conversion(source, converted, items, verdicts, sink)


def _text(work: Work) -> tuple[str, str]:
    if work.dialect is Dialect.MYSQL:
        return "utf8mb4", "utf8mb4_0900_bin"
    return ("utf8mb4", "utf8mb4_nopad_bin") if work.dialect is Dialect.MARIADB else ("", "")


def _convert_routines(work: Work) -> None:
    """Before the tables, whose expressions may call them."""
    for called in work.source.routines:
        if _selected(work, called.kind, called.name, signature(called)):
            lacking = _lacking(work, called.name, called.language, f"{called.definition}\n{called.body}")
            program = lacking or routine(called, work.source, work.dialect, work.names, work.rules, work.verbatim)
            _add(work, called.kind, called.name, signature(called), program, called.definition)
            if program.objects:
                continue
        work.missing.add(called.name)
        if work.verbatim is not None:
            work.verbatim.absent.add(called.name)


def _convert_programs(work: Work) -> None:
    source, names, rules, dialect = work.source, work.present, work.rules, work.dialect
    views = {
        given.name: view(given, source, dialect, names, rules, work.types)
        for given in source.views
        if given.name in names.objects
    }
    _drop_dependents(work, views)
    for given in source.views:
        kind = ObjectKind.MATERIALIZED_VIEW if given.materialized else ObjectKind.VIEW
        if _selected(work, kind, given.name, ""):
            _add(work, kind, given.name, "", views[given.name], given.query)
        _view_indexes(work, given)
    for fired in source.triggers:
        _convert_trigger(work, fired)


def _convert_trigger(work: Work, fired: Trigger) -> None:
    kind, table, member, names = ObjectKind.TRIGGER, fired.table, fired.name.name, work.names
    root = root_of(work.source, table) if table not in names.objects else None
    if root is not None and root in names.objects:
        there = work.verbatim.partitions.get(table) if work.verbatim is not None else None
        if there is None:
            reason = f"it is on the partition {table} alone, which the target does not have"
            fix = "write it for the whole table, with the partition's bounds as its condition"
            work.ledger.by_hand(
                kind, table, member, "partition-trigger", reason, fix, Complexity.MEDIUM, original=fired.definition
            )
            return
        columns = {**names.columns, table: names.columns[root]}
        names = replace(names, objects={**names.objects, table: there}, columns=columns)
    if table not in names.objects:
        reason = f"its table {table} is not in the target"
        work.ledger.say(kind, table, member, "left-out", Grade.AUTOMATIC, reason, "nothing")
        work.ledger.gone(kind, table, member)
        return
    lacking = _lacking(work, fired.function or table, "", f"{fired.definition}")
    made = lacking or trigger(fired, work.source, work.dialect, names, work.rules, work.types, work.verbatim)
    _add(work, kind, table, member, made, fired.definition)


def _lacking(work: Work, name: ObjectName, language: str, text: str) -> Program | None:
    """Of PostgreSQL's for PostgreSQL, that it needs something that the target does not get."""
    if work.verbatim is None:
        return None
    missing = work.verbatim.missing_in(text)
    if name not in work.verbatim.absent and not missing:
        return None
    reason = f"it needs {missing or name}, which is not in the target"
    if language and missing in ("", str(name)):
        reason = f"it is written in {language}, whose library the target may not have"
    return Program(remarks=(Remark("missing-object", Grade.BY_HAND, reason, "make that first", Complexity.MEDIUM),))


def _drop_dependents(work: Work, views: dict[ObjectName, Program]) -> None:
    """A view that reads one that is not made is not made either."""
    if work.verbatim is None:
        return
    queries = {given.name: given.query for given in work.source.views if given.name in views}
    work.verbatim.absent |= {name for name, made in views.items() if not made.objects}
    while gone := [name for name, made in views.items() if made.objects and work.verbatim.missing_in(queries[name])]:
        work.verbatim.absent.update(gone)
        for name in gone:
            lacking = _lacking(work, name, "", queries[name])
            assert lacking is not None
            views[name] = lacking


def _selected(work: Work, kind: ObjectKind, name: ObjectName, member: str) -> bool:
    if name in work.names.objects:
        return True
    reason = work.names.left_out.get(name, "it is not selected")
    work.ledger.say(kind, name, member, "not-selected", Grade.AUTOMATIC, reason, "nothing, if that is meant")
    work.ledger.gone(kind, name, member)
    return False


def _add(work: Work, kind: ObjectKind, name: ObjectName, member: str, program: Program, original: str) -> None:
    work.ledger.remarks(kind, name, member, program.remarks, original)
    if program.objects:
        work.programs += program.objects
        work.ledger.made(kind, name, member, str(program.objects[-1].name))
    elif any(remark.grade is Grade.BY_HAND for remark in program.remarks):
        work.ledger.refused(kind, name, member)
    else:
        reason = "there is no translation of it that surely does the same"
        proposal = "write it for the target"
        work.ledger.by_hand(kind, name, member, "program", reason, proposal, Complexity.MEDIUM, original=original)


def _view_indexes(work: Work, given: View) -> None:
    """Of a materialized view: they are the target's where that has such views."""
    made = next((one for one in work.programs if isinstance(one, View) and one.name == _name(work, given)), None)
    kept = {index.name for index in made.indexes} if made is not None else set()
    for index in given.indexes:
        if index.name in kept:
            work.ledger.made(ObjectKind.INDEX, given.name, index.name, index.name)
        elif given.name not in work.names.objects:
            work.ledger.gone(ObjectKind.INDEX, given.name, index.name)
        else:
            reason = "the target has no index of a view"
            work.ledger.by_hand(ObjectKind.INDEX, given.name, index.name, "view-index", reason, "index its tables")


def _name(work: Work, given: View) -> ObjectName | None:
    return work.names.objects.get(given.name)
