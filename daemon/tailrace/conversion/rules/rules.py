"""All tables together, and what they say of a column, a name, a collation."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from pathlib import Path

from pydantic import ValidationError

from tailrace.conversion.catalog import Dialect, ObjectName
from tailrace.conversion.outcome import Complexity
from tailrace.conversion.rules.model import FunctionRule, Hours, NameRule, Tables
from tailrace.errors import ConfigError

_OURS = ("collations", "values", "numbers", "texts", "clocks", "moments", "forms", "styles", "intervals", "aggregates")


@dataclass(frozen=True, slots=True)
class Rules:
    """A person's lines stand before ours; the first that matches is taken.

    Attributes:
        tables: of each file, those that win first.
    """

    tables: tuple[Tables, ...] = ()
    _functions: dict[tuple[Dialect, Dialect], dict[str, list[FunctionRule]]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def type_of(self, source: Dialect, target: Dialect, table: ObjectName, column: str, sql_type: str) -> str | None:
        """The target's type that a person wants for a column; None: what the sinks make of it.

        Args:
            sql_type: as the source writes it.
        """
        plain = _plain_type(sql_type)
        for tables in self.tables:
            for rule in tables.types:
                if (
                    rule.between(source, target)
                    and rule.at(str(table), column)
                    and fnmatchcase(plain, _pattern(_plain_type(rule.type)))
                ):
                    return rule.become
        return None

    def name_of(self, source: Dialect, target: Dialect, name: ObjectName, column: str = "") -> str | None:
        """What a person wants a table (with its schema, if the rule says one), or a column of it, to be called."""
        for tables in self.tables:
            for rule in tables.names:
                # A line that names no column is for the table itself, unless it only says how names are written.
                of_columns = rule.column != "*" or bool(rule.case)
                of_tables = rule.column == "*"
                if not rule.between(source, target) or not (of_columns if column else of_tables):
                    continue
                if rule.at(str(name), column):
                    return _named(rule, column or name.name)
        return None

    def collation_of(self, source: Dialect, target: Dialect, collation: str) -> tuple[str, str] | None:
        """The target's collation ("": the sinks' binary one) and what is different ("": nothing). None: not listed."""
        for tables in self.tables:
            for rule in tables.collations:
                if rule.between(source, target) and fnmatchcase(collation.lower(), rule.collation.lower()):
                    return rule.become, rule.reason
        return None

    def expression_of(self, source: Dialect, target: Dialect, table: str, column: str, sql: str) -> str | None:
        """What a person wants a whole expression to become.

        Args:
            table: with its schema; "" for none.
        """
        plain = _plain_sql(sql)
        for tables in self.tables:
            for rule in tables.expressions:
                if rule.between(source, target) and rule.at(table, column) and _plain_sql(rule.sql) == plain:
                    return rule.become
        return None

    def functions(self, source: Dialect, target: Dialect, name: str) -> list[FunctionRule]:
        """Lines of a function of this name, in lower case, those that win first."""
        pair = (source, target)
        known = self._functions.get(pair)
        if known is None:
            known = self._functions[pair] = {}
            for tables in self.tables:
                for rule in tables.functions:
                    if rule.between(source, target):
                        for called in rule.name:
                            known.setdefault(called, []).append(rule)
        return known.get(name, [])

    def hours(self, code: str, complexity: Complexity) -> float:
        """What an item of this code and class is estimated at, in hours."""
        for hours in self._hours():
            if code in hours.codes:
                return hours.codes[code]
        hours = next(self._hours(), Hours())
        return {
            Complexity.SIMPLE: hours.simple,
            Complexity.MEDIUM: hours.medium,
            Complexity.SIGNIFICANT: hours.significant,
        }[complexity]

    @property
    def again(self) -> float:
        """Share of its hours that an item takes which asks what another of its code has asked already."""
        return next(self._hours(), Hours()).again

    def _hours(self) -> Iterator[Hours]:
        return (tables.hours for tables in self.tables if tables.hours)


def load(files: Iterable[Path | str] = ()) -> Rules:
    """Our tables, with those of a person's files before them; of two files the later wins.

    Raises:
        ConfigError: a file is not there, is no TOML, or says what no table takes: file, key, and what is wrong.
    """
    theirs = [_read(Path(file)) for file in files]
    return Rules((*reversed(theirs), *_ours()))


@cache
def _ours() -> tuple[Tables, ...]:
    folder = resources.files("tailrace.conversion.rules")
    return tuple(
        _tables((folder / f"{name}.toml").read_text("utf-8"), f"tailrace/conversion/rules/{name}.toml")
        for name in _OURS
    )


def _read(path: Path) -> Tables:
    try:
        text = path.read_bytes().decode()
    except UnicodeDecodeError:
        raise ConfigError("is not UTF-8", where=str(path), fix="save it as UTF-8") from None
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=str(path), fix="check the path") from None
    return _tables(text, str(path))


def _tables(text: str, file: str) -> Tables:
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"not valid TOML: {error}", where=file, fix="see https://toml.io for the syntax") from None
    try:
        return Tables.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        place = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in first["loc"]).lstrip(".")
        what = first["msg"].removeprefix("Value error, ")
        fix = "see docs/reference/conversion-rules.md for what a rule can say"
        raise ConfigError(f"{what[:1].lower()}{what[1:]}", where=f"{file}: {place}", fix=fix) from None


def _plain_type(text: str) -> str:
    plain = " ".join(text.lower().split())
    return re.sub(r"\s*([(),])\s*", r"\1", plain)


def _pattern(text: str) -> str:
    """Brackets are an array's (``integer[]``), not a choice of letters."""
    return text.replace("[", "[[]")


_LETTERS = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|\s+|[^\s'\"`]+")


def _plain_sql(sql: str) -> str:
    """Without blanks, in lower case, but for what stands in quotes."""
    parts = (match[0] for match in _LETTERS.finditer(sql))
    return "".join(part if part[0] in "'\"`" else part.lower() for part in parts if not part.isspace())


def _named(rule: NameRule, name: str) -> str:
    if rule.become:
        return rule.become
    if rule.case == "snake":
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
    return name.upper() if rule.case == "upper" else name.lower() if rule.case == "lower" else name
