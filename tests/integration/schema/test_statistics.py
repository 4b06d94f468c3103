"""What the servers' own statistics say of tables, as the readers hand it on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tailrace.connectors import Context, find_source
from tailrace.conversion.catalog import ObjectName
from tailrace.conversion.statistics import Changes, Statistics, average_rates, rates
from tests.servers import Database, wait_until


def read(database: Database, connector: str) -> Statistics:
    found = find_source(connector)
    settings = found.config.model_validate({"connector": connector, "url": database.url})
    assert found.statistics is not None
    return found.statistics(settings, Context("s", "cdc", Path()))


def test_postgres_tells_sizes_values_and_changes(postgres18: Any) -> None:
    with postgres18.database("stats") as database:
        database.script(
            "CREATE TABLE public.orders (id bigint PRIMARY KEY, customer int NOT NULL, status text, note text)",
            "INSERT INTO public.orders SELECT n, n % 50, CASE WHEN n % 10 = 0 THEN 'new' ELSE 'done' END,"
            " CASE WHEN n % 2 = 0 THEN repeat('x', 100) END FROM generate_series(1, 1000) n",
            "CREATE TABLE public.parts (id int, day int) PARTITION BY LIST (day)",
            "CREATE TABLE public.parts_1 PARTITION OF public.parts FOR VALUES IN (1)",
            "CREATE TABLE public.parts_2 PARTITION OF public.parts FOR VALUES IN (2)",
            "INSERT INTO public.parts SELECT n, n % 2 + 1 FROM generate_series(1, 100) n",
            "ANALYZE",
            "SELECT pg_stat_force_next_flush()",
        )
        name = ObjectName("public", "orders")

        def inserted() -> Statistics | None:
            found = read(database, "postgres")
            return found if found.tables[name].changes == Changes(inserts=1000.0) else None

        before = wait_until(inserted, 20, "the server has counted what was inserted")
        assert before is not None
        orders = before.tables[name]
        assert orders.rows == 1000
        assert orders.row_bytes is not None
        assert 60 < orders.row_bytes < 200
        assert orders.columns["id"].distinct == pytest.approx(1000)
        assert orders.columns["customer"].distinct == 50
        assert orders.columns["status"].most_common == pytest.approx(0.9, abs=0.05)
        assert orders.columns["note"].nulls == pytest.approx(0.5, abs=0.05)
        assert (orders.columns["note"].width or 0) > 90
        assert orders.columns["id"].correlation == pytest.approx(1, abs=0.01)
        assert before.tables[ObjectName("public", "parts")].rows == 100
        assert ObjectName("public", "parts_1") not in before.tables
        database.script(
            "UPDATE public.orders SET status = 'x' WHERE id <= 30",
            "DELETE FROM public.orders WHERE id > 990",
            "SELECT pg_stat_force_next_flush()",
        )

        def counted() -> bool:
            return rates(before, read(database, "postgres"), 10.0)[name] == Changes(updates=3.0, deletes=1.0)

        wait_until(counted, 20, "the changes are counted")


@pytest.mark.parametrize("system", ["mysql", "mariadb"])
def test_mysql_and_mariadb_tell_sizes_and_values(system: str, request: pytest.FixtureRequest) -> None:
    server = request.getfixturevalue(system)
    with server.database("stats") as database:
        analyze = (
            ["ANALYZE TABLE orders PERSISTENT FOR ALL"]
            if system == "mariadb"
            else ["ANALYZE TABLE orders", "ANALYZE TABLE orders UPDATE HISTOGRAM ON status WITH 8 BUCKETS"]
        )
        numbers = ", ".join(f"({n}, {n % 50}, '{'new' if n % 10 == 0 else 'done'}', NULL)" for n in range(1, 1001))
        database.script(
            "CREATE TABLE orders (id bigint PRIMARY KEY, customer int NOT NULL, status varchar(20), note text,"
            " KEY by_customer (customer, status))",
            f"INSERT INTO orders VALUES {numbers}",
            *analyze,
        )
        found = read(database, "mysql")
        name = next(name for name in found.tables if name.name == "orders")
        orders = found.tables[name]
        assert orders.rows == pytest.approx(1000, rel=0.2)
        assert orders.row_bytes
        assert orders.columns["customer"].distinct == pytest.approx(50, rel=0.2)
        assert orders.columns["status"].distinct == pytest.approx(2)
        if system == "mysql":
            assert orders.columns["status"].most_common == pytest.approx(0.9, abs=0.05)
        if orders.changes is None:
            assert found.notes == ("the performance schema counts no changes (or may not be read)",)
        else:
            assert average_rates(found)[name].inserts > 0
