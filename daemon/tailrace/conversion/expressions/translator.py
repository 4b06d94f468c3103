"""One expression, from text to text."""

from __future__ import annotations

from collections.abc import Mapping

from tailrace.conversion.catalog import Column, Dialect, ObjectName
from tailrace.conversion.names import Names
from tailrace.conversion.rules import Rules
from tailrace.conversion.translation import Translation, Use


def translate(
    sql: str,
    use: Use,
    source: Dialect,
    target: Dialect,
    columns: Mapping[str, Column],
    names: Names,
    table: ObjectName | None,
    rules: Rules,
    *,
    column: str = "",
    types: Mapping[str, str] | None = None,
) -> Translation:
    """An expression of the source in the target's dialect, where it surely means the same.

    Args:
        sql: as the source's catalog has it.
        use: where it stands. A whole query is for `programs.view`.
        columns: of the source's table, by name, with their collations: what the expression may speak of.
        table: of the source, for rules and names; None where there is none (a domain: `VALUE` is its column).
        column: the one whose default or generating expression it is.
        types: the target's column types by the source's names of the columns; where one is missing, the column is
            taken to have what the sinks make of its `Type`.

    Returns:
        The expression, without parentheses around it that the target's grammar may want (`DEFAULT (…)`): the target's
        `render` writes them. Where `grade` is by hand, `sql` is "" and the remark says what is in the way.
    """
    raise NotImplementedError
