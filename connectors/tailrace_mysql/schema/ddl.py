"""A catalog of MySQL's or MariaDB's as statements."""

from __future__ import annotations

from tailrace.conversion.catalog import Catalog
from tailrace.conversion.target import Statement


def render(catalog: Catalog) -> list[Statement]:
    """Statements in an order in which they can run, in the database `catalog.default_schema`.

    Names in that database, or in none, stand without it. One object may take several statements, which have the same
    kind, name and member, and belong together.

    Raises:
        ValueError: the dialect has no such object.
    """
    raise NotImplementedError
