"""What is done before a binlog file begins: PREVIOUS_GTIDS of MySQL, GTID_LIST of MariaDB.

``Gtid_set::encode`` in MySQL's ``sql/rpl_gtid_set.cc``; https://mariadb.com/kb/en/gtid_list_event/
"""

from __future__ import annotations

import struct

from tailrace_mysql.binlog.events import HEADER, server_text

#: Above the number of sources, where these have tags (MySQL 8.3).
_TAGGED = 1


def previous_gtids(event: bytes) -> str:
    """MySQL's set as text; raises ValueError for what is malformed."""
    try:
        (count,) = struct.unpack_from("<Q", event, HEADER)
        tagged = count >> 56 == _TAGGED
        if tagged:
            count = count >> 8 & 0xFFFF_FFFF_FFFF
        at = HEADER + 8
        parts = []
        for _ in range(count):
            source = server_text(event[at : at + 16])
            at += 16
            if tagged:
                size = event[at] >> 1
                tag = event[at + 1 : at + 1 + size].decode("ascii")
                source += f":{tag}" if tag else ""
                at += 1 + size
            (intervals,) = struct.unpack_from("<Q", event, at)
            at += 8
            for _ in range(intervals):
                low, end = struct.unpack_from("<QQ", event, at)
                at += 16
                source += f":{low}-{end - 1}"
            parts.append(source)
    except (struct.error, IndexError) as error:
        raise ValueError("the set of transactions before a file is cut off") from error
    return ",".join(parts)


def gtid_list(event: bytes) -> str:
    """MariaDB's position as text: of each domain the last transaction, which stands behind those of other servers."""
    last: dict[int, str] = {}
    try:
        (count,) = struct.unpack_from("<I", event, HEADER)
        for index in range(count & 0x0FFF_FFFF):
            domain, server, number = struct.unpack_from("<IIQ", event, HEADER + 4 + 16 * index)
            last[domain] = f"{domain}-{server}-{number}"
    except struct.error as error:
        raise ValueError("the list of transactions before a file is cut off") from error
    return ",".join(last[domain] for domain in sorted(last))
