"""Text of the pipeline file with `${…}` in it, resolved only where it is used.

========================  ============================================================================
``${VAR}``                an environment variable
``${file:/path}``         the content of a file, without its last line end
``${credential:NAME}``    a systemd credential: the file NAME in ``$CREDENTIALS_DIRECTORY``
``$${``                   the two characters ``${``
========================  ============================================================================

A value that stands in the user or password of a URL (``scheme://HERE@host``) is percent-encoded, so that a password
may hold any character; elsewhere it is put in as it is.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from tailrace.config.problems import refusal, wrong_type
from tailrace.errors import ConfigError

_TOKEN = re.compile(r"\$\$\{|\$\{([^}]*)(\}?)")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CREDENTIAL = re.compile(r"[A-Za-z0-9_@][A-Za-z0-9_.@-]*")
_USERINFO = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)@")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
MASK = "***"


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One ``${…}``: `kind` is "variable", "file" or "credential"."""

    kind: str
    name: str

    def __str__(self) -> str:
        return "${" + (self.name if self.kind == "variable" else f"{self.kind}:{self.name}") + "}"

    def read(self) -> str:
        """Raises ConfigError, without `where`."""
        if self.kind == "variable":
            value = os.environ.get(self.name)
            if value is None:
                raise ConfigError(
                    f"the environment variable {self.name} is not set",
                    fix=f"set {self.name} in the environment of tailrace",
                )
            if any("\udc80" <= character <= "\udcff" for character in value):
                # What Python makes of bytes that are no UTF-8; no driver could send them on.
                raise ConfigError(f"the environment variable {self.name} is not UTF-8", fix="set it to UTF-8 text")
            return value
        if self.kind == "file":
            return _content(Path(self.name), str(self), "create the file, or correct its path")
        folder = os.environ.get("CREDENTIALS_DIRECTORY")
        if not folder:
            raise ConfigError(
                f"no systemd credentials are passed to this process, {self} needs one",
                fix=f"run it by a unit with LoadCredential={self.name}:/path, or set CREDENTIALS_DIRECTORY",
            )
        return _content(Path(folder) / self.name, str(self), f"add LoadCredential={self.name}:/path to the unit")


def _content(path: Path, placeholder: str, fix: str) -> str:
    try:
        text = path.read_bytes().decode()
    except FileNotFoundError:
        raise ConfigError(f"{placeholder}: there is no file {path}", fix=fix) from None
    except PermissionError:
        raise ConfigError(f"{placeholder}: no permission to read {path}", fix="let tailrace's user read it") from None
    except OSError as error:
        raise ConfigError(f"{placeholder}: cannot read {path}: {error.strerror}", fix=fix) from None
    except UnicodeDecodeError:
        raise ConfigError(f"{placeholder}: {path} is not UTF-8 text", fix="save it as UTF-8") from None
    return text.removesuffix("\n").removesuffix("\r")


class Interpolated:
    """A text that may hold secrets; `get` gives it with every placeholder resolved.

    Attributes:
        raw: the text as the file has it. Not for showing: a password may stand in it; `str()` is.
        where: file and key, for errors.
    """

    __slots__ = ("_parts", "raw", "where")

    def __init__(self, raw: str, where: str = "") -> None:
        """Raises ValueError (pydantic's, with the fix) for a ``${`` that is none of the known forms."""
        self.raw = raw
        self.where = where
        self._parts = _split(raw)

    @property
    def placeholders(self) -> tuple[Placeholder, ...]:
        return tuple(part for part in self._parts if isinstance(part, Placeholder))

    @property
    def literal(self) -> bool:
        """Whether `get` can neither fail nor read anything."""
        return not self.placeholders

    def get(self) -> str:
        """The resolved text.

        Raises:
            ConfigError: a variable, file or credential is missing or unreadable.
        """
        encoded = self._in_userinfo()
        text = ""
        for index, part in enumerate(self._parts):
            if isinstance(part, str):
                text += part
                continue
            try:
                value = part.read()
            except ConfigError as error:
                raise ConfigError(error.what, where=self.where, fix=error.fix) from None
            text += quote(value, safe="") if index in encoded else value
        return text

    def _in_userinfo(self) -> frozenset[int]:
        """Indexes of the parts that stand in a URL's user or password."""
        skeleton, places = "", {}
        for index, part in enumerate(self._parts):
            if isinstance(part, str):
                skeleton += part
            else:
                places[index] = len(skeleton)
                skeleton += "x"
        if not (userinfo := _USERINFO.match(skeleton)):
            return frozenset()
        start, end = userinfo.span(1)
        return frozenset(index for index, place in places.items() if start <= place < end)

    def __str__(self) -> str:
        """The text with its placeholders unresolved, and without anything that may be a secret."""
        return _masked(self._parts)

    def __repr__(self) -> str:
        return f"Interpolated({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Interpolated) and other.raw == self.raw

    def __hash__(self) -> int:
        return hash(self.raw)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._validate, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string"}

    @classmethod
    def _validate(cls, value: object) -> Interpolated:
        if isinstance(value, Interpolated):
            return value
        if not isinstance(value, str):
            raise refusal(wrong_type(value, "a string"), "put it into quotes")
        return cls(value)


def _split(raw: str) -> tuple[str | Placeholder, ...]:
    parts: list[str | Placeholder] = []
    end = 0
    for match in _TOKEN.finditer(raw):
        parts.append(raw[end : match.start()])
        end = match.end()
        if match.group() == "$${":
            parts.append("${")
            continue
        parts.append(_placeholder(match[1], closed=bool(match[2])))
    parts.append(raw[end:])
    return tuple(part for part in parts if part != "")


def _placeholder(content: str, closed: bool) -> Placeholder:
    kind, colon, name = content.partition(":")
    if not closed:
        raise refusal("'${' is not closed by '}'", "write $${ where the characters ${ are meant")
    if not colon:
        if _VARIABLE.fullmatch(content):
            return Placeholder("variable", content)
    elif kind == "file":
        if name.startswith("/"):
            return Placeholder("file", name)
        raise refusal("${file:…} needs an absolute path", "write ${file:/path/to/file}")
    elif kind == "credential" and _CREDENTIAL.fullmatch(name):
        return Placeholder("credential", name)
    raise refusal(
        "a ${…} is none of the known forms",
        "write ${VAR}, ${file:/path} or ${credential:NAME}, and $${ for the characters ${",
    )


def _masked(parts: Sequence[str | Placeholder]) -> str:
    """A URL keeps all but the literal password and the query; any other text keeps its placeholders only."""
    if not parts or not isinstance(parts[0], str) or not _URL.match(parts[0]):
        return "".join(MASK if isinstance(part, str) else str(part) for part in parts)
    text = ""
    skeleton = "".join(part if isinstance(part, str) else "x" for part in parts)
    # Wider than the grammar: the URL may be wrong just because its password holds a slash.
    at = skeleton.rfind("@")
    colon = skeleton.find(":", skeleton.index("://") + 3, max(at, 0))
    secret = range(colon + 1, at) if colon >= 0 else range(0)
    query = skeleton.find("?", max(at, 0))
    place = 0
    for part in parts:
        if isinstance(part, Placeholder):
            text += str(part)
            place += 1
            continue
        for character in part:
            hidden = place in secret or (query >= 0 and place > query)
            if not hidden:
                text += character
            elif not text.endswith(MASK):
                text += MASK
            place += 1
    return text
