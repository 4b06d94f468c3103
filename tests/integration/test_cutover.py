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


def rows_of(target: Database, expected: list[tuple[Any, ...]]) -> None:
    select = "SELECT id, email FROM authors ORDER BY id"
    servers.wait_until(lambda: target.query(select) == expected, 30, f"{target.name} has followed")


def test_from_mariadb(mariadb: Any, postgres15: Any, mysql: Any, tmp_path: Path) -> None:
    with mariadb.database("cut") as source, postgres15.database("cut") as pg, mysql.database("cut") as my:
        source.script(
            "CREATE TABLE authors (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, email VARCHAR(100) NOT NULL,"
            " name VARCHAR(50), bio TEXT, UNIQUE KEY email (email), KEY by_name (name DESC, id), KEY bio (bio(20)),"
            " FULLTEXT KEY words (bio))",
            "CREATE TABLE books (id INT AUTO_INCREMENT PRIMARY KEY, author BIGINT UNSIGNED, title VARCHAR(200),"
            " UNIQUE KEY start (title(30)),"
            " CONSTRAINT written FOREIGN KEY (author) REFERENCES authors (id) ON DELETE SET NULL)",
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
                _before(file, source, pg, my)
                done = report(file)
                assert (done["done"], done["writes"]) == (True, 0)
                assert done["position"]
                _made(done)
                again = report(file)
                assert (again["done"], again["made"], again["to_make"]) == (True, 0, 0)

                # The pipeline goes on, and values of unique columns are exchanged beneath foreign keys.
                with source.transaction() as cursor:
                    for key, email in ((1, "x"), (2, "a@x"), (1, "b@x")):
                        cursor.execute("UPDATE authors SET email = %s WHERE id = %s", (email, key))
                source.execute("INSERT INTO authors (email) VALUES ('d@x')")
                for target in (pg, my):
                    rows_of(target, [(1, "b@x"), (2, "a@x"), (4, "d@x")])
                shown = file.command("cutover")
                assert shown.code == 0, shown.stderr
                assert "writes to the source after that are carried" in shown.stdout

        # The application's turn.
        for target in (pg, my):
            target.execute("INSERT INTO authors (email) VALUES ('own')")
            assert target.value("SELECT id FROM authors WHERE email = 'own'") == 5
            target.execute("DELETE FROM authors WHERE id = 1")
            assert target.query("SELECT author FROM books ORDER BY id") == [(None,), (2,), (None,)]
        with closing(sqlite3.connect(copy)) as lite:
            names = [name for (name,) in lite.execute("SELECT name FROM pragma_index_list('authors')")]
            assert "authors_email" in names


def _before(file: PipelineFile, source: Database, pg: Database, my: Database) -> None:
    """Indexes came with the load; the rest is planned, and not made while a target differs."""
    planned = report(file, "--dry-run")
    assert states(planned, "pg", "authors", "indexes") == {
        "email": "present",
        "by_name": "present",
        "bio": "left out",
        "words": "left out",
    }
    assert states(planned, "pg", "books", "foreign_keys") == {"written": "to make"}
    assert (planned["done"], planned["verification"]) == (False, None)
    my.execute("UPDATE books SET title = 'damaged' WHERE id = 1")
    differing = report(file, code=1)
    assert (differing["done"], differing["sinks"]) == (False, [])
    my.execute("UPDATE books SET title = 'one' WHERE id = 1")
    for target in (pg, my):
        assert not target.query("SELECT 1 FROM information_schema.table_constraints WHERE constraint_name = 'written'")
    source.execute("INSERT INTO books (title) VALUES ('three')")


def _made(done: dict[str, Any]) -> None:
    assert states(done, "pg", "books", "indexes") == {"start": "present", "written": "present"}
    assert states(done, "pg", "books", "foreign_keys") == {"written": "made"}
    assert things(done, "pg", "authors", "sequences") == {"id": ("made", "next 4")}
    assert things(done, "pg", "books", "sequences") == {"id": ("made", "next 4")}
    assert set(states(done, "my", "authors", "indexes").values()) == {"present"}
    assert states(done, "my", "books", "foreign_keys") == {"written": "made"}
    assert things(done, "my", "authors", "sequences") == {"id": ("made", "next 4")}
    assert states(done, "lite", "books", "foreign_keys") == {"written": "left out"}
    assert states(done, "lite", "authors", "indexes")["email"] == "present"


def test_from_postgresql(postgres18: Any, mysql: Any, mariadb: Any, tmp_path: Path) -> None:
    with (
        postgres18.database("cut") as source,
        postgres18.database("pg") as pg,
        mysql.database("my") as my,
        mariadb.database("maria") as maria,
    ):
        source.script(
            "CREATE TABLE authors (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text,"
            " code varchar(30) UNIQUE)",
            "CREATE TABLE books (id serial PRIMARY KEY, author bigint CONSTRAINT written REFERENCES authors,"
            " hidden bigint CONSTRAINT unseen REFERENCES authors, title varchar(100))",
            "CREATE UNIQUE INDEX lowered ON authors (lower(email)) WHERE email IS NOT NULL",
            "CREATE INDEX titles ON books (title DESC)",
            "INSERT INTO authors (email, code) VALUES ('left out', 'l'), ('a@x', 'a'), ('b@x', 'b')",
            "INSERT INTO books (author, hidden, title) VALUES (2, 1, 'one'), (3, NULL, 'two')",
        )
        filtered = '[[tables]]\nmatch = "public.authors"\nwhere = "id > 1"\n'
        sinks = {"pg": pg.url, "my": my.url, "maria": maria.url}
        with pipeline(tmp_path, source, sinks, filtered) as file, file.running():
            servers.wait_until(lambda: set(file.states().values()) == {"streaming"}, 60, "all are at work")
            done = report(file, code=1)
            assert done["verification"]["equal"]
            assert (done["failed"], done["done"]) == (3, False)
            for name in sinks:
                keys = things(done, name, "books", "foreign_keys")
                assert keys["written"][0] == "made"
                assert keys["unseen"][0] == "failed"
                assert "1 rows refer to no row of authors" in keys["unseen"][1]
                assert things(done, name, "authors", "sequences") == {"id": ("made", "next 4")}
                assert things(done, name, "books", "sequences") == {"id": ("made", "next 3")}
                assert states(done, name, "books", "indexes") == {"titles": "present"}
            assert states(done, "pg", "authors", "indexes") == {"lowered": "present", "authors_code_key": "present"}
            for name in ("my", "maria"):
                indexes = states(done, name, "authors", "indexes")
                assert indexes == {"lowered": "left out", "authors_code_key": "present"}

            # A partial unique index of an expression, and its values are exchanged.
            with source.transaction() as cursor:
                for key, email in ((2, "x"), (3, "A@x"), (2, "B@x")):
                    cursor.execute("UPDATE authors SET email = %s WHERE id = %s", (email, key))
            for target in (pg, my, maria):
                rows_of(target, [(2, "B@x"), (3, "A@x")])
            source.execute("UPDATE books SET hidden = NULL")
            assert report(file)["made"] == 3
        for target in (pg, my, maria):
            target.execute("INSERT INTO authors (code) VALUES ('own')")
            assert target.value("SELECT id FROM authors WHERE code = 'own'") == 4


def test_a_suspended_table_stops_cutover_and_a_load_without_a_log_needs_no_daemon(
    postgres15: Any, tmp_path: Path
) -> None:
    with postgres15.database("cut") as source, postgres15.database("into") as target:
        source.script("CREATE TABLE t (id serial PRIMARY KEY, v int)", "INSERT INTO t (v) VALUES (1), (2)")
        sink = text.sink("pg", target.url)
        once = PipelineFile(tmp_path, text.pipeline(tmp_path, text.source(source.url), sink, top='mode = "full-load"'))
        assert once.until_caught_up().code == 0
        done = report(once)
        assert (done["done"], things(done, "pg", "t", "sequences")) == (True, {"id": ("made", "next 3")})
        assert once.command("teardown", "--yes").code == 0

        source.execute("CREATE TABLE bare (n int)")
        with pipeline(tmp_path, source, {"pg": target.url}) as file, file.running():
            servers.wait_until(lambda: set(file.states().values()) == {"streaming"}, 60, "both are at work")
            stopped = file.command("cutover")
            assert stopped.code == 4
            assert "public.bare is suspended" in stopped.stderr


def test_unique_indexes_wait_for_cutover_where_partitions_have_no_common_order(
    mariadb: Any, mysql: Any, kafka: Any, tmp_path: Path
) -> None:
    with mariadb.database("cut") as source, mysql.database("into") as target:
        source.script(
            "CREATE TABLE authors (id INT AUTO_INCREMENT PRIMARY KEY, email VARCHAR(50), UNIQUE KEY email (email),"
            " KEY plain (email, id))",
            "INSERT INTO authors (email) VALUES ('a'), ('b'), ('c'), ('d')",
        )
        stream = text.kafka(kafka.address).replace("[stream.kafka]", "partitions = 3\n[stream.kafka]")
        with pipeline(tmp_path, source, {"my": target.url}, stream) as file, file.running():
            servers.wait_until(lambda: set(file.states().values()) == {"streaming"}, 60, "both are at work")
            rows_of(target, [(1, "a"), (2, "b"), (3, "c"), (4, "d")])
            servers.wait_until(lambda: len(indexes_of(target)) == 2, 30, "the load's end")
            assert indexes_of(target) == {"PRIMARY", "plain"}
            done = report(file)
            assert states(done, "my", "authors", "indexes") == {"email": "made", "plain": "present"}
            assert "several partitions" in done["sinks"][0]["notes"][0]
            assert indexes_of(target) == {"PRIMARY", "plain", "email"}
            # The sink has come back and knows: an upsert that goes by the key does not overwrite another row.
            source.script("UPDATE authors SET email = 'z' WHERE id = 1", "INSERT INTO authors (email) VALUES ('e')")
            rows_of(target, [(1, "z"), (2, "b"), (3, "c"), (4, "d"), (5, "e")])
            again = report(file)
            assert (again["done"], again["made"]) == (True, 0)


def indexes_of(target: Database) -> set[str]:
    rows = target.query(
        "SELECT DISTINCT index_name FROM information_schema.statistics WHERE table_schema = DATABASE()"
        " AND table_name = 'authors'"
    )
    return {name for (name,) in rows}
