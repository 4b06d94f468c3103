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
            by_hand = {
                f"{v.kind} {v.name}{'' if not v.member or v.member.startswith('(') else '.'}{v.member}"
                for v in entry.conversion.verdicts
                if v.grade is Grade.BY_HAND and v.kind is not ObjectKind.GRANT
            }
            assert by_hand == (BY_HAND | MOVED if schema else BY_HAND)
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
