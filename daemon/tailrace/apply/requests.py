"""What a person wants of parked events: tried again, in their order, or given up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tailrace.apply.batch import TargetBatch
from tailrace.apply.change import Change, values
from tailrace.apply.changes import SchemaCatalog
from tailrace.apply.evolution import same_form
from tailrace.apply.parking import Parking, change_of
from tailrace.apply.targets import Targets
from tailrace.dead_letters import DeadLetter
from tailrace.errors import StuckError
from tailrace.logs import logger
from tailrace.schema import TableSchema
from tailrace.sink import Sink, TargetTable
from tailrace.stream import Partition

log = logger()


class Requests:
    """Acts on them, in transactions of its own between those of the stream's changes.

    Args:
        batch: of the session; nothing waits in it.
        latest: the versions of a topic that the target has, where the sink has caught up; else None.
        passed: whether the position in the target is beyond a letter's event: else the event may come once more.
        bytes: of events that are applied at a time.
    """

    def __init__(
        self,
        sink: Sink,
        batch: TargetBatch,
        targets: Targets,
        catalog: SchemaCatalog,
        parking: Parking,
        latest: Callable[[str], list[TableSchema] | None],
        passed: Callable[[Partition, int], bool],
        size: int,
    ) -> None:
        self._sink = sink
        self._store = sink.dead_letters
        self._batch = batch
        self._targets = targets
        self._catalog = catalog
        self._parking = parking
        self._latest = latest
        self._passed = passed
        self._size = size

    def act(self) -> None:
        """Does what is wanted and can be done now; nothing of the sink's is uncommitted."""
        self._parking.looked()
        if not self._store.heads(asked=True):
            return
        stamps, self._batch.stamps = self._batch.stamps, {}
        letters = [letter for letter in self._store.heads() if self._passed(letter.stood_in, letter.offset)]
        discarded = [letter for letter in letters if letter.wanted == "discard"]
        if discarded:
            self._sink.dead_letters.release([letter.id for letter in discarded])
            self._sink.commit({})
            for letter in discarded:
                log.warning("parked event discarded", table=letter.table, id=letter.id)
        chains: dict[tuple[str, str], list[DeadLetter]] = {}
        for letter in sorted(letters, key=lambda letter: letter.place):
            if letter.wanted != "discard":
                chains.setdefault((letter.topic, letter.chain), []).append(letter)
        for (topic, _), chain in chains.items():
            if any(letter.wanted == "retry" for letter in chain) and self._ready(topic, chain):
                self._retry(chain)
        self._parking.load()
        self._batch.dirty = False
        self._batch.counted()
        self._batch.stamps = stamps

    def _ready(self, topic: str, chain: list[DeadLetter]) -> bool:
        """Whether it is known at which version the target's table stands."""
        if self._targets.knows(topic):
            return True
        versions = self._latest(topic)
        if versions is None:
            self._catalog.refresh()
            versions = self._catalog.versions(topic)
            # A letter of the newest version was met behind the event that announced it. A table may return to a
            # version, which holds from another place then.
            newest = versions[-1]
            if not any(letter.schema_id == newest.id and letter.seq >= newest.since for letter in chain):
                return False
        self._sink.ensure(self._targets.adopt(versions), None)
        return True

    def _retry(self, chain: list[DeadLetter]) -> None:
        piece: list[DeadLetter] = []
        size = 0
        for letter in self._store.read([letter.id for letter in chain]):
            piece.append(letter)
            size += len(letter.event)
            if size >= self._size:
                if not self._apply(piece):
                    break
                piece, size = [], 0
        else:
            if not piece or self._apply(piece):
                return
        self._store.ask([letter.id for letter in chain], "")

    def _apply(self, letters: list[DeadLetter]) -> bool:
        """Applies these and removes them; False where one is refused again: it stays, with those behind it."""
        done = letters
        refusal = self._attempt(letters)
        if refusal is not None and len(letters) > 1:
            done = []
            for letter in letters:
                if (refusal := self._attempt([letter])) is not None:
                    break
                done.append(letter)
        elif refusal is not None:
            done = []
        if done:
            self._store.release([letter.id for letter in done])
            log.info("parked events applied", table=done[0].table, key=bool(done[0].key), events=len(done))
        if refusal is not None:
            refused = letters[len(done)]
            self._store.park([replace(refused, reason=str(refusal), wanted="")])
            log.error("event refused again", table=refused.table, id=refused.id, error=str(refusal))
        self._sink.commit({})
        return refusal is None

    def _attempt(self, letters: list[DeadLetter]) -> StuckError | None:
        try:
            self._batch.add([self._change(letter) for letter in letters], lambda change: True)
        except StuckError as error:  # of the letter alone: it must not stop the sink
            self._batch.take()
            return error
        work = self._batch.take()
        for table_work in work:
            table_work.late = True
        return self._sink.attempt(work, keep=True) if work else None

    def _change(self, letter: DeadLetter) -> Change:
        schema = self._catalog.find(letter.topic, letter.schema_id)
        change = change_of(letter, schema, letter.stood_in)
        _refuse_retyped(change, self._targets.current(letter.topic))
        return change


def _refuse_retyped(change: Change, table: TargetTable) -> None:
    """A value waits in the form of its column's type, and would be read by the type that the column has now.

    Raises:
        StuckError: the forms differ.
    """
    if change.schema.id == table.version:
        return
    now = {column.id: column.type for column in table.columns}
    read = (change.after, change.before) if change.key is None else (change.after, change.key)
    known = {name: value for image in read if image is not None for name, value in values(image).items()}
    present = {name for name, value in known.items() if value is not None and name not in change.unchanged}
    for column in change.schema.columns:
        if column.name in present and column.id in now and not same_form(column.type, now[column.id]):
            raise StuckError(
                f"column {column.name} has another type since the change was parked ({column.type.name} before)",
                where=f"table {change.schema.name}",
                fix="discard it, and run tailrace reload for its row",
            )
