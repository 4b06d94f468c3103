"""All cases, in the order in which they run."""

from __future__ import annotations

from tests.conformance.debezium.case import Case
from tests.conformance.debezium.cases import (
    identities,
    keys,
    mysql_schema,
    mysql_types,
    names,
    postgres_schema,
    postgres_texts,
    postgres_types,
    rows,
    transactions,
)

CASES: tuple[Case, ...] = (
    *rows.CASES,
    *keys.CASES,
    *transactions.CASES,
    *names.CASES,
    *identities.CASES,
    *mysql_types.CASES,
    *postgres_types.CASES,
    *postgres_texts.CASES,
    *mysql_schema.CASES,
    *postgres_schema.CASES,
)


def cases_of(engine: str) -> list[Case]:
    """The cases for one server."""
    return [case for case in CASES if engine in case.engines]
