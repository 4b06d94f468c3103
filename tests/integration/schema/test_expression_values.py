"""What is said to be surely the same is the same: each expression is evaluated at the source and in the target."""

from __future__ import annotations

import pytest

from tailrace.conversion.catalog import Dialect, ObjectName
from tailrace.conversion.expressions import translate
from tailrace.conversion.names import Names
from tailrace.conversion.outcome import Grade
from tailrace.conversion.rules import load
from tailrace.conversion.translation import Use
from tests.integration.schema import expression_cases as cases
from tests.integration.schema.expression_rows import Place, alike, column_list, columns

MYSQL, MARIADB, POSTGRES, SQLITE = Dialect.MYSQL, Dialect.MARIADB, Dialect.POSTGRESQL, Dialect.SQLITE
TABLE = ObjectName("shop", "t")
RULES = load()
Places = dict[Dialect, Place]


def quoted(sql: str, dialect: Dialect) -> str:
    """MySQL's `by` and `dt` are words of the language, or may be."""
    return sql.replace("by = ", "`by` = ").replace("(by)", "(`by`)") if dialect.mysql_like else sql


def values(place: Place, expressions: list[str], family: str) -> list[list[object]]:
    """Of each expression, its values in the order of the rows; one query for all of them."""
    rows = place.query(f"SELECT {', '.join(expressions)} FROM t_{family} ORDER BY id")
    return [list(column) for column in zip(*rows, strict=True)]


PAIRS = [(s, t) for s in (MYSQL, MARIADB, POSTGRES) for t in (MYSQL, MARIADB, POSTGRES, SQLITE) if s is not t]
#: At least so many of the expressions are surely the same.
LEAST = {MYSQL: 145, MARIADB: 145, POSTGRES: 110, SQLITE: 80}


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=lambda dialect: str(dialect))
def test_what_is_sure_has_the_same_values(places: Places, source: Dialect, target: Dialect) -> None:
    family = "pg" if source is POSTGRES else "my"
    given = cases.POSTGRES if source is POSTGRES else [quoted(sql, source) for sql in cases.MYSQL]
    about = columns(source)
    names = Names({TABLE: TABLE})
    made = {sql: translate(sql, Use.QUERY, source, target, about, names, TABLE, RULES) for sql in given}
    written = {sql: found for sql, found in made.items() if found.sql}
    there = values(places[source], list(written), family)
    here = values(places[target], [found.sql for found in written.values()], family)
    different = [
        f"{sql}  =>  {found.sql}: {before} became {after}"
        for (sql, found), before, after in zip(written.items(), there, here, strict=True)
        if found.grade is Grade.AUTOMATIC and not all(map(alike, before, after))
    ]
    assert different == []
    sure = [sql for sql, found in written.items() if found.grade is Grade.AUTOMATIC]
    assert len(sure) >= LEAST[target], sorted(set(given) - set(sure))


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=lambda dialect: str(dialect))
def test_the_target_takes_what_must_always_be_the_same(places: Places, source: Dialect, target: Dialect) -> None:
    """In an index, a check or a generated column: what the server would refuse there has been left out."""
    given = cases.POSTGRES if source is POSTGRES else [quoted(sql, source) for sql in cases.MYSQL]
    about, names, place = columns(source), Names({TABLE: TABLE}), places[target]
    found = [translate(sql, Use.INDEX, source, target, about, names, TABLE, RULES).sql for sql in given]
    written = [sql for sql in found if sql]
    assert len(written) >= LEAST[target] - 25
    family = "pg" if source is POSTGRES else "my"
    if target.mysql_like:
        assert _refused(place, f"x_{source}", column_list(family, target), written) == []
        return
    refused = []
    for number, sql in enumerate(written):
        try:
            place.execute(f"CREATE INDEX x_{source}_{number} ON t_{family} (({sql}))")
        except Exception as error:
            refused.append(f"{sql}: {error}")
    assert refused == []


def _refused(place: Place, name: str, listed: str, expressions: list[str]) -> list[str]:
    """Those that a check of MySQL's or MariaDB's does not take: all at once, halves of them where it does not."""
    checks = ", ".join(f"CHECK (({sql}) IS NULL OR 1 = 1)" for sql in expressions)
    try:
        place.execute(f"CREATE TABLE {name} ({listed}, {checks})")
    except Exception as error:
        half = len(expressions) // 2
        if not half:
            return [f"{expressions[0]}: {error}"]
        return [
            *_refused(place, name, listed, expressions[:half]),
            *_refused(place, name, listed, expressions[half:]),
        ]
    place.execute(f"DROP TABLE {name}")
    return []
