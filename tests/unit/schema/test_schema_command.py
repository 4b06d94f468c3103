"""`tailrace schema` from the command line: usage, files, what is told, exit codes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from tailrace.cli import check
from tailrace.cli.main import main
from tailrace.config import Pipeline
from tailrace.conversion import job
from tailrace.conversion.catalog import Catalog, Dialect
from tailrace.conversion.job import Job
from tailrace.conversion.making import held
from tailrace.conversion.outcome import Conversion, Grade, Verdict
from tailrace.conversion.rules import Rules
from tests.unit.schema import shop_conversion
from tests.unit.schema.memory_target import MEANT, MemoryTarget

Output = pytest.CaptureFixture[str]


@pytest.fixture
def file(tmp_path: Path) -> str:
    """A pipeline with one sink; no system of it is there."""
    path = tmp_path / "shop.toml"
    path.write_text(
        f'name = "shop"\nstate_dir = "{tmp_path}/state"\n'
        '[source]\nconnector = "mysql"\nurl = "mysql://u:p@nowhere.invalid/shop"\n'
        f'[[sinks]]\nname = "lite"\nconnector = "sqlite"\nurl = "sqlite:///{tmp_path}/x.db"\n'
    )
    return str(path)


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch) -> MemoryTarget:
    """What stands in for every target; the conversion towards it is `MEANT`, all of it automatic."""
    target = MemoryTarget(Catalog(Dialect.SQLITE))
    verdicts = tuple(Verdict(*object_, Grade.AUTOMATIC, "x") for object_ in MEANT.count())
    conversion = Conversion(shop_conversion.source(), MEANT, (), verdicts, "lite")

    def of_sink(pipeline: Pipeline, settings: object, source: Catalog, rules: Rules, *_: object) -> Job:
        return Job("lite", target, conversion, settings)

    monkeypatch.setattr(job, "source_catalog", lambda pipeline: shop_conversion.source())
    monkeypatch.setattr(job, "of_sink", of_sink)
    return target


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "there is nothing to convert; name a pipeline file, or a script with --from-sql"),
        (["--from-sql", "x.sql", "--dialect", "mysql"], "there is nothing to convert"),
        (["--target", "postgres"], "there is nothing to convert"),
        (["FILE", "--from-sql", "x.sql"], "--from-sql and --dialect belong together"),
        (["FILE", "--dialect", "oracle"], "--from-sql and --dialect belong together"),
        (["FILE", "--apply", "--diff"], "--apply and --diff exclude each other"),
        (["FILE", "--stage", "all"], "--stage says what --apply makes; add --apply"),
        (["FILE", "--complete"], "--complete says what --apply makes; add --apply"),
        (["FILE", "--stage", "some"], "must be tables or all"),
        (["FILE", "--target", "postgres", "--apply"], "--target"),
        (["FILE", "--target", "db2"], "must be postgres or mysql or mariadb or sqlite or dynamodb"),
        (["FILE", "--from-sql", "x.sql", "--dialect", "db2"], "must be mysql or postgres or oracle or tsql"),
        (["FILE", "--report", "x.pdf"], "x.pdf: a report ends in .html, .md or .json"),
        (["FILE", "--sink", "none"], "there is no sink 'none'"),
        (["FILE", "--rules", "nowhere.toml"], "nowhere.toml"),
    ],
)
def test_what_cannot_be_meant_is_told_and_exits_2(
    arguments: list[str], line: str, file: str, target: MemoryTarget, capsys: Output
) -> None:
    assert main(["schema", *(file if argument == "FILE" else argument for argument in arguments)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert line in captured.err
    assert len(captured.err.splitlines()) == 1


def test_rules_of_the_pipeline_file_are_found_beside_it(
    file: str, target: MemoryTarget, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Output
) -> None:
    pipeline = Path(file)
    pipeline.write_text('conversion = ["house.toml"]\n' + pipeline.read_text())
    monkeypatch.chdir("/")
    assert main(["schema", file]) == 2
    assert f"{tmp_path}/house.toml" in capsys.readouterr().err
    (tmp_path / "house.toml").write_text('[[types]]\ntype = "bigint unsigned"\nbecome = "bigint"\n')
    assert main(["schema", file]) == 0
    (tmp_path / "house.toml").write_text("[[types]]\nbecome = 5\n")
    assert main(["schema", file]) == 2
    assert "house.toml" in capsys.readouterr().err


def test_the_script_goes_to_stdout_and_the_rest_to_stderr(file: str, target: MemoryTarget, capsys: Output) -> None:
    assert main(["schema", file]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("-- MySQL 9.7.4")
    assert "table a;\n" in captured.out
    assert "All 7 objects are converted by themselves" in captured.err
    assert target.ran == []


def test_files_are_written_where_they_were_asked_for(
    file: str, target: MemoryTarget, tmp_path: Path, capsys: Output
) -> None:
    reports = [option for suffix in ("html", "md", "json") for option in ("--report", f"{tmp_path}/r.{suffix}")]
    assert main(["schema", file, *reports, "--out", f"{tmp_path}/made.sql"]) == 0
    assert (tmp_path / "made.sql").read_text().startswith("-- MySQL 9.7.4")
    assert all((tmp_path / f"r.{suffix}").stat().st_size > 1000 for suffix in ("html", "md", "json"))
    assert "All 7 objects" in capsys.readouterr().out
    assert main(["schema", file, "--out", f"{tmp_path}/no/where.sql"]) == 5
    assert "where.sql: cannot write it" in capsys.readouterr().err


def test_several_targets_get_a_folder(
    file: str, target: MemoryTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def of_kind(kind: str, source: Catalog, rules: Rules, pipeline: Pipeline | None, *_: object) -> Job:
        return Job(kind, target, replace(shop_conversion.conversion(), target=MEANT))

    monkeypatch.setattr(job, "of_kind", of_kind)
    assert main(["schema", file, "--sink", "lite", "--target", "mysql", "--out", f"{tmp_path}/made"]) == 1
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == ["lite.sql", "mysql.sql"]


def test_apply_makes_what_is_missing_once_and_leaves_the_rest_to_cutover(
    file: str, target: MemoryTarget, capsys: Output
) -> None:
    assert main(["schema", file, "--apply"]) == 0
    told = capsys.readouterr().out
    assert "5 objects made" in told
    assert "held back trigger a.t" in told
    assert "2 statements held back: `tailrace cutover` makes them, or --stage all" in told
    ran = list(target.ran)
    assert main(["schema", file, "--apply", "--json"]) == 0
    applied = orjson.loads(capsys.readouterr().out)["targets"][0]["applied"]
    assert (applied["made"], applied["differing"], applied["unheld"], applied["present"]) == ([], [], [], 8)
    assert [statement["stage"] for statement in applied["held"]] == ["cutover", "cutover"]
    assert target.ran == ran
    assert main(["schema", file, "--apply", "--stage", "all"]) == 0
    assert target.ran[len(ran) :] == ["key b_fk", "trigger t"]


def test_apply_has_cutover_complete_the_sink(file: str, target: MemoryTarget) -> None:
    from tailrace.config import load

    pipeline = load(file)
    assert held.noted(pipeline) == {}
    assert main(["schema", file, "--apply"]) == 0
    assert held.noted(pipeline) == {"lite": []}


def test_check_points_to_it_until_it_was_applied(
    file: str, target: MemoryTarget, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    monkeypatch.setattr(check, "findings_of", lambda pipeline: iter(()))
    assert main(["check", file]) == 0
    assert f"`tailrace schema {file}` shows what the source has besides" in capsys.readouterr().out
    assert main(["schema", file, "--apply"]) == 0
    capsys.readouterr()
    assert main(["check", file]) == 0
    assert "tailrace schema" not in capsys.readouterr().out


def test_diff_exits_1_where_the_target_differs(file: str, target: MemoryTarget, capsys: Output) -> None:
    assert main(["schema", file, "--diff"]) == 1
    assert "missing table a" in capsys.readouterr().out
    assert main(["schema", file, "--apply", "--stage", "all"]) == 0
    capsys.readouterr()
    assert main(["schema", file, "--diff"]) == 0
    assert "the target's schema is what the source's becomes" in capsys.readouterr().out
    a, b = target.content.tables
    target.content = replace(target.content, tables=(replace(a, columns=a.columns[:1]), b))
    assert main(["schema", file, "--diff", "--json"]) == 1
    [told] = orjson.loads(capsys.readouterr().out)["targets"]
    assert not told["equal"]
    assert [(d["state"], d["kind"], d["name"], d["member"]) for d in told["differences"]] == [
        ("missing", "column", "a", "n")
    ]


def test_what_is_left_to_a_person_exits_1(
    file: str, target: MemoryTarget, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    given = replace(shop_conversion.conversion(), target=MEANT)
    monkeypatch.setattr(job, "of_sink", lambda *_: Job("warehouse", target, given))
    assert main(["schema", file]) == 1
    told = capsys.readouterr().err
    assert "procedure-body (1 procedure, about " in told
    assert "→ Write it as a PL/pgSQL procedure" in told


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_scripts_are_utf_8_or_the_utf_16_of_management_studio(encoding: str, tmp_path: Path, capsys: Output) -> None:
    script = tmp_path / "x.sql"
    text = "CREATE TABLE [größe] (a int)\r\nGO\r\n"
    script.write_bytes((f"\ufeff{text}" if encoding == "utf-16-be" else text).encode(encoding))
    assert main(["schema", "--from-sql", str(script), "--dialect", "tsql", "--target", "sqlite"]) == 0
    assert "größe" in capsys.readouterr().out


def test_a_script_in_another_encoding_is_refused(tmp_path: Path, capsys: Output) -> None:
    script = tmp_path / "x.sql"
    script.write_bytes("CREATE TABLE größe (a int);".encode("latin-1"))
    assert main(["schema", "--from-sql", str(script), "--dialect", "tsql", "--target", "sqlite"]) == 2
    assert "neither UTF-8 nor UTF-16" in capsys.readouterr().err
