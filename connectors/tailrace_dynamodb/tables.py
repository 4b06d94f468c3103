"""DynamoDB tables: created, checked, and their items brought to a new version of the columns."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from botocore.exceptions import ClientError

from tailrace.apply.evolution import preserves, same_form
from tailrace.errors import StuckError, UnreachableError
from tailrace.schema import Type
from tailrace.sink import TargetTable
from tailrace_dynamodb.attributes import EXPIRES, FENCE, STREAM, Item, ItemForm, Mark, added, identity
from tailrace_dynamodb.key_form import DELETED, ENTITY, Index, resolved
from tailrace_dynamodb.keys import TableDesign
from tailrace_dynamodb.service import Service, code_of

_ACTIVE_SECONDS = 180.0
_POLL_SECONDS = 0.2
_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")

Key = Sequence[tuple[str, str]]


def table_name(prefix: str, table: TargetTable, design: TableDesign | None = None) -> str:
    """The table's name in DynamoDB.

    Raises:
        StuckError: DynamoDB has no such names.
    """
    name = prefix + ((design.table if design is not None else "") or table.name)
    if 3 <= len(name) <= 255 and set(name) <= _NAME_CHARACTERS:
        return name
    raise StuckError(
        f"DynamoDB takes no table named {name!r}: 3 to 255 letters, digits, _ . -",
        where=f"table {table.source}",
        fix="set a prefix, rename the table at the source, or leave it out of this sink with `tables`",
    )


def describe_table(service: Service, name: str) -> dict[str, Any] | None:
    """None: there is no such table."""
    try:
        found: dict[str, Any] = service.send("describe_table", name, TableName=name)["Table"]
    except ClientError as error:
        if code_of(error) != "ResourceNotFoundException":
            raise
        return None
    return found


def table_request(name: str, key: Key, indexes: Sequence[Index] = ()) -> dict[str, Any]:
    """The parameters of CreateTable, of a table that is paid per request."""
    request: dict[str, Any] = {
        "TableName": name,
        "KeySchema": key_schema(key),
        "AttributeDefinitions": definitions([key, *(index.key for index in indexes)]),
        "BillingMode": "PAY_PER_REQUEST",
    }
    if indexes:
        request["GlobalSecondaryIndexes"] = [index_request(index) for index in indexes]
    return request


def create_table(service: Service, name: str, key: Key, expires: str = EXPIRES, indexes: Sequence[Index] = ()) -> None:
    """Creates a table that is paid per request, with expiry by the attribute `expires` ("": none); waits for it."""
    try:
        service.send("create_table", name, **table_request(name, key, indexes))
    except ClientError as error:
        if code_of(error) != "ResourceInUseException":  # somebody creates it at the same time
            raise
    wait_active(service, name)
    if expires:
        _expire(service, name, expires)


def key_schema(key: Key) -> list[dict[str, str]]:
    return [
        {"AttributeName": attribute, "KeyType": kind}
        for (attribute, _), kind in zip(key, ("HASH", "RANGE"), strict=False)
    ]


def definitions(keys: Iterable[Key]) -> list[dict[str, str]]:
    found = dict(attribute for key in keys for attribute in key)
    return [{"AttributeName": attribute, "AttributeType": type_} for attribute, type_ in found.items()]


def index_request(index: Index) -> dict[str, Any]:
    return {"IndexName": index.name, "KeySchema": key_schema(index.key), "Projection": dict(index.projection)}


def delete_table(service: Service, name: str) -> None:
    """Deletes the table, if there is one, and waits until it is gone."""
    try:
        service.send("delete_table", name, TableName=name)
    except ClientError as error:
        if code_of(error) == "ResourceNotFoundException":
            return
        if code_of(error) != "ResourceInUseException":  # somebody deletes it at the same time
            raise
    deadline = time.monotonic() + _ACTIVE_SECONDS
    pause = _POLL_SECONDS
    while describe_table(service, name) is not None:
        if time.monotonic() > deadline:
            raise UnreachableError(
                f"the table is still there {_ACTIVE_SECONDS:g} s after its deletion was asked for",
                where=f"{service.where}, table {name}",
                fix="look at it in the AWS console",
            )
        pause = service.pause(pause)


def _expire(service: Service, name: str, attribute: str) -> None:
    try:
        service.send(
            "update_time_to_live",
            name,
            TableName=name,
            TimeToLiveSpecification={"Enabled": True, "AttributeName": attribute},
        )
    except StuckError:
        # Enabling it a second time is refused, as when the first answer was lost.
        if expiry(service, name) != attribute:
            raise


def wait_active(service: Service, name: str) -> None:
    deadline = time.monotonic() + _ACTIVE_SECONDS
    pause = _POLL_SECONDS
    while True:
        found = describe_table(service, name)
        status = found["TableStatus"] if found else "missing"
        if status in ("ACTIVE", "UPDATING"):
            return
        if time.monotonic() > deadline:
            raise UnreachableError(
                f"the table has been {status} for {_ACTIVE_SECONDS:g} s",
                where=f"{service.where}, table {name}",
                fix="look at it in the AWS console",
            )
        pause = service.pause(pause)


def expiry(service: Service, name: str) -> str:
    """The attribute by which items expire, "" for none."""
    found = service.send("describe_time_to_live", name, TableName=name)["TimeToLiveDescription"]
    enabled = found.get("TimeToLiveStatus") in ("ENABLED", "ENABLING")
    return str(found.get("AttributeName", "")) if enabled else ""


def check_key(service: Service, name: str, described: dict[str, Any], key: Key, path: str = "") -> None:
    """Raises StuckError where an existing table has another key than the source's, or than the key design `path`."""
    present = key_of(described, described["KeySchema"])
    if present == list(key):
        return
    wanted = f"{path} says" if path else "the source's key needs"
    raise StuckError(
        f"the table's key is {_shown(present)}, and {wanted} {_shown(key)}",
        where=f"{service.where}, table {name}",
        fix="DynamoDB cannot change a key: set another prefix, or delete the table, and load anew",
    )


def key_of(described: dict[str, Any], schema: Iterable[dict[str, str]]) -> list[tuple[str, str]]:
    """A key of a table that is there, or of an index, with its attributes' types."""
    types = {a["AttributeName"]: a["AttributeType"] for a in described["AttributeDefinitions"]}
    by_kind = {part["KeyType"]: part["AttributeName"] for part in schema}
    return [(by_kind[kind], types[by_kind[kind]]) for kind in ("HASH", "RANGE") if kind in by_kind]


def _shown(key: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"{name} ({type_})" for name, type_ in key)


def scan(service: Service, name: str, **parameters: Any) -> Iterator[Item]:
    """All items, a page at a time; none if there is no such table."""
    while True:
        try:
            page = service.send("scan", name, TableName=name, ConsistentRead=True, **parameters)
        except ClientError as error:
            if code_of(error) != "ResourceNotFoundException":
                raise
            return
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        parameters["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def is_empty(service: Service, name: str) -> bool:
    """Whether the table holds no item, deleted ones included."""
    page = service.send("scan", name, TableName=name, ConsistentRead=True, Limit=1)
    return not page["Items"] and "LastEvaluatedKey" not in page


def of_entity(form: ItemForm) -> dict[str, Any]:
    """Parameters of a scan, for the table's own items alone; the names and values that they need."""
    if not form.mark:
        return {}
    return {
        "FilterExpression": "#en = :en",
        "ExpressionAttributeNames": {"#en": ENTITY},
        "ExpressionAttributeValues": {":en": form.mark[ENTITY]},
    }


class Migration:
    """Brings the items of one version to the next: renamed columns, and what ADD COLUMN gave to existing rows.

    Every row counts as written by the schema change itself: an item with an older fence is rewritten and gets the
    change's sequence as its fence, under the condition that it still has the older one. A second run, after a crash,
    finds those items done, and items that later events have written are left alone.

    Raises:
        StuckError: the source has rewritten values in a way that only loading anew can follow.
    """

    def __init__(
        self,
        service: Service,
        name: str,
        stream: str,
        form: ItemForm,
        previous: TargetTable,
        design: TableDesign | None = None,
    ) -> None:
        self._service = service
        self._name = name
        table = form.table
        self._mark = Mark(stream, table.since)
        self._form = form
        self._check(table, previous, ItemForm(previous, resolved(design, table, previous)))
        now = {column.id: column.name for column in (*table.columns, *table.retained)}
        self._renames = {
            column.name: now[column.id]
            for column in (*previous.columns, *previous.retained)
            if now.get(column.id, column.name) != column.name
        }
        self._initial: Item = {
            column.name: self._form.attribute(column.name, column.initial) for column in added(table, previous)
        }

        if self.needed and not table.since:
            raise self._stuck("it is not known since when the columns have changed", "load the table anew")

    @property
    def needed(self) -> bool:
        return bool(self._renames or self._initial)

    @property
    def touches_texts(self) -> bool:
        """Whether rows get values that stand in a text by which an index finds them."""
        return not self._form.in_texts.isdisjoint(self._initial)

    def _check(self, table: TargetTable, previous: TargetTable, older: ItemForm) -> None:
        changed = set(self._form.retyped(older))
        before = {column.id: column.type for column in previous.columns}
        for column in table.columns:
            if column.id not in before:
                continue
            # Texts must be the same to the letter; numbers are read back with the column's scale.
            text = self._form.attribute_type(column.name) == "S" or column.name in self._form.in_texts
            kept = same_form if text else self._preserves
            if not kept(before[column.id], column.type):
                changed.add(column.name)
        if changed:
            raise self._stuck(
                f"the source has rewritten the column {sorted(changed)[0]} as another type",
                "delete the table in DynamoDB, or set another prefix, and load anew",
            )
        if [column.id for column in table.key] != [column.id for column in previous.key] or self._form.key != older.key:
            raise self._stuck(
                "the source's primary key has changed, and DynamoDB cannot change a key",
                "set another prefix, or delete the table, and load anew",
            )

    def _preserves(self, old: Type, new: Type) -> bool:
        return preserves(old, new, self._form.table.source.schema is not None)

    def items(self) -> Iterator[Item]:
        """Items that are to be rewritten."""
        for item in scan(self._service, self._name, **of_entity(self._form)):
            if self._due(item):
                yield item

    def _due(self, item: Item) -> bool:
        return DELETED not in item and self._mark.is_newer(item)

    def rewrite(self, item: Item) -> None:
        """Rewrites one item, unless something newer has."""
        found: Item | None = item
        while found is not None and self._due(found) and not self._update(found):
            answer = self._service.send(
                "get_item",
                self._name,
                TableName=self._name,
                Key=identity(item, self._form),
                ConsistentRead=True,
            )
            found = answer.get("Item")

    def _update(self, item: Item) -> bool:
        moved = {new: item[old] for old, new in self._renames.items() if old in item}
        present = {**self._initial, **moved}
        gone = [old for old in self._renames if old not in present]
        # A column that was null under its old name must not keep what stood under its new one.
        gone += [new for old, new in self._renames.items() if old not in item and new not in present]
        names = {"#f": FENCE, "#t": STREAM}
        values: Item = {":since": {"S": self._mark.seq}, ":stream": {"S": self._mark.stream}}
        sets, removes = ["#f = :since", "#t = :stream"], []
        for index, (name, attribute) in enumerate(present.items()):
            names[f"#s{index}"] = name
            values[f":s{index}"] = attribute
            sets.append(f"#s{index} = :s{index}")
        for index, name in enumerate(dict.fromkeys(gone)):
            names[f"#r{index}"] = name
            removes.append(f"#r{index}")
        if FENCE in item:
            condition = "#f = :before"
            values[":before"] = item[FENCE]
        else:
            condition = "attribute_not_exists(#f)"
        try:
            self._service.send(
                "update_item",
                self._name,
                TableName=self._name,
                Key=identity(item, self._form),
                UpdateExpression=f"SET {', '.join(sets)}" + (f" REMOVE {', '.join(removes)}" if removes else ""),
                ConditionExpression=condition,
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=values,
            )
        except ClientError as error:
            if code_of(error) != "ConditionalCheckFailedException":
                raise
            return False
        return True

    def _stuck(self, what: str, fix: str) -> StuckError:
        return StuckError(what, where=f"{self._service.where}, table {self._name}", fix=fix)
