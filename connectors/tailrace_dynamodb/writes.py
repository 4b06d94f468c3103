"""Fenced writes: each is one request that takes effect only where no newer event has written the item (I4).

A failed condition means that the target has this change, or a newer one of the same row: the write counts as done.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from tailrace.errors import RefusedError
from tailrace.sink import Row
from tailrace_dynamodb import service as service_module
from tailrace_dynamodb.attributes import EXPIRES, FENCE, STREAM, Attribute, Item, ItemForm, Mark, identity
from tailrace_dynamodb.key_form import DELETED
from tailrace_dynamodb.service import Service, code_of
from tailrace_dynamodb.tables import of_entity, scan

#: Delete markers live so long. It must exceed the stream's retention and the sink's greatest lag together: an older
#: write that comes again afterwards would bring the row back.
MARKER_SECONDS = 30 * 86400
_BATCH_ITEMS = 25
_OLDER = "attribute_not_exists(#f) OR attribute_not_exists(#t) OR #t <> :t OR #f < :f"
_NAMES = {"#f": FENCE, "#t": STREAM}

T = TypeVar("T")


class Concurrent:
    """Runs one function over many items, in several threads; bounded memory, the first error ends all."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="dynamodb")

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def each(self, function: Callable[[T], object], items: Iterable[T]) -> None:
        """Returns when all are done.

        Raises:
            What the function, or the iterator, raised first.
        """
        source = iter(items)
        taking = threading.Lock()
        failed = threading.Event()

        def work(first: T) -> None:
            try:
                function(first)
                while not failed.is_set():
                    with taking:
                        found = list(islice(source, 1))
                    if not found:
                        return
                    function(found[0])
            except BaseException:
                failed.set()
                raise

        futures: list[Future[None]] = []
        try:
            # A thread for each of the first items; fewer items need fewer threads.
            while len(futures) < self._threads and not failed.is_set():
                with taking:
                    found = list(islice(source, 1))
                if not found:
                    break
                futures.append(self._pool.submit(work, found[0]))
        except BaseException:
            failed.set()
            wait(futures)
            raise
        errors = [error for future in futures if (error := future.exception()) is not None]
        if errors:
            raise errors[0]


class TableWriter:
    """Writes one table's items.

    Args:
        stream: digest of the stream that the rows come from.
    """

    def __init__(self, service: Service, name: str, stream: str, form: ItemForm) -> None:
        self._service = service
        self._stream = stream
        self.name = name
        self.form = form

    # ---- one row each

    def put(self, row: Row) -> None:
        """The whole row, instead of what is there."""
        mark = Mark(self._stream, row.seq)
        self._conditionally("put_item", mark, Item={**self.form.item(row.values), **mark.attributes()})

    def overlay(self, row: Row) -> None:
        """The whole row, but attributes of columns that the source has no more stay."""
        mark = Mark(self._stream, row.seq)
        names, values, expression = self._expression(row)
        names.update({"#d": DELETED, "#e": EXPIRES})
        removed = f"{expression}, #d, #e" if " REMOVE " in expression else f"{expression} REMOVE #d, #e"
        self._conditionally(
            "update_item", mark, names, values, Key=self.form.key_of(row.values), UpdateExpression=removed
        )

    def update(self, row: Row) -> None:
        """Some columns of a row that is there; a missing or deleted one stays so."""
        # A text of key columns alone stays as it is.
        changed = row.values.keys() - self.form.key_columns
        lacking = {name for _, columns in self.form.made_from(changed) for name in columns if name not in row.values}
        if lacking:
            self._complete(row, lacking)
        else:
            self._update(row, {})

    def _complete(self, row: Row, lacking: Collection[str]) -> None:
        """Texts of indexes hold columns that the row lacks: the item has them, as long as nobody writes it."""
        mark, key = Mark(self._stream, row.seq), self.form.key_of(row.values)
        while True:
            answer = self._service.send("get_item", self.name, TableName=self.name, Key=key, ConsistentRead=True)
            item = answer.get("Item")
            if item is None or DELETED in item or not mark.is_newer(item):
                return
            if self._update(row, self.form.read(item, lacking), item.get(FENCE)):
                return

    def _update(self, row: Row, known: dict[str, Any], seen: Attribute | None = None) -> bool:
        names, values, expression = self._expression(row, known)
        names.update({"#d": DELETED, "#k": self.form.key[0][0]})
        condition = f"attribute_exists(#k) AND attribute_not_exists(#d) AND ({_OLDER})"
        if known:
            condition += " AND #f = :seen" if seen is not None else " AND attribute_not_exists(#f)"
            values.update({":seen": seen} if seen is not None else {})
        return self._conditionally(
            "update_item",
            Mark(self._stream, row.seq),
            names,
            values,
            condition=condition,
            Key=self.form.key_of(row.values),
            UpdateExpression=expression,
        )

    def delete(self, row: Row) -> None:
        self._mark_deleted(self.form.key_of(row.values), Mark(self._stream, row.seq))

    def overtaking(self, row: Row) -> Row:
        """A row that comes late, with a fence beyond the item's, which a change of the table's columns has left.

        It is below that of any later event, and the same however often this is asked.
        """
        names = {"#f": FENCE, "#t": STREAM}
        answer = self._service.send(
            "get_item",
            self.name,
            TableName=self.name,
            Key=self.form.key_of(row.values),
            ConsistentRead=True,
            ProjectionExpression="#f, #t",
            ExpressionAttributeNames=names,
        )
        item = answer.get("Item", {})
        fence = item.get(FENCE, {}).get("S", "")
        if item.get(STREAM) != {"S": self._stream} or fence < row.seq:
            return row
        return Row(f"{fence.partition('+')[0]}+{row.seq}", row.values)

    def clear(self, concurrent: Concurrent, seq: str) -> None:
        """Deletes all rows that were written before this sequence."""
        mark = Mark(self._stream, seq)
        items = self._keys({**_NAMES, "#d": DELETED})
        live = (identity(item, self.form) for item in items if DELETED not in item and mark.is_newer(item))
        concurrent.each(lambda key: self._mark_deleted(key, mark), live)

    def remove_all(self, concurrent: Concurrent) -> None:
        """Removes all items of this source table, for good, from a table that it shares with others."""
        concurrent.each(self._remove, (identity(item, self.form) for item in self._keys({})))

    def _remove(self, key: Item) -> None:
        self._service.send("delete_item", self.name, TableName=self.name, Key=key)

    def _keys(self, names: dict[str, str]) -> Iterator[Item]:
        """Of all items, the key attributes and these."""
        keys = {f"#k{index}": name for index, (name, _) in enumerate(self.form.key)}
        chosen = {**keys, **names}
        parameters = of_entity(self.form)
        parameters["ExpressionAttributeNames"] = {**chosen, **parameters.get("ExpressionAttributeNames", {})}
        return scan(self._service, self.name, ProjectionExpression=", ".join(chosen), **parameters)

    def _mark_deleted(self, key: Item, mark: Mark) -> None:
        expires = str(int(time.time()) + MARKER_SECONDS)
        item = {**key, **mark.attributes(), **self.form.mark, DELETED: {"BOOL": True}, EXPIRES: {"N": expires}}
        self._conditionally("put_item", mark, Item=item)

    def _expression(self, row: Row, known: dict[str, Any] | None = None) -> tuple[dict[str, str], Item, str]:
        """SET for values, REMOVE for NULLs, the fence in front.

        Args:
            known: what the item has of columns that stand in the texts of its indexes, and not in the row.
        """
        names, values = dict(_NAMES), _values(Mark(self._stream, row.seq))
        sets, removes = ["#f = :f", "#t = :t"], []
        keys = dict(self.form.key)
        for index, (name, value) in enumerate(row.values.items()):
            if name in keys:
                continue
            names[f"#c{index}"] = name
            if value is None:
                removes.append(f"#c{index}")
            else:
                values[f":c{index}"] = self.form.attribute(name, value)
                sets.append(f"#c{index} = :c{index}")
        for index, (name, attribute) in enumerate(self.form.mark.items()):
            names[f"#n{index}"], values[f":n{index}"] = name, attribute
            sets.append(f"#n{index} = :n{index}")
        texts = self.form.made_from(row.values)
        whole = {**(known or {}), **row.values} if texts else {}
        made = self.form.made(whole) if texts else {}
        for index, (name, columns) in enumerate(texts):
            if not whole.keys() >= set(columns):
                continue
            names[f"#m{index}"] = name
            if name in made:
                values[f":m{index}"] = made[name]
                sets.append(f"#m{index} = :m{index}")
            else:
                removes.append(f"#m{index}")
        expression = f"SET {', '.join(sets)}" + (f" REMOVE {', '.join(removes)}" if removes else "")
        return names, values, expression

    def _conditionally(
        self,
        operation: str,
        mark: Mark,
        names: dict[str, str] | None = None,
        values: Item | None = None,
        condition: str = _OLDER,
        **parameters: Any,
    ) -> bool:
        """Whether it was written; False where the item is newer, or the condition does not hold otherwise."""
        try:
            self._service.send(
                operation,
                self.name,
                TableName=self.name,
                ConditionExpression=condition,
                ExpressionAttributeNames=names or _NAMES,
                ExpressionAttributeValues=values or _values(mark),
                **parameters,
            )
        except ClientError as error:
            if code_of(error) != "ConditionalCheckFailedException":
                raise self._vanished() from None
            return False
        return True

    # ---- the first load

    def load(self, concurrent: Concurrent, rows: Iterable[Row], still_ours: Callable[[], None]) -> None:
        """Rows of a first load into a table that held nothing: unconditional, many in one request.

        Args:
            still_ours: called before each request; raises where nothing may be written any more.
        """
        concurrent.each(lambda batch: self._put_batch(batch, still_ours), _batches(rows))

    def _put_batch(self, rows: list[Row], still_ours: Callable[[], None]) -> None:
        requests = [
            {"PutRequest": {"Item": {**self.form.item(row.values), **Mark(self._stream, row.seq).attributes()}}}
            for row in rows
        ]
        pause = 0.05
        taken_at = time.monotonic()
        while requests:
            still_ours()
            try:
                answer = self._service.send("batch_write_item", self.name, RequestItems={self.name: requests})
            except ClientError:
                raise self._vanished() from None
            left = answer.get("UnprocessedItems", {}).get(self.name, [])
            if len(left) < len(requests):  # throttled in part, if at all
                taken_at, pause = time.monotonic(), 0.05
            elif time.monotonic() - taken_at + pause > service_module.THROTTLED_SECONDS:
                raise self._service.slowed_down(
                    f"{self._service.where}, table {self.name}", "it takes no item of a batch"
                )
            if left:
                pause = self._service.pause(pause)
            requests = left

    def _vanished(self) -> RefusedError:
        return RefusedError(
            "the table is gone", where=f"{self._service.where}, table {self.name}", fix="see who deletes it"
        )


def _values(mark: Mark) -> Item:
    return {":f": {"S": mark.seq}, ":t": {"S": mark.stream}}


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    source = iter(rows)
    while batch := list(islice(source, _BATCH_ITEMS)):
        yield batch
