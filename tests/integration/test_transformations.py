"""`[[tables]]` on real servers: rows left out, columns dropped, renamed, added, masked, retyped, keys chosen.

Each source runs once while tailrace streams, and once as a backlog; what the load and the stream leave must be equal.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest

from tailrace.config import Pipeline, load
from tailrace.position import TABLE_PREFIX
from tailrace.verify import verify
from tests.pipelines import text
from tests.pipelines.daemon import PipelineFile
from tests.servers import Database, SqlServer
from tests.statements.running import Runner

SALT = "a-salt-that-nobody-else-has"
#: Every value that is masked or dropped begins with it.
CLEAR = "73190482615530"
#: Too long to stand in a row of PostgreSQL's: its log leaves it out where it does not change.
LONG = CLEAR + secrets.token_hex(8000)

RULES = """
[[tables]]
match = "*.people"
rename = "persons_of_{{table}}"
columns = {{ drop = ["note"], rename = {{ nm = "name" }}, add = {{ tenant = "'acme'" }} }}
mask = {{ email = "hash", phone = "partial:4", ssn = "null", card = "digits", bio = "hash" }}

[[tables]]
match = "*.visits"
where = "status <> 'test' AND (age >= 18 OR age IS NULL)"
columns = {{ drop = ["status"] }}

[[tables]]
match = "*.doors"
where = "status <> 'test'"

[[tables]]
match = "*.accounts"
key = ["email"]
[tables.columns]
type = {{ n = "text", price = "numeric(12,3)", flag = "boolean", token = "uuid" }}
[tables.columns.add]
full_name = "first || ' ' || last"
twice = "n * 2"
yes = "TRUE"
half = "1.50"
big = "COALESCE(n, -9000000000)"
shout = "UPPER(email)"

[[tables]]
match = "*.logins"
mask = {{ email = "hash" }}

[[tables]]
match = "*.Mixed"
case = "upper"

[[tables]]
match = "*.bag"
where = "v <> 'test'"
mask = {{ v = "partial:1" }}

[[tables]]
match = "*.chosen"
key = ["code"]

[[tables]]
match = "*.broken"
mask = {{ secret = "hash" }}

[[tables]]
match = "*"
mask_salt = "{salt}"
"""


class Bench:
    """The source's tables, and the pipeline over them."""

    def __init__(
        self, source: Database, sinks: dict[str, Database], folder: Path, rules: str = RULES, top: str = ""
    ) -> None:
        self.source = source
        self.postgres = source.url.startswith("postgres")
        self.lite = folder / "target.db"
        parts = [text.source(source.url), text.sink("main", f"sqlite:///{self.lite}")]
        parts += [text.sink(name, target.url) for name, target in sinks.items()]
        self.file = PipelineFile(
            folder, text.pipeline(folder, *parts, rules.format(salt=SALT), name=source.name, top=top)
        )
        self.folder = folder
        (folder / "state").mkdir(exist_ok=True)
        self.runner = Runner(load(self.file.path))

    @property
    def pipeline(self) -> Pipeline:
        return self.runner.pipeline

    def execute(self, *statements: str) -> None:
        for statement in statements:
            if self.postgres:
                statement = statement.replace("`", '"')
            self.source.execute(statement)

    def create(self) -> None:
        self.execute(
            "CREATE TABLE people (id INT PRIMARY KEY, nm VARCHAR(40), email VARCHAR(60), phone VARCHAR(60),"
            " ssn VARCHAR(60), card VARCHAR(60), note TEXT, bio TEXT)",
            "CREATE TABLE visits (id INT PRIMARY KEY, status VARCHAR(20), age INT, v VARCHAR(40))",
            "CREATE TABLE doors (id INT PRIMARY KEY, status VARCHAR(20), v VARCHAR(40))",
            "CREATE TABLE accounts (id INT PRIMARY KEY, email VARCHAR(60) NOT NULL, first VARCHAR(20),"
            " last VARCHAR(20), n INT, price DECIMAL(8,2), flag INT, token VARCHAR(40))",
            "CREATE TABLE logins (email VARCHAR(60) PRIMARY KEY, n INT)",
            "CREATE TABLE `Mixed` (id INT PRIMARY KEY, `Some` INT)",
            "CREATE TABLE bag (a INT, v VARCHAR(40))",
            "CREATE TABLE chosen (v INT, code VARCHAR(20) NOT NULL)",
            "INSERT INTO bag VALUES (1, 'test'), (1, 'one'), (1, 'one'), (2, NULL), (3, 'three')",
            "INSERT INTO chosen VALUES (1, 'a'), (2, 'b'), (3, 'c')",
            "CREATE TABLE broken (id INT PRIMARY KEY, secret VARCHAR(60), v INT)",
            "CREATE TABLE plain (id INT PRIMARY KEY, v VARCHAR(40))",
        )
        if self.postgres:
            for table in ("visits", "accounts", "bag", "chosen"):
                self.execute(f"ALTER TABLE {table} REPLICA IDENTITY FULL")
        for n in range(1, 6):
            token = f"A0000000-0000-0000-0000-00000000000{n}"
            self.execute(
                f"INSERT INTO people VALUES ({n}, 'name {n}', '{CLEAR}{n}@x.org', '{CLEAR}555-000{n}', '{CLEAR}ssn{n}',"
                f" '{CLEAR}4444-{n}', '{LONG}{n}', '{LONG}')",
                f"INSERT INTO visits VALUES ({n}, '{'test' if n % 2 else 'live'}', {10 + 4 * n}, 'v{n}')",
                f"INSERT INTO doors VALUES ({n}, '{'test' if n % 2 else 'live'}', 'v{n}')",
                f"INSERT INTO accounts VALUES ({n}, 'a{n}@x.org', 'First{n}', 'Last{n}', {n}, {n}.25, {n % 2},"
                f" '{token}')",
                f"INSERT INTO logins VALUES ('{CLEAR}{n}@x.org', {n})",
                f"INSERT INTO `Mixed` VALUES ({n}, {n})",
                f"INSERT INTO broken VALUES ({n}, '{CLEAR}secret{n}', {n})",
                f"INSERT INTO plain VALUES ({n}, 'v{n}')",
            )

    def change(self) -> None:
        self.execute(
            # people
            f"INSERT INTO people VALUES (6, 'name 6', '{CLEAR}6@x.org', NULL, '{CLEAR}ssn6', '12', NULL, NULL)",
            f"UPDATE people SET email = '{CLEAR}new@x.org', note = '{CLEAR}other' WHERE id = 1",
            "UPDATE people SET id = 20 WHERE id = 2",
            "DELETE FROM people WHERE id = 3",
            "ALTER TABLE people ADD COLUMN city VARCHAR(20) DEFAULT 'Rome'",
            "UPDATE people SET city = 'Bonn' WHERE id = 4",
            # visits: 2 (live, 18), 4 (live, 26) are inside at first; 1, 3, 5 outside
            "UPDATE visits SET status = 'live', age = NULL WHERE id = 1",  # in
            "UPDATE visits SET status = 'test' WHERE id = 2",  # out
            "UPDATE visits SET v = 'changed' WHERE id = 4",  # stays in
            "UPDATE visits SET v = 'changed' WHERE id = 3",  # stays out
            "UPDATE visits SET id = 50, status = 'live' WHERE id = 5",  # in, under another key
            "INSERT INTO visits VALUES (6, 'live', 17, 'young'), (7, NULL, 50, 'unknown'), (8, 'Test', 50, 'case')",
            "DELETE FROM visits WHERE id = 3",
            # doors: 2, 4 inside
            "UPDATE doors SET status = 'live' WHERE id = 1",
            "UPDATE doors SET status = 'test' WHERE id = 2",
            "UPDATE doors SET id = 30 WHERE id = 3",
            "UPDATE doors SET id = 40 WHERE id = 4",
            "DELETE FROM doors WHERE id = 5",
            # accounts
            "UPDATE accounts SET n = 7 WHERE id = 1",
            "UPDATE accounts SET email = 'moved@x.org' WHERE id = 2",
            "UPDATE accounts SET id = 33, first = NULL, flag = NULL, token = NULL, n = NULL WHERE id = 3",
            "DELETE FROM accounts WHERE id = 4",
            # without a primary key
            "UPDATE bag SET v = 'two' WHERE a = 2",
            "UPDATE bag SET v = 'test' WHERE a = 3",
            "DELETE FROM bag WHERE v = 'test' AND a = 1",
            "INSERT INTO bag VALUES (4, 'four'), (4, 'test')",
            "UPDATE bag SET a = 9 WHERE v = 'one'",
            "UPDATE chosen SET v = 20 WHERE code = 'b'",
            "UPDATE chosen SET code = 'd' WHERE code = 'c'",
            "DELETE FROM chosen WHERE code = 'a'",
            # logins
            f"UPDATE logins SET email = '{CLEAR}moved@x.org' WHERE n = 1",
            "DELETE FROM logins WHERE n = 2",
            f"INSERT INTO logins VALUES ('{CLEAR}late@x.org', 9)",
            "UPDATE `Mixed` SET `Some` = 70 WHERE id = 1",
            "UPDATE plain SET v = 'changed' WHERE id = 1",
            # its mask loses its column
            "ALTER TABLE broken DROP COLUMN secret",
            "INSERT INTO broken VALUES (9, 9)",
        )

    def rows(self, table: str) -> list[dict[str, Any]]:
        """The rows of the SQLite target, by their first column."""
        with closing(sqlite3.connect(self.lite)) as connection:
            connection.row_factory = sqlite3.Row
            return sorted(
                (dict(row) for row in connection.execute(f'SELECT * FROM "{table}"')),
                key=lambda row: str([*row.values()]),
            )

    def suspended(self) -> dict[str, str]:
        return {
            key.rpartition(".")[2]: orjson.loads(record)["reason"]
            for key, record in self.runner.state().items()
            if key.startswith(TABLE_PREFIX)
        }

    def events(self) -> Iterator[tuple[str, bytes | None, bytes | None]]:
        with closing(self.pipeline.create_stream().reader("")) as reader:
            reader.seek({})
            while slices := reader.poll(0.5, 4 << 20):
                for piece in slices:
                    for run in piece.runs:
                        for key, value in run:
                            yield run.topic, key, value

    def assert_nothing_leaked(self) -> None:
        """Neither in the stream, nor in its records, nor in any file of the state folder."""
        marker, salt = CLEAR.encode(), SALT.encode()
        for topic, key, value in self.events():
            assert marker not in (key or b"") + (value or b""), topic
        for name, record in self.runner.state().items():
            assert marker not in record, name
            assert salt not in record, name
        for path in (self.folder / "state").rglob("*"):
            if path.is_file():
                assert marker not in path.read_bytes(), path

    def moves(self, table: str) -> list[tuple[int, str]]:
        """Keys and operations of a table's events behind its load."""
        found = []
        for topic, key, value in self.events():
            if topic.endswith("." + table) and key is not None and value is not None:
                event = orjson.loads(value)
                assert event["source"]["table"] == table
                if event["op"] != "r":
                    found.append((orjson.loads(key)["id"], event["op"]))
                    assert event["op"] != "c" or event["before"] is None
        return found


def hashed(value: str) -> str:
    return hashlib.sha256((SALT + value).encode()).hexdigest()


@pytest.mark.parametrize("live", [True, False], ids=["live", "backlog"])
@pytest.mark.parametrize("kind", ["mariadb", "mysql", "postgres18"])
def test_transformed_tables(
    kind: str,
    live: bool,
    request: pytest.FixtureRequest,
    postgres18: SqlServer,
    mysql: SqlServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tailrace.capture.load.VIEW_ROWS", 2)
    server: SqlServer = request.getfixturevalue(kind)
    with server.database("src") as source, postgres18.database("dst") as pg, mysql.database("dst") as my:
        sinks = {"pg": pg, "my": my}
        bench = Bench(source, sinks, tmp_path)
        bench.create()
        if live:
            with bench.runner.streaming():
                bench.change()
                bench.runner.await_end()
        else:
            bench.runner.catch_up()
            bench.change()
        bench.runner.catch_up()
        for sink in ("main", *sinks):
            bench.runner.apply(sink)
        found = verify(bench.pipeline, attempts=1)
        bench.runner.teardown()

    assert all(comparison.equal for comparison in found.tables), found.to_dict()
    assert len(found.tables) == 9 * 3
    assert list(bench.suspended()) == ["broken"]
    assert "mask: " in bench.suspended()["broken"]
    assert "has no column secret" in bench.suspended()["broken"]
    bench.assert_nothing_leaked()

    people = {row["id"]: row for row in bench.rows("persons_of_people")}
    assert sorted(people) == [1, 4, 5, 6, 20]
    assert people[4] == {
        "id": 4,
        "name": "name 4",
        "email": hashed(f"{CLEAR}4@x.org"),
        "phone": "*" * 18 + "0004",
        "ssn": None,
        "card": "0" * 18 + "-0",
        "tenant": "acme",
        "city": "Bonn",
        "bio": hashed(LONG),
    }
    assert people[5]["city"] == "Rome"
    assert people[1]["email"] == hashed(f"{CLEAR}new@x.org")
    visits = [(row["id"], row["v"]) for row in bench.rows("visits")]
    assert visits == [(1, "v1"), (4, "changed"), (50, "v5"), (8, "case")]
    assert bench.moves("visits") == [(1, "c"), (2, "d"), (4, "u"), (50, "c"), (8, "c")]
    assert [row["id"] for row in bench.rows("doors")] == [1, 40]
    accounts = {
        row["email"]: (row["n"], row["price"], row["full_name"], row["twice"]) for row in bench.rows("accounts")
    }
    assert accounts == {
        "a1@x.org": ("7", "1.250", "First1 Last1", 14),
        "moved@x.org": ("2", "2.250", "First2 Last2", 4),
        "a3@x.org": (None, "3.250", None, None),
        "a5@x.org": ("5", "5.250", "First5 Last5", 10),
    }
    assert {row["email"]: row["n"] for row in bench.rows("logins")} == {
        hashed(f"{CLEAR}{name}@x.org"): n for name, n in (("moved", 1), ("3", 3), ("4", 4), ("5", 5), ("late", 9))
    }
    assert [(row["a"], row["v"]) for row in bench.rows("bag")] == [(2, "**o"), (4, "***r"), (9, "**e"), (9, "**e")]
    assert [(row["v"], row["code"]) for row in bench.rows("chosen")] == [(20, "b"), (3, "d")]
    assert bench.rows("MIXED")[0] == {"ID": 1, "SOME": 70}


def test_a_system_versioned_table_with_rules_is_suspended(mariadb: SqlServer, tmp_path: Path) -> None:
    with mariadb.database("src") as source:
        bench = Bench(source, {}, tmp_path)
        bench.execute("CREATE TABLE doors (id INT PRIMARY KEY, status VARCHAR(20)) WITH SYSTEM VERSIONING")
        bench.execute("CREATE TABLE plain (id INT PRIMARY KEY)", "INSERT INTO doors VALUES (1, 'live')")
        bench.runner.catch_up()
        bench.execute("INSERT INTO doors VALUES (2, 'live')")
        bench.runner.catch_up()
        assert "system-versioned" in bench.suspended()["doors"]
        assert not [topic for topic, _, _ in bench.events() if topic.endswith(".doors")]


@pytest.mark.parametrize("kind", ["mariadb", "postgres18"])
def test_a_load_without_a_log_is_transformed_too(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    server: SqlServer = request.getfixturevalue(kind)
    with server.database("src") as source:
        bench = Bench(source, {}, tmp_path, top='mode = "full-load"')
        bench.create()
        assert bench.file.until_caught_up().code == 0
        assert bench.file.command("check").code == 0
        explained = bench.file.command("explain", "--json")
        assert explained.code == 0, explained.stderr
        assert len(json.loads(explained.stdout)["tables"]) == 10
        found = verify(bench.pipeline, attempts=1)
    assert found.equal, found.to_dict()
    assert len(found.tables) == 10
    bench.assert_nothing_leaked()
    assert bench.rows("persons_of_people")[0]["email"] == hashed(f"{CLEAR}1@x.org")
    assert [row["id"] for row in bench.rows("doors")] == [2, 4]


@pytest.mark.parametrize("kind", ["mariadb", "postgres18"])
def test_check_explain_and_what_a_start_refuses(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    server: SqlServer = request.getfixturevalue(kind)
    with server.database("src") as source:
        bench = Bench(source, {}, tmp_path)
        bench.create()
        explained = bench.file.command("explain", "--json")
        assert explained.code == 0, explained.stderr
        plans = {plan["table"].rpartition(".")[2]: plan for plan in json.loads(explained.stdout)["tables"]}
        people = plans["people"]
        assert people["key"] == ["id"]
        by_source = {column["source"]: column for column in people["columns"]}
        assert (by_source["note"]["stream"], by_source["note"]["change"]) == ("", "dropped")
        assert (by_source["nm"]["stream"], by_source["nm"]["change"]) == ("name", "renamed to name")
        assert by_source["email"]["change"] == "masked: hash"
        assert by_source["phone"]["change"] == "masked: partial:4"
        assert people["columns"][-1]["change"] == "added: 'acme'"
        (target,) = people["targets"]
        assert (target["sink"], target["table"]) == ("main", "persons_of_people")
        assert {"name": "tenant", "type": "TEXT"} in target["columns"]
        assert plans["visits"]["where"] == "status <> 'test' AND (age >= 18 OR age IS NULL)"
        assert plans["accounts"]["key"] == ["email"]
        assert plans["Mixed"]["targets"][0]["table"] == "MIXED"
        shown = bench.file.command("explain").stdout
        assert "masked: partial" in shown
        assert "where status <> 'test'" in shown

        checked = bench.file.command("check", "--json")
        assert checked.code == 0, checked.stdout
        findings = [entry for entry in json.loads(checked.stdout)["findings"] if entry["name"] == "[[tables]]"]
        assert [entry["detail"] for entry in findings] == ["9 tables change on their way into the stream"]
        if bench.postgres:
            assert "REPLICA IDENTITY FULL" in checked.stdout

        # Two tables of one name, a column that is not there, an entry for nothing.
        wrong = """
[[tables]]
match = "*.doors"
rename = "visits"
mask = {{ nobody = "null" }}

[[tables]]
match = "*.unknown"
case = "lower"
"""
        bench = Bench(source, {}, tmp_path, wrong + RULES)
        checked = bench.file.command("check")
        assert checked.code == 1
        assert "[[tables]]" in checked.stdout
        for expected in ("has no column nobody", "would both go to the table visits", "names no selected table"):
            assert expected in " ".join(checked.stdout.split()), checked.stdout
        explained = bench.file.command("explain")
        assert explained.code == 1
        assert "has no column nobody" in explained.stdout
        refused = bench.file.until_caught_up()
        assert refused.code == 2, refused.stderr
        assert "tables[0].mask" in refused.stderr
        assert "has no column nobody" in refused.stderr

        # Rules that change after rows have left.
        bench = Bench(source, {}, tmp_path)
        assert bench.file.until_caught_up().code == 0
        bench = Bench(source, {}, tmp_path, RULES.replace("partial:4", "partial:3"))
        refused = bench.file.until_caught_up()
        assert refused.code == 2, refused.stderr
        assert "is not what its rows were carried under" in refused.stderr
        bench.runner.teardown()
