"""The shapes of a pipeline's tables, and how they stand in the stream's records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson

from tailrace.config.problems import raise_all
from tailrace.connectors import Context
from tailrace.errors import ConfigError
from tailrace.position import SCHEMA_PREFIX
from tailrace.schema import TableName, TableSchema
from tailrace.shaping.building import Problem, ShapeError, build
from tailrace.shaping.rules import Rules, rules_for
from tailrace.shaping.shape import Shape

#: Members of a version's record, beside those of the stream's schema: the source's own, and the rules' fingerprint.
_SOURCE, _FINGERPRINT = "source", "shape"


class Shapes:
    """Answers for all tables; a table that no rule is for has no shape, and costs nothing."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._rules: dict[TableName, Rules | None] = {}
        self._shapes: dict[tuple[str, int], Shape] = {}
        # By topic, the names of dropped and masked columns by their ids: a rename must not uncover one.
        self._hidden: dict[str, dict[int, str]] = {}

    def rules(self, name: TableName) -> Rules | None:
        """Raises ConfigError where a salt is missing."""
        if name not in self._rules:
            self._rules[name] = rules_for(self._context, name)
        return self._rules[name]

    def of(self, schema: TableSchema) -> Shape | None:
        """The shape of a version; None: it is carried as it is.

        Raises:
            ShapeError: the rules do not fit the columns.
        """
        rules = self.rules(schema.name)
        if rules is None:
            return None
        known = self._shapes.get((schema.topic, schema.id))
        if known is None or known.source != schema:
            self._hide(schema, rules)
            known = self._shapes[schema.topic, schema.id] = build(schema, rules)
        return known

    def refuse_misfits(self, schemas: Iterable[TableSchema]) -> None:
        """Before a first start.

        Raises:
            ConfigError: a line for each rule that does not fit.
        """
        errors: list[ConfigError] = []
        for schema in schemas:
            try:
                self.of(schema)
            except ShapeError as error:
                rules = self.rules(schema.name)
                assert rules is not None
                for problem in error.problems:
                    key, _, member = problem.key.partition(".")
                    where = rules.places.get(key, "[[tables]]") + (f".{member}" if member else "")
                    errors.append(ConfigError(f"{schema.name}: {problem.what}", where=where, fix=problem.fix))
        raise_all(errors)

    def _hide(self, schema: TableSchema, rules: Rules) -> None:
        """Notes what is hidden of a version; raises ShapeError where that was under another name before."""
        hidden = self._hidden.setdefault(schema.topic, {})
        for column in schema.columns:
            name = hidden.get(column.id)
            if name is not None and name != column.name:
                key = "columns.drop" if name in rules.drop else "mask"
                what = f"{schema.name} has column {name} under the name {column.name} now"
                raise ShapeError([Problem(key, what, "a masked or dropped column must keep its name")])
        hidden.update(
            (column.id, column.name)
            for column in schema.columns
            if column.name in rules.drop or column.name in rules.masks
        )

    # ---- the stream's records

    def record(self, schema: TableSchema) -> bytes:
        """A version's record: what the stream has, and what the source has."""
        shape = self.of(schema)
        if shape is None:
            return schema.to_json()
        record: dict[str, Any] = orjson.loads(shape.schema.to_json())
        record[_SOURCE] = orjson.loads(shape.recorded_source().to_json())["columns"]
        record[_FINGERPRINT] = shape.rules.fingerprint
        return orjson.dumps(record)

    def recalled(self, state: Mapping[str, bytes], captured: Callable[[TableName], bool]) -> list[TableSchema]:
        """The source's versions that earlier runs recorded in the state store.

        Raises:
            ConfigError: the rules of a table that is captured are not those under which its rows were carried.
        """
        found: list[TableSchema] = []
        newest: dict[str, tuple[TableSchema, str]] = {}
        for key, record in state.items():
            if key.startswith(SCHEMA_PREFIX):
                raw = orjson.loads(record)
                if _SOURCE in raw:
                    raw["columns"] = raw[_SOURCE]
                    raw.pop("target", None)
                schema = TableSchema.from_json(orjson.dumps(raw))
                found.append(schema)
                last = newest.get(schema.topic)
                if last is None or (last[0].since, last[0].id) < (schema.since, schema.id):
                    newest[schema.topic] = schema, raw.get(_FINGERPRINT, "")
        for schema, fingerprint in newest.values():
            if captured(schema.name):
                self._refuse_changed(schema.name, fingerprint)
        for schema in sorted(found, key=lambda schema: (schema.since, schema.id)):
            if captured(schema.name) and (rules := self.rules(schema.name)) is not None:
                self._hide(schema, rules)
        return found

    def _refuse_changed(self, name: TableName, fingerprint: str) -> None:
        rules = self.rules(name)
        if (rules.fingerprint if rules is not None else "") != fingerprint:
            raise ConfigError(
                f"what the file says of table {name} is not what its rows were carried under",
                where="[[tables]]",
                fix="put its keys (and the salt) back, or run `tailrace teardown`, empty its target, and load anew",
            )
