"""Random expressions of PostgreSQL's over given columns, well typed for the most part."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

_TEXTS = (
    "", "a", "A", "abc", "ABC", " x ", "it's", "50%", "a_b", "a\\b", "x\ny", "é", "straße", "漢字", "😀", "'", "\\",
    "\\\\n",
    "%", "_", "a%b", "true", "12", "2024-02-29", "ab  ", "[c]", "a*b", 'q"q', "`", "NULL", "ß",
)  # fmt: skip
_PATTERNS = (
    "a%", "%b", "%b%", "_b_", "%", "", "abc", "a\\%%", "%\\_it", "\\\\%", "%[c]%", "a*b?%", "A%", "%é%", "__", "a  %",
    "ab",
    "%'%", "%\n%",
)  # fmt: skip
_REGULAR = (
    "^[0-9]+$", "^a", "b$", "a.*b", "^(abc|ABC)$", "[a-z]+", "^[A-Z][a-z]*$", "a{2}", "^\\w+$", "^.{2,5}$", "^$", "x|y",
    "[^a-z]", "\\.", "a+b?", "^ab$", "[[:alpha:]]", "\\d", "(a|b)c", ".", "b",
)  # fmt: skip
_INTEGERS = (
    "0",
    "1",
    "-1",
    "2",
    "3",
    "7",
    "10",
    "100",
    "-5",
    "255",
    "32767",
    "2147483647",
    "-2147483648",
    "5000000000",
)
_DECIMALS = ("0.5", "1.5", "-2.25", "0.0001", "100.00", "12.345", "99999999.99", "1e3", "0", "-0.01", "2")
_FLOATS = ("0.1", "1.5", "-2.5", "1e10", "0", "3", "1e-7")
_DATES = (
    "2024-02-29",
    "2024-01-01",
    "1999-12-31",
    "2000-02-29",
    "2023-03-26",
    "1970-01-01",
    "0001-01-01",
    "9999-12-31",
)
_CLOCKS = ("", " 00:00:00", " 12:34:56.789", " 23:59:59.999999", " 01:30:00")
_INTERVALS = (
    "1 day", "1 month", "-1 month", "2 hours", "90 minutes", "1 year", "3 weeks", "1 day 02:00:00", "0.5 seconds",
    "-36 hours",
    "30 seconds", "1 mon 1 day", "13 months",
)  # fmt: skip
_PARTS = ("year", "month", "day", "quarter", "dow", "isodow", "doy", "week", "epoch", "decade", "century", "isoyear")
_CLOCK_PARTS = ("hour", "minute", "second", "milliseconds", "microseconds")
_TRUNCATED = ("year", "month", "day", "hour", "minute", "second", "week", "quarter")
_FORMS = ("YYYY-MM", "YYYY-MM-DD", "YYYY-MM-DD HH24:MI:SS", "YYYY", "DD/MM/YYYY", "YYYYMMDD", "Day", "MM", "Month")
_TYPES = {
    "integer": "int", "smallint": "int", "bigint": "int", "numeric": "decimal", "real": "float",
    "double precision": "float",
    "boolean": "bool", "character varying": "text", "text": "text", "character": "text", "date": "date",
    "timestamp without time zone": "moment", "timestamp with time zone": "zoned", "time without time zone": "time",
    "uuid": "uuid", "bytea": "bytes", "jsonb": "json", "json": "json", "enum": "label", "bit": "bits",
}  # fmt: skip


def literal(text: str) -> str:
    """A text as PostgreSQL's users write it."""
    return "'" + text.replace("'", "''") + "'"


def kind_of(sql_type: str) -> str:
    """A kind that `Expressions.of` makes, of a type without its length; "" none."""
    return _TYPES.get(sql_type, "text" if sql_type.startswith("character") else "")


class Expressions:
    """
    Args:
        columns: types (as `kind_of` takes them) by name, as SQL writes the name.
        labels: of columns of enums, by name.
        steady: nothing but what is always the same, as an index or a generated column wants it.
    """

    def __init__(
        self,
        dice: random.Random,
        columns: Mapping[str, str],
        labels: Mapping[str, Sequence[str]] | None = None,
        steady: bool = False,
    ) -> None:
        self._dice = dice
        self._steady = steady
        self._labels = labels or {}
        self._columns: dict[str, list[str]] = {}
        self._exact: dict[str, list[str]] = {}
        for name, type_ in columns.items():
            if type_ != "character":  # whose blanks at the end come and go: where they may not is asked apart
                self._columns.setdefault(kind_of(type_), []).append(name)
            self._exact.setdefault(type_, []).append(name)

    def of(self, kind: str, depth: int = 3) -> str:
        """An expression of the kind: int, decimal, float, bool, text, date, moment, zoned, time, uuid, bytes, any."""
        if kind == "any":
            kind = self._dice.choices(
                ("int", "decimal", "float", "bool", "text", "date", "moment", "zoned"), (5, 4, 2, 6, 6, 3, 3, 1)
            )[0]
        known = self._columns.get(kind, [])
        if depth <= 0 or self._dice.random() < 0.15:
            if known and self._dice.random() < 0.75:
                return self._dice.choice(known)
            return self.constant(kind)
        make = getattr(self, f"_{kind}", None)
        if make is None:
            return self._dice.choice(known) if known else self.constant(kind)
        return str(make(depth - 1)) if self._dice.random() < 0.85 else self._either(kind, depth - 1)

    def constant(self, kind: str) -> str:
        """A literal."""
        dice = self._dice
        match kind:
            case "int":
                return dice.choice(_INTEGERS)
            case "decimal":
                return dice.choice(_DECIMALS)
            case "float":
                return f"{dice.choice(_FLOATS)}::{dice.choice(('double precision', 'double precision', 'real'))}"
            case "bool":
                return dice.choice(("true", "false"))
            case "text":
                text = dice.choice(_TEXTS)
                if dice.random() < 0.15:
                    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
                    return f"E'{escaped}'"
                return literal(text) + dice.choice(("", "", "::text", "::varchar", "::varchar(3)"))
            case "date":
                return f"'{dice.choice(_DATES)}'::date"
            case "moment":
                return f"'{dice.choice(_DATES)}{dice.choice(_CLOCKS)}'::timestamp"
            case "zoned":
                return (
                    f"'{dice.choice(_DATES[:6])}"
                    f"{dice.choice(_CLOCKS[1:])}{dice.choice(('+00', '+02', '-05:30'))}'::timestamptz"
                )
            case "time":
                return f"'{dice.choice(('00:00', '12:34:56', '23:59:59.999999', '24:00:00', '01:02:03.5'))}'::time"
            case "uuid":
                return "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid"
            case "bytes":
                return dice.choice(("'\\x00ff'::bytea", "'\\x'::bytea", "'abc'::bytea", "'\\x5c27'::bytea"))
            case "bits":
                return dice.choice(("B'0101'", "B'1111'", "B'0000'"))
        return "NULL"

    def _either(self, kind: str, depth: int) -> str:
        """One of several values."""
        dice = self._dice
        one, two = self.of(kind, depth), self.of(kind, depth)
        match dice.randrange(6):
            case 0:
                return f"CASE WHEN {self.of('bool', depth)} THEN {one} ELSE {two} END"
            case 1:
                return f"CASE WHEN {self.of('bool', depth)} THEN {one} END"
            case 2:
                asked = dice.choice(("int", "text"))
                return f"CASE {self.of(asked, depth)} WHEN {self.constant(asked)} THEN {one} ELSE {two} END"
            case 3:
                return f"coalesce({one}, {two})"
            case 4:
                return f"nullif({one}, {two})"
        return f"{dice.choice(('greatest', 'least'))}({one}, {two})"

    def _int(self, depth: int) -> str:
        dice = self._dice
        match dice.randrange(16):
            case 0 | 1 | 2:
                return f"({self.of('int', depth)} {dice.choice('+-*')} {self.of('int', depth)})"
            case 3:
                return f"({self.of('int', depth)} / {dice.choice((self.of('int', depth), '3', '2', '-2'))})"
            case 4:
                return f"({self.of('int', depth)} % {dice.choice((self.of('int', depth), '3', '-4'))})"
            case 5:
                return (
                    f"{dice.choice(('length', 'char_length', 'octet_length', 'bit_length', 'ascii'))}"
                    f"({self.of('text', depth)})"
                )
            case 6:
                return f"abs({self.of('int', depth)})"
            case 7:
                return f"{self.of('decimal', depth)}::{dice.choice(('int', 'bigint', 'smallint'))}"
            case 8:
                return f"strpos({self.of('text', depth)}, {self.of('text', 0)})"
            case 9:
                return f"position({self.of('text', 0)} in {self.of('text', depth)})"
            case 10:
                return f"extract({dice.choice(_PARTS)} from {self.of(dice.choice(('date', 'moment')), depth)})::int"
            case 11:
                return f"({self.of('date', depth)} - {self.of('date', depth)})"
            case 12:
                return f"- {self.of('int', depth)}"
            case 13:
                return f"mod({self.of('int', depth)}, {dice.choice(('3', '4', '-7', self.of('int', 0)))})"
            case 14:
                return (
                    f"({self.of('int', depth)} {dice.choice(('&', '|', '#', '<<', '>>'))} "
                    f"{dice.choice(('1', '3', self.of('int', 0)))})"
                )
        return f"{self.of('int', depth)}::{dice.choice(('bigint', 'int', 'smallint'))}"

    def _decimal(self, depth: int) -> str:
        dice = self._dice
        match dice.randrange(15):
            case 0 | 1 | 2:
                return (
                    f"({self.of('decimal', depth)} {dice.choice('+-*')} "
                    f"{self.of(dice.choice(('decimal', 'int')), depth)})"
                )
            case 3:
                return f"({self.of('decimal', depth)} / {dice.choice((self.of('decimal', depth), '3', '2.5'))})"
            case 4:
                return f"round({self.of('decimal', depth)}{dice.choice(('', ', 1', ', 0', ', 2', ', 4', ', -1'))})"
            case 5:
                return f"trunc({self.of('decimal', depth)}{dice.choice(('', ', 1', ', 0', ', 3', ', -1'))})"
            case 6:
                return f"{dice.choice(('floor', 'ceil', 'abs', 'sign', 'ceiling'))}({self.of('decimal', depth)})"
            case 7:
                return (
                    f"{self.of(dice.choice(('decimal', 'int')), depth)}"
                    f"::numeric{dice.choice(('', '(12,1)', '(10,0)', '(20,5)', '(5)'))}"
                )
            case 8 | 9:
                return f"extract({dice.choice(_PARTS)} from {self.of(dice.choice(('date', 'moment')), depth)})"
            case 10:
                return f"extract({dice.choice(_CLOCK_PARTS)} from {self.of('moment', depth)})"
            case 11:
                return f"({self.of('decimal', depth)} % {dice.choice((self.of('decimal', 0), '3', '0.7'))})"
            case 12:
                return f"- {self.of('decimal', depth)}"
            case 13:
                return f"({self._exact_division(depth)})"
        return f"{self.of('int', depth)}::numeric"

    def _exact_division(self, depth: int) -> str:
        whole = self._dice.choice(("sign", "floor", "extract", "round"))
        if whole == "extract":
            day = self.of("date", depth)
            return f"extract(year from {day}) / extract(month from {self.of('date', 0)})"
        return f"{whole}({self.of('decimal', depth)}) / {whole}({self.of('decimal', 0)})"

    def _float(self, depth: int) -> str:
        dice = self._dice
        match dice.randrange(7):
            case 0 | 1:
                return f"({self.of('float', depth)} {dice.choice('+-*/')} {self.of('float', depth)})"
            case 2:
                return (
                    f"{dice.choice(('floor', 'ceil', 'abs', 'sign', 'round', 'sqrt', 'exp'))}"
                    f"({self.of('float', depth)})"
                )
            case 3:
                return f"{self.of(dice.choice(('int', 'decimal')), depth)}::double precision"
            case 4:
                return f"- {self.of('float', depth)}"
            case 5:
                return f"date_part('{dice.choice(_PARTS)}', {self.of(dice.choice(('date', 'moment')), depth)})"
        return f"power({self.of('float', depth)}, 2)"

    def _text(self, depth: int) -> str:
        dice = self._dice
        text = self.of("text", depth)
        match dice.randrange(23):
            case 0:
                return f"({text} || {self.of(dice.choice(('text', 'text', 'int', 'decimal')), depth)})"
            case 1:
                parts = ", ".join(
                    self.of(dice.choice(("text", "text", "int")), depth) for _ in range(dice.randrange(1, 4))
                )
                return f"concat({parts})"
            case 2:
                return f"concat_ws({literal(dice.choice(('-', ', ', '')))}, {text}, {self.of('text', depth)})"
            case 3:
                return f"{dice.choice(('upper', 'lower', 'initcap', 'reverse', 'md5'))}({text})"
            case 4:
                return f"{dice.choice(('trim', 'btrim', 'ltrim', 'rtrim'))}({text})"
            case 5:
                trimmed = literal(dice.choice(("a", " ", "x", "ab", "'", "\\")))
                return f"trim({dice.choice(('both', 'leading', 'trailing'))} {trimmed} from {text})"
            case 6:
                return (
                    f"substr({text}, {dice.choice(('1', '2', '0', '-1', '5'))}{dice.choice(('', ', 2', ', 0', ', 3'))})"
                )
            case 7:
                return f"substring({text} from {dice.choice(('1', '2'))} for {dice.choice(('1', '3'))})"
            case 8:
                return f"{dice.choice(('left', 'right'))}({text}, {dice.choice(('0', '1', '3', '-1', '-2'))})"
            case 9:
                pad = dice.choice(("x", "xy", "*", " ", "é"))
                return f"{dice.choice(('lpad', 'rpad'))}({text}, {dice.choice(('0', '3', '8'))}, {literal(pad)})"
            case 10:
                return f"replace({text}, {literal(dice.choice(_TEXTS))}, {self.of('text', 0)})"
            case 11:
                return f"repeat({text}, {dice.choice(('0', '1', '2'))})"
            case 12:
                return f"({self.of(dice.choice(('int', 'decimal')), depth)})::text"
            case 13:
                return f"({text})::{dice.choice(('varchar(3)', 'varchar', 'text', 'char(3)', 'varchar(10)'))}"
            case 14:
                return f"to_char({self.of(dice.choice(('date', 'moment')), depth)}, '{dice.choice(_FORMS)}')"
            case 15:
                return f"split_part({text}, {literal(dice.choice(('a', ' ', '-')))}, 1)"
            case 16:
                return f"translate({text}, 'ab', 'xy')"
            case 17:
                return f"({self.of(dice.choice(('bool', 'date', 'uuid', 'float', 'moment')), depth)})::text"
            case 18:
                return f"overlay({text} placing 'zz' from 2 for 1)"
            case 19 | 20:
                exact = self._exact.get("character") or self._columns.get("text") or [text]
                fixed = dice.choice(exact)
                return dice.choice(
                    (f"({fixed} || 'x')", f"concat({fixed}, 'x')", f"upper({fixed})", f"coalesce({fixed}, 'y')",
                     f"replace({fixed}, ' ', '_')", f"rpad({fixed}, 8, '.')", f"concat_ws('-', {fixed}, 'z')")
                )  # fmt: skip
        return f"({text} || {self.of('text', depth)})"

    def _date(self, depth: int) -> str:
        dice = self._dice
        match dice.randrange(5):
            case 0:
                return (
                    f"({self.of('date', depth)} {dice.choice('+-')} "
                    f"{dice.choice(('10', '365', '-3', self.of('int', 0)))})"
                )
            case 1:
                return f"{self.of('moment', depth)}::date"
            case 2:
                return f"({self.of('date', depth)} + INTERVAL '{dice.choice(_INTERVALS)}')::date"
            case 3:
                return f"make_date({dice.choice(('2024', '1999'))}, 2, 3)"
        return self.of("date", 0)

    def _moment(self, depth: int) -> str:
        dice = self._dice
        match dice.randrange(6):
            case 0 | 1:
                return f"({self.of('moment', depth)} {dice.choice('+-')} INTERVAL '{dice.choice(_INTERVALS)}')"
            case 2:
                return f"date_trunc('{dice.choice(_TRUNCATED)}', {self.of('moment', depth)})"
            case 3:
                return f"{self.of('date', depth)}::timestamp"
            case 4:
                return f"({self.of('date', depth)} {dice.choice('+-')} INTERVAL '{dice.choice(_INTERVALS)}')"
        return f"({self.of('zoned', depth)} AT TIME ZONE 'UTC')"

    def _zoned(self, depth: int) -> str:
        dice = self._dice
        match dice.randrange(4):
            case 0 | 1:
                return f"({self.of('zoned', depth)} {dice.choice('+-')} INTERVAL '{dice.choice(_INTERVALS)}')"
            case 2:
                return f"({self.of('moment', depth)} AT TIME ZONE 'UTC')"
        return self.of("zoned", 0) if self._steady else dice.choice(("now()", "current_timestamp", self.of("zoned", 0)))

    def _bool(self, depth: int) -> str:
        dice = self._dice
        match dice.randrange(24):
            case 0 | 1 | 2 | 3:
                kind = dice.choice(
                    ("int", "decimal", "text", "float", "date", "moment", "zoned", "time", "uuid", "bytes", "bits")
                )
                sign = dice.choice(("=", "<>", "<", "<=", ">", ">="))
                return f"({self.of(kind, depth)} {sign} {self.of(kind, depth)})"
            case 4:
                mixed = ("int", "decimal", "float"), ("date", "moment", "zoned")
                one, other = (dice.choice(dice.choice(mixed)) for _ in range(2))
                return f"({self.of(one, depth)} {dice.choice(('=', '<', '>='))} {self.of(other, depth)})"
            case 5:
                kind = dice.choice(("int", "decimal", "text", "date", "bool", "moment"))
                return f"({self.of(kind, depth)} IS {dice.choice(('', 'NOT '))}DISTINCT FROM {self.of(kind, depth)})"
            case 6:
                return f"({self.of('any', depth)} IS {dice.choice(('', 'NOT '))}NULL)"
            case 7 | 8:
                kind = dice.choice(("int", "text", "decimal", "date", "text"))
                members = ", ".join(self.constant(kind) for _ in range(dice.randrange(1, 4)))
                if dice.random() < 0.2:
                    members += ", NULL"
                return f"({self.of(kind, depth)} {dice.choice(('', 'NOT '))}IN ({members}))"
            case 9:
                kind = dice.choice(("int", "decimal", "text", "date", "moment", "float"))
                low, high = self.of(kind, 0), self.of(kind, depth)
                word = dice.choice(("", "NOT ")) + "BETWEEN" + dice.choice(("", "", " SYMMETRIC"))
                return f"({self.of(kind, depth)} {word} {low} AND {high})"
            case 10 | 11:
                word = dice.choice(("LIKE", "NOT LIKE", "ILIKE", "NOT ILIKE"))
                return f"({self.of('text', depth)} {word} {literal(dice.choice(_PATTERNS))})"
            case 12:
                pattern = dice.choice(("a!%%", "%!_%", "a!!%", "%"))
                return f"({self.of('text', depth)} LIKE '{pattern}' ESCAPE '!')"
            case 13 | 14:
                return (
                    f"({self.of('text', depth)} {dice.choice(('~', '!~', '~*', '!~*'))} "
                    f"{literal(dice.choice(_REGULAR))})"
                )
            case 15:
                return (
                    f"({self.of('bool', depth)} IS "
                    f"{dice.choice(('', 'NOT '))}{dice.choice(('TRUE', 'FALSE', 'UNKNOWN'))})"
                )
            case 16 | 17:
                return f"({self.of('bool', depth)} {dice.choice(('AND', 'OR'))} {self.of('bool', depth)})"
            case 18:
                return f"(NOT {self.of('bool', depth)})"
            case 19:
                return f"({self.of('bool', depth)} {dice.choice(('=', '<>', '<', '>='))} {self.of('bool', depth)})"
            case 20:
                kind = dice.choice(("int", "text"))
                members = ", ".join(self.constant(kind) for _ in range(2))
                return (
                    f"({self.of(kind, depth)} {dice.choice(('= ANY', '<> ALL', '<> ANY', '> ALL'))} (ARRAY[{members}]))"
                )
            case 21:
                return self._labelled()
            case 22:
                fixed = self._exact.get("character")
                if fixed:
                    name = dice.choice(fixed)
                    return dice.choice(
                        (
                            f"({name} = {literal(dice.choice(('ab', 'ab  ', '')))})",
                            f"({name} LIKE {literal(dice.choice(_PATTERNS))})",
                            f"({name} ~ {literal(dice.choice(_REGULAR))})",
                            f"({name} IN ('ab', 'abc'))",
                            f"(length({name}) > 2)",
                            f"(octet_length({name}) > 2)",
                            f"({name}::text = {literal(dice.choice(('ab', 'ab  ')))})",
                        )
                    )
        return f"starts_with({self.of('text', depth)}, 'a')"

    def _labelled(self) -> str:
        if not self._labels:
            return "true"
        name = self._dice.choice(sorted(self._labels))
        label = literal(self._dice.choice(self._labels[name]))
        return self._dice.choice(
            (f"({name} = {label})", f"({name} <> {label})", f"({name} IN ({label}, {label}))", f"({name} > {label})",
             f"({name}::text = {label})", f"({name}::text LIKE '%e%')", f"(length({name}::text) > 3)")
        )  # fmt: skip
