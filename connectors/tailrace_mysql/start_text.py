"""What may stand behind ``position:`` in `[source] start`; a file and a position, or transaction ids."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tailrace_mysql.gtid import DomainPosition, GtidSet
from tailrace_mysql.restart import FIRST_POSITION

_GTID = "gtid:"
_FILE = re.compile(r"([^:/\s]+\.\d{6,}):(\d{1,19})")
_MARIADB = re.compile(r"\d+-\d+-\d+(,\d+-\d+-\d+)*")
FORMS = (
    "position:binlog.000003:812",
    "position:gtid:3e11fa47-71ca-11e1-9e33-c80aa9429562:1-42",
    "position:gtid:0-1-42",
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A position.

    Attributes:
        file, pos: "" and 0 where transactions are named.
        gtid: everything that is done, as MySQL's set or MariaDB's position.
        mariadb: which of these two.
    """

    file: str = ""
    pos: int = 0
    gtid: str = ""
    mariadb: bool = False


def parse_position(text: str) -> Asked:
    """Raises ValueError for what is none."""
    if text.startswith(_GTID):
        gtid = "".join(text.removeprefix(_GTID).split())
        if _MARIADB.fullmatch(gtid):
            return Asked(gtid=DomainPosition(gtid).text, mariadb=True)
        known = GtidSet(gtid).text
        if not known:
            raise ValueError("names no transaction")
        return Asked(gtid=known)
    found = _FILE.fullmatch(text)
    if found is None or int(found[2]) < FIRST_POSITION:
        raise ValueError("is no place in a binlog")
    return Asked(found[1], int(found[2]))
