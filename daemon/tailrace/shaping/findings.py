"""What `tailrace check` finds about the keys of `[[tables]]`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tailrace.connectors import Context
from tailrace.schema import TableName, TableSchema
from tailrace.shaping.building import ShapeError
from tailrace.shaping.shapes import Shapes
from tailrace.source import Finding
from tailrace.tables import matches

_NAME = "[[tables]]"


def entry_findings(context: Context, names: Iterable[TableName]) -> Iterator[Finding]:
    """Entries that are for no selected table."""
    selected = list(names)
    for entry in context.tables:
        if not any(matches((entry.match,), name) for name in selected):
            yield Finding(
                _NAME, None, f'match = "{entry.match}" names no selected table', "correct the glob, or remove the entry"
            )


def shape_findings(shapes: Shapes, schemas: Iterable[TableSchema]) -> Iterator[Finding]:
    """Rules that do not fit the columns as they are now."""
    fitting = 0
    for schema in schemas:
        try:
            fitting += shapes.of(schema) is not None
        except ShapeError as error:
            for problem in error.problems:
                yield Finding(_NAME, False, f"{schema.name}: {problem.key}: {problem.what}", problem.fix)
    if fitting:
        yield Finding(_NAME, True, f"{fitting} tables change on their way into the stream")
