"""Asks a server for its binlog; afterwards the connection's socket carries nothing but events.

https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_binlog_dump_gtid.html and
https://mariadb.com/kb/en/com_binlog_dump/
"""

from __future__ import annotations

import struct
import uuid
from dataclasses import dataclass
from typing import Any

from pymysql.constants import COMMAND

from tailrace_mysql.connection import DriverConnection, translated
from tailrace_mysql.gtid import GtidSet
from tailrace_mysql.restart import FIRST_POSITION, LAST_ASKED, Restart
from tailrace_mysql.server import Server

_NON_BLOCK = 1
_HEARTBEAT_V2 = 2  # positions of 64 bits; older servers do not look at it
_THROUGH_GTID = 4
_NAMESPACE = uuid.UUID("6f1d2c0e-3f0a-4c58-9d0b-7a1e5f2b8c41")


def replica_name(pipeline: str) -> str:
    """What we call ourselves in the server's list of replicas."""
    return f"tailrace:{pipeline}"[:60]


@dataclass(frozen=True, slots=True)
class Replica:
    """What we are to the server.

    Attributes:
        heartbeat: seconds of silence after which the server sends its position.
    """

    pipeline: str
    server_id: int
    heartbeat: float


def register(connection: DriverConnection, server: Server, replica: Replica, where: str) -> None:
    """Presents ourselves as a replica; the server refuses it to who may not read its log."""
    pipeline, server_id = replica.pipeline, replica.server_id
    with translated(where), connection.cursor() as cursor:
        _prepare(cursor, server, replica.heartbeat)
        # The server ends an earlier connection of ours by this, which it may not have noticed to be dead.
        own = uuid.uuid5(_NAMESPACE, f"{pipeline}/{server_id}")
        cursor.execute("SET @slave_uuid = %s, @replica_uuid = %s", (str(own), str(own)))
    name = replica_name(pipeline).encode()
    payload = struct.pack("<IB", server_id, len(name)) + name + b"\0\0" + struct.pack("<HII", 0, 0, 0)
    with translated(where):
        connection._execute_command(COMMAND.COM_REGISTER_SLAVE, payload)
        connection._read_packet()


def start(connection: DriverConnection, server: Server, restart: Restart, replica: Replica, where: str) -> int:
    """Registers, and asks for everything after `restart`, for ever.

    Returns:
        The position in the restart's file up to which the events have to be left out by the caller; 0: none.
    """
    register(connection, server, replica, where)
    server_id = replica.server_id
    with translated(where):
        if server.mariadb:
            with connection.cursor() as cursor:
                cursor.execute("SET @slave_connect_state = %s", (restart.gtid,))
                cursor.execute("SET @slave_gtid_strict_mode = 1, @slave_gtid_ignore_duplicates = 0")
        if server.by_set(restart):
            executed = GtidSet(restart.gtid).encode()
            payload = struct.pack("<HII", _THROUGH_GTID | _HEARTBEAT_V2, server_id, 0) + struct.pack(
                "<QI", FIRST_POSITION, len(executed)
            )
            connection._execute_command(COMMAND.COM_BINLOG_DUMP_GTID, payload + executed)
            return 0
        if server.mariadb:
            # The GTID position decides; file and position are not looked at.
            _dump(connection, "", FIRST_POSITION, server_id, 0)
            return 0
        return _dump(connection, restart.file, restart.pos, server_id, _HEARTBEAT_V2)


def start_scan(connection: DriverConnection, server: Server, file: str, pos: int, where: str) -> int:
    """Asks for the log from a place to its end, as `mysqlbinlog` does; the server then says that it is done.

    Returns:
        As `start`.
    """
    with translated(where):
        with connection.cursor() as cursor:
            _prepare(cursor, server, 0)
        return _dump(connection, file, pos, 0, _NON_BLOCK)


def _prepare(cursor: Any, server: Server, heartbeat: float) -> None:
    checksum = server.variables.get("binlog_checksum", "NONE")
    cursor.execute("SET @master_binlog_checksum = %s, @source_binlog_checksum = %s", (checksum, checksum))
    if heartbeat:
        nanoseconds = int(heartbeat * 1_000_000_000)
        cursor.execute(f"SET @master_heartbeat_period = {nanoseconds}, @source_heartbeat_period = {nanoseconds}")
    if server.mariadb:
        # 4: knows GTIDs. With less, the server sends other events in their place.
        cursor.execute("SET @mariadb_slave_capability = 4")


def _dump(connection: DriverConnection, file: str, pos: int, server_id: int, flags: int) -> int:
    """The command has 32 bits for a position: beyond that the file is read from its start."""
    skip_to = 0
    if pos > LAST_ASKED:
        pos, skip_to = FIRST_POSITION, pos
    connection._execute_command(COMMAND.COM_BINLOG_DUMP, struct.pack("<IHI", pos, flags, server_id) + file.encode())
    return skip_to
