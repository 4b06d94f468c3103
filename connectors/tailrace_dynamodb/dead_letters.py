"""`{prefix}_tailrace_dead_letters`: events that DynamoDB refused.

All items of a sink have the partition key ``pipeline#sink``; the sort key is ``letter#ID``, ``part#ID#NUMBER`` for the
rest of an event that is too large for one item, and ``wanted#ID`` for what somebody wants of it: a worker looks for
these every other second, and a query is paid by the size of the items that it goes over. A letter is written before the
position moves on and removed after what it holds was applied: a crash between brings the event once more, under the
same id or against the item's fence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tailrace.dead_letters import TABLE, DeadLetter, Wanted, from_parts
from tailrace_dynamodb.attributes import Item
from tailrace_dynamodb.service import Service
from tailrace_dynamodb.tables import create_table, delete_table, describe_table

_KEY = (("sink", "S"), ("item", "S"))
_LETTER, _PART, _WANTED = "letter#", "part#", "wanted#"


class DynamoDBLetters:
    """`tailrace.dead_letters.DeadLetterStore`.

    Args:
        service: of the sink, made when it is first asked for.
        check_owner: raises where another worker has taken the sink over.
    """

    def __init__(
        self, prefix: str, pipeline: str, sink: str, service: Callable[[], Service], check_owner: Callable[[], None]
    ) -> None:
        self.table = prefix + TABLE
        self._hash = {"S": f"{pipeline}#{sink}"}
        self._service = service
        self._check_owner = check_owner

    def prepare(self) -> None:
        if not self._exists():
            create_table(self._service(), self.table, _KEY, expires="")

    def park(self, letters: Sequence[DeadLetter]) -> None:
        self._check_owner()
        for letter in letters:
            first, *others = letter.parts()
            for number, part in enumerate(others, 1):
                self._put({"item": {"S": f"{_PART}{letter.id}#{number:06d}"}, "body": {"S": part}})
            head = {"head": {"S": letter.head()}, "parts": {"N": str(len(others))}}
            self._put({"item": {"S": _LETTER + letter.id}, "body": {"S": first}, **head})

    def release(self, ids: Sequence[str]) -> None:
        self._check_owner()
        if self._exists():
            for letter in ids:
                self._delete(_LETTER + letter)
                self._want(letter, "")
                for item in list(self._items(f"{_PART}{letter}#", "#s, #i")):
                    self._delete(item["item"]["S"])

    def heads(self, asked: bool = False) -> list[DeadLetter]:
        if not self._exists():
            return []
        found = self._items(_WANTED, "#s, #i, #w")
        wanted = {item["item"]["S"].removeprefix(_WANTED): item["wanted"]["S"] for item in found}
        if asked and not wanted:
            return []
        letters = (_letter(item, wanted) for item in self._items(_LETTER, "#s, #i, #h"))
        return [letter for letter in letters if letter.wanted or not asked]

    def read(self, ids: Sequence[str]) -> Iterator[DeadLetter]:
        if not self._exists():
            return
        for letter in ids:
            item = self._get(_LETTER + letter)
            if item is not None:
                others = self._items(f"{_PART}{letter}#", "#s, #i, #b") if item["parts"]["N"] != "0" else ()
                parts = [item["body"]["S"], *(other["body"]["S"] for other in others)]
                asked = self._get(_WANTED + letter)
                yield _letter(item, {} if asked is None else {letter: asked["wanted"]["S"]}, parts)

    def ask(self, ids: Sequence[str], wanted: Wanted) -> None:
        if self._exists():
            for letter in ids:
                self._want(letter, wanted)

    def forget(self, dry_run: bool) -> int:
        """The table goes with its last item."""
        if not self._exists():
            return 0
        found = [item["item"]["S"] for item in self._items("", "#s, #i")]
        if not dry_run:
            for name in found:
                self._delete(name)
            if not self._send("scan", Limit=1, ConsistentRead=True)["Items"]:
                delete_table(self._service(), self.table)
        return sum(name.startswith(_LETTER) for name in found)

    # ---- inside

    def _exists(self) -> bool:
        return describe_table(self._service(), self.table) is not None

    def _key(self, name: str) -> Item:
        return {"sink": self._hash, "item": {"S": name}}

    def _want(self, letter: str, wanted: Wanted) -> None:
        """Of a letter that is gone meanwhile this stays, and is nobody's matter."""
        if wanted:
            self._put({"item": {"S": _WANTED + letter}, "wanted": {"S": wanted}})
        else:
            self._delete(_WANTED + letter)

    def _get(self, name: str) -> Item | None:
        item: Item | None = self._send("get_item", Key=self._key(name), ConsistentRead=True).get("Item")
        return item

    def _put(self, item: Item) -> None:
        self._send("put_item", Item={"sink": self._hash, **item})

    def _delete(self, name: str) -> None:
        self._send("delete_item", Key=self._key(name))

    def _send(self, operation: str, **parameters: Any) -> dict[str, Any]:
        return self._service().send(operation, self.table, TableName=self.table, **parameters)

    def _items(self, kind: str, projection: str) -> Iterator[Item]:
        """This sink's items whose sort key begins so, in its order."""
        names = {"#s": "sink", "#i": "item", "#h": "head", "#w": "wanted", "#b": "body"}
        parameters: dict[str, Any] = {
            "ConsistentRead": True,
            "KeyConditionExpression": "#s = :s" + (" AND begins_with(#i, :i)" if kind else ""),
            "ProjectionExpression": projection,
            "ExpressionAttributeNames": {mark: name for mark, name in names.items() if mark in projection},
            "ExpressionAttributeValues": {":s": self._hash, **({":i": {"S": kind}} if kind else {})},
        }
        while True:
            page = self._send("query", **parameters)
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            parameters["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _letter(item: Item, wanted: Mapping[str, Wanted], parts: Sequence[str] = ()) -> DeadLetter:
    name = item["item"]["S"].removeprefix(_LETTER)
    return from_parts(name, item["head"]["S"], wanted.get(name, ""), parts)
