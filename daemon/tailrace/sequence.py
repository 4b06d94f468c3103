"""The fence: `tailrace_seq`, fixed-width text whose string order is the order of the log.

``EEEE-PPPPPPPPPPPPPPPPPPPP-OOOOOOOOOOOOOOOO`` in lower-case hexadecimal:

* epoch (4): grows when the server's or the log's identity changes or the log runs backwards; from 1, and 0 for rows
  that were read without a log (mode `full-load`);
* mark (20): the transaction's place in the log. PostgreSQL: its commit LSN. MySQL: number of the binlog file
  (8) and offset of the transaction's first event (12);
* ordinal (16): the row's place among the transaction's changes, counted before any filter, from 1. 0 is
  kept for rows of a full load, which go out between two transactions: after every transaction that ends at
  or before the mark, before the one that begins there.

Marks compare as strings too; a mark alone says how far a log was read.
"""

from __future__ import annotations

MARK_WIDTH = 20
_ORDINAL_WIDTH = 16
#: Bits below the ordinal: the events that one change of the log can leave as.
EVENT_BITS = 2
SNAPSHOT_ORDINAL = 0
NO_LOG_EPOCH = 0
#: Before everything in any log.
LOWEST_MARK = "0" * MARK_WIDTH


def lsn_mark(lsn: int) -> str:
    """The mark of a PostgreSQL log sequence number (64 bits)."""
    return f"{lsn:020x}"


def mark_lsn(mark: str) -> int:
    return int(mark, 16)


def binlog_mark(file_number: int, offset: int) -> str:
    """The mark of a place in a binlog: the number at the end of the file's name, and the byte offset."""
    return f"{file_number:08x}{offset:012x}"


def mark_binlog(mark: str) -> tuple[int, int]:
    return int(mark[:8], 16), int(mark[8:], 16)


def transaction_prefix(epoch: int, mark: str) -> str:
    """What all sequences of one transaction begin with; append `ordinal_text`."""
    return f"{epoch:04x}-{mark}-"


def ordinal_text(ordinal: int) -> str:
    return f"{ordinal:016x}"


def of_load(seq: str) -> bool:
    """Whether this is the sequence of an event of the full load, which is no change of the log."""
    return int(seq[-_ORDINAL_WIDTH:], 16) >> EVENT_BITS == SNAPSHOT_ORDINAL


def sequence(epoch: int, mark: str, ordinal: int) -> str:
    return f"{epoch:04x}-{mark}-{ordinal:016x}"
