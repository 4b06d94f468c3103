"""PostgreSQL to PostgreSQL through a conversion: everything is there as it was, or an item names it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tailrace.config import load
from tailrace.conversion import job
from tailrace.conversion.catalog import Catalog, ObjectKind
from tailrace.conversion.job import Job
from tailrace.conversion.making import application
from tailrace.conversion.making.definition import definitions
from tailrace.conversion.making.difference import differences
from tailrace.conversion.outcome import Grade
from tailrace.conversion.target import Stage
from tests import servers
from tests.integration.schema.test_postgres_schema_round_trip import dump
from tests.pipelines import text

SCRIPT = Path(__file__).with_name("postgres_like.sql").read_text().removesuffix("\n;\n").split("\n;\n")
#: What is left to a person, but for grants: by kind, name and member.
BY_HAND = {
    "comment public.logs.logs_def_own comment",
    "comment public.nn.a_named_nn comment",
    "event ev",
    "event state of ev",
    "function public.my_perc",
    "other access method myheap",
    "other cast text AS public.addr",
    "other foreign data wrapper fdw",
    "other foreign server srv",
    "other large objects 1 large objects",
    "other owner pg_monitor",
    "other public.===",
    "other public.ft",
    "other public.mycfg",
    "other public.mydict",
    "other public.postgres r",
    "other publication pub",
    "other user mapping pg_monitor srv",
}
#: Besides these, where objects are in another schema: their text cannot be followed.
MOVED = {
    "function public.dyn()",
    "function public.ptouch()",
    "trigger public.logs.root_trg",
    "trigger public.logs_2023.part_trg",
    "trigger public.others.ctrg",
    "trigger public.people.stmt",
    "other public.logs.logs_2024_eu firing of root_trg",
}
#: Lines of the source's dump that the target's lacks for what is by hand or changed: each has one of these in it.
TOLD = re.compile(
    r"my_perc|percentile|FINALFUNC|ordered_set|STYPE = internal|===|op_eq|\.addr|mycfg|mydict|MAPPING|PARSER|TEMPLATE|"
    r"stopwords|\bft\b|FOREIGN|srv|SERVER|OPTIONS|column_name|table_name|host|\"user\"|\bev\b|evt|DROP TABLE'|myheap"
    r"|CAST|regclass|GENERATED ALWAYS AS IDENTITY|INHERITS|of_type|a_named_nn|logs_def_own|NOT NULL,?$|^\W*$|    id "
    r"|    v "
)


@contextmanager
def jobs(folder: Path, source: servers.Database, target: servers.Database, schema: str) -> Iterator[Job]:
    """One conversion, as `tailrace schema` makes it."""
    sink = text.sink("copy", target.url) + (f'schema = "{schema}"\n' if schema else "")
    path = folder / "copy.toml"
    path.write_text(text.pipeline(folder, text.source(source.url), sink))
    pipeline = load(path)
    pipeline.resolve_secrets()
    rules = job.rules_of(pipeline, [])
    entry = job.of_sink(pipeline, pipeline.sink("copy"), job.source_catalog(pipeline), rules)
    try:
        yield entry
    finally:
        entry.target.close()


@pytest.mark.parametrize("schema", ["", "Another one"])
def test_everything_is_kept_or_named(schema: str, postgres18: servers.Postgres, tmp_path: Path) -> None:
    with postgres18.database("src") as source, postgres18.database("dst") as target:
        source.script(*SCRIPT)
        for stages in (frozenset({Stage.TABLES}), application.BESIDE, frozenset(Stage)):
            with jobs(tmp_path, source, target, schema) as entry:
                plan = application.plan(entry.target, entry.conversion.target, stages)
                assert plan.statements
                assert not plan.differing
                assert not application.run(entry.target, plan)
        with jobs(tmp_path, source, target, schema) as entry:
            plan = application.plan(entry.target, entry.conversion.target, frozenset(Stage))
            assert not plan.statements
            meant = entry.conversion.target
            found = differences(entry.target.canonical(meant), application.standing(entry.target, meant))
            assert [one for one in found if one.counts] == []
            assert _left(entry) == (BY_HAND | MOVED if schema else BY_HAND)
            if not schema:
                _assert_kept(entry, entry.target.read())
        if not schema:
            there = set(dump(postgres18, target))
            lost = [line for line in dump(postgres18, source) if line not in there]
            assert [line for line in lost if not TOLD.search(line) and not _of_roles(line)] == []


def _assert_kept(entry: Job, target: Catalog) -> None:
    """What is said to be there as it was is so, word for word."""
    want, have = definitions(entry.conversion.source), definitions(target)
    compared = 0
    for verdict in entry.conversion.verdicts:
        if verdict.grade is Grade.AUTOMATIC and verdict.target:
            key = verdict.kind, verdict.name, verdict.member
            assert have.get(key) == want[key], key
            compared += 1
    assert compared > 200


def _of_roles(line: str) -> bool:
    return line.startswith(("GRANT", "REVOKE", "ALTER DEFAULT", "CREATE PUBLICATION", "ALTER PUBLICATION"))


def _left(entry: Job) -> set[str]:
    """What is by hand, and no grant."""
    return {
        f"{v.kind} {v.name}{'.' if v.member and not v.member.startswith('(') else ''}{v.member}"
        for v in entry.conversion.verdicts
        if v.grade is Grade.BY_HAND and v.kind is not ObjectKind.GRANT
    }


def test_an_older_server_without_the_extension_gets_what_it_can_keep(
    postgres18: servers.Postgres, postgres15: servers.Postgres, tmp_path: Path
) -> None:
    with postgres18.database("src") as source, postgres15.database("dst") as target:
        source.script(*SCRIPT)
        with jobs(tmp_path, source, target, "") as entry:
            plan = application.plan(entry.target, entry.conversion.target, frozenset(Stage))
            assert not application.run(entry.target, plan)
            assert _left(entry) - BY_HAND == {
                "check constraint public.nn.b_nv",
                "check constraint public.people.chk_ne",
                "column public.people.u7",
                "extension vector",
                "foreign key public.bookings.bk_room",
                "foreign key public.ne.ne_fk",
                "index public.people.people_hnsw",
                "other public.german",
                "primary key public.rooms.rooms_pkey",
                "unique constraint public.bookings.bookings_room_during_key",
            }


def test_types_stay_in_their_schema_while_tables_move(postgres18: servers.Postgres, tmp_path: Path) -> None:
    with postgres18.database("src") as source, postgres18.database("dst") as target:
        source.script(
            "CREATE SCHEMA app",
            "CREATE TYPE app.mood AS ENUM ('sad', 'happy')",
            "CREATE TYPE app.pair AS (x int, m app.mood)",
            "CREATE DOMAIN app.usual AS app.mood DEFAULT 'sad'",
            "CREATE TABLE app.t (id int PRIMARY KEY, m app.mood, p app.pair, d app.usual, ms app.mood[])",
            "COMMENT ON TYPE app.pair IS 'two'",
            "CREATE FUNCTION app.f(m app.mood) RETURNS app.pair LANGUAGE sql"
            " AS $$ SELECT ROW(1, m)::app.pair FROM app.t $$",
            "CREATE FUNCTION app.g() RETURNS trigger LANGUAGE plpgsql"
            " AS $$ DECLARE r app.t; BEGIN PERFORM app.f('sad'::app.mood); RETURN NEW; END $$",
            "CREATE TRIGGER tr BEFORE INSERT ON app.t FOR EACH ROW EXECUTE FUNCTION app.g()",
            "CREATE VIEW app.v AS SELECT id, app.f(m) AS p, 'sad'::app.mood AS c FROM app.t",
        )
        with jobs(tmp_path, source, target, "shop") as entry:
            plan = application.plan(entry.target, entry.conversion.target, frozenset(Stage))
            assert not application.run(entry.target, plan)
            assert _left(entry) == set()
            meant = entry.conversion.target
            assert not differences(entry.target.canonical(meant), application.standing(entry.target, meant))
        target.execute("INSERT INTO shop.t (id, m) VALUES (1, 'happy')")
        assert target.query("SELECT id, p::text, c::text FROM shop.v") == [(1, "(1,happy)", "sad")]


def test_what_needs_something_that_is_not_made_is_left_with_it(postgres18: servers.Postgres, tmp_path: Path) -> None:
    with postgres18.database("src") as source, postgres18.database("dst") as target:
        source.script(
            "CREATE FUNCTION inner_one(int4, int4) RETURNS int4 LANGUAGE internal IMMUTABLE AS 'int4pl'",
            "CREATE FUNCTION outer_one(a int) RETURNS int LANGUAGE sql AS 'SELECT public.inner_one(a, 1)'",
            "CREATE FUNCTION fired() RETURNS trigger LANGUAGE plpgsql"
            " AS $$ BEGIN NEW.a := public.outer_one(NEW.a); RETURN NEW; END $$",
            "CREATE TABLE t (a int DEFAULT inner_one(1, 2), b int CHECK (inner_one(b, 1) > 0))",
            "CREATE INDEX by_inner ON t (inner_one(a, b))",
            "CREATE TRIGGER fired BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION fired()",
            "CREATE VIEW first AS SELECT inner_one(a, b) AS c FROM t",
            "CREATE VIEW second AS SELECT c FROM first",
            "ALTER VIEW second ALTER c SET DEFAULT 1",
            "CREATE VIEW fine AS SELECT a FROM t",
        )
        with jobs(tmp_path, source, target, "") as entry:
            plan = application.plan(entry.target, entry.conversion.target, frozenset(Stage))
            assert not application.run(entry.target, plan)
            assert _left(entry) == {
                "check constraint public.t.t_b_check",
                "column public.t.a",
                "function public.fired()",
                "function public.inner_one(integer, integer)",
                "function public.outer_one(integer)",
                "index public.t.by_inner",
                "other public.second default of c",
                "trigger public.t.fired",
                "view public.first",
                "view public.second",
            }
            assert target.query("SELECT viewname FROM pg_views WHERE schemaname = 'public'") == [("fine",)]
