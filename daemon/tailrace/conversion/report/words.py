"""The assessment in plain words, for whoever decides."""

from __future__ import annotations

import re

from tailrace.conversion.catalog import Catalog, Dialect, ObjectKind
from tailrace.conversion.outcome import Complexity, Grade, Item, Verdict
from tailrace.conversion.report.assessment import Figures, Group, Target

SYSTEMS = {
    Dialect.POSTGRESQL: "PostgreSQL",
    Dialect.MYSQL: "MySQL",
    Dialect.MARIADB: "MariaDB",
    Dialect.SQLITE: "SQLite",
    Dialect.ORACLE: "Oracle",
    Dialect.TSQL: "SQL Server",
    Dialect.DYNAMODB: "DynamoDB",
}
#: AWS SCT's bounds of the classes.
BOUNDS = {
    Complexity.SIMPLE: "less than 2 hours",
    Complexity.MEDIUM: "2 to 6 hours",
    Complexity.SIGNIFICANT: "more than 6 hours",
}
GRADES = {
    Grade.AUTOMATIC: "by itself",
    Grade.CHANGED: "by itself, with a difference",
    Grade.BY_HAND: "by hand",
}
_PLURALS = {
    ObjectKind.INDEX: "indexes",
    ObjectKind.FOREIGN_KEY: "foreign keys",
    ObjectKind.POLICY: "policies",
    ObjectKind.PARTITION: "partitioned tables",
    ObjectKind.OTHER: "other objects",
}
_HOURS_A_DAY = 8
_RELEASE = re.compile(r"[0-9]+(\.[0-9]+)*")


def plural(kind: ObjectKind, count: int) -> str:
    """``1 table``, ``3 tables``."""
    return f"{count:,} {kind if count == 1 else plural_of(kind)}"


def plural_of(kind: ObjectKind) -> str:
    return _PLURALS.get(kind, f"{kind}s")


def count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def system(target: Target) -> str:
    """``PostgreSQL 18.4``."""
    return f"{SYSTEMS[target.dialect]} {release(target.version)}".strip()


def release(version: str) -> str:
    """``10.11.19`` of ``10.11.19-MariaDB-0+deb12u1-log``."""
    found = _RELEASE.match(version)
    return found[0] if found else version


def title(target: Target) -> str:
    name = SYSTEMS[target.dialect]
    return name if target.sink in ("", "postgres", target.dialect) else f"{target.sink} ({name})"


def hours(number: float) -> str:
    """``about 37 hours``; below two hours to the half."""
    if not number:
        return "no hours"
    if number < 1:
        return "less than an hour"
    rounded = round(number * 2) / 2 if number < 10 else float(round(number))
    return "about an hour" if rounded == 1 else f"about {rounded:,g} hours"


def days(number: float) -> str:
    """``5 days of work``; "" where it is less than one and a half."""
    rounded = round(number / _HOURS_A_DAY)
    return f"{rounded:,} days of work" if rounded > 1 else ""


def duration(number: float) -> str:
    return f"{hours(number)} ({days(number)})" if days(number) else hours(number)


def source_line(catalog: Catalog) -> str:
    parts = [f"{SYSTEMS[catalog.dialect]} {release(catalog.version)}".strip(), catalog.origin]
    return ", ".join(part for part in parts if part)


def size(catalog: Catalog) -> str:
    """``42 tables with about 1,200,000 rows``."""
    tables = count(len(catalog.tables), "table")
    known = [table.rows for table in catalog.tables if table.rows is not None]
    return f"{tables} with about {sum(known):,} rows" if known else tables


def verdict(target: Target) -> str:
    """One paragraph that says how it stands."""
    figures = target.objects
    if not figures.total:
        return "The source has nothing to convert."
    alone = figures.total == 1
    if figures.automatic == figures.total:
        what = (
            "The one object is converted by itself and means"
            if alone
            else f"All {figures.total:,} objects are converted"
        )
        lines = [f"{what} the same." if alone else f"{what} by themselves and mean the same."]
    else:
        are = (
            "of the one object is converted by itself"
            if alone
            else f"of {figures.total:,} objects are converted by themselves"
        )
        lines = [f"{figures.percent(figures.made)} % {are}."]
    if figures.changed:
        one = figures.changed == 1
        lines.append(f"{figures.changed:,} of them then mean{'s' * one} something slightly different, which is listed.")
    if figures.by_hand:
        lines.append(f"{count(figures.by_hand, 'object')} {'is' if figures.by_hand == 1 else 'are'} left to a person.")
    if target.hours:
        lines.append(f"What is to be done takes {duration(target.hours)}.")
    return " ".join(lines)


def share(name: str, figures: Figures) -> str:
    return f"{name}: {figures.percent(figures.made)} % of {figures.total:,}"


def affected(group: Group) -> str:
    """``12 columns``, ``2 tables and 1 view``."""
    kinds: dict[ObjectKind, set[str]] = {}
    for item in group.items:
        kinds.setdefault(item.kind, set()).add(item.where)
    parts = [plural(kind, len(names)) for kind, names in sorted(kinds.items(), key=lambda entry: -len(entry[1]))]
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def called(thing: Item | Verdict) -> str:
    """A routine with its types, the member of something after its name."""
    separator = "" if thing.member.startswith("(") or not thing.member else "."
    return f"{thing.name}{separator}{thing.member}"


def sentence(text: str) -> str:
    """With a capital and a full stop; a name that stands first is left as it is."""
    first = text.partition(" ")[0]
    if first.isalpha() and first.islower():
        text = text[:1].upper() + text[1:]
    return text if not text or text[-1] in ".!?:…" else f"{text}."
