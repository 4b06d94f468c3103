"""A conversion as it might come out of a shop's MySQL schema, for tests of what is computed from conversions."""

from __future__ import annotations

from tailrace.conversion.catalog import (
    Catalog,
    Check,
    Column,
    Dialect,
    ForeignKey,
    ObjectKind,
    ObjectName,
    Routine,
    Table,
    Trigger,
    View,
)
from tailrace.conversion.outcome import Complexity, Conversion, Grade, Item, Verdict
from tailrace.schema import Kind, Type
from tailrace.structure import Index, Part

TABLES = [
    *("customers", "customer_addresses", "orders", "order_lines", "products", "product_prices", "categories"),
    *("product_categories", "carts", "cart_lines", "payments", "refunds", "invoices", "invoice_lines", "shipments"),
    *("shipment_lines", "warehouses", "stock", "stock_movements", "suppliers", "purchase_orders", "coupons", "reviews"),
    *("audit_log", "sessions"),
]
HOURS = {Complexity.SIMPLE: 1.0, Complexity.MEDIUM: 4.0, Complexity.SIGNIFICANT: 10.0}
PROCEDURE = """CREATE PROCEDURE close_month(IN month DATE)
BEGIN
  DECLARE done INT DEFAULT FALSE;
  DECLARE invoice_id BIGINT;
  DECLARE open_invoices CURSOR FOR
    SELECT id FROM invoices WHERE state = 'open' AND issued < month + INTERVAL 1 MONTH;
  DECLARE CONTINUE HANDLER FOR NOT FOUND SET done = TRUE;
  START TRANSACTION;
  OPEN open_invoices;
  read_loop: LOOP
    FETCH open_invoices INTO invoice_id;
    IF done THEN LEAVE read_loop; END IF;
    UPDATE invoices SET state = 'closed', closed_at = NOW() WHERE id = invoice_id;
    INSERT INTO audit_log (what, id, at) VALUES ('close', invoice_id, NOW());
  END LOOP;
  CLOSE open_invoices;
  COMMIT;
END"""


def hours(code: str, complexity: Complexity) -> float:
    return HOURS[complexity]


def _name(table: str) -> ObjectName:
    return ObjectName("shop", table)


def source() -> Catalog:
    """25 tables, two views, a procedure, a function, a trigger."""
    integer = Type(Kind.INTEGER, "bigint unsigned", size=64, unsigned=True)
    text = Type(Kind.TEXT, "varchar(200)", size=200)
    moment = Type(Kind.TIMESTAMPTZ, "timestamp")
    tables = []
    for number, name in enumerate(TABLES):
        columns = [
            Column("id", integer, "bigint unsigned", nullable=False),
            Column("name", text, "varchar(200)", collation="utf8mb4_0900_ai_ci"),
            Column("note", text, "varchar(200)", comment="free text"),
            Column("created_at", moment, "timestamp", default="CURRENT_TIMESTAMP"),
        ]
        keys: tuple[ForeignKey, ...] = ()
        if number:
            columns.append(Column("parent_id", integer, "bigint unsigned"))
            keys = (
                ForeignKey(f"{name}_parent", ("parent_id",), _name(TABLES[number - 1]), ("id",), on_delete="CASCADE"),
            )
        tables.append(
            Table(
                _name(name),
                tuple(columns),
                indexes=(
                    Index("PRIMARY", (Part("id"),), unique=True, primary=True),
                    Index(f"{name}_name", (Part("name", prefix=20),)),
                ),
                checks=(Check(f"{name}_chk_1", "char_length(`name`) > 0"),),
                foreign_keys=keys,
                rows=1000 * (number + 1) ** 2,
                bytes=100_000 * (number + 1),
            )
        )
    body = PROCEDURE.partition("\n")[2]
    return Catalog(
        Dialect.MYSQL,
        version="9.7.4",
        default_schema="shop",
        origin="db1:3306, database shop",
        tables=tuple(tables),
        views=(
            View(_name("open_orders"), "select 1"),
            View(_name("revenue"), "select group_concat(name) from products"),
        ),
        routines=(
            Routine(_name("close_month"), ObjectKind.PROCEDURE, (), "", "sql", body, PROCEDURE, line=1),
            Routine(_name("net_price"), ObjectKind.FUNCTION, (), "decimal(12,2)", "sql", "RETURN 1", "…"),
        ),
        triggers=(Trigger(_name("stock_check"), _name("stock"), "BEFORE", ("INSERT",), True, "CREATE TRIGGER …"),),
    )


def items() -> list[Item]:
    found = [
        Item(
            "procedure-body",
            ObjectKind.PROCEDURE,
            _name("close_month"),
            "()",
            Grade.BY_HAND,
            "It opens a cursor, handles NOT FOUND and ends transactions by itself, which has no counterpart that"
            " surely does the same.",
            "Write it as a PL/pgSQL procedure: a FOR loop over the query takes the cursor's place.",
            Complexity.SIGNIFICANT,
            line=1,
            original=PROCEDURE,
        ),
        Item(
            "trigger-body",
            ObjectKind.TRIGGER,
            _name("stock"),
            "stock_check",
            Grade.BY_HAND,
            "SIGNAL raises an error of the application's own state.",
            "Write a trigger function with RAISE EXCEPTION … USING ERRCODE.",
            Complexity.MEDIUM,
            original="CREATE TRIGGER stock_check BEFORE INSERT ON stock FOR EACH ROW\nIF NEW.amount < 0 THEN\n"
            "  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no stock';\nEND IF",
            replacement="CREATE FUNCTION stock_check() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN\n  -- …\nEND $$",
        ),
        Item(
            "view-function",
            ObjectKind.VIEW,
            _name("revenue"),
            "",
            Grade.BY_HAND,
            "GROUP_CONCAT without ORDER BY gives its values in no order that can be kept.",
            "Use string_agg with the ORDER BY that is meant.",
            Complexity.SIMPLE,
            original="select group_concat(name) from products",
        ),
        Item(
            "keyless-table",
            ObjectKind.TABLE,
            _name("audit_log"),
            "",
            Grade.AUTOMATIC,
            "The table has no primary key: its changes are found by whole rows, and it is loaded whole.",
            "Give it a key at the source.",
        ),
        Item(
            "zero-date",
            ObjectKind.COLUMN,
            _name("coupons"),
            "created_at",
            Grade.CHANGED,
            "The default '0000-00-00 00:00:00' is no date in the target. Rows that hold it are refused there.",
            "Give the column a NULL default at the source, and set the rows that have a zero date.",
            Complexity.SIMPLE,
            original="DEFAULT '0000-00-00 00:00:00'",
        ),
    ]
    found += [
        Item(
            "collation-case",
            ObjectKind.COLUMN,
            _name(table),
            "name",
            Grade.CHANGED,
            "utf8mb4_0900_ai_ci takes “Müller” and “MULLER” for equal; the target compares bytes. Searches find"
            " less, and a unique index takes more.",
            "Compare lower(…) in queries, or give the column a nondeterministic ICU collation.",
        )
        for table in TABLES
    ]
    found += [
        Item(
            "unsigned-range",
            ObjectKind.COLUMN,
            _name(table),
            "id",
            Grade.AUTOMATIC,
            "bigint unsigned holds up to 18446744073709551615; the target's numeric(20,0) takes it, and is"
            " slower than bigint.",
            "Where values stay below 9223372036854775807, say bigint in a rule.",
            original="bigint unsigned",
            replacement="numeric(20,0)",
        )
        for table in TABLES[::4]
    ]
    found += [
        Item(
            "prefix-index",
            ObjectKind.INDEX,
            _name(table),
            f"{table}_name",
            Grade.CHANGED,
            "The index has the first 20 characters; in the target it has whole values.",
            "Nothing, unless values are longer than 2,690 bytes.",
            original=f"KEY {table}_name (name(20))",
            replacement=f"CREATE INDEX {table}_name ON {table} (name)",
        )
        for table in TABLES[:6]
    ]
    return found


def conversion(sink: str = "warehouse", dialect: Dialect = Dialect.POSTGRESQL, version: str = "18.4") -> Conversion:
    catalog = source()
    said = items()
    grades: dict[tuple[ObjectKind, ObjectName, str], list[Grade]] = {}
    for item in said:
        grades.setdefault((item.kind, item.name, item.member), []).append(item.grade)
    verdicts = []
    for kind, name, member, line in catalog.count():
        grade = Grade.worst(grades.get((kind, name, member), []))
        made = "" if grade is Grade.BY_HAND else f"public.{name.name}"
        verdicts.append(Verdict(kind, name, member, line, grade, made))
    return Conversion(catalog, Catalog(dialect, version=version), tuple(said), tuple(verdicts), sink)
