"""What is said of each object of a source's catalog towards DynamoDB, which has tables, keys and indexes alone."""

from __future__ import annotations

from tailrace.conversion.catalog import (
    Catalog,
    Column,
    Dialect,
    ForeignKey,
    ObjectKind,
    ObjectName,
    Table,
    kind_of,
    signature,
)
from tailrace.conversion.ledger import Ledger
from tailrace.conversion.names import Names
from tailrace.conversion.outcome import Complexity, Grade
from tailrace.errors import StuckError
from tailrace.structure import Index
from tailrace_dynamodb.attributes import ItemForm
from tailrace_dynamodb.keys import TableDesign
from tailrace_dynamodb.prices import Prices
from tailrace_dynamodb.schema.cost import GB, Capacity, cost
from tailrace_dynamodb.schema.proposal import Fold, Proposal, Subject
from tailrace_dynamodb.schema.sizes import ITEM_BYTES, Size

_LINES_OF_A_LARGE_PROGRAM = 60
_PROPOSED = "uncomment it in the key design if queries need it; each index is paid with every write"


def left_out(table: Table, names: Names, dialect: Dialect, ledger: Ledger) -> None:
    """A table that the pipeline does not bring, or that it refuses."""
    said = any(item.name == table.name and item.grade is Grade.BY_HAND for item in names.items)
    if said:
        ledger.refused(ObjectKind.TABLE, table.name, "")
    else:
        reason = names.left_out.get(table.name) or "it is not selected"
        ledger.say(
            ObjectKind.TABLE, table.name, "", "not-selected", Grade.AUTOMATIC, reason, "nothing, if that is meant"
        )
        ledger.gone(ObjectKind.TABLE, table.name, "")
    _members_gone(table, ledger)


def keyless(table: Table, ledger: Ledger) -> None:
    unique = next((index for index in table.indexes if index.unique and index.plain), None)
    key = ", ".join(f'"{part.column}"' for part in unique.parts) if unique else '"…"'
    ledger.by_hand(
        ObjectKind.TABLE,
        table.name,
        "",
        "no-key",
        "it has no primary key: DynamoDB has no table without one, and the sink refuses it",
        f'give it a primary key, or name one in the pipeline file: [[tables]] match = "{table.name}", key = [{key}]',
    )
    _members_gone(table, ledger)


def refused(table: Table, error: StuckError, ledger: Ledger) -> None:
    ledger.by_hand(ObjectKind.TABLE, table.name, "", "refused", f"{error.what}: the sink refuses it", error.fix)
    _members_gone(table, ledger)


def foldable(table: Table, found: Fold, names: tuple[str, str], ledger: Ledger) -> None:
    ledger.say(
        ObjectKind.TABLE,
        table.name,
        "",
        "item-collection",
        Grade.AUTOMATIC,
        f"{found.reason}, if its items lay in the table of {names[0]}",
        "the key design has it as a comment; decide before the tables are made",
    )


def priced(table: Table, needed: Capacity, prices: Prices, told: str, ledger: Ledger) -> None:
    """Of a table whose changes are known."""
    sums = cost(needed, prices)
    ledger.say(
        ObjectKind.TABLE,
        table.name,
        "",
        "cost",
        Grade.AUTOMATIC,
        f"about {sums.month:,.2f} {prices.currency} a month on demand ({needed.write_units:,.1f} write units/s, "
        f"{needed.stored_bytes / GB:,.2f} GB), the load {sums.load:,.2f}; changes {told}, prices of {prices.region} as "
        f"of {prices.date}",
        "set prices and rates in the key design; provisioned capacity for an even load would be "
        f"{sums.provisioned:,.2f} instead of {sums.writes + sums.reads:,.2f}",
    )


def other_type(table: Table, column: Column, wanted: str, ledger: Ledger) -> None:
    """A person's rule gives the column a type."""
    ledger.say(
        ObjectKind.COLUMN,
        table.name,
        column.name,
        "type-rule",
        Grade.AUTOMATIC,
        f"the rules give it {wanted}, and attributes of DynamoDB have the types that the sink gives them",
        "change the values on their way with `columns.type` in [[tables]], or say in `to` of the rule what it is for",
        original=column.sql_type,
    )


def _members_gone(table: Table, ledger: Ledger) -> None:
    for kind, name, member, _ in Catalog(Dialect.DYNAMODB, tables=(table,)).count():
        if kind is not ObjectKind.TABLE:
            ledger.gone(kind, name, member)


# ---- a table that is made


def made(
    subject: Subject,
    target: str,
    form: ItemForm,
    design: TableDesign,
    proposal: Proposal | None,
    size: Size,
    ledger: Ledger,
) -> None:
    table = subject.table
    name = f"{target} ({design.entity})" if design.entity else target
    ledger.made(ObjectKind.TABLE, table.name, "", name)
    _findings(subject, proposal, size, ledger)
    compared = {name for part in (*form.parts, *form.texts) for name in part.columns}
    compared |= {key for index in form.indexes for key, _ in index.key}
    for column in table.columns:
        _column(subject, column, form, compared, ledger)
    for index in table.indexes:
        _index(subject, index, form, design, proposal, ledger)
    for check in table.checks:
        ledger.by_hand(
            ObjectKind.CHECK,
            table.name,
            check.name,
            "check",
            "DynamoDB checks no value",
            "check it in the application, or in a condition of its writes",
            original=check.expression,
            repeats=True,
        )
    for key in table.foreign_keys:
        _foreign_key(subject, key, form, proposal, ledger)
    if table.partitioning:
        ledger.say(
            ObjectKind.PARTITION,
            table.name,
            "",
            "partitions",
            Grade.AUTOMATIC,
            "DynamoDB divides tables by itself, by the partition key",
            "nothing; what drops old partitions needs a TTL, or deletes",
        )
        ledger.gone(ObjectKind.PARTITION, table.name, "")
    if table.comment:
        _comment(table, "", ledger)


def _findings(subject: Subject, proposal: Proposal | None, size: Size, ledger: Ledger) -> None:
    table = subject.table
    ledger.say(
        ObjectKind.TABLE,
        table.name,
        "",
        "no-constraints",
        Grade.AUTOMATIC,
        "DynamoDB holds to neither types, lengths nor NOT NULL: what the source wrote is exact, what an application "
        "writes later is its own matter",
        "check in the application what the source's server has checked",
    )
    if proposal is not None and proposal.risk:
        ledger.say(
            ObjectKind.TABLE,
            table.name,
            "",
            "hot-key",
            Grade.AUTOMATIC,
            f"the partition key may be hot: {proposal.risk}",
            "choose columns with more values in the key design, or divide the values",
            Complexity.MEDIUM,
        )
    if size.risk:
        largest = "have no bound" if size.largest is None else f"can be {size.largest:,} bytes"
        ledger.say(
            ObjectKind.TABLE,
            table.name,
            "",
            "item-size",
            Grade.AUTOMATIC,
            f"rows {largest}, and DynamoDB takes {ITEM_BYTES:,}: the sink parks larger ones (on average "
            f"{size.average:,.0f} bytes)",
            "keep large values in an object store, or leave their columns out with [[tables]]",
            Complexity.MEDIUM if size.average > ITEM_BYTES / 100 else None,
        )


def _column(subject: Subject, column: Column, form: ItemForm, compared: set[str], ledger: Ledger) -> None:
    table, kind = subject.table, ObjectKind.COLUMN
    name = subject.columns.get(column.name, "")
    if column.comment:
        _comment(table, column.name, ledger)
    if not name or subject.column(name) is None:
        reason = "the pipeline does not carry it"
        ledger.say(kind, table.name, column.name, "not-carried", Grade.AUTOMATIC, reason, "nothing, if that is meant")
        ledger.gone(kind, table.name, column.name)
        return
    ledger.made(kind, table.name, column.name, f"{name} {form.attribute_type(name)}")
    said: list[tuple[str, str, str, Complexity | None, str]] = []
    if column.generated:
        fix = "let the application compute it"
        said.append(("generated", "its values are carried, and nothing computes them", fix, None, column.generated))
    elif column.identity is not None:
        fix = "take UUIDs, or count in an item of its own with UpdateItem ADD"
        said.append(("identity", "DynamoDB counts nothing", fix, Complexity.SIMPLE, ""))
    elif column.default and column.default.upper() != "NULL":
        fix = "let the application give the value"
        said.append(("default", "DynamoDB has no defaults", fix, Complexity.SIMPLE, column.default))
    if column.on_update:
        fix = "let the application give the value"
        said.append(("on-update", "DynamoDB changes no value by itself", fix, Complexity.SIMPLE, column.on_update))
    if name in compared and _ignores_case(column):
        fix = "write and ask for keys in one form, lower case for example"
        reason = f"keys are compared by their bytes, and {column.collation} takes different ones for equal"
        said.append(("collation", reason, fix, Complexity.SIMPLE, column.collation))
    for code, reason, fix, complexity, original in said:
        ledger.say(kind, table.name, column.name, code, Grade.CHANGED, reason, fix, complexity, original=original)


def _ignores_case(column: Column) -> bool:
    collation = column.collation.lower()
    return "_ci" in collation or "nocase" in collation


def _index(
    subject: Subject,
    index: Index,
    form: ItemForm,
    design: TableDesign,
    proposal: Proposal | None,
    ledger: Ledger,
) -> None:
    table, kind = subject.table, kind_of(index)
    if index.primary:
        ledger.made(kind, table.name, index.name, ", ".join(name for name, _ in form.key))
        return
    columns = subject.named(part.column for part in index.parts)
    served = _served(form, columns) if columns and index.plain else ""
    original = ", ".join(part.column or part.expression for part in index.parts)
    if served:
        ledger.made(kind, table.name, index.name, served)
        if index.unique:
            ledger.say(
                kind,
                table.name,
                index.name,
                "unique",
                Grade.CHANGED,
                f"{served} finds a row by it, and DynamoDB does not keep a second one out",
                "write a guard item beside the row in one TransactWriteItems, with attribute_not_exists",
                Complexity.MEDIUM,
                original=original,
            )
    elif columns and index.plain:
        unique = "; nor is it kept unique" if index.unique else ""
        ledger.by_hand(
            kind,
            table.name,
            index.name,
            "index",
            f"no index is made for it{unique}",
            _PROPOSED,
            original=original,
            repeats=True,
        )
    else:
        ledger.by_hand(
            kind,
            table.name,
            index.name,
            "index-kind",
            "DynamoDB has no index of expressions, of some rows, or of another method",
            "an attribute that the application writes for some rows alone makes a sparse index; texts need a search "
            "service",
            Complexity.MEDIUM,
            original=original,
            repeats=True,
        )


def _served(form: ItemForm, columns: tuple[str, ...]) -> str:
    """The key or index whose partition key (and sort key) these columns are; "" for none."""
    parts = {part.name: part.columns for part in (*form.parts, *form.texts)}
    for name, key in (("the key", form.key), *((index.name, index.key) for index in form.indexes)):
        held = [parts.get(attribute, (attribute,)) for attribute, _ in key]
        together = [column for part in held for column in part]
        if set(held[0]) == set(columns) or (together[: len(columns)] == [*columns] and len(held[0]) <= len(columns)):
            return name
    return ""


def _foreign_key(subject: Subject, key: ForeignKey, form: ItemForm, proposal: Proposal | None, ledger: Ledger) -> None:
    columns = subject.named(key.columns)
    served = _served(form, columns) if columns else ""
    acts = [f"ON {what} {action}" for what, action in (("UPDATE", key.on_update), ("DELETE", key.on_delete))]
    acts = [act for act in acts if act.endswith(("CASCADE", "SET NULL", "SET DEFAULT"))]
    ledger_arguments = (ObjectKind.FOREIGN_KEY, subject.table.name, key.name, "foreign-key")
    original = (
        f"({', '.join(key.columns)}) REFERENCES {key.table} ({', '.join(key.referenced_columns)}) {' '.join(acts)}"
    )
    reason = "DynamoDB keeps no references" + (f", and does nothing for {' and '.join(acts)}" if acts else "")
    fix = "look for the parent in a ConditionCheck of the application's TransactWriteItems"
    complexity = Complexity.MEDIUM if acts else Complexity.SIMPLE
    if served:
        ledger.made(ObjectKind.FOREIGN_KEY, subject.table.name, key.name, served)
        ledger.say(
            *ledger_arguments, Grade.CHANGED, f"{served} finds the rows; {reason}", fix, complexity, original=original
        )
    else:
        told = f"no index is made for it; {reason}"
        ledger.by_hand(*ledger_arguments, told, fix, complexity, original=original, repeats=True)


def _comment(table: Table, member: str, ledger: Ledger) -> None:
    reason = "DynamoDB keeps no comments"
    ledger.say(ObjectKind.COMMENT, table.name, member, "comment", Grade.CHANGED, reason, "keep this report")
    ledger.gone(ObjectKind.COMMENT, table.name, member)


# ---- everything else


def rest(source: Catalog, ledger: Ledger) -> None:
    """What is no table."""
    for schema in source.schemas:
        _gone(ledger, ObjectKind.SCHEMA, schema, "schema", "DynamoDB has no schemas: a sink's prefix stands for one")
    for sequence in source.sequences:
        if sequence.owner is not None:
            ledger.gone(ObjectKind.SEQUENCE, sequence.name, "")
        else:
            ledger.by_hand(
                ObjectKind.SEQUENCE,
                sequence.name,
                "",
                "sequence",
                "DynamoDB has no sequences",
                "count in an item with UpdateItem ADD, or take UUIDs",
                repeats=True,
            )
    for kind, objects in ((ObjectKind.ENUM, source.enums), (ObjectKind.DOMAIN, source.domains)):
        for thing in objects:
            reason = "values are carried as they are, and nothing keeps others out"
            fix = "check them in the application"
            ledger.say(kind, thing.name, "", f"{kind}", Grade.CHANGED, reason, fix, Complexity.SIMPLE)
            ledger.gone(kind, thing.name, "")
    for view in source.views:
        kind = ObjectKind.MATERIALIZED_VIEW if view.materialized else ObjectKind.VIEW
        fix = "ask the tables with Query, or keep a table of its own from a stream of changes"
        _by_hand(ledger, kind, view.name, "", "view", "DynamoDB has no views", fix, view.query)
        for index in view.indexes:
            ledger.gone(ObjectKind.INDEX, view.name, index.name)
    for routine in source.routines:
        fix = "write it in the application"
        _by_hand(
            ledger,
            routine.kind,
            routine.name,
            signature(routine),
            "routine",
            "DynamoDB runs no programs",
            fix,
            routine.definition,
        )
    for trigger in source.triggers:
        fix = "a function behind the table's stream (DynamoDB Streams) acts after a change, not before it"
        reason = "DynamoDB has no triggers"
        _by_hand(
            ledger, ObjectKind.TRIGGER, trigger.table, trigger.name.name, "trigger", reason, fix, trigger.definition
        )
    for comment in source.comments:
        member = f"{comment.kind} {comment.member}".strip()
        ledger.say(
            ObjectKind.COMMENT,
            comment.name,
            member,
            "comment",
            Grade.CHANGED,
            "DynamoDB keeps no comments",
            "keep this report",
        )
        ledger.gone(ObjectKind.COMMENT, comment.name, member)
    _others(source, ledger)


_PROPOSALS = {
    ObjectKind.GRANT: "allow it in IAM policies",
    ObjectKind.POLICY: "IAM conditions on dynamodb:LeadingKeys hold users to their own partition keys",
    ObjectKind.EVENT: "let a scheduler call the application",
    ObjectKind.PACKAGE: "write it in the application",
    ObjectKind.EXCLUSION: "check it in the application, in a transaction",
}


def _others(source: Catalog, ledger: Ledger) -> None:
    for other in source.others:
        member = other.name.name if other.table else ""
        reason = other.reason or f"DynamoDB has no {other.kind}"
        fix = _PROPOSALS.get(other.kind, "see whether the application needs it")
        _by_hand(ledger, other.kind, other.table or other.name, member, "no-counterpart", reason, fix, other.definition)


def _by_hand(
    ledger: Ledger, kind: ObjectKind, name: ObjectName, member: str, code: str, reason: str, fix: str, original: str
) -> None:
    large = original.count("\n") > _LINES_OF_A_LARGE_PROGRAM
    programs = (ObjectKind.FUNCTION, ObjectKind.PROCEDURE, ObjectKind.TRIGGER, ObjectKind.PACKAGE, ObjectKind.VIEW)
    complexity = Complexity.SIGNIFICANT if large else Complexity.MEDIUM if kind in programs else Complexity.SIMPLE
    repeats = kind in (ObjectKind.GRANT, ObjectKind.POLICY)
    ledger.by_hand(kind, name, member, code, reason, fix, complexity, original=original, repeats=repeats)


def _gone(ledger: Ledger, kind: ObjectKind, name: str, code: str, reason: str) -> None:
    ledger.say(kind, ObjectName("", name), "", code, Grade.AUTOMATIC, reason, "nothing")
    ledger.gone(kind, ObjectName("", name), "")
