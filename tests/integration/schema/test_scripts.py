"""Oracle's and SQL Server's scripts, made in a real PostgreSQL: what is there, and how it takes rows."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import psycopg2.errors
import pytest

from tailrace.conversion.catalog import Dialect, ObjectKind
from tailrace.conversion.convert import convert
from tailrace.conversion.making.application import plan, run
from tailrace.conversion.naming import script_names
from tailrace.conversion.outcome import Conversion, Grade
from tailrace.conversion.rules import load
from tailrace.conversion.script import read
from tailrace.conversion.target import SchemaTarget, Stage
from tailrace_mysql.schema.target import MySQLSchema
from tailrace_mysql.settings import MySQLSinkSettings
from tailrace_postgres.schema.target import PostgresSchemaTarget
from tailrace_postgres.settings import PostgresSinkSettings
from tailrace_sqlite.schema.target import SQLiteSchemaTarget
from tailrace_sqlite.settings import SQLiteSinkSettings
from tests import servers

HERE = Path(__file__).parent


@dataclass
class Made:
    """A script's conversion, and the database in which it was made in one transaction."""

    conversion: Conversion
    database: servers.Database
    not_held: list[object]
    left_to_make: int

    def names(self, grade: Grade, *kinds: ObjectKind) -> set[str]:
        found = set()
        for verdict in self.conversion.verdicts:
            if verdict.grade is grade and (not kinds or verdict.kind in kinds):
                found.add(verdict.member or verdict.name.name)
        return found

    @contextmanager
    def session(self) -> Iterator[psycopg2.extensions.cursor]:
        """Whose rows are gone afterwards."""
        connection = psycopg2.connect(self.database.url)
        try:
            with connection.cursor() as cursor:
                yield cursor
        finally:
            connection.rollback()
            connection.close()


def made(server: servers.Postgres, dialect: Dialect) -> Iterator[Made]:
    source = read((HERE / f"{dialect}.sql").read_text(), dialect, f"{dialect}.sql")
    with server.database(f"from_{dialect}") as database:
        settings = PostgresSinkSettings.model_validate({"name": "t", "connector": "postgres", "url": database.url})
        target = PostgresSchemaTarget(settings)
        try:
            rules = load()
            conversion = convert(source, target, rules, script_names(source, target, rules, ""), "postgres")
            not_held = run(target, plan(target, conversion.target, set(Stage)))
            again = plan(target, conversion.target, set(Stage))
            yield Made(conversion, database, [*not_held], len(again.statements))
        finally:
            target.close()


@pytest.fixture(scope="module")
def oracle(postgres18: servers.Postgres) -> Iterator[Made]:
    yield from made(postgres18, Dialect.ORACLE)


@pytest.fixture(scope="module")
def tsql(postgres18: servers.Postgres) -> Iterator[Made]:
    yield from made(postgres18, Dialect.TSQL)


@pytest.mark.parametrize("name", ["oracle", "tsql"])
def test_all_that_is_converted_is_made_and_read_back_as_it_was_meant(name: str, request: pytest.FixtureRequest) -> None:
    found: Made = request.getfixturevalue(name)
    assert found.not_held == []
    assert found.left_to_make == 0


@pytest.mark.parametrize(
    ("kind", "dialect"),
    [
        ("mysql", Dialect.TSQL),
        ("mariadb", Dialect.ORACLE),
        ("sqlite", Dialect.ORACLE),
        ("sqlite", Dialect.TSQL),
    ],
)
def test_a_script_is_made_in_other_systems_too(
    kind: str, dialect: Dialect, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    source = read((HERE / f"{dialect}.sql").read_text(), dialect, f"{dialect}.sql")
    with contextlib.ExitStack() as stack:
        target: SchemaTarget
        if kind == "sqlite":
            url = f"sqlite:///{tmp_path / 'target.db'}"
            target = SQLiteSchemaTarget(
                SQLiteSinkSettings.model_validate({"name": "t", "connector": "sqlite", "url": url})
            )
        else:
            url = stack.enter_context(request.getfixturevalue(kind).database("scripts")).url
            target = MySQLSchema(MySQLSinkSettings.model_validate({"name": "t", "connector": "mysql", "url": url}))
        stack.callback(target.close)
        rules = load()
        schema = getattr(target, "default_schema", "")
        conversion = convert(source, target, rules, script_names(source, target, rules, schema), kind)
        assert run(target, plan(target, conversion.target, set(Stage))) == []
        assert len(conversion.target.tables) == len(source.tables)


_PROGRAMS = (
    *(ObjectKind.VIEW, ObjectKind.MATERIALIZED_VIEW, ObjectKind.FUNCTION, ObjectKind.PROCEDURE, ObjectKind.TRIGGER),
)
_REST = tuple(kind for kind in ObjectKind if kind not in _PROGRAMS)


def test_what_of_oracles_is_by_hand(oracle: Made) -> None:
    assert oracle.names(Grade.BY_HAND, *_REST) == {
        "LOCATION",  # SDO_GEOMETRY
        "CUSTOMERS_JSON_CK",  # IS JSON
        "PRODUCTS_TEXT_IX",  # Oracle Text
        "CHANGE_ID",  # a NULL that becomes the identity's value
        "BASKET",  # a temporary table that stays
        "PHONE_LIST_TYP",
        "MONEY_TYP",
        "ORDER_API",
        "ORDER_API (body)",
        "EMP",
        "WHOLESALE_ORDERS",
        "REMOTE_STOCK",
        "ACTIVE_EMPLOYEES",  # its GRANT
        "OPENS_AT",  # a default of INTERVAL … DAY TO SECOND
    }
    changed = oracle.names(Grade.CHANGED, ObjectKind.COLUMN)
    assert {"HIRE_DATE", "LAST_SEEN", "SPEC_SHEET", "ATTRIBUTES", "ROW_ADDRESS", "BADGE"} <= changed
    assert len(oracle.names(Grade.AUTOMATIC, ObjectKind.FOREIGN_KEY)) == 25
    assert not oracle.names(Grade.BY_HAND, ObjectKind.FOREIGN_KEY, ObjectKind.PRIMARY_KEY, ObjectKind.SEQUENCE)


def test_what_of_sql_servers_is_by_hand(tsql: Made) -> None:
    assert tsql.names(Grade.BY_HAND, *_REST) == {
        "Version",  # rowversion
        "OrgLevel",  # a method of hierarchyid
        "CK_Appointment_Night",  # is not enforced
        "Patient_Notes_ix",  # full text
        "PXML_Patient_Allergies",
        "UX_Drug_Name",  # IGNORE_DUP_KEY
        "WardLoad",  # RANGE LEFT
        "IdList",
        *("ValidFrom", "ValidTo", "PERIOD", "SYSTEM_VERSIONING"),
        "What",  # MASKED
        *("Employees", "RemoteLab"),
        *("hr", "uspAdmit"),  # GRANTs, and a property of the schema
    }
    changed = tsql.names(Grade.CHANGED, ObjectKind.COLUMN)
    assert {"Registered", "LastVisit", "EndTime", "Checksum", "OrgNode", "Allergies", "CreatedBy"} <= changed
    assert len(tsql.names(Grade.AUTOMATIC, ObjectKind.FOREIGN_KEY)) == 17
    assert tsql.names(Grade.CHANGED, ObjectKind.FOREIGN_KEY) == {"FK_Employee_Manager"}  # WITH NOCHECK


def test_programs_are_made_where_that_is_sure(oracle: Made, tsql: Made) -> None:
    made = {*oracle.names(Grade.AUTOMATIC, *_PROGRAMS), *oracle.names(Grade.CHANGED, *_PROGRAMS)}
    assert {"ACTIVE_EMPLOYEES", "GOOD_CUSTOMERS", "ORDERS_BIR"} <= made
    # Bodies of more than one expression, AFTER triggers, CONNECT BY: a person's.
    by_hand = oracle.names(Grade.BY_HAND, *_PROGRAMS)
    assert {"ORG_CHART", "PRODUCTS_PRICE_AUR", "SECURE_EMPLOYEES", "ORDER_ITEMS_COMPOUND"} <= by_hand
    assert "(NUMBER, NUMBER)" in by_hand  # RAISE_SALARY
    made = {*tsql.names(Grade.AUTOMATIC, *_PROGRAMS), *tsql.names(Grade.CHANGED, *_PROGRAMS)}
    assert {"vEmployee", "vOpenStays", "vBirthdays"} <= made
    by_hand = tsql.names(Grade.BY_HAND, *_PROGRAMS)
    assert {"trgDepartmentModified", "trgNoDelete", "trgDdl", "(nvarchar(max))"} <= by_hand


def refuses(cursor: psycopg2.extensions.cursor, error: type[Exception], statement: str) -> None:
    cursor.execute("SAVEPOINT before")
    with pytest.raises(error):
        cursor.execute(statement)
    cursor.execute("ROLLBACK TO before")


def value(cursor: psycopg2.extensions.cursor, query: str) -> object:
    cursor.execute(query)
    row = cursor.fetchone()
    assert row is not None
    return row[0]


_ORACLE_ROWS = """
INSERT INTO regions VALUES (1, 'Europe');
INSERT INTO countries (country_id, country_name, region_id) VALUES ('DE', 'Germany', 1);
INSERT INTO addresses (street, city, country_id) VALUES ('Kai 1', 'Hamburg', 'DE');
INSERT INTO jobs VALUES ('CLERK', 'Clerk', 1000, 2000);
INSERT INTO departments (department_id, department_name, manager_id, address_id)
    SELECT 10, 'Stock', 1, address_id FROM addresses;
INSERT INTO employees (employee_id, last_name, email, job_id, salary, department_id)
    VALUES (1, 'King', 'king@example.org', 'CLERK', 1500.50, 10);
INSERT INTO customers (name, email, account_mgr) VALUES ('Acme', 'A@example.org', 1);
INSERT INTO tickets (ticket_id, customer_id, title) SELECT 1, customer_id, 'Late' FROM customers;
INSERT INTO orders (order_id, customer_id, sales_rep_id) SELECT 1, customer_id, 1 FROM customers;
INSERT INTO products (product_id, sku, name, list_price, min_price) VALUES (7, 'S7', 'Rope', 12.50, 9.99);
INSERT INTO order_items (order_id, line_item_id, product_id, unit_price, quantity) VALUES (1, 1, 7, 12.50, 3);
"""


def test_rows_behave_as_oracles(oracle: Made) -> None:
    with oracle.session() as cursor:
        cursor.execute(_ORACLE_ROWS)
        # Defaults, sequences, identity, virtual columns.
        assert value(cursor, "SELECT customer_id >= 1000 FROM customers") is True
        assert value(cursor, "SELECT address_id >= 1 FROM addresses") is True
        assert value(cursor, "SELECT currency FROM countries") == "EUR"
        assert value(cursor, "SELECT hire_date = date_trunc('second', now()::timestamp) FROM employees") is True
        assert str(value(cursor, "SELECT yearly_salary FROM employees")) == "18006.00"
        assert str(value(cursor, "SELECT margin FROM products")) == "2.51"
        assert value(cursor, "SELECT octet_length(badge) FROM employees") == 16
        assert value(cursor, "SELECT is_open AND priority = 2 FROM tickets") is True
        assert value(cursor, "SELECT reorder_factor = 1.5 AND status = 'orderable' FROM products") is True
        # Programs.
        cursor.execute(
            "INSERT INTO orders (customer_id) SELECT customer_id FROM customers RETURNING order_id >= 500000"
        )
        assert cursor.fetchone() == (True,)
        assert value(cursor, "SELECT last_name FROM active_employees") == "King"
        assert str(value(cursor, "SELECT net_price(100, 0.25)")) == "75.00"
        cursor.execute("SELECT total FROM order_totals WHERE order_id = 1")
        assert str((cursor.fetchone() or ())[0]) == "37.50"
        refuses(cursor, psycopg2.errors.WithCheckOptionViolation, "INSERT INTO good_customers VALUES (1, 'x', 1)")
        # Checks and unique keys.
        refuses(cursor, psycopg2.errors.CheckViolation, "UPDATE employees SET salary = 0")
        refuses(cursor, psycopg2.errors.CheckViolation, "UPDATE employees SET active = 'X'")
        refuses(cursor, psycopg2.errors.CheckViolation, "UPDATE products SET min_price = 13")
        refuses(cursor, psycopg2.errors.CheckViolation, "UPDATE customers SET rating = 6")
        refuses(cursor, psycopg2.errors.CheckViolation, "UPDATE order_items SET quantity = 0")
        refuses(cursor, psycopg2.errors.NotNullViolation, "UPDATE employees SET email = NULL")
        refuses(cursor, psycopg2.errors.StringDataRightTruncation, "UPDATE countries SET currency = 'EURO'")
        refuses(
            cursor, psycopg2.errors.UniqueViolation, "INSERT INTO customers (name, email) VALUES ('B', 'a@EXAMPLE.org')"
        )
        refuses(cursor, psycopg2.errors.GeneratedAlways, "INSERT INTO categories (category_id, name) VALUES (5, 'x')")
        # Foreign keys: refused, cascading, set to NULL, and looked at when the transaction ends.
        refuses(cursor, psycopg2.errors.ForeignKeyViolation, "DELETE FROM products")
        refuses(cursor, psycopg2.errors.ForeignKeyViolation, "DELETE FROM customers")
        cursor.execute("UPDATE departments SET manager_id = 99")
        refuses(cursor, psycopg2.errors.ForeignKeyViolation, "SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("UPDATE departments SET manager_id = NULL")
        cursor.execute("DELETE FROM employees")
        assert value(cursor, "SELECT sales_rep_id IS NULL FROM orders") is True
        cursor.execute("DELETE FROM orders")
        assert value(cursor, "SELECT count(*) FROM order_items") == 0
        cursor.execute("DELETE FROM customers")
        assert value(cursor, "SELECT count(*) FROM tickets") == 0


def test_rows_are_in_oracles_partitions(oracle: Made) -> None:
    with oracle.session() as cursor:
        for sold_on in ("2022-12-31 23:59:59", "2023-01-01", "2031-01-01"):
            cursor.execute(f"INSERT INTO sales VALUES (1, '{sold_on}', 7, 'web', 1)")
        cursor.execute("INSERT INTO shipments (shipment_id, carrier) VALUES (1, 'DHL'), (2, 'Pigeon')")
        cursor.execute("SELECT tableoid::regclass::text FROM sales ORDER BY sold_on")
        found = [row[0].strip('"').lower() for row in cursor.fetchall()]
        assert found == ["sales_sales_2022", "sales_sales_2023", "sales_sales_rest"]
        cursor.execute("SELECT tableoid::regclass::text FROM shipments ORDER BY shipment_id")
        found = [row[0].strip('"').lower() for row in cursor.fetchall()]
        assert found == ["shipments_ship_post", "shipments_ship_other"]


#: Identities go on where another test's rows have left them.
_TSQL_ROWS = """
INSERT INTO hr.department (name, groupname) VALUES ('Surgery', 'Care');
INSERT INTO hr.employee (nationalid, loginid, firstname, lastname, birthdate, hiredate, gender, departmentid)
    SELECT '1', 'ann', 'Ann', 'Lee', '1980-01-01', '2020-01-01', 'F', departmentid FROM hr.department;
INSERT INTO care.patient (code, firstname, lastname, birthdate) VALUES ('X1', 'Bo', 'Ek', '1990-05-05');
INSERT INTO care.ward (wardid, name, floor, beds) VALUES (1, 'North', 2, 10);
INSERT INTO care.bed (wardid, bedno) VALUES (1, 1);
INSERT INTO care.stay (patientid, wardid, bedno, admitted, discharged, reason)
    SELECT patientid, 1, 1, '2024-01-30 23:50', '2024-02-02 00:10', 'x' FROM care.patient;
INSERT INTO care.appointment (patientid, employeeid, startsat)
    SELECT patientid, employeeid, '2024-01-01 09:00' FROM care.patient, hr.employee;
INSERT INTO billing.invoice (patientid, issued) SELECT patientid, '2024-01-31' FROM care.patient;
INSERT INTO billing.invoiceline (invoiceno, lineno, text, quantity, unitprice)
    SELECT invoiceno, 1, 'Bed', 3, 10.25 FROM billing.invoice;
"""


def test_rows_behave_as_sql_servers(tsql: Made) -> None:
    with tsql.session() as cursor:
        cursor.execute(_TSQL_ROWS)
        assert value(cursor, "SELECT employeeid >= 100 FROM hr.employee") is True
        assert value(cursor, "SELECT fullname FROM hr.employee") == "Ann Lee"
        assert value(cursor, "SELECT salaried AND vacationhours = 0 AND badge IS NOT NULL FROM hr.employee") is True
        assert value(cursor, "SELECT number FROM care.patient") == "PX1"
        assert value(cursor, "SELECT insured FROM care.patient") is True
        assert value(cursor, "SELECT age(now() AT TIME ZONE 'utc', registered) < '1 min' FROM care.patient") is True
        assert value(cursor, "SELECT tag BETWEEN 1 AND 9 FROM care.bed") is True
        assert value(cursor, "SELECT nights FROM care.stay") == 3
        assert value(cursor, "SELECT (minutes, status, cancelled) = (30, 'booked', false) FROM care.appointment")
        assert value(cursor, "SELECT invoiceno BETWEEN 100000 AND 100200 FROM billing.invoice") is True
        assert str(value(cursor, "SELECT due FROM billing.invoice")) == "2024-03-01"
        assert str(value(cursor, "SELECT total FROM billing.invoiceline")) == "30.75"
        assert value(cursor, 'SELECT "Department" FROM hr.vemployee') == "Surgery"
        assert str(value(cursor, "SELECT billing.fnnet(19.99, 0.105)")) == "17.89"
        cursor.execute("SELECT * FROM billing.vinvoicetotals")
        assert [str(one) for one in cursor.fetchone() or ()][1:] == ["30.75", "1"]
        cursor.execute("SELECT * FROM hr.vbirthdays")
        assert (cursor.fetchone() or ())[1:] == (1, 3, "yes")
        assert value(cursor, "SELECT count(*) FROM care.vopenstays") == 0
        refuses(cursor, psycopg2.errors.CheckViolation, "UPDATE hr.employee SET gender = 'X'")
        refuses(cursor, psycopg2.errors.CheckViolation, "UPDATE hr.employee SET hiredate = '1970-01-01'")
        refuses(cursor, psycopg2.errors.CheckViolation, "UPDATE care.appointment SET minutes = 481")
        refuses(cursor, psycopg2.errors.CheckViolation, "UPDATE billing.invoiceline SET quantity = 0")
        refuses(cursor, psycopg2.errors.GeneratedAlways, "INSERT INTO hr.shift VALUES (1, 'a', '08:00', '16:00')")
        refuses(
            cursor,
            psycopg2.errors.UniqueViolation,
            "INSERT INTO care.patient (code, firstname, lastname, birthdate) VALUES ('X1', 'a', 'b', '2000-01-01')",
        )
        refuses(cursor, psycopg2.errors.ForeignKeyViolation, "DELETE FROM care.patient")
        cursor.execute("DELETE FROM hr.employee")
        assert value(cursor, "SELECT employeeid IS NULL FROM care.appointment") is True
        cursor.execute("DELETE FROM billing.invoice")
        assert value(cursor, "SELECT count(*) FROM billing.invoiceline") == 0


def test_a_filtered_index_leaves_nulls_out(tsql: Made) -> None:
    with tsql.session() as cursor:
        cursor.execute(
            "INSERT INTO care.patient (code, firstname, lastname, birthdate) "
            "VALUES ('a', 'a', 'a', '2000-01-01'), ('b', 'b', 'b', '2000-01-01')"
        )
        assert value(cursor, "SELECT count(*) FROM care.patient WHERE email IS NULL") == 2


def test_rows_are_in_sql_servers_partitions(tsql: Made) -> None:
    with tsql.session() as cursor:
        cursor.execute(_TSQL_ROWS)
        for paid_on in ("2022-12-31", "2023-01-01", "2025-06-01"):
            cursor.execute(
                "INSERT INTO billing.payment (paidon, invoiceno, amount) SELECT %s, invoiceno, 1 FROM billing.invoice",
                [paid_on],
            )
        cursor.execute("SELECT relname FROM billing.payment p JOIN pg_class c ON c.oid = p.tableoid ORDER BY paidon")
        assert [row[0] for row in cursor.fetchall()] == ["payment_p1", "payment_p2", "payment_p4"]
