"""One target's conversion, from a pipeline's file or a script to the statements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tailrace import connectors
from tailrace.config import Pipeline
from tailrace.connectors import Context
from tailrace.conversion.catalog import Catalog, Dialect
from tailrace.conversion.convert import convert
from tailrace.conversion.measuring import Measuring
from tailrace.conversion.names import Names
from tailrace.conversion.naming import pipeline_names, script_names
from tailrace.conversion.outcome import Conversion
from tailrace.conversion.rules import Rules, load
from tailrace.conversion.target import SchemaTarget, Statement
from tailrace.errors import ConfigError

#: `--target`: the connector, and the dialect where that is not the connector's first.
KINDS: dict[str, tuple[str, Dialect | None]] = {
    "postgres": ("postgres", None),
    "mysql": ("mysql", Dialect.MYSQL),
    "mariadb": ("mysql", Dialect.MARIADB),
    "sqlite": ("sqlite", None),
    "dynamodb": ("dynamodb", None),
}


@dataclass(slots=True)
class Job:
    """
    Attributes:
        name: the sink's, or the kind of target.
        settings: the sink's; None: there is no server, and nothing but statements can be had.
    """

    name: str
    target: SchemaTarget
    conversion: Conversion
    settings: Any = None

    def statements(self) -> list[Statement]:
        return self.target.render(self.conversion.target)


def rules_of(pipeline: Pipeline | None, files: Sequence[Path]) -> Rules:
    """Ours, the pipeline's, then those that are given besides: the last wins.

    Raises:
        ConfigError: a file is not there, or wrong.
    """
    own = pipeline.conversion if pipeline is not None else ()
    return load([*own, *files])


def source_catalog(pipeline: Pipeline) -> Catalog:
    """
    Raises:
        ConfigError: this source's catalog cannot be read.
        UnreachableError, RefusedError: of the source.
    """
    connector = connectors.find_source(pipeline.source.connector)
    if connector.catalog is None:
        raise ConfigError(
            f"the {pipeline.source.connector} source cannot read its catalog",
            where=pipeline.file,
            fix="give its schema as a script: --from-sql",
        )
    return pipeline.made(connector.catalog, pipeline.source)


def of_sink(
    pipeline: Pipeline,
    settings: Any,
    source: Catalog,
    rules: Rules,
    script: bool = False,
    measuring: Measuring | None = None,
) -> Job:
    """
    Args:
        settings: of a sink of the pipeline.
        script: the catalog is of a script, and not of the pipeline's source.
        measuring: tells a target that wants it how much is written at the source.

    Raises:
        ConfigError: nothing is converted towards this system.
    """
    create = connectors.find_sink(settings.connector).schema
    if create is None:
        raise ConfigError(
            f"there is no schema conversion towards {settings.connector}",
            where=f"sink {settings.name}",
            fix="name other sinks with --sink",
        )
    target: SchemaTarget = pipeline.made(create, settings)
    if measuring is not None:
        measuring.tell(target)
    if not script and source.dialect is target.dialect:
        # What the server has decides what keeps its name, and what it can keep.
        getattr(target, "find_out", lambda: None)()
    schema = default_schema(target)
    if script:
        names = script_names(source, target, rules, schema)
    else:
        names = pipeline_names(source, pipeline, settings, target, schema)
    return Job(settings.name, target, _converted(source, target, rules, names, settings.name), settings)


def of_kind(
    kind: str, source: Catalog, rules: Rules, pipeline: Pipeline | None, measuring: Measuring | None = None
) -> Job:
    """Towards a system of which no server is known."""
    name, dialect = KINDS[kind]
    create = connectors.find_sink(name).schema
    if create is None:
        raise ConfigError(f"there is no schema conversion towards {kind}", fix="choose another --target")
    context = pipeline.context() if pipeline else Context("schema", "full-load", Path())
    made: Callable[..., SchemaTarget] = create
    target = made(None, context, dialect) if dialect else made(None, context)
    if measuring is not None:
        measuring.tell(target)
    names = script_names(source, target, rules, default_schema(target))
    return Job(kind, target, _converted(source, target, rules, names, kind))


def default_schema(target: SchemaTarget) -> str:
    """Where the sink makes its tables: a schema or database; "" where it needs no name."""
    return str(getattr(target, "default_schema", ""))


def _converted(source: Catalog, target: SchemaTarget, rules: Rules, names: Names, sink: str) -> Conversion:
    own: Callable[[Catalog, Rules, Names, str], Conversion] | None = getattr(target, "convert", None)
    return own(source, rules, names, sink) if own else convert(source, target, rules, names, sink)
