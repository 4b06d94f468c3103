"""A catalog in PostgreSQL's dialect as statements that make it."""

from __future__ import annotations

from tailrace.conversion.catalog import Catalog
from tailrace.conversion.target import Statement


def render(catalog: Catalog, *, may_switch_off: bool = False) -> list[Statement]:
    """Statements in an order in which they can run.

    Args:
        may_switch_off: the sink may switch triggers and foreign keys off (`session_replication_role`).
    """
    raise NotImplementedError
