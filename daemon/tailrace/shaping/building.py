"""A table's rules applied to one version of its columns: a shape, or what is wrong with them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from tailrace.schema import Column, Kind, TableSchema
from tailrace.shaping.column_types import Dialect
from tailrace.shaping.condition import columns_of
from tailrace.shaping.conversions import converted
from tailrace.shaping.expressions import Constant, bind_expression, references
from tailrace.shaping.masks import Alter, masked
from tailrace.shaping.predicate import Predicate, bind
from tailrace.shaping.rules import Rules
from tailrace.shaping.shape import FIRST_ADDED, Added, Carried, Shape, altered, refusing


@dataclass(frozen=True, slots=True)
class Problem:
    """A rule that does not fit the table.

    Attributes:
        key: of `[[tables]]`, with the member that is meant (``columns.drop``).
    """

    key: str
    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.key}: {self.what}; {self.fix}"


class ShapeError(Exception):
    """The rules of a table do not fit its columns.

    Attributes:
        problems: at least one.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems))


def build(source: TableSchema, rules: Rules) -> Shape:
    """The shape of this version.

    Raises:
        ShapeError: there is none; with all reasons.
    """
    return _Builder(source, rules).build()


class _Builder:
    def __init__(self, source: TableSchema, rules: Rules) -> None:
        self._source = source
        self._rules = rules
        self._dialect = Dialect(postgres=source.name.schema is not None)
        self._problems: list[Problem] = []
        self._places = {column.name: index for index, column in enumerate(source.columns)}

    def build(self) -> Shape:
        self._problems += self._unknown()
        if self._problems:
            raise ShapeError(self._problems)
        rules, source = self._rules, self._source
        key = rules.key or tuple(column.name for column in source.key)
        self._check_key(key)
        carried: list[Carried] = []
        columns: list[Column] = []
        for column in source.columns:
            what, becomes = self._column(column, key)
            carried.append(what)
            if becomes is not None:
                columns.append(becomes)
        added = list(self._added())
        columns += [
            Column(FIRST_ADDED + number, column.name, column.bound.type, nullable=_nullable(column))
            for number, column in enumerate(added)
        ]
        self._check_names(columns)
        where, filtered = self._where()
        if self._problems:
            raise ShapeError(self._problems)
        target = rules.target(source.name)
        schema = replace(source, columns=tuple(columns), target="" if target == source.name.table else target)
        return Shape(source, schema, carried, added, rules, where, filtered)

    # ---- parts

    def _column(self, column: Column, key: tuple[str, ...]) -> tuple[Carried, Column | None]:
        rules = self._rules
        name = column.name
        place = key.index(name) + 1 if name in key else 0
        if name in rules.drop:
            if place:
                self._refuse("columns.drop", f"{name} is part of the key", "choose another `key`, or keep the column")
            for other, said in (
                ("mask", rules.masks),
                ("columns.type", rules.types),
                ("columns.rename", rules.renamed),
            ):
                if name in said:
                    self._refuse(other, f"{name} is dropped by columns.drop", "remove it from one of the two")
            return Carried("", note="dropped"), None
        new = rules.cased(rules.renamed.get(name, name))
        type_, nullable = column.type, column.nullable
        alter: Alter | None = None
        notes: list[str] = []
        if name in rules.masks:
            mask = rules.masks[name]
            if place and mask.kind != "hash":
                self._refuse("mask", f"{name} is part of the key", "use hash, which keeps different keys different")
            if name in rules.types:
                self._refuse("columns.type", f"{name} is masked", "remove it from one of the two")
            nullable = nullable or mask.kind == "null"
            notes.append(f"masked: {mask}")
            if mask.kind == "hash" and not rules.salt:
                self._refuse("mask_salt", f"{name} is hashed without a salt", 'add mask_salt = "${SALT}"')
            try:
                type_, alter = masked(mask, type_, rules.salt, self._dialect)
            except ValueError as error:
                self._refuse("mask", f"column {name}: {error}", "choose another mask")
        elif name in rules.types:
            written = rules.types[name]
            notes.append(f"type: {written}")
            if place and type_.kind is Kind.TEXT:
                self._refuse("columns.type", f"{name} is part of the key", "two texts may be one value of another type")
            try:
                type_, convert = converted(type_, written, self._dialect)
                alter = refusing(convert, f"{self._source.name}.{name} cannot become {written}")
            except ValueError as error:
                self._refuse("columns.type", f"column {name}: {error}", "choose another type")
        if new != name:
            notes.insert(0, f"renamed to {new}")
        becomes = replace(
            column,
            name=new,
            type=type_,
            key=place,
            nullable=nullable and not place,
            initial=altered(column.initial, alter),
        )
        return Carried(new, alter, ", ".join(notes)), becomes

    def _added(self) -> Iterator[Added]:
        for name, expression in self._rules.added.items():
            key = "columns.add"
            for column in sorted(references(expression) & set(self._rules.masks)):
                self._refuse(key, f"{name} uses {column}, which is masked", "leave it out of the expression")
            try:
                bound = bind_expression(expression, self._source, self._dialect)
            except ValueError as error:
                self._refuse(key, f"column {name}: {error}", "write another expression")
                continue
            constant = expression.fragment if isinstance(expression, Constant) else None
            yield Added(self._rules.cased(name), bound, constant)

    def _where(self) -> tuple[Predicate | None, frozenset[int]]:
        condition = self._rules.where
        if condition is None:
            return None, frozenset()
        try:
            predicate = bind(condition, self._source)
        except ValueError as error:
            self._refuse("where", str(error), "correct the comparison")
            return None, frozenset()
        return predicate, frozenset(self._places[name] for name in columns_of(condition))

    # ---- what does not fit

    def _refuse(self, key: str, what: str, fix: str) -> None:
        self._problems.append(Problem(key, what, fix))

    def _unknown(self) -> Iterator[Problem]:
        rules = self._rules
        named: dict[str, Iterable[str]] = {
            "where": columns_of(rules.where) if rules.where is not None else (),
            "columns.drop": rules.drop,
            "columns.rename": rules.renamed,
            "columns.type": rules.types,
            "columns.add": [name for one in rules.added.values() for name in sorted(references(one))],
            "key": rules.key,
            "mask": rules.masks,
        }
        for key, names in named.items():
            for name in dict.fromkeys(names):
                if name not in self._places:
                    yield Problem(key, f"{self._source.name} has no column {name}", self._suggestion(name))

    def _suggestion(self, name: str) -> str:
        by_folded = {known.casefold(): known for known in self._places}
        close = by_folded.get(name.casefold()) or next(iter(difflib.get_close_matches(name, self._places, n=1)), "")
        if close:
            return f"did you mean {close!r}?"
        return f"it has: {', '.join(list(self._places)[:10])}{', …' if len(self._places) > 10 else ''}"

    def _check_key(self, key: tuple[str, ...]) -> None:
        for name in self._rules.key:
            if self._source.columns[self._places[name]].nullable:
                self._refuse("key", f"column {name} may be NULL", "choose columns that are NOT NULL")
        if len(set(key)) < len(key):
            self._refuse("key", "a column stands in it twice", "name each once")

    def _check_names(self, columns: list[Column]) -> None:
        if not columns or columns[0].id >= FIRST_ADDED:
            self._refuse("columns.drop", "no column of the source is left", "keep one, or exclude the table")
        seen: dict[str, str] = {}
        for column in columns:
            other = seen.get(column.name.casefold())
            if other is not None:
                said = f"{other} and {column.name}" if other != column.name else f"two columns {other}"
                self._refuse("columns", f"there would be {said}", "choose other names")
            seen[column.name.casefold()] = column.name


def _nullable(column: Added) -> bool:
    return column.constant is None
