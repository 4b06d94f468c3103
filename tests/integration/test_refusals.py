"""What a person gets to see when something is not as it must be: one line, the documented exit code, a fix."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import servers
from tests.pipelines import text
from tests.pipelines.daemon import PipelineFile, Result, until
from tests.pipelines.side_by_side import side_by_side
from tests.servers import Database, unique_name
from tests.servers.process import free_port

PASSWORD = "Gl4s-Scherben?%&"
TABLE = "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20))"
MYSQL_FAMILY = pytest.mark.parametrize("family", ["mysql", "mariadb"])


def one_line(result: Result, code: int, *words: str) -> str:
    """The last line of stderr is the only error; no traceback and no secret stands anywhere."""
    said = result.stdout + result.stderr
    assert result.code == code, said
    errors = [line for line in result.stderr.splitlines() if line.startswith("tailrace: error:")]
    assert len(errors) == 1, said
    assert result.stderr.splitlines()[-1] == errors[0], said
    assert "Traceback" not in said
    assert "this is a bug" not in said
    assert PASSWORD not in said
    for word in words:
        assert word in errors[0], errors[0]
    return errors[0]


def findings(pipeline: PipelineFile, part: str) -> dict[str, dict[str, Any]]:
    """What `check` says against this part of the pipeline; each finding with what to do."""
    result = pipeline.command("check", "--json")
    assert result.code == 1, result.stdout + result.stderr
    assert PASSWORD not in result.stdout + result.stderr
    answer = json.loads(result.stdout)
    assert answer["ok"] is False
    failed = {entry["name"]: entry for entry in answer["findings"] if entry["part"] == part and entry["ok"] is False}
    assert failed, answer
    assert all(entry["detail"] and entry["fix"] for entry in failed.values()), failed
    return failed


def pipeline_on(folder: Path, *parts: str, top: str = "", name: str = "") -> PipelineFile:
    return PipelineFile(folder, text.pipeline(folder, *parts, top=top, name=name))


@pytest.fixture
def database(family: str, request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database with one table on the server that the test's `family` names."""
    with request.getfixturevalue(family).database() as database:
        database.execute(TABLE)
        database.execute("INSERT INTO t VALUES (1, 'one')")
        yield database


@pytest.fixture
def target(tmp_path: Path) -> str:
    return text.sink("lite", f"sqlite:///{tmp_path / 'target.db'}")


@contextlib.contextmanager
def mysql_user(database: Database, *grants: str) -> Iterator[str]:
    """A user with these grants; yields its URL. `{db}` in a grant is the database."""
    user = f"u{unique_name('')[-6:]}"
    database.execute("CREATE USER %s@'%%' IDENTIFIED BY %s", (user, PASSWORD))
    try:
        for grant in grants:
            database.execute(f"GRANT {grant.format(db=database.name)} TO '{user}'@'%'")
        yield database.url_as(user, PASSWORD)
    finally:
        database.execute("DROP USER %s@'%%'", (user,))


@contextlib.contextmanager
def postgres_role(database: Database, attributes: str, *statements: str) -> Iterator[str]:
    """A role with these attributes; `{role}` in a statement is its name, `{db}` the database."""
    role = f"r{unique_name('')[-6:]}"
    database.execute(f"CREATE ROLE {role} LOGIN {attributes} PASSWORD %s", (PASSWORD,))
    try:
        for statement in statements:
            database.execute(statement.format(role=role, db=database.name))
        yield database.url_as(role, PASSWORD)
    finally:
        database.execute(f"DROP OWNED BY {role} CASCADE")
        database.execute(f"DROP ROLE {role}")


# ---- passwords and hosts


@pytest.mark.parametrize("family", ["mysql", "mariadb", "postgres18"])
def test_a_wrong_password_of_the_source(family: str, database: Database, tmp_path: Path) -> None:
    pipeline = pipeline_on(tmp_path, text.source(database.url_as("nobody_here", PASSWORD)))
    one_line(pipeline.command("run"), 5, f":{database.server.login.port}", "password")
    assert "password" in str(findings(pipeline, "source")["connection"])


@pytest.mark.parametrize("family", ["mysql", "postgres18"])
def test_a_wrong_password_of_a_sink(family: str, database: Database, postgres15: Any, tmp_path: Path) -> None:
    with postgres15.database() as source:
        source.execute(TABLE)
        sink = text.sink("copy", database.url_as("nobody_here", PASSWORD))
        pipeline = pipeline_on(tmp_path, text.source(source.url), sink)
        one_line(pipeline.command("run"), 5, "sink copy", f":{database.server.login.port}", "password")
        findings(pipeline, "sink copy")


@pytest.mark.parametrize("family", ["mysql", "postgres18"])
def test_a_target_database_that_is_not_there(family: str, database: Database, postgres15: Any, tmp_path: Path) -> None:
    with postgres15.database() as source:
        source.execute(TABLE)
        url = database.url.replace(database.name, "no_such_database")
        pipeline = pipeline_on(tmp_path, text.source(source.url), text.sink("copy", url))
        one_line(
            pipeline.command("run"),
            5,
            "sink copy",
            "no_such_database",
            "database in the url" if family == "postgres18" else "create it",
        )
        assert "no_such_database" in str(findings(pipeline, "sink copy"))


@pytest.mark.parametrize("scheme", ["mysql", "postgresql"])
def test_an_unreachable_source_is_tried_again(scheme: str, tmp_path: Path, target: str) -> None:
    port = free_port()
    url = f"{scheme}://app:x@127.0.0.1:{port}/shop"
    pipeline = pipeline_on(tmp_path, text.source(url), target)
    one_line(pipeline.until_caught_up(), 5, f"127.0.0.1:{port}")
    assert f"127.0.0.1:{port}" in str(findings(pipeline, "source")["connection"])
    with pipeline.running():
        until(lambda: pipeline.states().get("capture") == "retrying", 20, "capture retries")
        status = pipeline.command("status")
        assert status.code == 4
        assert f"127.0.0.1:{port}" in status.stdout


def test_an_unreachable_kafka_is_tried_again(postgres18: Any, tmp_path: Path) -> None:
    bootstrap = f"127.0.0.1:{free_port()}"
    (tmp_path / "r").mkdir()
    (tmp_path / "u").mkdir()
    with postgres18.database() as source:
        source.execute(TABLE)

        def runs() -> None:
            pipeline = pipeline_on(tmp_path / "r", text.source(source.url), text.kafka(bootstrap))
            with pipeline.running():
                assert bootstrap in str(findings(pipeline, "stream"))
                until(lambda: pipeline.states().get("capture") == "retrying", 30, "capture retries")
                assert pipeline.command("status").code == 4

        def runs_until_caught_up() -> None:
            pipeline = pipeline_on(tmp_path / "u", text.source(source.url), text.kafka(bootstrap))
            one_line(pipeline.until_caught_up(), 5, "Kafka", bootstrap)

        side_by_side(runs=runs, until_caught_up=runs_until_caught_up)


def test_an_unreachable_sink_is_tried_again(postgres18: Any, tmp_path: Path) -> None:
    port = free_port()
    with postgres18.database() as source:
        source.execute(TABLE)
        pipeline = pipeline_on(tmp_path, text.source(source.url), text.sink("copy", f"mysql://a:b@127.0.0.1:{port}/d"))
        one_line(pipeline.until_caught_up(), 5, "sink copy", f"127.0.0.1:{port}")
        assert f"127.0.0.1:{port}" in str(findings(pipeline, "sink copy"))
        assert pipeline.command("teardown", "--yes").code == 5, "a system that holds something of ours must be asked"


# ---- settings of the source


@MYSQL_FAMILY
@pytest.mark.parametrize(
    ("setting", "value", "usual"), [("binlog_format", "STATEMENT", "ROW"), ("binlog_row_image", "MINIMAL", "FULL")]
)
def test_a_binlog_that_lacks_rows(
    family: str, setting: str, value: str, usual: str, database: Database, tmp_path: Path
) -> None:
    pipeline = pipeline_on(tmp_path, text.source(database.url))
    database.execute(f"SET GLOBAL {setting} = {value}")
    try:
        one_line(pipeline.command("run"), 5, setting, value, f"{setting} = {usual}")
        assert value in findings(pipeline, "source")[setting]["detail"]
    finally:
        database.execute(f"SET GLOBAL {setting} = {usual}")


def test_wal_level_replica(tmp_path: Path) -> None:
    with servers.start("postgres15", {"wal_level": "replica"}) as server, server.database() as database:
        database.execute(TABLE)
        pipeline = pipeline_on(tmp_path, text.source(database.url))
        one_line(pipeline.command("run"), 5, "wal_level", "ALTER SYSTEM SET wal_level = 'logical'", "restart")
        assert findings(pipeline, "source")["wal_level"]["detail"] == "replica"
        assert database.query("SELECT pubname FROM pg_publication") == [], "nothing was made before the refusal"


# ---- grants


@MYSQL_FAMILY
@pytest.mark.parametrize("missing", ["SELECT", "REPLICATION SLAVE", "REPLICATION CLIENT"])
def test_a_missing_grant(family: str, missing: str, database: Database, tmp_path: Path) -> None:
    grants = {
        "SELECT": "SELECT ON `{db}`.*",
        "REPLICATION SLAVE": "REPLICATION SLAVE ON *.*",
        "REPLICATION CLIENT": "REPLICATION CLIENT ON *.*",
    }
    del grants[missing]
    with mysql_user(database, *grants.values()) as url:
        pipeline = pipeline_on(tmp_path, text.source(url))
        one_line(pipeline.command("run"), 5, missing)
        assert missing in str(findings(pipeline, "source"))


@MYSQL_FAMILY
def test_these_grants_suffice(family: str, database: Database, tmp_path: Path, target: str) -> None:
    grants = ("SELECT ON `{db}`.*", "REPLICATION SLAVE ON *.*", "REPLICATION CLIENT ON *.*")
    with mysql_user(database, *grants) as url:
        pipeline = pipeline_on(tmp_path, text.source(url), target)
        checked = pipeline.command("check")
        assert checked.code == 0, checked.stdout
        caught_up = pipeline.until_caught_up()
        assert caught_up.code == 0, caught_up.stderr


@pytest.mark.parametrize("family", ["postgres15"])
@pytest.mark.parametrize(
    ("attributes", "statements", "words"),
    [
        ("", ("ALTER TABLE t OWNER TO {role}", "GRANT CREATE ON DATABASE {db} TO {role}"), ("REPLICATION",)),
        ("REPLICATION", ("ALTER TABLE t OWNER TO {role}",), ("GRANT CREATE ON DATABASE",)),
        ("REPLICATION", ("GRANT CREATE ON DATABASE {db} TO {role}", "GRANT SELECT ON t TO {role}"), ("own", "t")),
    ],
    ids=["replication", "create", "ownership"],
)
def test_a_missing_right_in_postgres(
    family: str,
    attributes: str,
    statements: tuple[str, ...],
    words: tuple[str, ...],
    database: Database,
    tmp_path: Path,
) -> None:
    with postgres_role(database, attributes, *statements) as url:
        pipeline = pipeline_on(tmp_path, text.source(url), name="grants")
        one_line(pipeline.command("run"), 5, *words)
        found = str(findings(pipeline, "source"))
        assert all(word in found for word in words), found


@pytest.mark.parametrize("family", ["postgres15"])
def test_a_table_that_may_not_be_read_is_suspended(family: str, database: Database, tmp_path: Path) -> None:
    database.execute("CREATE TABLE readable (id INT PRIMARY KEY)")
    statements = (
        "ALTER TABLE t OWNER TO {role}",
        "ALTER TABLE readable OWNER TO {role}",
        "REVOKE ALL ON t FROM {role}",
        "GRANT CREATE ON DATABASE {db} TO {role}",
    )
    with postgres_role(database, "REPLICATION", *statements) as url:
        pipeline = pipeline_on(tmp_path, text.source(url))
        one_line(pipeline.until_caught_up(), 4, "public.t", "suspended", "GRANT SELECT")
        assert "GRANT SELECT" in str(findings(pipeline, "source"))
        assert pipeline.command("teardown", "--yes").code == 0


@pytest.mark.parametrize("family", ["postgres15"])
def test_these_rights_suffice_in_postgres(family: str, database: Database, tmp_path: Path, target: str) -> None:
    statements = ("ALTER TABLE t OWNER TO {role}", "GRANT CREATE ON DATABASE {db} TO {role}")
    with postgres_role(database, "REPLICATION", *statements) as url:
        pipeline = pipeline_on(tmp_path, text.source(url), target)
        checked = pipeline.command("check")
        assert checked.code == 0, checked.stdout
        caught_up = pipeline.until_caught_up()
        assert caught_up.code == 0, caught_up.stderr
        torn_down = pipeline.command("teardown", "--yes")
        assert torn_down.code == 0, torn_down.stderr
        assert database.query("SELECT slot_name FROM pg_replication_slots WHERE database = %s", (database.name,)) == []


# ---- the file, the folder, the address


SOURCE = text.source(f"mysql://app:{'x'}@127.0.0.1:1/shop")


@pytest.mark.parametrize("command", ["run", "check", "status"])
def test_an_unknown_key(command: str, tmp_path: Path) -> None:
    pipeline = pipeline_on(tmp_path, SOURCE.replace("heartbeat", "hartbeat"))
    line = one_line(pipeline.command(command), 2, str(pipeline.path), "source.hartbeat")
    assert "heartbeat" in line.replace("hartbeat", ""), "the line names the key that was meant"


@pytest.mark.parametrize("command", ["run", "check"])
def test_an_unset_variable(command: str, tmp_path: Path) -> None:
    pipeline = pipeline_on(tmp_path, SOURCE.replace("app:x", "app:${TAILRACE_TEST_NOT_SET}"))
    one_line(pipeline.command(command), 2, str(pipeline.path), "source.url", "TAILRACE_TEST_NOT_SET")
    assert not (tmp_path / "state").exists(), "said before anything was made"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    pipeline = pipeline_on(tmp_path, SOURCE)
    pipeline.path.unlink()
    one_line(pipeline.command("run"), 2, str(pipeline.path))


@pytest.mark.parametrize("folder", ["below a file", "/proc/tailrace"])
def test_a_state_folder_that_cannot_be_written(folder: str, tmp_path: Path) -> None:
    if folder == "below a file":
        (tmp_path / "file").write_text("")
        folder = str(tmp_path / "file" / "state")
    pipeline = pipeline_on(tmp_path, SOURCE, top=f'state_dir = "{folder}"\n')
    one_line(pipeline.command("run"), 5, folder, "state_dir")
    if not folder.startswith("/proc"):  # which lets root in, by its mode bits
        assert "state_dir" in str(findings(pipeline, "state folder"))


@pytest.mark.parametrize("family", ["postgres18"])
def test_the_same_pipeline_twice_and_a_busy_port(family: str, database: Database, tmp_path: Path) -> None:
    port = free_port()
    http = f'[http]\nlisten = "127.0.0.1:{port}"\n'
    pipeline = pipeline_on(tmp_path, text.source(database.url), http)
    other_folder = tmp_path / "other"
    other_folder.mkdir()
    other = pipeline_on(other_folder, text.source(database.url), http)
    with pipeline.running() as process:
        until(lambda: pipeline.states().get("capture") == "streaming", 30, "capture streams")
        one_line(pipeline.command("run"), 5, "already running", str(process.pid))
        one_line(pipeline.command("teardown", "--yes"), 5, "already running")
        one_line(other.command("run"), 5, f"127.0.0.1:{port}")
        assert pipeline.states() == {"capture": "streaming"}, "the first one never noticed"
    assert pipeline.command("teardown", "--yes").code == 0


def test_secrets_stay_out_of_the_process_list(tmp_path: Path) -> None:
    url = f"postgresql://app:${{SECRET}}@127.0.0.1:{free_port()}/shop"
    pipeline = pipeline_on(tmp_path, text.source(url))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SECRET", PASSWORD)
        command = [sys.executable, "-m", "tailrace.cli", "run", str(pipeline.path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            until(lambda: pipeline.states().get("capture") == "retrying", 20, "capture retries")
            titles = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in (process.pid, *pids(pipeline))]
            process.send_signal(signal.SIGTERM)
            said = process.communicate(timeout=20)[0].decode()
    assert len(titles) == 2
    assert not any(re.escape(PASSWORD) in title.decode() or PASSWORD in title.decode() for title in titles)
    assert PASSWORD not in said
    assert PASSWORD not in (tmp_path / "state" / "status.json").read_text()


def pids(pipeline: PipelineFile) -> list[int]:
    return list(pipeline.worker_pids().values())
