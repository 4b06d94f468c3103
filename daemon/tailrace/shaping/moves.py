"""Updates of a table with a filter: what they are to those who see only the rows that pass."""

from __future__ import annotations

from tailrace.emitter import Emitter, EventTable


def carry_update(
    emitter: Emitter,
    table: EventTable,
    ordinal: int,
    was: bool | None,
    now: bool,
    old_key: bytes | None,
    key: bytes | None,
    before: bytes,
    after: bytes,
    unchanged: tuple[str, ...],
    at: bytes,
) -> None:
    """Emits an update as what it is.

    A row that comes into the filter is created, one that leaves it is deleted, one that stays outside is no event.
    Where the log does not tell whether it was inside, one that is inside now is updated (targets write whole rows
    whether they are there or not), and one that is not is deleted (which is no error where it is not there).

    Args:
        was, now: whether the filter passes the row before and after; None: not known.
        before, after: the stream's rows.
        unchanged: the columns that `after` lacks: none unless `was` is True, or the row is gone at the source, which an
            event to follow says.
        at: see `Emitter.insert`.
    """
    if now and was is False and not unchanged:
        emitter.insert(table, ordinal, key, after, at)
    elif now:
        emitter.update(table, ordinal, old_key, key, before, after, unchanged, at)
    elif was is not False:
        emitter.delete(table, ordinal, old_key, old_key or b"null" if before == b"null" else before, at)
