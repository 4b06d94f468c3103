"""Random well-typed expressions, put together from forms whose holes are of one sort each.

Holes: {I} integer, {N} any number, {T} text, {D} date, {M} moment (DATETIME, TIMESTAMP or DATE), {B} condition,
{Y} bytes, {X} anything, {n} a small literal integer, {s} a literal text, {d} a literal day, {p} a pattern, {l} a label.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from tests.integration.schema.fuzz.mysql import columns as kinds
from tests.integration.schema.fuzz.mysql.columns import Column

FORMS: dict[str, tuple[str, ...]] = {
    "I": (
        "{I} + {I}", "{I} - {I}", "{I} * {I}", "-{I}", "{I} div {I}", "{I} div {n}", "{N} div {n}", "{I} % {n}",
        "{I} % {I}",
        "mod({I}, {n})", "abs({I})", "sign({N})", "floor({N})", "ceiling({N})", "round({N})", "char_length({T})",
        "length({T})", "length({Y})", "octet_length({T})", "greatest({I}, {I})", "least({I}, {n})",
        "coalesce({I}, {n})",
        "ifnull({I}, {I})", "nullif({I}, {n})", "if({B}, {I}, {I})", "case when {B} then {I} else {I} end",
        "case {I} when {n} then {I} when {n} then {n} end", "year({M})", "month({M})", "day({M})", "hour({M})",
        "minute({M})",
        "second({M})", "quarter({M})", "dayofweek({M})", "weekday({M})", "dayofyear({M})", "dayofmonth({M})",
        "extract(year from {M})", "extract(month from {M})", "datediff({M}, {M})", "datediff({M}, {d})",
        "timestampdiff(day, {M}, {M})", "timestampdiff(hour, {M}, {M})", "timestampdiff(month, {M}, {M})",
        "timestampdiff(year, {M}, {d})", "timestampdiff(second, {M}, {M})", "locate({s}, {T})", "instr({T}, {s})",
        "position({s} in {T})", "cast({N} as signed)", "cast({T} as signed)", "cast({I} as unsigned)", "{B}",
        "({B}) + {n}",
        "{I} & {n}", "{I} | {n}", "{I} ^ {n}", "~{I}", "{I} << {n}", "{I} >> {n}", "isnull({X})",
        "locate({s}, {T}, {n})",
        "ascii({T})", "field({T}, {s}, {s})", "interval({I}, {n}, {n})", "strcmp({T}, {T})", "week({M})", "{n}",
        "+{I}",
        "truncate({I}, -1)", "round({I}, -1)", "microsecond({M})", "to_days({M})", "unix_timestamp({M})",
        "crc32({T})",
        "bit_count({I})", "json_length({J})", "cast({B} as signed)", "{B} + {B}", "cast({D} as signed)",
    ),
    "F": (
        "{N} + {N}", "{N} - {N}", "{N} * {N}", "{N} / {N}", "{N} / {n}", "{I} / {n}", "{N} % {n}", "mod({N}, {N})",
        "-{N}",
        "abs({N})", "round({N}, 2)", "round({N}, 0)", "truncate({N}, 1)", "truncate({N}, 0)", "greatest({N}, {N})",
        "least({N}, {N})", "coalesce({N}, {N})", "ifnull({N}, {n})", "nullif({N}, {N})", "if({B}, {N}, {N})",
        "case when {B} then {N} when {B} then {N} end", "cast({N} as decimal(10,2))", "cast({T} as decimal(10,2))",
        "{N} * 1.5", "{N} + 0.1", "{N} - 2.25", "sqrt({I})", "pow({I}, 2)", "cast({N} as double)", "{N} * 1e0",
        "{T} + {n}",
        "round({N}, {n})", "exp({n})", "log({I})", "mod({N}, 2.5)", "{I} + '3'", "format({N}, 2)",
        "cast({N} as decimal(5,0))",
    ),
    "T": (
        "concat({T}, {T})", "concat({T}, {s}, {I})", "concat({N}, {s})", "concat_ws({s}, {T}, {T})",
        "concat_ws('-', {T}, {I})",
        "upper({T})", "lower({T})", "left({T}, {n})", "right({T}, {n})", "substring({T}, {n})",
        "substring({T}, {n}, {n})",
        "substr({T}, {n}, {n})", "substring({T}, -2)", "mid({T}, {n}, {n})", "substring({T}, {I}, {n})",
        "left({T}, {I})",
        "trim({T})", "ltrim({T})", "rtrim({T})", "trim(both {s} from {T})", "trim(leading {s} from {T})",
        "trim(trailing {s} from {T})", "lpad({T}, {n}, {s})", "rpad({T}, {n}, {s})", "lpad({I}, 8, '0')",
        "lpad({T}, {I}, 'x')",
        "replace({T}, {s}, {s})", "reverse({T})", "repeat({T}, {n})", "repeat({s}, {I})", "coalesce({T}, {s})",
        "ifnull({T}, {T})", "nullif({T}, {s})", "nullif({T}, {T})", "if({B}, {T}, {s})",
        "case when {B} then {T} else {s} end",
        "case {T} when {s} then {s} else {T} end", "case {I} when {n} then {s} when {n} then {T} end",
        "cast({N} as char)",
        "cast({I} as char(3))", "cast({M} as char)", "cast({D} as char)", "cast({T} as char(3))", "hex({I})",
        "md5({T})",
        "date_format({M}, '%Y-%m-%d')", "date_format({M}, '%d.%m.%y %H:%i')", "date_format({M}, '%W %M %e')",
        "elt({n}, {s}, {T})",
        "greatest({T}, {T})", "least({T}, {s})", "substring_index({T}, {s}, {n})", "insert({T}, {n}, {n}, {s})",
        "space({n})",
        "json_unquote({J})", "hex({T})", "quote({T})", "concat({D}, {T})", "concat({M}, '')", "monthname({M})",
        "{E}", "{s}",
        "concat({E}, {s})", "conv({I}, 10, 16)", "coalesce({T}, {I})", "if({B}, {T}, {I})", "coalesce({E}, {T})",
        "date_format({M}, '%j %u %p %h')",
    ),
    "B": (
        "{I} = {I}", "{I} > {n}", "{I} <= {N}", "{N} < {N}", "{N} >= {n}", "{N} <> {N}", "{I} != {n}", "{I} <=> {I}",
        "{T} <=> {T}",
        "{N} = '{n}'", "{I} = {s}", "{N} > '2.5'", "{T} = {s}", "{T} = {T}", "{T} <> {s}", "{T} < {s}", "{T} >= {T}",
        "{T} = {n}",
        "{T} in ({s}, {s})", "{T} not in ({s}, {T})", "{I} in ({n}, {n}, {I})", "{I} not in ({n}, null)",
        "{N} in ({n}, 2.5)",
        "{N} between {n} and {N}", "{I} not between {n} and {n}", "{T} between {s} and {s}",
        "{M} between {d} and {d}",
        "{T} like {p}", "{T} not like {p}", "{T} like {T}", "{T} regexp '^[a-z]+$'", "{T} regexp 'b'",
        "{T} rlike '^$'",
        "{T} not regexp '[0-9]'", "{I} is null", "{T} is not null", "{B} is true", "{B} is not false",
        "{I} is unknown", "not {B}",
        "!{B}", "not {I}", "{B} and {B}", "{B} or {B}", "{B} xor {B}", "{B} && {I}", "{I} or {B}", "({B}) = ({B})",
        "{B} = {n}",
        "{M} > {d}", "{M} = {M}", "{D} < {M}", "{D} = {d}", "{M} >= '2024-01-01 12:00:00'", "{D} in ({d}, {d})",
        "{M} <=> {M}",
        "if({B}, {B}, {B})", "case when {B} then {B} else {B} end", "coalesce({B}, false)", "ifnull({B}, true)",
        "{I}", "{N}",
        "{E} = {s}", "{E} in ({l}, {l})", "{E} = {l}", "{E} <> {l}", "{E} > {l}", "{E} = {n}", "{E} like {p}",
        "{T} = {E}",
        "{Y} = {Y}", "{Y} = x'00'", "{Y} > {s}", "{T} = binary {s}", "{T} like binary {p}", "json_valid({T})",
        "{I} between {I} and {I}",
        "{H} > '12:00:00'", "{R} > 2000", "{R} = {n}", "{D} > {n}", "({I}, {T}) = ({n}, {s})",
        "{T} like {s} escape '|'", "exists(select 1)",
        "{S} = {l}", "find_in_set({l}, {S})", "{Q} = {n}", "{Q} > 0", "{N} > {T}", "{M} = {s}",
        "json_extract({J}, '$.a') = {n}", "{J} is null",
        "isnull({T})", "{T} is true", "{T} like concat({s}, '%')", "{D} is null or {B}",
    ),
    "D": (
        "date({M})", "cast({M} as date)", "last_day({M})", "{D} + interval {n} day", "{D} - interval {n} month",
        "date_add({D}, interval {n} year)", "date_sub({D}, interval {n} week)", "adddate({D}, {n})",
        "{D} + interval ({I} % 100) day",
        "coalesce({D}, {d})", "greatest({D}, {D})", "if({B}, {D}, {D})", "nullif({D}, {d})", "date({d})",
        "least({D}, {d})",
        "subdate({D}, interval 1 quarter)", "case when {B} then {D} end", "makedate(2024, {n})",
        "str_to_date({T}, '%Y-%m-%d')", "cast({T} as date)",
        "ifnull({D}, {D})",
    ),
    "M": (
        "{M} + interval {n} hour", "{M} - interval {n} minute", "{M} + interval {n} month",
        "date_add({M}, interval {n} second)",
        "{M} + interval {n} day", "coalesce({M}, {M})", "greatest({M}, {M})", "if({B}, {M}, {M})", "ifnull({M}, {D})",
        "cast({D} as datetime)", "timestamp({D})", "nullif({M}, {M})", "{M} + interval ({I} % 1000) second",
        "case when {B} then {M} else {D} end",
        "cast({M} as datetime)", "{M} - interval 1 year", "timestampadd(hour, {n}, {M})",
        "{M} + interval 1 microsecond", "{D}",
        "{M} + interval '1:30' hour_minute", "convert_tz({M}, '+00:00', '+02:00')", "addtime({M}, '01:00:00')",
        "from_unixtime({I})", "least({M}, {d})",
    ),
}  # fmt: skip
_LITERALS = (
    "''", "' '", "'a'", "'A'", "'ab'", "'abc'", "'b'", "'1'", "'0'", "'x '", "'%'", "'_'", "'ß'", "'it''s'", "'12abc'",
    "'é'", "'1.5'", "'\\\\'", "'a\\\\b'", "'\\n'", "'漢'", "'NULL'", "'-'", "'new'", "'2024-01-01'",
)  # fmt: skip
_PATTERNS = (
    "'a%'",
    "'%b%'",
    "'_b_'",
    "'%'",
    "''",
    "'%\\\\_%'",
    "'a\\\\%'",
    "'%\\\\\\\\%'",
    "'A%'",
    "'%[a-c]%'",
    "'a*'",
    "'%c'",
    "'_'",
    "'% '",
    "'%\\''",
    "'%ß'",
)
_DAYS = ("'2024-02-29'", "'2024-01-01'", "'1999-12-31'", "'2024-12-31'", "date'2024-01-31'", "'2024-01-15 12:30:00'")
_NUMBERS = ("0", "1", "2", "3", "7", "10", "-1", "100", "5", "null", "1", "2", "3")
_HOLE = re.compile(r"\{(\w)\}")
_DEEPER = {"N": "IF", "M": "MD"}


class Expressions:
    """
    Args:
        columns: those that an expression may name.
    """

    def __init__(self, dice: random.Random, columns: Sequence[Column]) -> None:
        self._dice = dice
        self._columns: dict[str, list[Column]] = {}
        for column in columns:
            self._columns.setdefault(column.sort, []).append(column)

    def any(self, depth: int = 2) -> str:
        return self.of(self._dice.choices("IFTBDM", (5, 4, 6, 6, 2, 3))[0], depth)

    def of(self, sort: str, depth: int) -> str:
        """An expression whose value is of the sort."""
        dice = self._dice
        if sort == "N":
            sort = dice.choice("IF")
        elif sort == "X":
            sort = dice.choice("IFTDM")
        if sort not in FORMS or depth <= 0 or dice.random() < 0.1:
            return self._leaf(sort)
        form = dice.choice(FORMS[sort])
        return _HOLE.sub(lambda hole: self._filled(hole[1], depth), form)

    def _filled(self, hole: str, depth: int) -> str:
        dice = self._dice
        match hole:
            case "n":
                return dice.choice(_NUMBERS)
            case "s":
                return dice.choice(_LITERALS)
            case "p":
                return dice.choice(_PATTERNS)
            case "d":
                return dice.choice(_DAYS)
            case "l":
                found = [
                    label
                    for column in self._columns.get("E", []) + self._columns.get("S", [])
                    for label in column.labels
                ]
                return f"'{dice.choice(found)}'" if found else "'new'"
        inner = self.of(hole, depth - 1 - (dice.random() < 0.4))
        return inner if inner.startswith("`") and inner.count("`") == 2 else f"({inner})"

    def _leaf(self, sort: str) -> str:
        dice = self._dice
        wanted = {"F": kinds.DECIMAL + kinds.FLOAT, "M": "MMD", "Q": kinds.BIT, "B": "I"}.get(sort, sort)
        found = [column for one in wanted for column in self._columns.get(one, [])]
        if found and dice.random() < 0.9:
            return dice.choice(found).quoted
        return dice.choice(
            {
                "I" : _NUMBERS, "F" : ("0.5", "2.50", "1e1", "-1.25", "100" ), "T" : _LITERALS, "D" :
                ("date'2024-02-29'", "cast('2024-01-31' as date)" ),
                "M" : ("timestamp'2024-02-29 12:34:56'", "cast('2024-01-31 01:02:03' as datetime)" ), "Y" :
                ("x'00ff'", "x'41'" ),
                "B" : ("true", "false", "null", "1", "0" ), "E" : _LITERALS, "H" : ("time'12:34:56'",), "J" :
                ("json_object('a', 1)",),
            }.get(sort, _NUMBERS)
        )  # fmt: skip
