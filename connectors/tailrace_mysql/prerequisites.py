"""What the server must be and allow: said by `check`, and insisted on by `open`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tailrace.connectors import Context
from tailrace.errors import RefusedError, TailraceError
from tailrace.schema import TableName
from tailrace.shaping.findings import entry_findings, shape_findings
from tailrace.shaping.shapes import Shapes
from tailrace.source import Finding
from tailrace.tables import Selection
from tailrace_mysql import catalog, xa
from tailrace_mysql.connection import Session
from tailrace_mysql.definition import TableDefinition
from tailrace_mysql.dump import replica_name
from tailrace_mysql.refusals import refused
from tailrace_mysql.server import Server, inspect, is_replica, log_status
from tailrace_mysql.settings import MySQLSourceSettings
from tailrace_mysql.versions import schemas

_SHORT_EXPIRY_SECONDS = 24 * 3600
_SHOWN = 5


def refuse(session: Session, server: Server, settings: MySQLSourceSettings, context: Context) -> None:
    """Raises RefusedError for the first setting or grant with which nothing could be captured.

    A server_id that another replica has is one: the server would end that replica's connection for ours.
    """
    findings = [*_settings(server), *_grants(session, server), *_left_out(session, server)]
    findings += _server_id(session, server, settings, context)
    for finding in findings:
        if finding.ok is False:
            raise RefusedError(f"{finding.name}: {finding.detail}", where=session.address, fix=finding.fix)


def check(session: Session, selection: Selection, settings: MySQLSourceSettings, context: Context) -> list[Finding]:
    """Every prerequisite; a server that cannot be reached or refuses us is one finding."""
    try:
        server = inspect(session)
    except TailraceError as error:
        return [Finding("connection", False, f"{error.where}: {error.what}", error.fix)]
    kind = "MariaDB" if server.mariadb else "MySQL"
    findings = [Finding("connection", True, f"{session.address}: {kind} {server.variables['version']}")]
    findings += _settings(server)
    findings += _grants(session, server)
    findings += _advice(server)
    try:
        findings += _left_out(session, server)
        findings += _server_id(session, server, settings, context)
        findings += _prepared(session, server)
        findings += _tables(session, server, selection, context)
    except TailraceError as error:
        findings.append(Finding("tables", False, error.what, error.fix))
    return findings


def check_tables(session: Session, selection: Selection, context: Context) -> list[Finding]:
    """What a load without a log needs."""
    try:
        server = inspect(session)
    except TailraceError as error:
        return [Finding("connection", False, f"{error.where}: {error.what}", error.fix)]
    kind = "MariaDB" if server.mariadb else "MySQL"
    findings = [Finding("connection", True, f"{session.address}: {kind} {server.variables['version']}")]
    try:
        found = catalog.read(session, selection)
        findings += _selected(found, context)
        findings += _readable(session, found)
    except TailraceError as error:
        findings.append(Finding("tables", False, error.what, error.fix))
    return findings


def _is(server: Server, name: str, wanted: str, fix: str, missing: bool = True) -> Finding:
    value = server.variables.get(name)
    if value is None:
        return Finding(name, missing, "the server has no such setting")
    ok = value.upper() == wanted
    return Finding(name, ok, value or "(empty)", "" if ok else fix)


def _settings(server: Server) -> Iterator[Finding]:
    def is_(name: str, wanted: str, fix: str) -> Finding:
        return _is(server, name, wanted, fix)

    yield is_("log_bin", "ON", "start the server with log_bin")
    yield is_("binlog_format", "ROW", "SET PERSIST binlog_format = ROW (MariaDB: in its option file, and SET GLOBAL)")
    yield is_("binlog_row_image", "FULL", "SET GLOBAL binlog_row_image = FULL, and in the server's option file")
    server_id = server.variables.get("server_id", "0")
    yield Finding("server_id", server_id != "0", server_id, "" if server_id != "0" else "give the server a server_id")


def _grants(session: Session, server: Server) -> Iterator[Finding]:
    lines = [str(line) for (line,) in session.query("SHOW GRANTS")]
    held = _held(lines)
    # What a role holds is not listed: the server itself will say if it is too little.
    missing = None if any(re.match(r"GRANT [`'][^`']*[`'](@[`'][^`']*[`'])?(,| TO)", line) for line in lines) else False
    client = ("REPLICATION CLIENT", "BINLOG MONITOR")
    replica = ("REPLICATION SLAVE", "REPLICATION REPLICA")
    for names, purpose in ((replica, "to read the binlog"), (client, "to see where the binlog stands")):
        ok = any(name in held for name in (*names, "ALL PRIVILEGES", "SUPER"))
        fix = f"GRANT {names[0]} ON *.* TO the source's user"
        detail = purpose if ok else f"missing; it is needed {purpose}"
        yield Finding(f"grant {names[0]}", ok or missing, detail, "" if ok else fix)
    if missing is False and not any(re.match(r"GRANT .*?\b(SELECT|ALL PRIVILEGES)\b.* ON ", line) for line in lines):
        # The server hides tables from who may not read them: the pipeline would run, with none.
        fix = "GRANT SELECT ON the database's tables TO the source's user"
        yield Finding("grant SELECT", False, "missing on every table; it is needed to see and load them", fix)


def _left_out(session: Session, server: Server) -> Iterator[Finding]:
    """What changes tables without a word in the log."""
    try:
        status = log_status(session, server)
    except RefusedError:
        return  # the log's own findings, and those of the grants, say why
    for column, what in (("binlog_do_db", "only {} is in the log"), ("binlog_ignore_db", "{} is left out of the log")):
        databases = str(status.get(column) or "")
        # Statements are left out by the session's database, whichever table they change.
        fix = f"start the server without {column.replace('_', '-')}" if databases else ""
        yield Finding(column, not databases, what.format(databases) if databases else "(empty)", fix)
    logged = server.variables.get("log_replica_updates") or server.variables.get("log_slave_updates") or "ON"
    if logged.upper() == "ON":
        return
    name = "log_slave_updates" if server.mariadb else "log_replica_updates"
    fix = f"start the server with {name} = ON, or capture from the server that it replicates"
    try:
        replica = is_replica(session, server)
    except RefusedError:
        yield Finding(name, None, "OFF; whether the server is a replica could not be seen", fix)
        return
    if replica:
        yield Finding(name, False, "OFF: the log has nothing of what the server replicates", fix)


def _held(lines: list[str]) -> set[str]:
    """The names of all privileges on everything."""
    held: set[str] = set()
    for line in lines:
        match = re.match(r"GRANT (.*?) ON \*\.\* TO", line)
        if match:
            held.update(name.strip().upper() for name in match[1].split(","))
    return held


def _advice(server: Server) -> Iterator[Finding]:
    metadata = server.variables.get("binlog_row_metadata", "(none)")
    yield Finding(
        "binlog_row_metadata",
        True if metadata.upper() == "FULL" else None,
        metadata,
        ""
        if metadata.upper() == "FULL"
        else "SET GLOBAL binlog_row_metadata = FULL: then the log itself names the columns",
    )
    if not server.mariadb:
        mode = server.variables.get("gtid_mode", "OFF")
        fix = "without GTIDs each chunk of the full load locks its table for a moment, and no server can take over"
        yield Finding("gtid_mode", True if server.gtids else None, mode, "" if server.gtids else fix)
    expiry = server.expiry
    short = 0 < expiry < _SHORT_EXPIRY_SECONDS
    yield Finding(
        "binlog expiry",
        None if short else True,
        f"{expiry / 3600:.0f} h" if expiry else "never",
        "keep binlogs for longer than capture may stand still" if short else "",
    )


def _server_id(session: Session, server: Server, settings: MySQLSourceSettings, context: Context) -> Iterator[Finding]:
    own = settings.server_id_for(context.pipeline)
    fix = "set another server_id in the source's settings"
    if str(own) == server.variables.get("server_id"):
        yield Finding("our server_id", False, f"{own} is the server's own", fix)
        return
    statement = "SHOW SLAVE HOSTS" if server.mariadb else "SHOW REPLICAS"
    try:
        replicas = session.rows(statement)
    except RefusedError:
        yield Finding(
            "our server_id", None, f"{own}; whether a replica has it could not be seen", "GRANT REPLICATION SLAVE"
        )
        return
    taken = any(
        str(row.get("server_id")) == str(own) and str(row.get("host")) != replica_name(context.pipeline)
        for row in replicas
    )
    yield Finding(
        "our server_id", not taken, f"{own} is {'taken by a replica' if taken else 'free'}", fix if taken else ""
    )


def _prepared(session: Session, server: Server) -> Iterator[Finding]:
    """A first start waits for transactions prepared by XA: their changes are in the log before it."""
    names = xa.undecided(session, server)
    if names is None:
        yield Finding(
            "XA", None, "whether transactions are prepared by XA could not be seen", f"{xa.GRANT}, if XA is used"
        )
    elif names:
        yield Finding("XA", None, f"undecided: {xa.shown(names)}; a first start waits for them", xa.DECIDE)
    else:
        yield Finding("XA", True, "no transaction is prepared")


def _tables(session: Session, server: Server, selection: Selection, context: Context) -> Iterator[Finding]:
    found = catalog.read(session, selection)
    yield from _selected(found, context)
    if not found:
        return
    yield from _readable(session, found)
    keyless = [str(t.name) for t in found.values() if t.keyless]
    if keyless:
        lock = "" if server.mariadb else "; each is locked for reading for a moment when it is loaded"
        fix = "add a primary key where rows can be many"
        yield Finding("primary key", None, f"{_some(keyless)} have none: applied row by row{lock}", fix)
    if (keyless or not server.gtids) and not server.mariadb and context.mode != "cdc":
        yield from _lockable(session, found)
    cascades = _cascades(session, found)
    if cascades and (server.mariadb or server.version < (9, 6)):
        yield Finding(
            "foreign keys",
            None,
            f"rows change by ON DELETE/UPDATE actions, which the server does not log: {_some(cascades)}",
            "make such changes by statements of their own; `tailrace verify` finds what is missing",
        )


def _selected(found: dict[TableName, TableDefinition], context: Context) -> Iterator[Finding]:
    if not found:
        yield Finding(
            "tables", False, "no table is selected, or SELECT is not granted on any", "see tables and exclude"
        )
        return
    yield Finding("tables", True, f"{len(found)} selected")
    for definition in found.values():
        reason = refused(definition, context.mode != "cdc")
        if reason:
            yield Finding(
                f"table {definition.name}", None, f"is suspended: {reason}", "exclude it, or change the table"
            )
    yield from entry_findings(context, found)
    yield from shape_findings(Shapes(context), schemas(context, found))


def _readable(session: Session, found: dict[TableName, TableDefinition]) -> Iterator[Finding]:
    for definition in found.values():
        name = definition.name
        try:
            session.query(f"SELECT 1 FROM `{name.database}`.`{name.table}` LIMIT 0")
        except RefusedError as error:
            yield Finding("grant SELECT", False, error.what, f"GRANT SELECT ON {name.database}.* TO the source's user")
            return
    yield Finding("grant SELECT", True, "to load tables")


def _lockable(session: Session, found: dict[TableName, TableDefinition]) -> Iterator[Finding]:
    name = next(iter(found.values())).name
    lines = [str(line) for (line,) in session.query("SHOW GRANTS")]
    held = _held(lines)
    pattern = rf"GRANT .*(LOCK TABLES|ALL PRIVILEGES).* ON `{re.escape(name.database)}`"
    local = any(re.match(pattern, line) for line in lines)
    ok = local or bool(held & {"LOCK TABLES", "ALL PRIVILEGES"})
    fix = f"GRANT LOCK TABLES ON {name.database}.* TO the source's user"
    yield Finding(
        "grant LOCK TABLES", ok, "for the full load" if ok else "missing for the full load", "" if ok else fix
    )


def _cascades(session: Session, found: dict[TableName, TableDefinition]) -> list[str]:
    """Captured tables whose rows are changed by changes of another one, with its name."""
    selected = {(d.name.database, d.name.table) for d in found.values()}
    rows = session.query(
        "SELECT CONSTRAINT_SCHEMA, TABLE_NAME, UNIQUE_CONSTRAINT_SCHEMA, REFERENCED_TABLE_NAME"
        " FROM information_schema.REFERENTIAL_CONSTRAINTS"
        " WHERE DELETE_RULE IN ('CASCADE', 'SET NULL', 'SET DEFAULT')"
        " OR UPDATE_RULE IN ('CASCADE', 'SET NULL', 'SET DEFAULT')"
    )
    return sorted(
        {f"{row[0]}.{row[1]} (by {row[2]}.{row[3]})" for row in rows if (str(row[0]), str(row[1])) in selected}
    )


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"
