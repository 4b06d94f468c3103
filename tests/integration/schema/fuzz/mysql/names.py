"""Odd names: words of the language, capitals, blanks, quotes, letters of all scripts, lengths at the edge."""

from __future__ import annotations

import random

_LONG = "a_name_as_long_as_mysql_takes_it_which_is_one_more_than_others_do"
_NAMES = (
    "select", "order", "group", "user", "check", "default", "value", "end", "Table", "CamelCase", "UPPER",
    "two words",
    'say "so"', "it's", "back`tick", "größe", "表", "a.b", "1abc", "$x", "a-b", "x;y", "back\\slash", "-- x", "id2",
    "oid",
    "ctid", "xmin", "tableoid", "rowid", "_rowid_", "current_date", "new", "old", "excluded", "true", "null", "year",
    _LONG[:64], _LONG[:63] + "X", _LONG[:63], "ß" * 40, "Ä", "ä", "é", "e\u0301", "😀"[:0] or "emoji",
)  # fmt: skip


class Names:
    """Gives each name once; what differs in case only is one to MySQL's columns."""

    def __init__(self, dice: random.Random, odd: bool) -> None:
        self._dice, self._odd = dice, odd
        self._given: set[str] = set()

    def name(self, usual: str) -> str:
        """The usual one, or an odd one where there are to be some."""
        if self._odd and self._dice.random() < 0.5:
            wanted = self._dice.choice(_NAMES)
            if wanted.casefold() not in self._given:
                self._given.add(wanted.casefold())
                return wanted
        return usual


def quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
