"""DynamoDB as a target of schema conversion (`tailrace.conversion.target.SchemaTarget`).

Its statements are commands of the AWS CLI, whose JSON `apply` sends itself. In its catalogs the columns of a table are
attributes with their types ("S", "N", …); secondary indexes have the method ``gsi``.
"""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson
from botocore.exceptions import ClientError

from tailrace.connectors import Context
from tailrace.conversion.catalog import Catalog, Column, Dialect, ObjectKind, ObjectName, Table
from tailrace.conversion.ledger import Ledger
from tailrace.conversion.names import Names
from tailrace.conversion.outcome import Conversion
from tailrace.conversion.rules import Rules
from tailrace.conversion.statistics import Changes, Statistics
from tailrace.conversion.target import Limits, Statement
from tailrace.errors import ConfigError, RefusedError
from tailrace.schema import Kind, Type
from tailrace.structure import Index, Part
from tailrace_dynamodb.attributes import EXPIRES
from tailrace_dynamodb.codecs import codec
from tailrace_dynamodb.indexes import make
from tailrace_dynamodb.key_form import Index as SecondaryIndex
from tailrace_dynamodb.keys import KeyDesign
from tailrace_dynamodb.schema.conversion import EVERYTHING, GSI, Designing
from tailrace_dynamodb.schema.keys_file import keys_file
from tailrace_dynamodb.service import Service, code_of
from tailrace_dynamodb.settings import DynamoDBSinkSettings
from tailrace_dynamodb.tables import create_table, describe_table, index_request, key_of, table_request

_CREATE = "aws dynamodb create-table --cli-input-json "
_UPDATE = "aws dynamodb update-table --cli-input-json "
_WAIT = "aws dynamodb wait table-exists --table-name "
_EXPIRE = "aws dynamodb update-time-to-live --cli-input-json "


class DynamoDBSchemaTarget:
    """
    Args:
        settings: None: without a service, only `types`, `render`, `canonical` and `convert` work.
    """

    dialect = Dialect.DYNAMODB
    limits = Limits(name_length=255, in_characters=True)

    def __init__(self, settings: DynamoDBSinkSettings | None, context: Context | None = None) -> None:
        self._settings = settings
        self._prefix = settings.prefix if settings is not None else ""
        self._design = settings.design() if settings is not None else KeyDesign()
        self._connected: Service | None = None
        self._statistics = Statistics()
        self._rates: Mapping[ObjectName, Changes] = {}
        self._told = ""
        self._keys = ""

    # ---- what is meant

    def measured(self, statistics: Statistics, rates: Mapping[ObjectName, Changes], told: str) -> None:
        """What the source's server knows, before `convert`.

        Args:
            rates: changes a second.
            told: where they come from.
        """
        self._statistics, self._rates, self._told = statistics, rates, told

    def convert(self, source: Catalog, rules: Rules, names: Names, sink: str) -> Conversion:
        """Called instead of `tailrace.conversion.convert`: a key-value store has none of its parts but tables."""
        work = Designing(
            source,
            names,
            self._prefix,
            self._design,
            self._statistics,
            self._rates,
            self._told,
            Ledger(source),
            rules,
            designed=self._settings is not None and self._settings.keys is not None,
        )
        conversion = work.run(sink)
        self._keys = keys_file(self._design, work.entries, work.folds)
        return conversion

    def key_design(self) -> str:
        """The key design of the last conversion, as TOML."""
        return self._keys

    def types(self, table: Table, source: Dialect) -> dict[str, str]:
        return {column.name: codec(column.type).type for column in table.columns}

    def render(self, catalog: Catalog) -> list[Statement]:
        statements: list[Statement] = []
        for table in catalog.tables:
            name, types = table.name.name, {column.name: column.sql_type for column in table.columns}
            key = _key(table.primary_key, types)
            statements.append(_statement(table.name, _CREATE, table_request(name, key)))
            for index in table.indexes:
                if not index.primary:
                    secondary = _secondary(index, types)
                    request = {
                        "TableName": name,
                        "AttributeDefinitions": table_request(name, key, [secondary])["AttributeDefinitions"],
                        "GlobalSecondaryIndexUpdates": [{"Create": index_request(secondary)}],
                    }
                    statements.append(_statement(table.name, _UPDATE, request, index.name))
            expiry = {"Enabled": True, "AttributeName": EXPIRES}
            statements.append(_statement(table.name, _EXPIRE, {"TableName": name, "TimeToLiveSpecification": expiry}))
        return statements

    def scripted(self, catalog: Catalog) -> list[Statement]:
        """A table with its indexes at once, because a second index would have to wait for the first; and nothing goes
        on before the table is there."""
        statements: list[Statement] = []
        for table in catalog.tables:
            name, types = table.name.name, {column.name: column.sql_type for column in table.columns}
            indexes = [_secondary(index, types) for index in table.indexes if not index.primary]
            request = table_request(name, _key(table.primary_key, types), indexes)
            made = _statement(table.name, _CREATE, request)
            expiry = {"Enabled": True, "AttributeName": EXPIRES}
            statements += [
                replace(made, sql=f"{made.sql}\n{_WAIT}{shlex.quote(name)}"),
                _statement(table.name, _EXPIRE, {"TableName": name, "TimeToLiveSpecification": expiry}),
            ]
        return statements

    def canonical(self, catalog: Catalog) -> Catalog:
        """What DynamoDB knows of it: key attributes and indexes."""
        tables = []
        for table in catalog.tables:
            keys = {part.column for index in table.indexes for part in index.parts}
            own = set(table.primary_key.columns) if table.primary_key else set()
            columns = [_column(c.name, c.sql_type, c.name in own) for c in table.columns if c.name in keys]
            tables.append(_table(table.name.name, columns, table.indexes))
        return Catalog(Dialect.DYNAMODB, origin=catalog.origin, tables=tuple(tables))

    # ---- what is there

    def read(self, names: Collection[ObjectName] | None = None) -> Catalog:
        service = self._service()
        chosen = self._listed(service) if names is None else [name.name for name in names]
        found = [(name, described) for name in sorted(chosen) if (described := describe_table(service, name))]
        return Catalog(
            Dialect.DYNAMODB, origin=service.where, tables=tuple(_described(name, each) for name, each in found)
        )

    def _listed(self, service: Service) -> Iterator[str]:
        start: dict[str, Any] = {}
        while True:
            page = service.send("list_tables", "", **start)
            for name in page["TableNames"]:
                if name.startswith(self._prefix) and not name.removeprefix(self._prefix).startswith("_tailrace"):
                    yield name
            if "LastEvaluatedTableName" not in page:
                return
            start = {"ExclusiveStartTableName": page["LastEvaluatedTableName"]}

    def apply(self, statements: Sequence[Statement]) -> None:
        """One after the other; what was made stays where a later one is refused, and a second run goes on there."""
        if self._settings is not None and self._settings.keys is None:
            raise ConfigError(
                "the sink has no key design: it would refuse tables that are made by a proposal",
                where=self._settings.where("keys"),
                fix='run tailrace schema FILE --keys keys.toml, read it, and add keys = "keys.toml" to the sink; or '
                "name the other sinks with --sink",
            )
        service = self._service()
        requests = [(statement, orjson.loads(shlex.split(statement.sql)[-1])) for statement in statements]
        created = {request["TableName"] for statement, request in requests if statement.sql.startswith(_CREATE)}
        for done, (statement, request) in enumerate(requests):
            try:
                self._run(service, statement, request, requests, created)
            except ClientError as error:
                raise RefusedError(
                    f"DynamoDB refuses {statement.name}.{statement.member or 'table'} ({code_of(error)}); {done} "
                    f"statements before it are done",
                    where=service.where,
                    fix="see AWS's list of DynamoDB errors",
                ) from None

    def _run(
        self,
        service: Service,
        statement: Statement,
        request: dict[str, Any],
        requests: Sequence[tuple[Statement, dict[str, Any]]],
        created: Collection[str],
    ) -> None:
        name = request["TableName"]
        if statement.sql.startswith(_CREATE):
            # The table's indexes are made with it, which takes no time of their own.
            updates = [
                other for each, other in requests if each.name == statement.name and each.sql.startswith(_UPDATE)
            ]
            indexes = [_requested(update) for update in updates]
            create_table(service, name, key_of(request, request["KeySchema"]), indexes=indexes)
        elif statement.sql.startswith(_UPDATE) and name not in created:
            described = describe_table(service, name) or {}
            make(service, name, key_of(described, described.get("KeySchema", ())), _requested(request))
        elif statement.sql.startswith(_EXPIRE) and name not in created:
            service.send("update_time_to_live", name, **request)

    def close(self) -> None:
        service, self._connected = self._connected, None
        if service is not None:
            with contextlib.suppress(Exception):
                service.close()

    def _service(self) -> Service:
        assert self._settings is not None
        if self._connected is None:
            self._connected = Service(self._settings)
        return self._connected


def _statement(name: ObjectName, command: str, request: Mapping[str, Any], index: str = "") -> Statement:
    text = orjson.dumps(request, option=orjson.OPT_INDENT_2).decode()
    kind = ObjectKind.INDEX if index else ObjectKind.TABLE
    return Statement(kind, name, command + shlex.quote(text), member=index)


def _key(index: Index | None, types: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(part.column, types[part.column]) for part in index.parts] if index is not None else []


def _secondary(index: Index, types: Mapping[str, str]) -> SecondaryIndex:
    projection: dict[str, Any] = {"ProjectionType": "KEYS_ONLY"}
    if index.include == (EVERYTHING,):
        projection = {"ProjectionType": "ALL"}
    elif index.include:
        projection = {"ProjectionType": "INCLUDE", "NonKeyAttributes": list(index.include)}
    return SecondaryIndex(index.name, tuple(_key(index, types)), projection)


def _requested(request: dict[str, Any]) -> SecondaryIndex:
    (update,) = request["GlobalSecondaryIndexUpdates"]
    asked = update["Create"]
    return SecondaryIndex(asked["IndexName"], tuple(key_of(request, asked["KeySchema"])), asked["Projection"])


def _described(name: str, described: dict[str, Any]) -> Table:
    key = key_of(described, described["KeySchema"])
    found = [Index("", tuple(Part(attribute) for attribute, _ in key), unique=True, primary=True)]
    types = dict(key)
    for index in described.get("GlobalSecondaryIndexes", ()):
        index_key = key_of(described, index["KeySchema"])
        types.update(index_key)
        projection = index["Projection"]
        everything = projection["ProjectionType"] == "ALL"
        include = (EVERYTHING,) if everything else tuple(sorted(projection.get("NonKeyAttributes") or ()))
        found.append(Index(index["IndexName"], tuple(Part(a) for a, _ in index_key), method=GSI, include=include))
    own = dict(key)
    return _table(name, [_column(attribute, type_, attribute in own) for attribute, type_ in types.items()], found)


def _table(name: str, columns: Sequence[Column], indexes: Sequence[Index]) -> Table:
    """In an order of its own, since DynamoDB has none."""
    ordered = sorted((replace(index, include=tuple(sorted(index.include))) for index in indexes), key=lambda i: i.name)
    return Table(ObjectName("", name), tuple(sorted(columns, key=lambda column: column.name)), tuple(ordered))


def _column(name: str, sql_type: str, key: bool) -> Column:
    return Column(name, Type(Kind.OTHER, sql_type), sql_type, nullable=not key)
