"""`tailrace check` of a DynamoDB target."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator

from botocore.exceptions import ClientError

from tailrace.connectors import Context
from tailrace.errors import TailraceError
from tailrace.source import Finding
from tailrace_dynamodb.attributes import EXPIRES
from tailrace_dynamodb.positions import Positions
from tailrace_dynamodb.service import Service
from tailrace_dynamodb.settings import DynamoDBSinkSettings
from tailrace_dynamodb.tables import describe_table, expiry, key_of
from tailrace_dynamodb.writes import MARKER_SECONDS

_PERMISSIONS = (
    "DescribeTable, CreateTable, DescribeTimeToLive, UpdateTimeToLive, Scan, Query, GetItem, PutItem, UpdateItem, "
    "BatchWriteItem, DeleteItem, UpdateTable"
)


def findings(settings: DynamoDBSinkSettings, context: Context) -> list[Finding]:
    """Reaches the service and looks at the tables that the sink knows; changes nothing."""
    try:
        with contextlib.closing(Service(settings, patient=False)) as service:
            return _findings(service, settings, context)
    except TailraceError as error:
        where = f"{error.where}: " if error.where else ""
        return [Finding("connection", False, f"{where}{error.what}", error.fix)]


def _findings(service: Service, settings: DynamoDBSinkSettings, context: Context) -> list[Finding]:
    positions = Positions(service, settings.prefix, context.pipeline, settings.name, "")
    described = describe_table(service, positions.table)
    found = [
        Finding("connection", True, service.where),
        Finding("permissions", True, f"the AWS user needs on {settings.prefix}*: {_PERMISSIONS}"),
        markers(context.retention()),
    ]
    names = positions.tables() if described is not None else []
    return found + [_table(service, name) for name in names] + list(_design(service, settings))


def _design(service: Service, settings: DynamoDBSinkSettings) -> Iterator[Finding]:
    """Whether tables that are there have the keys that the design gives them."""
    design = settings.design()
    title = "key design"
    wrong = False
    for source, table in design.tables.items():
        name = settings.prefix + (table.table or source.rpartition(".")[2])
        described = describe_table(service, name) if table.parts() else None
        if described is None:
            continue
        present = [attribute for attribute, _ in key_of(described, described["KeySchema"])]
        wanted = [attribute for attribute, _ in table.parts()]
        if present != wanted:
            wrong = True
            detail = f"the key of the table {name} is {', '.join(present)}; {design.path} says {', '.join(wanted)}"
            yield Finding(title, False, detail, "give it another `table` or prefix, or delete it, and load anew")
    if design.tables and not wrong:
        yield Finding(title, True, f"{design.path} is for {', '.join(design.tables)}")


def markers(kept: float | None) -> Finding:
    """Whether delete markers outlive the events that could bring a deleted row back; `kept`: `Stream.retention`."""
    title = "delete markers"
    days = MARKER_SECONDS // 86400
    lives = f"live {days} days"
    fix = f"let the stream keep events for less than {days} days, and the sink never lag so long"
    if kept is None:
        return Finding(title, None, f"{lives}; how long the stream keeps events is not known", fix)
    if kept == math.inf:
        return Finding(title, None, f"{lives}, and the stream keeps events for good", fix)
    shown = f"{kept / 86400:.3g} days"
    if kept >= MARKER_SECONDS:
        return Finding(title, False, f"{lives}, and the stream keeps events for {shown}", fix)
    left = f"{(MARKER_SECONDS - kept) / 86400:.3g} days"
    return Finding(title, True, f"{lives}; the stream keeps events for {shown}, so that the sink may lag by {left}")


def _table(service: Service, name: str) -> Finding:
    title = f"table {name}"
    try:
        attribute = expiry(service, name)
    except ClientError:
        return Finding(title, True, "is missing, and will be created")
    if attribute == EXPIRES:
        return Finding(title, True, "deleted rows expire")
    detail = f"expires by {attribute}" if attribute else "deleted rows never expire"
    fix = (
        f"aws dynamodb update-time-to-live --table-name {name} "
        f"--time-to-live-specification Enabled=true,AttributeName={EXPIRES}"
    )
    return Finding(title, None, f"{detail}: their markers stay for good", fix)
