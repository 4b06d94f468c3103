"""Global secondary indexes of a key design: made where they are missing, and checked where they are there.

DynamoDB makes one index of a table at a time, from the attributes that the items have. Texts which are made for an
index alone are written into the items first.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.OnlineOps.html
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from tailrace.errors import StuckError, UnreachableError
from tailrace_dynamodb.attributes import FENCE, Item, ItemForm, identity
from tailrace_dynamodb.key_form import DELETED, Index
from tailrace_dynamodb.service import Service, code_of
from tailrace_dynamodb.tables import Key, definitions, describe_table, index_request, key_of, of_entity, scan

#: Until an index is no longer being made; that of a large table takes hours, and the items can be written meanwhile.
_MADE_SECONDS = 3600.0
_FIRST_PAUSE = 0.2


def missing(service: Service, name: str, described: dict[str, Any], form: ItemForm, path: str) -> list[Index]:
    """Indexes of the design that the table has not; others that it has are left alone.

    Raises:
        StuckError: it has one of that name which is another one.
    """
    present = {found["IndexName"]: found for found in described.get("GlobalSecondaryIndexes", [])}
    left: list[Index] = []
    for index in form.indexes:
        found = present.get(index.name)
        if found is None or found.get("IndexStatus") == "DELETING":
            left.append(index)
        elif key_of(described, found["KeySchema"]) != list(index.key) or not _projects(found["Projection"], index):
            raise StuckError(
                f"the index {index.name} is there with another key or projection than {path} says",
                where=f"{service.where}, table {name}",
                fix="delete the index, or give the design's another name",
            )
    return left


def _projects(found: dict[str, Any], index: Index) -> bool:
    wanted = index.projection
    names = set(found.get("NonKeyAttributes") or ()), set(wanted.get("NonKeyAttributes") or ())
    return bool(found["ProjectionType"] == wanted["ProjectionType"] and names[0] == names[1])


def make(service: Service, name: str, key: Key, index: Index) -> None:
    """Asks for an index of a table with this key, once no other is being made; writes go on meanwhile."""
    deadline = time.monotonic() + _MADE_SECONDS
    pause = _FIRST_PAUSE
    while True:
        states = _states(service, name)
        if states.get(index.name, "DELETING") != "DELETING":  # another worker has asked for it
            return
        if not {"CREATING", "DELETING"}.intersection(states.values()) and _asked(service, name, key, index):
            return
        if time.monotonic() > deadline:
            raise UnreachableError(
                f"an index has been in the making for {_MADE_SECONDS:g} s, and {index.name} waits for it",
                where=f"{service.where}, table {name}",
                fix="it is waited for again; look at it in the AWS console",
            )
        pause = service.pause(pause)


def _asked(service: Service, name: str, key: Key, index: Index) -> bool:
    """False: the table is being changed by somebody else."""
    try:
        service.send(
            "update_table",
            name,
            TableName=name,
            AttributeDefinitions=definitions([key, index.key]),
            GlobalSecondaryIndexUpdates=[{"Create": index_request(index)}],
        )
    except ClientError as error:
        if code_of(error) != "ResourceInUseException":
            raise
        return False
    return True


def _states(service: Service, name: str) -> dict[str, str]:
    found = describe_table(service, name) or {}
    return {i["IndexName"]: i.get("IndexStatus", "ACTIVE") for i in found.get("GlobalSecondaryIndexes", [])}


class Filling:
    """Gives items the texts by which indexes find them, where they were written without.

    The fence stays: what was written meanwhile is left alone, and has them already.
    """

    def __init__(self, service: Service, name: str, form: ItemForm) -> None:
        self._service = service
        self._name = name
        self._form = form
        self._columns = sorted({column for _, columns in form.made_from(form.in_texts) for column in columns})

    def items(self) -> Iterator[Item]:
        """Those that are to be written."""
        if self._columns:
            for item in scan(self._service, self._name, **of_entity(self._form)):
                if DELETED not in item and self._changed(item):
                    yield item

    def _changed(self, item: Item) -> dict[str, Any]:
        texts = self._form.made(self._form.read(item, self._columns))
        names = [name for name, _ in self._form.made_from(self._columns)]
        return {name: texts.get(name) for name in names if texts.get(name) != item.get(name)}

    def write(self, item: Item) -> None:
        names, values = {"#f": FENCE}, {}
        sets, removes = [], []
        for index, (name, text) in enumerate(self._changed(item).items()):
            names[f"#c{index}"] = name
            if text is None:
                removes.append(f"#c{index}")
            else:
                values[f":c{index}"] = text
                sets.append(f"#c{index} = :c{index}")
        expression = (f"SET {', '.join(sets)} " if sets else "") + (f"REMOVE {', '.join(removes)}" if removes else "")
        if FENCE in item:
            condition, values[":f"] = "#f = :f", item[FENCE]
        else:
            condition = "attribute_not_exists(#f)"
        parameters = {"ExpressionAttributeValues": values} if values else {}
        try:
            self._service.send(
                "update_item",
                self._name,
                TableName=self._name,
                Key=identity(item, self._form),
                UpdateExpression=expression.strip(),
                ConditionExpression=condition,
                ExpressionAttributeNames=names,
                **parameters,
            )
        except ClientError as error:
            if code_of(error) != "ConditionalCheckFailedException":
                raise
