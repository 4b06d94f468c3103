"""Views: their query, clause by clause."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tailrace.conversion.catalog import Catalog, Dialect, ObjectKind, ObjectName, View
from tailrace.conversion.expressions import splicing
from tailrace.conversion.expressions.grammar import statement
from tailrace.conversion.expressions.library import Library
from tailrace.conversion.expressions.piece import Piece
from tailrace.conversion.expressions.queries import Query, Reader
from tailrace.conversion.expressions.refusal import RefusalError
from tailrace.conversion.expressions.scope import Scope
from tailrace.conversion.expressions.writer import Writer
from tailrace.conversion.names import Names
from tailrace.conversion.outcome import Complexity, Grade
from tailrace.conversion.programs import kept, related
from tailrace.conversion.programs.program import Program
from tailrace.conversion.rules import Rules
from tailrace.conversion.translation import Remark


@dataclass(slots=True)
class _Views:
    """Reads views that other views read."""

    source: Catalog
    target: Dialect
    names: Names
    rules: Rules
    types: Mapping[ObjectName, Mapping[str, str]]
    library: Library = field(init=False)

    def __post_init__(self) -> None:
        self.library = Library(self.source, self.target, self.names, self.types, self.columns)

    def written(self, view: View) -> tuple[Query, tuple[Remark, ...]]:
        dialect = self.source.dialect
        writer = Writer(dialect, self.target, self.rules, self.names, Scope(dialect, self.target))
        tree = statement(view.query.strip().rstrip(";"), dialect)
        made = Reader(writer, self.library).query(tree, inside=bool(view.columns))
        return made, writer.remarks

    def columns(self, view: View) -> Mapping[str, Piece]:
        """What a view gives, by the names that the source has for it."""
        made, _ = self.written(view)
        if not view.columns:
            return made.columns
        return dict(zip(view.columns, made.columns.values(), strict=True))


def view(
    given: View,
    source: Catalog,
    target: Dialect,
    names: Names,
    rules: Rules,
    types: Mapping[ObjectName, Mapping[str, str]] | None = None,
) -> Program:
    """The target's view.

    Args:
        given: as the source has it.
        source: the whole catalog that it is of: tables and other views are looked up in it.
        types: the target's column types, by the source's names of tables and columns, where they are known.
    """
    name = names.objects.get(given.name)
    try:
        if name is None:
            raise RefusalError("missing-object", f"{given.name} has no name in the target")
        if source.dialect is target:
            kept.refuse_history(given.query, names)
            _made_of(given, source)
            query = splicing.query(given.query, source, names)
            return Program((replace(given, name=name, query=query, line=0),))
        if given.materialized and target is not Dialect.POSTGRESQL:
            raise RefusalError(
                "materialized-view",
                "the target has no materialized views",
                "make it a table that a job fills, or an ordinary view",
                Complexity.MEDIUM,
            )
        like = source.dialect.mysql_like and target.mysql_like
        if like:
            with contextlib.suppress(RefusalError):
                return related.view(given, name, source, target, names, rules)
        made, remarks = _Views(source, target, names, rules, types or {}).written(given)
        if given.materialized:
            remarks += (_REFRESHED,)
        program = _program(given, name, made, remarks, target, source.dialect is Dialect.ORACLE)
        return _in_session(program, *related.view_options(given, source, target, rules)) if like else program
    except RefusalError as refusal:
        remark = refusal.remark
        if remark.complexity is Complexity.SIMPLE:
            remark = replace(remark, complexity=_effort(given.query))
        return Program(remarks=(remark,))


def _in_session(program: Program, options: dict[str, str], remarks: list[Remark]) -> Program:
    objects = tuple(replace(made, options=options) for made in program.objects)
    return Program(objects, (*program.remarks, *remarks))


def _made_of(given: View, source: Catalog) -> None:
    """
    Raises:
        RefusalError: it calls a function that nobody makes in the target.
    """
    for other in source.others:
        name = re.escape(other.name.name)
        if other.kind is ObjectKind.FUNCTION and re.search(rf"(?i)(?<!\w){name}\"?\s*\(", given.query):
            raise RefusalError("missing-object", f"its function {other.name} is not converted")


_REFRESHED = Remark(
    "materialized-view",
    Grade.CHANGED,
    "it is filled when it is made; PostgreSQL refreshes it only when it is told to",
    "run REFRESH MATERIALIZED VIEW where the source refreshed it (by a job, or on commit)",
    Complexity.SIMPLE,
)


_INVOKER = Remark(
    "view-security",
    Grade.CHANGED,
    "it reads with the privileges of who asks (SQL SECURITY INVOKER), in the target with those of its owner",
    "PostgreSQL: ALTER VIEW … SET (security_invoker = true)",
    Complexity.SIMPLE,
)


def _program(
    given: View, name: ObjectName, made: Query, remarks: tuple[Remark, ...], target: Dialect, folded: bool
) -> Program:
    option = given.check_option
    if option and target.mysql_like and _asks_itself(made.sql):
        remarks += (
            Remark(
                "check-option",
                Grade.CHANGED,
                "it asks its own table for other rows, so that nothing can be written through it in MySQL",
                "write to the table instead",
            ),
        )
        option = ""
    if option and target is Dialect.SQLITE:
        remarks += (
            Remark(
                "check-option",
                Grade.CHANGED,
                "nothing can be written through a view in SQLite, so that there is no CHECK OPTION",
                "write to the table instead",
            ),
        )
        option = ""
    if given.columns and len(given.columns) != len(made.columns):
        raise RefusalError("query-form", "the view names more or fewer columns than its query gives")
    columns = tuple(column.lower() if folded and column.isupper() else column for column in given.columns)
    if given.options.get("security") == "invoker" and not target.mysql_like:
        remarks += (_INVOKER,)
    view = View(name, made.sql, columns, given.materialized, option)
    return Program((view,), remarks)


def _asks_itself(query: str) -> bool:
    read = re.search(r"\bFROM (\S+)", query)
    return read is not None and query.count("SELECT") > 1 and query.count(read[1]) > 1


def _effort(text: str) -> Complexity:
    """Of a view that a person writes anew: by its length and what it reads."""
    words = text.lower().split()
    joins = words.count("join") + words.count("union") + words.count("select") - 1
    if joins > 8 or len(words) > 600:
        return Complexity.SIGNIFICANT
    return Complexity.MEDIUM if joins > 1 or len(words) > 80 else Complexity.SIMPLE
