"""`tailrace cutover`: targets that have caught up are made ready to take the application's writes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tests import servers
from tests.pipelines import text
from tests.pipelines.daemon import PipelineFile
from tests.servers import Database


@contextmanager
def pipeline(folder: Path, source: Database, sinks: dict[str, str], more: str = "") -> Iterator[PipelineFile]:
    parts = [text.source(source.url), *(text.sink(name, url) for name, url in sinks.items()), more]
    file = PipelineFile(folder, text.pipeline(folder, *parts))
    try:
        yield file
    finally:
        assert file.command("teardown", "--yes").code == 0


def report(file: PipelineFile, *options: str, code: int = 0) -> dict[str, Any]:
    done = file.command("cutover", "--json", *options)
    assert done.code == code, done.stderr + done.stdout
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def things(found: dict[str, Any], sink: str, table: str, kind: str) -> dict[str, tuple[str, str]]:
    """State and detail, by name."""
    [entry] = [entry for entry in found["sinks"] if entry["name"] == sink]
    for one in entry["tables"]:
        if one["table"].endswith(f".{table}"):
            return {thing["name"]: (thing["state"], thing["detail"]) for thing in one[kind]}
    raise AssertionError(f"{table} is not in the report of {sink}")


def states(found: dict[str, Any], sink: str, table: str, kind: str) -> dict[str, str]:
    return {name: state for name, (state, _) in things(found, sink, table, kind).items()}


MYSQL_TABLES = (
    "CREATE TABLE authors (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, email VARCHAR(100) NOT NULL, name VARCHAR(50),"
    " bio TEXT, UNIQUE KEY email (email), KEY by_name (name DESC, id), KEY bio (bio(20)), FULLTEXT KEY words (bio))",
    "CREATE TABLE books (id INT AUTO_INCREMENT PRIMARY KEY, author BIGINT UNSIGNED, title VARCHAR(200),"
    " UNIQUE KEY start (title(30)), CONSTRAINT written FOREIGN KEY (author) REFERENCES authors (id) ON DELETE SET NULL)",
)


def test_from_mariadb(
    mariadb: Any, postgres15: Any, mysql: Any, tmp_path: Path
) -> None:
    with mariadb.database("cut") as source, postgres15.database("cut") as pg, mysql.database("cut") as my:
        source.script(
            *MYSQL_TABLES,
            "INSERT INTO authors (email, name) VALUES ('a@x', 'A'), ('b@x', 'B'), ('c@x', 'C')",
            "DELETE FROM authors WHERE id = 3",
            "INSERT INTO books (author, title) VALUES (1, 'one'), (2, 'two')",
        )
        copy = tmp_path / "copy.db"
        sinks = {"pg": pg.url, "my": my.url, "lite": f"sqlite:///{copy}"}
        with pipeline(tmp_path, source, sinks) as file:
            assert file.command("cutover").code == 3
            with file.running():
                servers.wait_until(lambda: set(file.states().values()) == {"streaming"}, 60, "all are at work")
                planned = report(file, "--dry-run")
                assert planned["to_make"] > 0
                assert not pg.query("SELECT 1 FROM pg_constraint WHERE contype = 'f'")

                done = report(file)
                assert done["done"] and done["position"], done
                assert states(done, "pg", "authors", "indexes") == {
                    "email": "made",
                    "by_name": "made",
                    "bio": "left out",
                    "words": "left out",
                }
                assert states(done, "pg", "books", "indexes") == {"start": "left out", "written": "made"}
                assert states(done, "pg", "books", "foreign_keys") == {"written": "made"}
                assert things(done, "pg", "authors", "sequences") == {"id": ("made", "next 4")}
                assert things(done, "pg", "books", "sequences") == {"id": ("made", "next 3")}
                assert set(states(done, "my", "authors", "indexes").values()) == {"made"}
                assert states(done, "my", "books", "foreign_keys") == {"written": "made"}
                assert things(done, "my", "authors", "sequences") == {"id": ("made", "next 4")}
                assert states(done, "lite", "books", "foreign_keys") == {"written": "left out"}
                assert states(done, "lite", "authors", "indexes")["email"] == "made"

                again = report(file)
                assert (again["done"], again["made"]) == (True, 0)

                # The pipeline goes on: values of unique indexes are exchanged, parents go before their children.
                with source.transaction() as cursor:
                    cursor.execute("UPDATE authors SET email = 'x' WHERE id = 1")
                    cursor.execute("UPDATE authors SET email = 'a@x' WHERE id = 2")
                    cursor.execute("UPDATE authors SET email = 'b@x' WHERE id = 1")
                source.execute("INSERT INTO authors (email) VALUES ('d@x')")
                emails = [(1, "b@x"), (2, "a@x"), (4, "d@x")]
                select = "SELECT id, email FROM authors ORDER BY id"
                for target in (pg, my):
                    servers.wait_until(lambda t=target: t.query(select) == emails, 30, "the pipeline goes on")
                assert report(file)["done"]

        # The application's turn.
        pg.execute("INSERT INTO authors (email) VALUES ('pg')")
        my.execute("INSERT INTO authors (email) VALUES ('my')")
        assert pg.value("SELECT id FROM authors WHERE email = 'pg'") == 5
        assert my.value("SELECT id FROM authors WHERE email = 'my'") == 5
        for target in (pg, my):
            target.execute("DELETE FROM authors WHERE id = 1")
            assert target.query("SELECT author FROM books ORDER BY id") == [(None,), (2,)]
        with closing(sqlite3.connect(copy)) as lite:
            assert lite.execute("SELECT count(*) FROM pragma_index_list('authors') WHERE \"unique\"").fetchone()[0] >= 1
