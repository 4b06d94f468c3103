"""What a source's objects are called in a target: by a pipeline's file, or by a script alone."""

from __future__ import annotations

from typing import Any

from tailrace.config import Pipeline
from tailrace.conversion.catalog import Catalog
from tailrace.conversion.names import Names
from tailrace.conversion.rules import Rules
from tailrace.conversion.target import SchemaTarget


def pipeline_names(source: Catalog, pipeline: Pipeline, settings: Any, target: SchemaTarget, schema: str) -> Names:
    """As the sink calls its tables: `[[tables]]` renames, the sink's `schema` and `tables` hold.

    Args:
        settings: of the sink, one of `pipeline.sinks`.
        schema: the target's schema or database in which the sink makes its tables; "" for SQLite.
    """
    raise NotImplementedError


def script_names(source: Catalog, target: SchemaTarget, rules: Rules, schema: str) -> Names:
    """Everything, without a pipeline: `[[names]]` of the rules, the target's own way to write names, its limits.

    Args:
        schema: where what is in the source's default schema belongs ("public", a database; "" for SQLite).
    """
    raise NotImplementedError
