"""Database URLs: ``mysql://user:password@host:3306/database?option=value``.

User, password, host and database are percent-decoded. A Unix socket is named by ``?host=/run/postgresql`` (a folder, as
libpq takes it) or ``?socket=/run/mysqld/mysqld.sock``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import parse_qsl, quote, unquote

from tailrace.errors import ConfigError

_DEFAULT_PORTS = {"mysql": 3306, "postgresql": 5432}
_CANONICAL = {"mysql": "mysql", "mariadb": "mysql", "postgres": "postgresql", "postgresql": "postgresql"}
_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?:(?P<userinfo>[^/?#]*)@)?(?P<hostport>[^/?#@]*)"
    r"(?:/(?P<path>[^?#]*))?(?:\?(?P<query>[^#]*))?"
)
_HOST_PORT = re.compile(
    r"(?:\[(?P<v6>[0-9A-Fa-f:.]+(?:%[A-Za-z0-9._-]+)?)\]|(?P<host>[^:\[\]]*))(?::(?P<port>[0-9]*))?"
)
#: Options that have their own place in a URL; accepting them twice would let one overrule the other unseen.
_MISPLACED = {"user", "password", "port", "dbname", "database"}


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """A parsed URL of a database.

    Attributes:
        scheme: "mysql" (also for mariadb://) or "postgresql" (also for postgres://).
        host: name or address without brackets; "" where `socket` is used.
        port: the scheme's own where the URL has none.
        user: "" where the URL has none.
        password: None where the URL has none.
        database: "" where the URL has none.
        socket: Unix socket (MySQL: the file; PostgreSQL: its folder); "" for TCP.
        options: what stands behind the question mark, `host` and `socket` aside.
    """

    scheme: str
    host: str
    port: int
    user: str = ""
    password: str | None = field(default=None, repr=False)
    database: str = ""
    socket: str = ""
    options: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def parse(cls, text: str, accepts: Sequence[str] = tuple(_CANONICAL)) -> DatabaseUrl:
        """Reads a URL.

        Args:
            accepts: schemes that the caller can use.

        Raises:
            ConfigError: without `where`, and without any part of the URL that may be a secret.
        """
        match = _URL.fullmatch(text)
        if not match:
            raise ConfigError("this is no database url", fix=_shape(accepts))
        scheme = match["scheme"].lower()
        if scheme not in accepts:
            choices = " or ".join(f"{name}://" for name in accepts)
            raise ConfigError(f"the url begins with {scheme}://", fix=f"begin it with {choices}")
        canonical = _CANONICAL[scheme]
        path = match["path"] or ""
        if "/" in path or "@" in path:
            raise ConfigError("more than a database name stands behind the url's host", fix=_shape(accepts))
        user, colon, password = (match["userinfo"] or "").partition(":")
        host, port = _host_port(match["hostport"], scheme)
        options = _options(match["query"] or "")
        socket = options.pop("socket", "")
        other_host = options.pop("host", "")
        if other_host.startswith("/"):
            socket = socket or other_host
        elif other_host:
            raise ConfigError("?host= names no socket folder", fix="put the host before the path of the url")
        if host.startswith("/"):
            host, socket = "", host
        if socket and host not in ("", "localhost"):
            raise ConfigError("the url names both a host and a socket", fix="remove one of them")
        if not host and not socket:
            raise ConfigError("the url names no host", fix="add one, or ?host=/run/… for a Unix socket")
        return cls(
            scheme=canonical,
            host="" if socket else host,
            port=_DEFAULT_PORTS[canonical] if port is None else port,
            user=unquote(user),
            password=unquote(password) if colon else None,
            database=unquote(path),
            socket=socket,
            options=MappingProxyType(options),
        )

    @property
    def address(self) -> str:
        """``host:port`` or the socket, for messages."""
        if self.socket:
            return self.socket
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        """The URL without password and options, for messages."""
        user = f"{quote(self.user, safe='')}@" if self.user else ""
        place = "" if self.socket else self.address
        tail = f"?socket={self.socket}" if self.socket else ""
        return f"{self.scheme}://{user}{place}/{quote(self.database, safe='')}{tail}"


def _shape(accepts: Sequence[str]) -> str:
    return f"write {accepts[0]}://user:password@host:port/database, with @ : / ? # % in a password percent-encoded"


def _host_port(text: str, scheme: str) -> tuple[str, int | None]:
    match = _HOST_PORT.fullmatch(text)
    if not match:
        raise ConfigError(
            "the url's host and port cannot be read",
            fix="write host:port, [address]:port for IPv6; percent-encode @ : / ? # % in a password",
        )
    host = match["v6"] or unquote(match["host"])
    if not match["port"]:
        return host, None
    port = int(match["port"])
    if not 0 < port < 65536:
        raise ConfigError(f"there is no port {port}", fix=f"{scheme} servers listen at a port up to 65535")
    return host, port


def _options(query: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name in _MISPLACED:
            raise ConfigError(
                f"the url has an option {name!r}", fix="put it into its own place: //user:password@host:port/database"
            )
        if name in options:
            raise ConfigError(f"the url has the option {name!r} twice", fix="remove one of them")
        options[name] = value
    return options
