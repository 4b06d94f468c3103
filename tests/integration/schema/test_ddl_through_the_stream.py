"""DDL that comes through the stream, held to what the conversion would have made of the source: all else has a name."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

from tests.integration.schema.test_schema_command import printed, schema
from tests.pipelines import text
from tests.pipelines.daemon import PipelineFile
from tests.servers import Database

_FROM_MYSQL = (
    "CREATE TABLE base (id INT PRIMARY KEY, a VARCHAR(20) COMMENT 'an a', b INT DEFAULT 3, gone INT,"
    " kind ENUM('x','y'), KEY a (a)) COMMENT 'the base'",
    "CREATE TABLE away (id INT PRIMARY KEY)",
    "INSERT INTO base (id, a) VALUES (1, 'one')",
)
_THEN_MYSQL = (
    "CREATE TABLE made (id BIGINT PRIMARY KEY, email VARCHAR(100), state ENUM('new','it''s') COMMENT 'how', n INT,"
    " body TEXT, secret VARCHAR(30), UNIQUE KEY email (email), UNIQUE KEY start (email(5)), KEY down (n DESC),"
    " KEY body (body(20)), FULLTEXT KEY words (body), CONSTRAINT few CHECK (n < 10)) COMMENT 'made later'",
    "INSERT INTO made (id, email, n) VALUES (1, 'a@x', 1)",
    "ALTER TABLE base ADD COLUMN later ENUM('p','q'), ADD COLUMN t VARCHAR(30) NOT NULL DEFAULT 'it''s'",
    "ALTER TABLE base RENAME COLUMN b TO c, DROP COLUMN gone",
    "ALTER TABLE base MODIFY a VARCHAR(200) COMMENT 'longer', MODIFY kind ENUM('x','y','z')",
    "ALTER TABLE base ADD INDEX late (later)",
    "DROP TABLE away",
    "INSERT INTO base (id, a, c, later) VALUES (2, 'two', 2, 'q')",
)
_FROM_POSTGRES = (
    "CREATE TYPE mood AS ENUM ('sad', 'ok')",
    "CREATE TABLE base (id int PRIMARY KEY, a varchar(20), b int DEFAULT 3, gone int, m mood)",
    "CREATE TABLE away (id int PRIMARY KEY)",
    "COMMENT ON TABLE base IS 'the base'",
    "CREATE INDEX a ON base (a)",
    "INSERT INTO base (id, a) VALUES (1, 'one')",
)
_THEN_POSTGRES = (
    "CREATE TABLE made (id bigint PRIMARY KEY, email varchar(100) UNIQUE, state mood, n int CHECK (n < 10), body text,"
    " secret varchar(30))",
    "CREATE INDEX low ON made (lower(email)) WHERE n > 1",
    "CREATE UNIQUE INDEX part ON made (n) WHERE n > 3",
    "CREATE INDEX words ON made USING gin (to_tsvector('english', body))",
    "COMMENT ON COLUMN made.state IS 'how'",
    "INSERT INTO made (id, email, n) VALUES (1, 'a@x', 1)",
    "ALTER TABLE base ADD COLUMN later mood, ADD COLUMN t varchar(30) NOT NULL DEFAULT 'it''s'",
    "ALTER TABLE base RENAME COLUMN b TO c",
    "ALTER TABLE base DROP COLUMN gone",
    "ALTER TABLE base ALTER a TYPE varchar(200)",
    "ALTER TYPE mood ADD VALUE 'glad'",
    "CREATE INDEX late ON base (later)",
    "DROP TABLE away",
    "INSERT INTO base (id, a, c, later) VALUES (2, 'two', 2, 'glad')",
)
_ENUMS = ("base.base_kind", "base.base_later", "made.made_state")
_ENUMS_OF_POSTGRES = ("base.base_m", "base.base_later", "made.made_state")
_TEXTS = ("base.a", "made.email", "made.words", "made.secret")


def _run(folder: Path, source: Database, before: tuple[str, ...], then: tuple[str, ...], sinks: dict[str, str]) -> Any:
    """What `--diff` finds, by sink, and what it finds still once `--apply` has made what it can."""
    tables = '[[tables]]\nmatch = "*.made"\ncolumns.rename = {body = "words"}\nmask.secret = "null"\n'
    rule = 'table = "*made"\ncolumn = "n"\ntype = "int*"\nto = "postgresql"\nbecome = "bigint"\n'
    (folder / "house.toml").write_text(f"[[types]]\n{rule}")
    parts = [text.source(source.url), *(text.sink(name, url) for name, url in sinks.items()), tables]
    file = PipelineFile(folder, text.pipeline(folder, *parts, top='conversion = ["house.toml"]'))
    try:
        source.script(*before)
        for statements in (then, ()):
            done = file.until_caught_up()
            assert done.code == 0, done.stderr + done.stdout
            source.script(*statements)
        printed(file, "verify")
        first = schema(file, "--diff", code=1)
        schema(file, "--apply", "--complete", code=1)
        return first, schema(file, "--diff", code=1)
    finally:
        assert file.command("teardown", "--yes").code == 0


def _told(found: dict[str, Any]) -> set[str]:
    """Each difference in a few words; of a column or table with the respects in which it differs."""
    told: defaultdict[str, set[str]] = defaultdict(set)
    for entry in found["differences"]:
        name = entry["name"].rpartition(".")[2] + (f".{entry['member']}" if entry["member"] else "")
        told[f"{entry['state']} {entry['kind']} {name}"] |= {detail["what"] for detail in entry["details"]}
    return {" ".join([what, *sorted(respects)]) for what, respects in told.items()}


#: What a target keeps of its own: columns and tables that the source has dropped.
_KEPT = {"extra column base.gone", "extra table away"}
#: The empty text, which MySQL stores for a label that there is not.
_LABELS = {f"different check constraint {name}_labels expression" for name in _ENUMS}
_MISSING = {"missing comment base", "missing comment made.state", "different column base.c default"}
_LATE = "different column base.t default null"


def test_from_mysql(mysql: Any, postgres18: Any, tmp_path: Path) -> None:
    with mysql.database("src") as source, postgres18.database("pg") as pg, mysql.database("my") as my:
        sinks = {"pg": pg.url, "my": my.url, "lite": f"sqlite:///{tmp_path / 'lite.db'}"}
        first, last = _run(tmp_path, source, _FROM_MYSQL, _THEN_MYSQL, sinks)
    comments = {"missing comment base.a", "missing comment made"}
    few, late = "missing check constraint made.few", "missing index base.base_late"
    assert _told(first["pg"]) == _KEPT | _LABELS | _MISSING | comments | {_LATE, few, late}
    assert _told(last["pg"]) == _KEPT | _LABELS
    lite = _KEPT | _LABELS | {"extra primary key away", "different column base.c default", _LATE, few}
    assert _told(first["lite"]) == lite | {late}
    assert _told(last["lite"]) == lite, "ALTER TABLE of SQLite's cannot"
    # The sink's columns compare exactly.
    texts = {f"different column {name} collation" for name in (*_TEXTS, "made.state", "base.kind", "base.later")}
    tables = {f"different table {name} option collation option row_format" for name in ("base", "made")}
    stay = _KEPT | texts | tables | comments | {"missing comment base", "missing comment made.state"}
    stay |= {"different column base.t collation default null"}
    assert _told(first["my"]) == stay | {"different column base.c default", few, "missing index base.late"}
    assert _told(last["my"]) == stay


def test_from_postgresql(postgres18: Any, mysql: Any, tmp_path: Path) -> None:
    with postgres18.database("src") as source, postgres18.database("pg") as pg, mysql.database("my") as my:
        sinks = {"pg": pg.url, "my": my.url}
        first, last = _run(tmp_path, source, _FROM_POSTGRES, _THEN_POSTGRES, sinks)
    # A type that the target has not is a text to the sink, with a check.
    texts = {f"different column {name} type" for name in ("base.m", "base.later", "made.state")}
    texts |= {f"extra check constraint {name}_labels" for name in _ENUMS_OF_POSTGRES}
    few, late = "missing check constraint made.made_n_check", "missing index base.late"
    words = "missing index made.words"  # of a column that [[tables]] renames
    assert _told(first["pg"]) == _KEPT | texts | _MISSING | {_LATE, few, late, words, "missing enum mood"}
    assert _told(last["pg"]) == _KEPT | texts
    tables = {f"different table {name} option collation option row_format" for name in ("base", "made")}
    assert _told(first["my"]) == _KEPT | tables | _MISSING | {_LATE, few, late}
    assert _told(last["my"]) == _KEPT | tables | {"missing comment base"}
