"""`{prefix}_tailrace_positions`: how far each pipeline's sink has got, an item per topic of the stream.

All items of a sink have the partition key ``pipeline#sink``. The sort key is ``topic#TOPIC``, ``owner`` for the worker
that writes now ("shared" where workers share the sink: then the item of each topic names its owner), and
``table#NAME`` for each table that the sink has created or taken over (for `check`). An item of a topic holds the next
offset of each partition: what stands in every partition at once (a truncate, a schema change) is behind all of them or
behind none. It moves by compare-and-set on owner and old offsets, after every write below the new ones is done.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from botocore.exceptions import ClientError

from tailrace.errors import ONE_OR_SHARED, DataLossError, OwnershipLostError, RefusedError, StuckError
from tailrace.stream import Partition
from tailrace_dynamodb.attributes import Attribute, Item
from tailrace_dynamodb.service import Service, code_of
from tailrace_dynamodb.tables import create_table, describe_table, wait_active

NAME = "_tailrace_positions"
_KEY = (("sink", "S"), ("item", "S"))
_OWNER = "owner"
_SHARED = "shared"
_OWNED_SECONDS = 1.0
_TOPIC, _TABLE = "topic#", "table#"
#: An item per partition, as it once was: a commit that ended half way left partitions apart for good.
_FORMER = "partition#"

#: Offsets of one topic, by partition.
Offsets = dict[int, int]


class Positions:
    """One sink's items.

    Args:
        owner: our token; another one in the table means that another worker has taken over.
    """

    def __init__(self, service: Service, prefix: str, pipeline: str, sink: str, owner: str) -> None:
        self.table = prefix + NAME
        self._service = service
        self._pipeline, self._sink = pipeline, sink
        self._hash = f"{pipeline}#{sink}"
        self._owner = owner
        self._stream_id = ""
        self._stored: dict[str, Offsets] = {}
        self._topics: frozenset[str] | None = None
        self._checked_at = 0.0

    # ---- open and commit

    def take(self, stream_id: str, topics: Collection[str] | None = None) -> dict[Partition, int]:
        """Creates the table if need be, takes the items over, of these topics or of all, and returns the positions.

        Raises:
            DataLossError: they belong to another stream's content.
        """
        if describe_table(self._service, self.table) is None:
            create_table(self._service, self.table, _KEY, expires="")
        wait_active(self._service, self.table)
        for item in self._items(""):
            if "stream_id" in item and item["stream_id"]["S"] != stream_id:
                raise DataLossError(
                    "the positions stored in the target belong to another stream",
                    where=f"{self._service.where}, table {self.table}",
                    fix="run `tailrace teardown` and load the tables anew, or give back the stream's old state",
                )
            if item["item"]["S"].startswith(_FORMER):
                raise StuckError(
                    "the positions stored in the target have an older form, in which they can contradict each other",
                    where=f"{self._service.where}, table {self.table}",
                    fix="run `tailrace teardown` and load the tables anew",
                )
        self._stream_id = stream_id
        self._topics = None if topics is None else frozenset(topics)
        # The owner first: from here on no other worker creates the item of a topic.
        if topics is not None:
            self._share()
        else:
            self._put_owner(self._owner)
            topics = [item["item"]["S"].removeprefix(_TOPIC) for item in self._items(_TOPIC)]
        self._stored = {topic: self._take_topic(topic) for topic in topics}
        return {
            Partition(topic, number): offset
            for topic, offsets in self._stored.items()
            for number, offset in offsets.items()
        }

    def _share(self) -> None:
        """From a worker that had the whole sink all topics are taken, also those that nobody takes now."""
        whole = self._read(_OWNER).get("owner")
        if whole == {"S": _SHARED}:
            return
        self._put_owner(_SHARED)
        for item in list(self._items(_TOPIC)):
            if whole is None or item.get("owner") != whole:
                continue
            try:
                self._service.send(
                    "update_item",
                    self.table,
                    TableName=self.table,
                    Key={"sink": item["sink"], "item": item["item"]},
                    UpdateExpression="SET #o = :shared",
                    ConditionExpression="#o = :whole",
                    ExpressionAttributeNames={"#o": "owner"},
                    ExpressionAttributeValues={":shared": {"S": _SHARED}, ":whole": whole},
                )
            except ClientError as error:
                if code_of(error) != "ConditionalCheckFailedException":
                    raise self._unexpected(error) from None

    def _take_topic(self, topic: str) -> Offsets:
        answer = self._service.send(
            "update_item",
            self.table,
            TableName=self.table,
            Key={"sink": {"S": self._hash}, "item": {"S": _TOPIC + topic}},
            UpdateExpression="SET #o = :owner, #s = :stream",
            ExpressionAttributeNames={"#o": "owner", "#s": "stream_id"},
            ExpressionAttributeValues={":owner": {"S": self._owner}, ":stream": {"S": self._stream_id}},
            ReturnValues="ALL_NEW",
        )
        return _offsets(answer["Attributes"])

    def check_owner(self, topic: str) -> None:
        """Raises OwnershipLostError where another worker has taken over: the sink, or of a shared one the topic."""
        owned = _OWNER if self._topics is None else _TOPIC + topic
        self._checked_at = time.monotonic()
        if self._read(owned).get("owner") != {"S": self._owner}:
            raise self._lost()

    def check_owners(self) -> None:
        """As `check_owner`, of all that this worker has taken."""
        for topic in ("",) if self._topics is None else self._topics:
            self.check_owner(topic)

    def recheck_owner(self) -> None:
        """Checks the owner of the sink again where the last answer is old: the process may have been asleep since."""
        if time.monotonic() - self._checked_at > _OWNED_SECONDS:
            self.check_owner("")

    def advance(self, positions: Mapping[Partition, int]) -> None:
        """Moves the positions on.

        Raises:
            OwnershipLostError: the table holds another owner or offset than we left there.
        """
        moved: dict[str, Offsets] = {}
        for partition, offset in positions.items():
            if self._stored.get(partition.topic, {}).get(partition.number) != offset:
                moved.setdefault(partition.topic, {})[partition.number] = offset
        if self._topics is not None:
            if not moved:
                self.check_owners()
        elif any(topic not in self._stored for topic in moved) or not moved:
            self.check_owner("")
        for topic, offsets in moved.items():
            before = self._stored.get(topic)
            after = {**(before or {}), **offsets}
            try:
                self._move(topic, before, after)
            except ClientError as error:
                if not (code_of(error) == "ConditionalCheckFailedException" and self._is_ours(topic, after)):
                    raise self._unexpected(error) from None
            self._stored[topic] = after

    def _move(self, topic: str, before: Offsets | None, after: Offsets) -> None:
        names = {"#o": "owner", "#n": "next_offsets", "#s": "stream_id", "#u": "updated_at"}
        values: Item = {
            ":owner": {"S": self._owner},
            ":after": _attribute(after),
            ":stream": {"S": self._stream_id},
            ":now": {"S": _now()},
        }
        # The item may be there without offsets: its topic was taken before any of it was read.
        condition = "attribute_not_exists(#n) AND (attribute_not_exists(#o) OR #o = :owner)"
        if before:
            condition = "#o = :owner AND #n = :before"
            values[":before"] = _attribute(before)
        self._service.send(
            "update_item",
            self.table,
            TableName=self.table,
            Key={"sink": {"S": self._hash}, "item": {"S": _TOPIC + topic}},
            UpdateExpression="SET #n = :after, #o = :owner, #s = :stream, #u = :now",
            ConditionExpression=condition,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
        )

    def _put_owner(self, owner: str) -> None:
        item: Item = {
            "sink": {"S": self._hash},
            "item": {"S": _OWNER},
            "stream_id": {"S": self._stream_id},
            "owner": {"S": owner},
            "updated_at": {"S": _now()},
        }
        self._service.send("put_item", self.table, TableName=self.table, Item=item)

    def _is_ours(self, topic: str, offsets: Offsets) -> bool:
        """Whether our own write is there: one whose answer was lost is sent again, and fails by its condition."""
        item = self._read(_TOPIC + topic)
        return item.get("owner") == {"S": self._owner} and _offsets(item) == offsets

    def _read(self, name: str) -> Item:
        answer = self._service.send(
            "get_item",
            self.table,
            TableName=self.table,
            Key={"sink": {"S": self._hash}, "item": {"S": name}},
            ConsistentRead=True,
        )
        item: Item = answer.get("Item", {})
        return item

    def _unexpected(self, error: ClientError) -> Exception:
        if code_of(error) == "ConditionalCheckFailedException":
            return self._lost()
        return RefusedError(
            "the table of positions is gone", where=f"{self._service.where}, table {self.table}", fix="see who drops it"
        )

    def _lost(self) -> OwnershipLostError:
        return OwnershipLostError(
            f"another worker has taken over sink {self._sink} of pipeline {self._pipeline}",
            where=f"{self._service.where}, table {self.table}",
            fix=ONE_OR_SHARED,
        )

    # ---- the tables that the sink writes

    def remember_table(self, name: str) -> None:
        item: Item = {"sink": {"S": self._hash}, "item": {"S": _TABLE + name}}
        self._service.send("put_item", self.table, TableName=self.table, Item=item)

    def tables(self) -> list[str]:
        return [item["item"]["S"].removeprefix(_TABLE) for item in self._items(_TABLE)]

    # ---- the end

    def forget(self, dry_run: bool) -> int:
        """Deletes this sink's items, and the table when it is empty then; returns their number."""
        if describe_table(self._service, self.table) is None:
            return 0
        items = list(self._items(""))
        if not dry_run:
            for item in items:
                key = {"sink": item["sink"], "item": item["item"]}
                self._service.send("delete_item", self.table, TableName=self.table, Key=key)
            left = self._service.send("scan", self.table, TableName=self.table, Limit=1, ConsistentRead=True)
            if not left["Items"]:
                self._service.send("delete_table", self.table, TableName=self.table)
        return len(items)

    def _items(self, kind: str) -> Iterator[Item]:
        """This sink's items whose sort key begins so."""
        parameters: dict[str, Any] = {
            "TableName": self.table,
            "ConsistentRead": True,
            "KeyConditionExpression": "#s = :s",
            "ExpressionAttributeNames": {"#s": "sink"},
            "ExpressionAttributeValues": {":s": {"S": self._hash}},
        }
        if kind:
            parameters["KeyConditionExpression"] += " AND begins_with(#i, :i)"
            parameters["ExpressionAttributeNames"]["#i"] = "item"
            parameters["ExpressionAttributeValues"][":i"] = {"S": kind}
        while True:
            page = self._service.send("query", self.table, **parameters)
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            parameters["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _offsets(item: Item) -> Offsets:
    text = item.get("next_offsets", {}).get("S", "{}")
    return {int(number): offset for number, offset in orjson.loads(text).items()}


def _attribute(offsets: Offsets) -> Attribute:
    """As text, always the same for the same offsets: it is compared, and not every server of DynamoDB's protocol can
    compare maps."""
    text = orjson.dumps({str(number): offset for number, offset in sorted(offsets.items())})
    return {"S": text.decode()}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
