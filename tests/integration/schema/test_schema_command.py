"""`tailrace schema` on real servers: assessed, applied, run, compared, altered at both ends, and cut over."""

from __future__ import annotations

import contextlib
import io
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tailrace.cli.main import main
from tests import servers
from tests.pipelines import text
from tests.pipelines.daemon import PipelineFile
from tests.servers import Database

SHOP = (
    "CREATE TABLE authors (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, email VARCHAR(100) NOT NULL,"
    " name VARCHAR(50) NOT NULL DEFAULT 'new' COMMENT 'its name', bio TEXT, UNIQUE KEY email (email),"
    " KEY by_name (name DESC, id)) COMMENT 'who writes'",
    "CREATE TABLE books (id INT AUTO_INCREMENT PRIMARY KEY, author INT UNSIGNED, title VARCHAR(200),"
    " price DECIMAL(10,2) NOT NULL DEFAULT 9.50, made TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,"
    " kind ENUM('novel', 'it''s') NOT NULL DEFAULT 'novel', CONSTRAINT dear CHECK (price >= 0),"
    " CONSTRAINT written FOREIGN KEY (author) REFERENCES authors (id) ON DELETE CASCADE)",
    "INSERT INTO authors (email) VALUES ('a@x'), ('b@x'), ('c@x')",
    "INSERT INTO books (author, title) VALUES (1, 'one'), (2, 'two')",
    "CREATE VIEW dear_books AS SELECT id, title FROM books WHERE price > 9",
    # After the rows, whose titles are as they were written.
    "CREATE TRIGGER shout BEFORE INSERT ON books FOR EACH ROW SET NEW.title = 'taken'",
    "CREATE PROCEDURE settle () BEGIN UPDATE books SET price = 0; END",
)


@contextmanager
def pipeline(folder: Path, source: Database, sinks: dict[str, str]) -> Iterator[PipelineFile]:
    parts = [text.source(source.url), *(text.sink(name, url) for name, url in sinks.items())]
    file = PipelineFile(folder, text.pipeline(folder, *parts))
    try:
        yield file
    finally:
        assert file.command("teardown", "--yes").code == 0


def printed(file: PipelineFile, command: str, *options: str, code: int = 0) -> dict[str, Any]:
    """What --json has. In this process: it is the same code, and saves the start of another."""
    output = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with contextlib.redirect_stdout(output):
        found = main([command, str(file.path), "--json", *options])
    text = output.buffer.getvalue()
    assert found == code, text
    return dict(json.loads(text))


def schema(file: PipelineFile, *options: str, code: int) -> dict[str, dict[str, Any]]:
    return {target["sink"]: target for target in printed(file, "schema", *options, code=code)["targets"]}


def test_a_schema_is_assessed_applied_and_compared(mariadb: Any, postgres18: Any, mysql: Any, tmp_path: Path) -> None:
    with mariadb.database("shop") as source, postgres18.database("pg") as pg, mysql.database("my") as my:
        source.script(*SHOP)
        copy = tmp_path / "copy.db"
        with pipeline(tmp_path, source, {"pg": pg.url, "my": my.url, "lite": f"sqlite:///{copy}"}) as file:
            _assessed(file, tmp_path)
            _applied(file)
            _defaults_and_checks_hold(pg, my, copy)
            done = file.until_caught_up()
            assert done.code == 0, done.stderr
            verified = file.command("verify")
            assert verified.code == 0, verified.stdout
            found = schema(file, "--diff", code=1)
            assert (found["pg"]["equal"], found["lite"]["equal"]) == (True, True), "the sinks have altered nothing"
            assert [(d["state"], d["kind"]) for d in found["my"]["differences"]] == [("missing", "trigger")]
            _altered(file, source, pg)


def _assessed(file: PipelineFile, folder: Path) -> None:
    """A procedure is a person's but in MySQL, and SQLite's triggers set no columns; each target has its script."""
    reports = [option for suffix in ("html", "json") for option in ("--report", str(folder / f"shop.{suffix}"))]
    done = file.command("schema", "--out", str(folder / "made"), *reports)
    assert done.code == 1, done.stderr + done.stdout
    assert sorted(path.name for path in (folder / "made").iterdir()) == ["lite.sql", "my.sql", "pg.sql"]
    assert ".settle()</span>" in (folder / "shop.html").read_text()
    found = json.loads((folder / "shop.json").read_text())
    for target in found["targets"]:
        by_hand = [(v["kind"], v["member"]) for v in target["verdicts"] if v["grade"] == "by hand"]
        person = {"pg": [("procedure", "()")], "lite": [("procedure", "()"), ("trigger", "shout")], "my": []}
        assert by_hand == person[target["sink"]], target["sink"]
        assert target["storage"]["by_hand"] == 0, target["sink"]


def _applied(file: PipelineFile) -> None:
    first = schema(file, "--apply", code=1)
    for name, target in first.items():
        made = {(s["kind"], s["member"]) for s in target["applied"]["made"]}
        assert ("table", "") in made, name
        kinds = {kind for kind, _ in made}
        assert ("view" in kinds, "trigger" in kinds) == (True, name == "pg"), name
        assert {s["kind"] for s in target["applied"]["held"]} == ({"trigger"} if name == "my" else set()), name
        assert target["applied"]["differing"] == target["applied"]["unheld"] == [], name
    again = schema(file, "--apply", code=1)
    assert all(not target["applied"]["made"] for target in again.values())
    assert schema(file, "--sink", "pg", "--diff", code=0)["pg"]["equal"]


def _defaults_and_checks_hold(pg: Database, my: Database, copy: Path) -> None:
    """What the source's tables say of a row that is written to a target."""
    for target in (pg, my):
        target.execute("INSERT INTO authors (id, email) VALUES (100, 'x')")
        target.execute("INSERT INTO books (id, author) VALUES (100, 100)")
        [row] = target.query("SELECT a.name, b.price, b.kind, b.made IS NOT NULL FROM authors a, books b")
        assert (row[0], str(row[1]), row[2], bool(row[3])) == ("new", "9.50", "novel", True)
        with pytest.raises(Exception, match="dear"):
            target.execute("INSERT INTO books (id, price) VALUES (101, -1)")
        target.execute("DELETE FROM authors WHERE id = 100")
        assert target.value("SELECT count(*) FROM books") == 0, "ON DELETE CASCADE"
    with closing(sqlite3.connect(copy)) as lite, pytest.raises(sqlite3.IntegrityError, match="dear"):
        lite.execute("INSERT INTO books (id, price) VALUES (101, '-1')")


def _altered(file: PipelineFile, source: Database, pg: Database) -> None:
    """What a person has altered at the target is named and left alone; what is new at the source is made."""
    pg.execute("ALTER TABLE authors ALTER name DROP DEFAULT")
    source.script("CREATE TABLE shops (id INT PRIMARY KEY, name VARCHAR(20))", "CREATE INDEX titles ON books (title)")
    found = {
        (d["state"], d["kind"], d["member"]): d
        for d in schema(file, "--sink", "pg", "--diff", code=1)["pg"]["differences"]
    }
    assert ("missing", "table", "") in found
    assert ("missing", "index", "books_titles") in found
    [detail] = found["different", "column", "name"]["details"]
    assert (detail["what"], detail["found"]) == ("default", "")
    applied = schema(file, "--sink", "pg", "--apply", code=1)["pg"]["applied"]
    assert sorted({(s["kind"], s["member"]) for s in applied["made"]}) == [("index", "books_titles"), ("table", "")]
    assert [(d["kind"], d["member"]) for d in applied["differing"]] == [("column", "name")]
    left = schema(file, "--sink", "pg", "--diff", code=1)["pg"]["differences"]
    assert [(d["state"], d["kind"], d["member"]) for d in left] == [("different", "column", "name")]


def test_cutover_makes_what_was_held_back_once_nothing_comes_in(
    postgres18: Any, postgres15: Any, tmp_path: Path
) -> None:
    with postgres18.database("src") as source, postgres15.database("dst") as target:
        source.script(
            "CREATE TABLE items (id int PRIMARY KEY, name text)",
            "INSERT INTO items VALUES (1, 'one'), (2, 'two')",
            "CREATE SEQUENCE tickets START 100",
            "SELECT nextval('tickets')",
            "CREATE SEQUENCE down INCREMENT -3 MINVALUE -50 MAXVALUE 7 START 4 CACHE 2",
            "CREATE SEQUENCE round AS smallint MINVALUE 2 MAXVALUE 6 INCREMENT 2 CYCLE",
            "CREATE SEQUENCE ended MAXVALUE 3",
            "SELECT setval('ended', 3)",
            "CREATE SEQUENCE owned OWNED BY items.id",
            "CREATE TABLE more (id int PRIMARY KEY, one int DEFAULT nextval('tickets'),"
            " two bigint DEFAULT nextval('tickets'))",
            "CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM items",
        )
        with pipeline(tmp_path, source, {"pg": target.url}) as file:
            held = schema(file, "--apply", code=0)["pg"]["applied"]["held"]
            assert {s["kind"] for s in held} == {"materialized view"}
            # What columns count by is there at once, and where the source stood; the source counts on.
            assert target.value("SELECT nextval('tickets')") == 101
            source.script(
                "SELECT nextval('tickets') FROM generate_series(1, 7)",
                "SELECT nextval('round') FROM generate_series(1, 4)",
                "SELECT nextval('down'), nextval('owned')",
            )
            with file.running():
                servers.wait_until(lambda: set(file.states().values()) == {"streaming"}, 60, "all are at work")
                assert _objects(printed(file, "cutover", "--dry-run")) == {
                    "sequence": "to make",
                    "materialized view": "to make",
                }
                assert not target.query("SELECT FROM pg_class WHERE relname = 'counted'")
                source.execute("INSERT INTO items VALUES (3, 'three')")
                assert _objects(printed(file, "cutover")) == {"sequence": "made", "materialized view": "made"}
                source.execute("SELECT nextval('tickets'), nextval('owned') FROM generate_series(1, 5)")
                assert _objects(printed(file, "cutover")) == {"sequence": "made"}
                again = printed(file, "cutover")
                assert (again["done"], again["made"], again["to_make"]) == (True, 0, 0)
            # As another session of the source's goes on: one keeps numbers for itself where there is a cache.
            with closing(source.connect()) as other, closing(other.cursor()) as cursor:
                for name in ("tickets", "down", "round", "owned"):
                    cursor.execute(f"SELECT nextval('{name}')")
                    assert cursor.fetchone() == (target.value(f"SELECT nextval('{name}')"),), name
            with pytest.raises(Exception, match="reached maximum value"):
                target.execute("SELECT nextval('ended')")
            assert target.value("SELECT n FROM counted") == 3
            assert schema(file, "--diff", code=0)["pg"]["equal"]


def _objects(report: dict[str, Any]) -> dict[str, str]:
    """State by kind of what `tailrace schema` has held back."""
    [sink] = report["sinks"]
    return {thing["name"]: thing["state"] for table in sink["tables"] for thing in table["objects"]}
