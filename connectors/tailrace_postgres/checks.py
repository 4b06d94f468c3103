"""`tailrace check` for a PostgreSQL source: every prerequisite, each with its fix."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from tailrace.errors import RELOAD_ALL, TailraceError
from tailrace.shaping.shape import Shape
from tailrace.source import Finding
from tailrace_postgres.catalog import Catalog, CatalogTable
from tailrace_postgres.connection import Connection, identifier
from tailrace_postgres.continuity import Identity
from tailrace_postgres.inheritance import FIX, uncaptured_children
from tailrace_postgres.publication import GRANT_CREATE, Publications
from tailrace_postgres.selection import Selected
from tailrace_postgres.shapedplan import key_not_logged
from tailrace_postgres.slot import TWO_PHASE_FIX, find_slot

_OLDEST = 150000


def findings(
    connect: Callable[[bool], Connection],
    select: Callable[[Connection], Sequence[Selected]],
    rules: Callable[[Connection, Sequence[Selected]], list[Finding]],
    slot_name: str,
    publication_name: str,
    goes_on: bool = False,
) -> list[Finding]:
    """Changes nothing.

    Args:
        connect: opens a connection, True: for replication.
        select: the tables that the pipeline selects.
        rules: what is to be said of their entries in `[[tables]]`.
        goes_on: the next start is to go on where capture stands.
    """
    try:
        connection = connect(False)
    except TailraceError as error:
        return [Finding("connection", False, f"{error.where}: {error.what}", error.fix)]
    try:
        result = [Finding("connection", True, f"{connection.where}, PostgreSQL {_version(connection)}")]
        if connection.version < _OLDEST:
            result.append(Finding("version", False, "older than PostgreSQL 15", "upgrade the server"))
            return result
        places = _places(connection, slot_name)
        result += _settings(connection, places)
        result += _slot(connection, slot_name, goes_on)
        result += _role(connection, connect)
        tables = select(connection)
        result += _tables(tables)
        result += _whole_loads(tables, places)
        result += rules(connection, tables)
        result += [
            Finding(f"table {table.source.name}", None, what, FIX)
            for table, what in uncaptured_children(Catalog(connection), tables)
        ]
        result += _publication(connection, publication_name, tables)
        return result
    except TailraceError as error:
        return [*result, Finding("catalog", False, error.what, error.fix)]
    finally:
        connection.close()


def readable_findings(
    connect: Callable[[], Connection], select: Callable[[Connection], Sequence[Selected]]
) -> list[Finding]:
    """What a load without a log needs."""
    try:
        connection = connect()
    except TailraceError as error:
        return [Finding("connection", False, f"{error.where}: {error.what}", error.fix)]
    try:
        found = Finding("connection", True, f"{connection.where}, PostgreSQL {_version(connection)}")
        return [found, *_tables(select(connection))]
    except TailraceError as error:
        return [Finding("catalog", False, error.what, error.fix)]
    finally:
        connection.close()


def _version(connection: Connection) -> str:
    return f"{connection.version // 10000}.{connection.version % 10000}"


def _places(connection: Connection, slot_name: str) -> dict[str, tuple[int, int]]:
    """By setting, how many replication slots and WAL senders others use, and how many there can be."""
    slots, most_slots, senders, most_senders = connection.query(
        "SELECT (SELECT count(*) FROM pg_replication_slots WHERE slot_name <> %s),"
        " current_setting('max_replication_slots')::int,"
        " (SELECT count(*) FROM pg_stat_replication WHERE pid IS DISTINCT FROM"
        " (SELECT active_pid FROM pg_replication_slots WHERE slot_name = %s)),"
        " current_setting('max_wal_senders')::int",
        [slot_name, slot_name],
    )[0]
    return {"max_replication_slots": (slots, most_slots), "max_wal_senders": (senders, most_senders)}


def _settings(connection: Connection, places: Mapping[str, tuple[int, int]]) -> list[Finding]:
    rows = connection.query(
        "SELECT name, setting FROM pg_settings WHERE name IN ('wal_level', 'max_slot_wal_keep_size',"
        " 'idle_replication_slot_timeout')"
    )
    settings = {str(name): str(value) for name, value in rows}
    level = settings["wal_level"]
    result = [
        Finding(
            "wal_level",
            level == "logical",
            level,
            "" if level == "logical" else "ALTER SYSTEM SET wal_level = 'logical', then restart the server",
        )
    ]
    for name, (taken, most) in places.items():
        free = taken < most
        result.append(
            Finding(
                name,
                free,
                f"{taken} of {most} in use by others",
                "" if free else f"ALTER SYSTEM SET {name} = {most + 5}, then restart the server",
            )
        )
    keep = settings["max_slot_wal_keep_size"]
    if keep != "-1":
        result.append(
            Finding(
                "max_slot_wal_keep_size",
                None,
                f"{keep} MB: a slot that falls behind further is lost, and all tables must be loaded again",
                "make it larger than the log of your longest outage",
            )
        )
    else:
        result.append(Finding("max_slot_wal_keep_size", True, "unlimited: a stopped pipeline keeps log on the disk"))
    idle = settings.get("idle_replication_slot_timeout", "0")
    if idle != "0":
        result.append(
            Finding(
                "idle_replication_slot_timeout",
                None,
                f"{idle}: a slot that nobody reads for so long (seconds, or as the server's unit says) is lost",
                "make it longer than your longest stop, or 0",
            )
        )
    return result


def _slot(connection: Connection, name: str, goes_on: bool) -> list[Finding]:
    """What is wrong with it, if anything is."""
    slot = find_slot(connection, name)
    if slot is None and not goes_on:
        return []
    if slot is None:
        return [Finding("slot", False, f"{name} is gone, and changes since then with it", RELOAD_ALL)]
    if slot.lost:
        return [Finding("slot", False, f"{name} was given up by the server ({slot.lost})", RELOAD_ALL)]
    if slot.plugin != "pgoutput":
        return [Finding("slot", False, f"{name} belongs to plugin {slot.plugin}", "choose another `slot` in [source]")]
    if slot.two_phase:
        return [Finding("slot", False, f"{name} sends prepared transactions before their outcome", TWO_PHASE_FIX)]
    return []


def _role(connection: Connection, connect: Callable[[bool], Connection]) -> list[Finding]:
    name, replicates, creates = connection.query(
        "SELECT rolname, rolreplication OR rolsuper,"
        " has_database_privilege(current_database(), 'CREATE') FROM pg_roles WHERE rolname = current_user"
    )[0]
    result = [
        Finding(
            "role",
            bool(replicates),
            f"{name} {'has' if replicates else 'lacks'} REPLICATION",
            "" if replicates else f'ALTER ROLE "{name}" WITH REPLICATION LOGIN',
        )
    ]
    if replicates:
        try:
            replication = connect(True)
            try:
                Identity.of(replication)
            finally:
                replication.close()
            result.append(Finding("replication connection", True, "accepted"))
        except TailraceError as error:
            result.append(Finding("replication connection", False, error.what, error.fix or "allow it in pg_hba.conf"))
    result.append(
        Finding(
            "publication rights",
            True if creates else None,
            f"{name} {'may' if creates else 'may not'} CREATE in the database",
            "" if creates else f'GRANT CREATE ON DATABASE … TO "{name}", or create the publication as somebody who may',
        )
    )
    emitter = connection.value(
        "SELECT oid::regprocedure::text FROM pg_proc WHERE proname = 'pg_logical_emit_message'"
        " AND proargtypes[2] = 'text'::regtype AND NOT has_function_privilege(oid, 'EXECUTE')"
    )
    if emitter is not None:
        result.append(
            Finding(
                "log messages",
                False,
                f"{name} may not write a message into the log, which marks the load's progress in it",
                f'GRANT EXECUTE ON FUNCTION {emitter} TO "{name}"',
            )
        )
    return result


def _tables(tables: Sequence[Selected]) -> list[Finding]:
    if not tables:
        return [Finding("tables", False, "the globs select no table", "mend `tables` and `exclude` in [source]")]
    captured = [table for table in tables if table.captured]
    result = [Finding("tables", True, f"{len(captured)} of {len(tables)} selected tables can be captured")]
    for table in tables:
        if not table.captured:
            what, _, fix = table.source.reason.partition("; ")
            # An unlogged table is somebody's choice; one without an identity would lose changes unseen.
            ok = None if table.table.unlogged else False
            result.append(Finding(f"table {table.source.name}", ok, what, fix))
    return result


def _whole_loads(tables: Sequence[Selected], places: Mapping[str, tuple[int, int]]) -> list[Finding]:
    """What a load beside the stream needs of tables without a key: a slot and a WAL sender besides our own."""
    keyless = sum(table.captured and table.source.keyless for table in tables)
    if not keyless:
        return []
    free = {name: max(0, most - taken - 1) for name, (taken, most) in places.items()}
    lacking = [name for name, left in free.items() if not left]
    raised = "; ".join(f"ALTER SYSTEM SET {name} = {places[name][0] + 2}" for name in lacking)
    return [
        Finding(
            "tables without a key",
            None if lacking else True,
            f"{keyless}: to load one beside the stream (`tailrace reload`, or where a later start meets it) takes a"
            " replication slot and a WAL sender for a moment; besides our own"
            f" {free['max_replication_slots']} and {free['max_wal_senders']} are free",
            f"{raised}, then restart the server" if lacking else "",
        )
    ]


def old_row_findings(shape: Shape, table: CatalogTable) -> Iterator[Finding]:
    """What the log's old rows must have for a table's filter, key and added columns."""
    sql = identifier(table.schema, table.name)
    fix = f"ALTER TABLE {sql} REPLICA IDENTITY FULL"
    name = str(shape.source.name)
    if reason := key_not_logged(shape, table.identity):
        yield Finding(f"table {name}", False, reason, fix)
    if table.identity == "f":
        return
    own = {column.name for column in shape.source.key}
    outside = sorted(column for index in shape.filtered if (column := shape.source.columns[index].name) not in own)
    if outside:
        yield Finding(
            f"table {name}",
            None,
            f"the log's old rows do not tell whether they passed the filter ({', '.join(outside)}): updates of rows"
            " outside leave as deletes, and one that leaves such a column out (TOAST) suspends the table",
            fix,
        )


def _publication(connection: Connection, name: str, tables: Sequence[Selected]) -> list[Finding]:
    try:
        statements = Publications(connection, name).statements(tables)
    except TailraceError as error:
        return [Finding("publication", False, error.what, error.fix)]
    if not statements:
        return [Finding("publication", True, f"{name} has exactly the captured tables")]
    strangers = [
        str(table.source.name)
        for table in tables
        if table.captured
        and not connection.value(
            "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = %s", [table.table.oid]
        )
    ]
    if strangers:
        return [
            Finding(
                "publication",
                False,
                f"our role does not own {', '.join(strangers[:5])}{' …' if len(strangers) > 5 else ''}",
                f"have the owner run: {'; '.join(statements)}",
            )
        ]
    if any(statement.startswith("CREATE ") for statement in statements) and not connection.value(
        "SELECT has_database_privilege(current_database(), 'CREATE')"
    ):
        fix = f"{GRANT_CREATE}, or have somebody who may run: {'; '.join(statements)}"
        return [Finding("publication", False, f"{name} is not there and our role may not create it", fix)]
    return [Finding("publication", True, f"{name} is made or changed at the start of `run`")]
