"""A key design as a TOML file that a person reads and edits: what `[[sinks]] keys` takes (`tailrace_dynamodb.keys`)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tailrace.conversion.statistics import Changes
from tailrace_dynamodb.keys import IndexDesign, KeyDesign, KeyPart, TableDesign
from tailrace_dynamodb.prices import Prices
from tailrace_dynamodb.schema.cost import Capacity, cost
from tailrace_dynamodb.schema.proposal import Fold, Proposal
from tailrace_dynamodb.schema.sizes import Size

_HEAD = """\
# Key design of DynamoDB tables, for `keys` of a [[sinks]] table of the pipeline file.
# Written by tailrace schema; change what you know better. A key cannot be changed once the table is there.
# Names of columns are the stream's. A part of one column is that column's own attribute; any other is a text:
# the prefix, then the columns, with | between them, and \\ before a | or \\ inside.
"""
_WIDTH = 110


@dataclass(slots=True)
class Entry:
    """One table of the file.

    Attributes:
        source: its name there, schema.table.
        chosen: the design that holds: a person's, or the proposal's.
        proposal: None: the file had a design already.
        rows: None unknown.
        changes: a second; None unknown.
        told: where the rates come from.
    """

    source: str
    chosen: TableDesign
    size: Size
    needed: Capacity
    proposal: Proposal | None = None
    rows: float | None = None
    changes: Changes | None = None
    told: str = ""


def keys_file(design: KeyDesign, entries: Sequence[Entry], folds: Sequence[tuple[Fold, str, str]]) -> str:
    """
    Args:
        folds: proposed ones, with the names that parent and child have in the file.
    """
    return "\n".join(_lines(design, entries, folds)).rstrip() + "\n"


def _lines(design: KeyDesign, entries: Sequence[Entry], folds: Sequence[tuple[Fold, str, str]]) -> Iterator[str]:
    prices = design.prices
    yield _HEAD
    if any(entry.source.startswith("DATABASE.") for entry in entries):
        yield "# The script names no database: put its name for DATABASE.\n"
    yield from _summary(prices, entries)
    yield ""
    yield "[prices]"
    for name, value in prices.model_dump().items():
        yield f"{name} = {_value(value)}"
    for source, rate in design.rates.items():
        yield from ("", f"[rates.{_key(source)}]")
        yield from (f"{name} = {_value(value)}" for name, value in rate.model_dump().items() if value)
    for entry in entries:
        yield ""
        yield from _entry(entry, prices, given=entry.source in design.rates)
    for fold, parent, child in folds:
        yield ""
        yield from _fold(fold, parent, child)


def _summary(prices: Prices, entries: Sequence[Entry]) -> Iterator[str]:
    needed = sum((entry.needed for entry in entries), Capacity())
    sums, unit = cost(needed, prices), prices.currency
    unknown = [entry.source for entry in entries if entry.changes is None]
    load = _money(sums.load, unit) if any(entry.rows is not None for entry in entries) else "not known, nor are rows"
    written = (
        f"{_money(sums.month, unit)}: writes {_money(sums.writes, unit)} ({needed.write_units:,.1f} units/s), reads "
        f"{_money(sums.reads, unit)}, storage {_money(sums.storage, unit)}"
    )
    lines = [
        f"the load once: {load} ({needed.load_units:,.0f} write units)",
        f"a month: {written if len(unknown) < len(entries) else f'storage {_money(sums.storage, unit)}'}",
    ]
    if len(unknown) < len(entries):
        lines.append(
            f"with provisioned capacity, if they are even, writes and reads would be {_money(sums.provisioned, unit)}"
        )
    lines.append("what expires (TTL) goes for nothing; streams, backups, traffic and the free tier are not in it")
    yield f"# All tables, at prices of {prices.region} as of {prices.date} (edit [prices]), on demand, no free tier:"
    for line in lines:
        yield from _comment(line, "#   ")
    if unknown:
        yield from _comment(f"how much is written is not known of {', '.join(unknown)}: add [rates]", "#   ")


def _entry(entry: Entry, prices: Prices, given: bool) -> Iterator[str]:
    rows = "an unknown number of rows" if entry.rows is None else f"about {entry.rows:,.0f} rows"
    yield f"# {entry.source}: {rows}"
    yield from _comment(_size(entry.size), "#   ")
    proposal = entry.proposal
    if proposal is not None:
        for reason in proposal.reasons:
            yield from _comment(f"key: {reason}", "#   ")
        if proposal.risk:
            yield from _comment(f"hot key: {proposal.risk}", "#   ")
    else:
        yield "#   key: as this file had it"
    sums = cost(entry.needed, prices)
    month, load = _money(sums.month, prices.currency), _money(sums.load, prices.currency)
    units = f"{entry.needed.write_units:,.2f} write units/s; {month} a month" if entry.changes is not None else ""
    once = f"the load {load}" if entry.rows is not None else ""
    yield from _comment(f"{_rate(entry)}: {', '.join(filter(None, (units, once)))}".rstrip(": "), "#   ")
    if entry.changes is not None and not given:
        rate = entry.changes
        yield f"# [rates.{_key(entry.source)}]"
        yield f"# inserts = {rate.inserts:.4g}"
        yield f"# updates = {rate.updates:.4g}"
        yield f"# deletes = {rate.deletes:.4g}"
    yield from table_lines(entry.source, entry.chosen, proposal.index_reasons if proposal is not None else {})
    for index, reason in proposal.further if proposal is not None else ():
        yield from _comment(f"not made, because each index is paid with every write; {reason}:", "# ")
        yield from (f"# {line}" for line in _index(entry.source, index))


def _size(size: Size) -> str:
    largest = "no bound" if size.largest is None else f"at most {_bytes(size.largest)}"
    text = f"item: {_bytes(size.average)} on average, {largest}"
    if size.risk:
        text += "; an item beyond 400 KB is refused and parked"
    if size.guessed:
        text += f"; guessed of {', '.join(size.guessed)} (no statistics: run ANALYZE)"
    return text


def _rate(entry: Entry) -> str:
    if entry.changes is None:
        return "changes are not known"
    rate = entry.changes
    return (
        f"{rate.inserts:,.4g} inserts, {rate.updates:,.4g} updates, {rate.deletes:,.4g} deletes a second ({entry.told})"
    )


def _fold(fold: Fold, parent: str, child: str) -> Iterator[str]:
    yield from _comment(
        f"To fold {child} into {parent}: {fold.reason}. Put this in the place of [tables.{_key(parent)}] and "
        f"[tables.{_key(child)}], before the tables are made, with the indexes that are needed:",
        "# ",
    )
    if fold.key:
        columns = ", ".join(json.dumps(name) for name in fold.key)
        yield from _comment(
            f"In the pipeline file besides: [[tables]] match = {json.dumps(child)}, key = [{columns}], because a "
            "delete has to say whose row it was; PostgreSQL needs REPLICA IDENTITY FULL for it",
            "# ",
        )
    for source, design in ((parent, fold.parent_design), (child, fold.child_design)):
        yield from (f"# {line}" for line in table_lines(source, design, {}))


def table_lines(source: str, design: TableDesign, reasons: dict[str, str]) -> Iterator[str]:
    """`[tables."…"]` as TOML."""
    yield f"[tables.{_key(source)}]"
    for name in ("table", "entity"):
        if value := getattr(design, name):
            yield f"{name} = {json.dumps(value)}"
    for name in ("partition", "sort"):
        if (part := getattr(design, name)) is not None:
            yield f"{name} = {_part(part)}"
    for index in design.indexes:
        yield from _comment(reasons.get(index.name, ""), "# ")
        yield from _index(source, index)


def _index(source: str, index: IndexDesign) -> Iterator[str]:
    yield f"[[tables.{_key(source)}.indexes]]"
    yield f"name = {json.dumps(index.name)}"
    yield f"partition = {_part(index.partition)}"
    if index.sort is not None:
        yield f"sort = {_part(index.sort)}"
    yield f"projection = {_value(index.projection)}"


def _part(part: KeyPart) -> str:
    if part.own and not part.name:
        return json.dumps(part.own, ensure_ascii=False)
    said: dict[str, object] = {"prefix": part.prefix, "columns": part.columns, "digits": part.digits, "name": part.name}
    return "{ " + ", ".join(f"{name} = {_value(value)}" for name, value in said.items() if value) + " }"


def _value(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(_value(each) for each in value)}]"
    return json.dumps(value, ensure_ascii=False)


def _key(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)


def _money(value: float, currency: str) -> str:
    if 0 < value < 0.01:
        return f"below 0.01 {currency}"
    return f"{value:,.2f} {currency}"


def _bytes(value: float) -> str:
    return f"{value:,.0f} bytes" if value < 10_000 else f"{value / 1024:,.1f} KB"


def _comment(text: str, indent: str) -> Iterable[str]:
    line = indent
    lines: list[str] = []
    for word in text.split():
        if len(line) + len(word) > _WIDTH and line != indent:
            lines.append(line.rstrip())
            line = indent
        line += f"{word} "
    return [*lines, line.rstrip()] if text else lines
