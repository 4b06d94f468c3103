"""What other users may do in a database, and what ours may not see of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from itertools import groupby

import pymysql.err

from tailrace.conversion.catalog import ObjectKind, ObjectName, Other
from tailrace_mysql.quoting import identifier
from tailrace_mysql.schema.questions import Questions, number, text_of
from tailrace_mysql.sink_check import held

_ROUTINES = ("SHOW_ROUTINE", "SHOW CREATE ROUTINE", "EXECUTE", "CREATE ROUTINE", "ALTER ROUTINE")
#: What a user must have on a database to see all of its objects of a kind; without it they are not even listed.
_NEEDED = {"TRIGGER": ("triggers", ObjectKind.TRIGGER), "EVENT": ("events", ObjectKind.EVENT)}
_DATABASE = (
    "SELECT GRANTEE, IS_GRANTABLE, PRIVILEGE_TYPE FROM information_schema.SCHEMA_PRIVILEGES"
    " WHERE TABLE_SCHEMA IN (%s, %s) ORDER BY GRANTEE, IS_GRANTABLE, PRIVILEGE_TYPE"
)
_TABLE = (
    "SELECT GRANTEE, IS_GRANTABLE, TABLE_NAME, PRIVILEGE_TYPE FROM information_schema.TABLE_PRIVILEGES"
    " WHERE TABLE_SCHEMA = %s ORDER BY TABLE_NAME, GRANTEE, IS_GRANTABLE, PRIVILEGE_TYPE"
)
_COLUMN = (
    "SELECT GRANTEE, IS_GRANTABLE, TABLE_NAME, PRIVILEGE_TYPE, COLUMN_NAME FROM information_schema.COLUMN_PRIVILEGES"
    " WHERE TABLE_SCHEMA = %s ORDER BY TABLE_NAME, GRANTEE, IS_GRANTABLE, PRIVILEGE_TYPE, COLUMN_NAME"
)
_ROUTINE = (
    "SELECT User, Host, Routine_name, Routine_type, Proc_priv FROM mysql.procs_priv WHERE Db = %s"
    " ORDER BY Routine_type, Routine_name, User, Host"
)
_MISSING_PRIVILEGE = (1044, 1142, 1143, 1227)


def unseen(questions: Questions, database: str) -> Iterator[Other]:
    """Kinds of objects that the user may not see, so that there may be some that are missing here."""
    lines = _own_grants(questions)
    here = held(lines, database)[0]
    for privilege, (what, kind) in _NEEDED.items():
        if privilege not in here:
            yield _unseen(kind, database, what, f"{privilege} ON {identifier(database)}.*")
    if here.isdisjoint(_ROUTINES) and not _sees_routines(questions, lines):
        needed = "SELECT ON mysql.proc" if questions.mariadb else "SHOW_ROUTINE ON *.*"
        yield _unseen(ObjectKind.OTHER, database, "routines", needed)


def _sees_routines(questions: Questions, lines: list[str]) -> bool:
    """Wherever they are, without a privilege on this database."""
    if not questions.mariadb:
        return "SELECT" in held(lines, "*")[0]
    try:
        questions.rows("SELECT 1 FROM mysql.proc LIMIT 0")
    except pymysql.err.Error as error:
        if number(error) in _MISSING_PRIVILEGE:
            return False
        raise
    return True


def _unseen(kind: ObjectKind, database: str, what: str, privilege: str) -> Other:
    reason = f"our user may not see all {what}, so that there may be more: GRANT {privilege} to it"
    return Other(kind, ObjectName(database, f"({what})"), "", reason=reason)


def _own_grants(questions: Questions) -> list[str]:
    role = text_of(questions.rows("SELECT COALESCE(CURRENT_ROLE(), 'NONE')")[0][0])
    using = "" if questions.mariadb or role == "NONE" else f" FOR CURRENT_USER() USING {role}"
    return [text_of(row[0]) for row in questions.rows(f"SHOW GRANTS{using}")]


def grants(questions: Questions, database: str) -> Iterator[Other]:
    """Of other users than ours, as far as ours may read them: one for each user and object."""
    user, _, host = text_of(questions.rows("SELECT CURRENT_USER()")[0][0]).rpartition("@")
    own = f"'{user}'@'{host}'"
    pattern = database.replace("_", "\\_").replace("%", "\\%")
    rows = [tuple(map(text_of, row)) for row in questions.rows(_DATABASE, (database, pattern))]
    for (grantee, option), found in groupby(rows, key=lambda row: row[:2]):
        if grantee != own:
            yield _grant(ObjectName(database, grantee), [row[2] for row in found], "*", option, None)
    for question in (_TABLE, _COLUMN):
        rows = [tuple(map(text_of, row)) for row in questions.rows(question, (database,))]
        for (grantee, option, table), found in groupby(rows, key=lambda row: row[:3]):
            if grantee != own:
                place = ObjectName(database, table)
                yield _grant(ObjectName("", grantee), list(_listed(found)), identifier(table), option, place)
    with contextlib.suppress(_Hidden):
        for name, host, routine, kind, privileges in _routines(questions, database):
            grantee = f"'{name}'@'{host}'"
            if grantee != own:
                granted = [privilege.strip().upper() for privilege in privileges.split(",")]
                option = "YES" if "GRANT" in granted else "NO"
                listed = [privilege for privilege in granted if privilege != "GRANT"] or ["USAGE"]
                target = f"{kind} {identifier(routine)}"
                yield _grant(ObjectName(database, f"{grantee} on {routine}"), listed, target, option, None, grantee)


class _Hidden(Exception):
    pass


def _routines(questions: Questions, database: str) -> list[tuple[str, ...]]:
    try:
        return [tuple(map(text_of, row)) for row in questions.rows(_ROUTINE, (database,))]
    except pymysql.err.Error as error:
        if number(error) in _MISSING_PRIVILEGE:
            raise _Hidden from None
        raise


def _listed(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Privileges, those of columns with their columns."""
    for privilege, found in groupby(rows, key=lambda row: row[3]):
        columns = [row[4] for row in found if len(row) > 4]
        yield f"{privilege} ({', '.join(map(identifier, columns))})" if columns else privilege


def _grant(
    name: ObjectName, privileges: list[str], target: str, option: str, table: ObjectName | None, grantee: str = ""
) -> Other:
    sql = f"GRANT {', '.join(privileges)} ON {target} TO {grantee or name.name}"
    return Other(ObjectKind.GRANT, name, sql + (" WITH GRANT OPTION" if option == "YES" else ""), table)
