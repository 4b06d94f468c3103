"""Daemons that sleep for two minutes (SIGSTOP) under load, and wake up behind their successors: they write nothing.

Against every kind of target at a time; `make sleepers`. TAILRACE_ASLEEP_SECONDS sets for how long they sleep.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests import servers
from tests.pipelines import text
from tests.pipelines.daemon import until
from tests.pipelines.machines import Machine, kafka_stream, machines, owners, writing
from tests.servers import Database, unique_name

ASLEEP_SECONDS = float(os.environ.get("TAILRACE_ASLEEP_SECONDS", "120"))
TABLES = 6
MARKER = 1_000_000
#: Every owner whose commit has moved positions, in their order. Sinks may switch PostgreSQL's triggers off.
AUDIT = {
    "postgresql": (
        "CREATE TABLE audit (id bigserial, owner text)",
        "CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN INSERT INTO audit (owner) VALUES (NEW.owner); RETURN NEW; END $$",
        "CREATE TRIGGER audit AFTER UPDATE ON _tailrace_positions FOR EACH ROW EXECUTE FUNCTION audit()",
        "ALTER TABLE _tailrace_positions ENABLE ALWAYS TRIGGER audit",
    ),
    "mysql": (
        "CREATE TABLE audit (id BIGINT AUTO_INCREMENT PRIMARY KEY, owner VARCHAR(255))",
        "CREATE TRIGGER audit AFTER UPDATE ON _tailrace_positions FOR EACH ROW"
        " INSERT INTO audit (owner) VALUES (NEW.owner)",
    ),
}
SLEEPERS_WAKE_UP = "the sleepers wake up"


def dynamodb_sink(name: str, endpoint: str, prefix: str) -> str:
    return (
        f'[[sinks]]\nname = "{name}"\nconnector = "dynamodb"\nendpoint_url = "{endpoint}"\nregion = "eu-west-1"\n'
        f'prefix = "{prefix}"\n'
    )


def test_what_slept_for_minutes_writes_nothing_and_holds_nobody_up(
    postgres18: servers.Postgres,
    mariadb: servers.MariaDB,
    mysql: servers.MySQL,
    dynamodb: servers.DynamoDB,
    kafka: servers.Kafka,
    tmp_path: Path,
) -> None:
    name = unique_name("shop").replace("_", "-")
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(postgres18.database("source"))
        targets = {
            kind: stack.enter_context(server.database("target"))
            for kind, server in {"pg": postgres18, "maria": mariadb, "my": mysql}.items()
        }
        for number in range(TABLES):
            source.execute(f"CREATE TABLE t{number} (id int PRIMARY KEY, n int)")
            source.execute(f"INSERT INTO t{number} SELECT i, 0 FROM generate_series(1, 100) i")
        parts = (
            text.source(source.url),
            kafka_stream(kafka.bootstrap, 10),
            *(text.sink(kind, target.url) for kind, target in targets.items()),
            text.sink("lite", f"sqlite:///{tmp_path / 'copy.db'}"),
            dynamodb_sink("kv", dynamodb.endpoint, name),
        )
        older, newer = (Machine(tmp_path / which, *parts, name=name, role="capture") for which in ("older", "newer"))
        awake, asleep = (Machine(tmp_path / which, *parts, name=name, role="apply") for which in ("awake", "asleep"))
        stack.enter_context(machines(older, newer, awake, asleep))
        older.start()
        awake.start()
        until(lambda: set(awake.file.states().values()) == {"streaming"}, 120, "the first machine is at work")
        with writing(source, TABLES):
            asleep.start()
            everywhere(targets, lambda target: sorted(owners(target).values()) == [3, 3], "it is shared")
            for target in targets.values():
                target.script(*AUDIT[target.url.partition(":")[0]])
            before = {kind: set(owners(target)) for kind, target in targets.items()}
            fell_asleep = time.monotonic()
            asleep.signal(signal.SIGSTOP)
            older.signal(signal.SIGSTOP)
            newer.start()
            everywhere(targets, lambda target: list(owners(target).values()) == [TABLES], "it has one owner")
            # The session of the first one, which still holds the slot, is ended when it has been silent for a minute.
            until(lambda: newer.file.states() == {"capture": "streaming"}, 90, "the second capture streams")
            source.script(*(f"INSERT INTO t{number} VALUES ({MARKER}, 0)" for number in range(TABLES)))
            everywhere(targets, arrived, "it goes on, whatever the sleepers have locked")
            until(lambda: time.monotonic() - fell_asleep >= ASLEEP_SECONDS, ASLEEP_SECONDS, "they sleep for so long")
            sleepers = {kind: before[kind] - set(owners(target)) for kind, target in targets.items()}
            assert all(sleepers.values()), "somebody was asleep"
            for target in targets.values():
                target.execute("INSERT INTO audit (owner) VALUES (%s)", (SLEEPERS_WAKE_UP,))
            asleep.wake()
            older.wake()
            assert older.process is not None
            assert older.process.wait(60) == 6, older.log()
            assert "another, newer daemon" in older.log()
            everywhere(targets, lambda target: sorted(owners(target).values()) == [3, 3], "it is shared again")
        for kind, target in targets.items():
            assert not sleepers[kind] & came_late(target), f"{kind}: a sleeper has written"
        for machine in (awake, asleep, newer):
            machine.stop()
        for machine in (newer, awake):
            done = machine.start("--until-caught-up")
            assert done.wait(120) == 0, machine.log()
        verified = newer.file.command("verify")
        assert verified.code == 0, verified.stdout + verified.stderr
        assert newer.file.command("teardown", "--yes").code == 0


def everywhere(targets: dict[str, Database], condition: Callable[[Database], bool], what: str) -> None:
    for kind, target in targets.items():
        until(partial(condition, target), 60, f"{kind}: {what}, not {owners(target)}")


def arrived(target: Database) -> bool:
    return all(target.value(f"SELECT count(*) FROM t{number} WHERE id = {MARKER}") for number in range(TABLES))


def came_late(target: Database) -> set[str]:
    """The owners that have moved positions since."""
    found = target.query(
        "SELECT DISTINCT owner FROM audit WHERE id > (SELECT max(id) FROM audit WHERE owner = %s)", (SLEEPERS_WAKE_UP,)
    )
    return {str(owner) for (owner,) in found}
