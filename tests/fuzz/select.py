"""MySQL's and MariaDB's answers to SELECTs, as the full load reads them."""

from __future__ import annotations

from tailrace.batch import Batch, Run
from tailrace.errors import TailraceError
from tailrace_mysql.result import server_error
from tailrace_mysql.resultset import JsonRow, SelectedColumn, TextPlan
from tailrace_mysql.types import column_type, parse
from tests.fuzz.choices import Choices, damaged
from tests.unit.test_mysql_textrows import DESCRIPTION, END, OK_END, SELECTED, error_packet, packets, row_of

#: One of them is the key.
_TYPES = ("int", "varchar(20)", "decimal(10,2)", "double", "datetime(3)", "binary(4)", "bit(10)", "enum('a','b\"','ü')")
_ROW_BYTES = (1 << 30, 200, 1)


def _mended(packet: bytes) -> bytes:
    """With its length."""
    return max(len(packet) - 4, 0).to_bytes(3, "little") + packet[3:] if len(packet) >= 4 else packet


def _numbered(stream: list[bytes]) -> list[bytes]:
    """With sequence numbers that run on, whatever was done to the packets."""
    return [packet[:3] + bytes([(1 + at) & 0xFF]) + packet[4:] for at, packet in enumerate(stream)]


def _row(choices: Choices) -> bytes:
    # Values near the beginning of each list are those that servers print.
    values = [SELECTED[name][choices.number(3 if choices.number(4) else len(SELECTED[name]))] for name in _TYPES]
    return row_of([value if place == 0 or choices.number(6) else None for place, value in enumerate(values)])


def outcome(data: bytes) -> tuple[Batch, Exception | None, str, int]:
    """As `tests.fuzz.mysql.outcome`."""
    choices, damages = Choices(data[::2]), Choices(data[1::2])
    deprecate_eof = choices.number(4) == 1
    payloads = [bytes([len(_TYPES)]), *[DESCRIPTION] * len(_TYPES), *[END] * (not deprecate_eof)]
    payloads += [_row(choices) for _ in range(1 + choices.number(12))]
    payloads.append(error_packet(1317, "interrupted") if choices.number(6) == 1 else OK_END if deprecate_eof else END)
    # The columns' descriptions are most of the packets, and the dullest.
    head = 0 if damages.number(4) == 0 else len(_TYPES) + 1
    made = packets(payloads)
    made = made[:head] + damaged(made[head:], damages, _mended)
    stream = b"".join(made if damages.number(4) == 1 else _numbered(made))
    size = (len(stream) or 1, 20, 7, 1)[damages.number(4)]
    more = _ROW_BYTES[damages.number(len(_ROW_BYTES))]
    columns = [column_type(parse(name, "utf8mb4")) for name in _TYPES]
    names = [f"c{number}" for number in range(len(_TYPES))]
    plan = TextPlan(
        [
            SelectedColumn(name, kind.convert, int(name == "c0"), kind.selected)
            for name, kind in zip(names, columns, strict=True)
        ]
    )
    reader = plan.rows(1, deprecate_eof)
    rows: list[JsonRow] = []
    error: TailraceError | None = None
    try:
        for start in range(0, len(stream), size):
            at, end = start, min(start + size, len(stream))
            wanted = 0
            while at < end or reader.size >= wanted:
                wanted = reader.size + more
                at = reader.feed(stream, at, end, rows, wanted)
                if reader.error is not None:
                    raise server_error(reader.error, "table shop.t")
    except TailraceError as caught:
        error = caught
        error.where = error.where or "table shop.t"
    run = Run("p.shop.t", [key for key, _ in rows], [row for _, row in rows])
    return Batch([run]), error, error.where if error is not None else "", len(stream)
