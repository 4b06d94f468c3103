"""SQL servers and the databases that tests get on them."""

from __future__ import annotations

import abc
import contextlib
import itertools
import os
import secrets
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote, unquote, urlsplit

from .process import ServerError
from .server import Option, Server

Parameters = Sequence[Any] | Mapping[str, Any] | None

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Login:
    """Who connects where; written as the URL that tailrace takes too."""

    scheme: str
    user: str
    password: str | None
    host: str
    port: int

    @classmethod
    def parse(cls, url: str, default_port: int) -> Login:
        """From `scheme://user:password@host:port`; the parts are percent-decoded."""
        parts = urlsplit(url)
        if not parts.scheme or not parts.hostname or not parts.username:
            raise ServerError(
                f"{parts.scheme or '?'}://{parts.hostname or '?'}: not of the form scheme://user@host:port"
            )
        password = None if parts.password is None else unquote(parts.password)
        return cls(parts.scheme, unquote(parts.username), password, parts.hostname, parts.port or default_port)

    def url(self, database: str = "") -> str:
        """As a URL, percent-encoded where needed."""
        secret = "" if self.password is None else ":" + quote(self.password, safe="")
        host = f"[{self.host}]" if ":" in self.host else self.host
        path = "/" + quote(database, safe="") if database else ""
        return f"{self.scheme}://{quote(self.user, safe='')}{secret}@{host}:{self.port}{path}"


def unique_name(prefix: str = "t") -> str:
    """A name nobody else uses: valid as a database, topic or table name, at most 40 characters."""
    return f"{prefix[:16]}_{os.getpid()}_{next(_numbers)}_{secrets.token_hex(3)}"


class Database:
    """A test's own database. One connection, autocommit, opened at first use; not for several threads at once:
    a thread takes its own with `connect()`."""

    def __init__(self, server: SqlServer, name: str) -> None:
        self.server = server
        self.name = name
        self.url = server.login.url(name)
        self._connection: Any = None
        self._open: list[Any] = []

    def __repr__(self) -> str:
        return f"<{self.server.kind} database {self.name}>"

    def url_as(self, user: str, password: str | None = None) -> str:
        """This database's URL for another user."""
        login = self.server.login
        return Login(login.scheme, user, password, login.host, login.port).url(self.name)

    def connect(self, autocommit: bool = True) -> Any:
        """A new DB-API connection (PyMySQL or psycopg2); closed with the database at the latest."""
        connection = self.server.connect(self.name, autocommit=autocommit)
        self._open.append(connection)
        return connection

    def _cursor(self) -> Any:
        if self._connection is None:
            self._connection = self.connect()
        return self._connection.cursor()

    def execute(self, sql: str, params: Parameters = None) -> int:
        """Runs one statement and commits it; the driver's row count."""
        with contextlib.closing(self._cursor()) as cursor:
            cursor.execute(sql, params)
            return int(cursor.rowcount)

    def script(self, *statements: str) -> None:
        """Runs several statements, each on its own."""
        for statement in statements:
            self.execute(statement)

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> int:
        """One statement for many rows in one transaction (PyMySQL: multi-row inserts)."""
        with self.transaction() as cursor:
            if hasattr(cursor, "mogrify") and self.server.login.scheme == "postgresql":
                from psycopg2.extras import execute_batch

                values = list(rows)
                execute_batch(cursor, sql, values, page_size=500)
                return len(values)
            cursor.executemany(sql, list(rows))
            return int(cursor.rowcount)

    def query(self, sql: str, params: Parameters = None) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with contextlib.closing(self._cursor()) as cursor:
            cursor.execute(sql, params)
            return [tuple(row) for row in cursor.fetchall()]

    def value(self, sql: str, params: Parameters = None) -> Any:
        """The first column of the first row."""
        return self.query(sql, params)[0][0]

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        """A DB-API cursor on a connection of its own: commits at the end, rolls back on an exception."""
        connection = self.connect(autocommit=False)
        try:
            with contextlib.closing(connection.cursor()) as cursor:
                yield cursor
            connection.commit()
        finally:
            # closing rolls back what was not committed, as any client's disappearance does
            self._open.remove(connection)
            connection.close()

    def disconnect(self) -> None:
        """Closes every connection this object has opened."""
        connections, self._open, self._connection = self._open, [], None
        for connection in connections:
            with contextlib.suppress(Exception):
                connection.close()


class SqlServer(Server):
    """A server with databases; `url` is the administrator's, without a database."""

    scheme: ClassVar[str]
    default_port: ClassVar[int]

    def __init__(self, options: Mapping[str, Option] | None = None, external: str | None = None) -> None:
        super().__init__(options, external)
        self.login = Login(self.scheme, self.administrator, None, "127.0.0.1", 0)
        self._databases: weakref.WeakSet[Database] = weakref.WeakSet()

    administrator: ClassVar[str]

    @abc.abstractmethod
    def connect(self, database: str = "", autocommit: bool = True) -> Any:
        """A new DB-API connection as administrator."""

    @abc.abstractmethod
    def _create(self, name: str) -> None: ...

    @abc.abstractmethod
    def _drop(self, name: str) -> None: ...

    @property
    def url(self) -> str:
        """The administrator's URL."""
        return self.login.url()

    @property
    def address(self) -> str:
        """Same as `url`."""
        return self.url

    def use_external(self) -> None:
        """Takes the URL; its user must be allowed to do everything."""
        assert self.external is not None
        self.login = Login.parse(self.external, self.default_port)
        self.port = self.login.port

    @contextmanager
    def database(self, prefix: str = "t") -> Iterator[Database]:
        """A new database with a unique name that is dropped at the end."""
        name = unique_name(prefix)
        self._create(name)
        database = Database(self, name)
        self._databases.add(database)
        try:
            yield database
        finally:
            database.disconnect()
            # A test that ended the server has nothing to drop; its data goes with the server's folder.
            if self._process is not None or self.external is not None:
                self._drop(name)

    def disconnect(self) -> None:
        """Closes the databases' connections; each opens again at its next use."""
        for database in list(self._databases):
            database.disconnect()

    def query(self, sql: str, params: Parameters = None) -> list[tuple[Any, ...]]:
        """Rows of a statement run as administrator outside any test's database; empty if it returns none."""
        with (
            contextlib.closing(self.connect()) as connection,
            contextlib.closing(connection.cursor()) as cursor,
        ):
            cursor.execute(sql, params)
            return [tuple(row) for row in cursor.fetchall()] if cursor.description else []
