"""The pipeline file, validated, and what it makes."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from tailrace import connectors
from tailrace.config.problems import at, explain, raise_all, refusal, suggestion, wrong_type
from tailrace.config.settings import Glob, Name, Settings, bind
from tailrace.config.units import Size
from tailrace.connectors import Context, SinkConnector, SourceConnector, StreamConnector
from tailrace.errors import ConfigError
from tailrace.sink import Sink
from tailrace.source import Source
from tailrace.stream import Stream

T = TypeVar("T")

_LISTEN = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[^\s:/\[\]]+)):(?P<port>[0-9]{1,5})")
_SYSTEM_STATE = Path("/var/lib/tailrace")


def _listen(text: str) -> str:
    match = _LISTEN.fullmatch(text)
    if not match or int(match["port"]) > 65535:
        raise refusal("must be host:port", 'write for example "127.0.0.1:9464" or "[::1]:9464"')
    return text


class Http(Settings):
    """`[http]`: where health, metrics and status are served.

    Attributes:
        listen: host:port; None: no HTTP. Port 0 takes any free one. There is no password: keep to loopback, or
            to a network that only monitoring reaches.
    """

    listen: Annotated[str, AfterValidator(_listen)] | None = Field(default=None, examples=["127.0.0.1:9464"])

    @property
    def address(self) -> tuple[str, int] | None:
        """Host (IPv6 without brackets) and port; None: no HTTP."""
        if self.listen is None:
            return None
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)


def _enough_memory(size: int) -> int:
    if size < 1 << 20:
        raise refusal("is too little for a worker", 'give it at least "1MiB"')
    return size


class Limits(Settings):
    """`[limits]`.

    Attributes:
        memory: bytes that each worker may use for buffers.
    """

    memory: Annotated[Size, AfterValidator(_enough_memory)] = Field(default=256 << 20, examples=["256MiB"])


class TableSettings(Settings):
    """One of `[[tables]]`: what is special about the tables that `match`.

    Attributes:
        match: glob on schema.table; the first entry that matches a table holds for it.
        inserts_only: PostgreSQL: a table without a usable replica identity is captured for inserts and truncates.
    """

    match: Glob = Field(examples=["shop.users"])
    inserts_only: bool = Field(default=False, examples=[True])


class PipelineFile(Settings):
    """The top of the file; `source`, `stream` and `sinks` are validated by their connectors' models."""

    name: Name = Field(examples=["shop"])
    mode: Literal["full-load", "cdc", "full-load-and-cdc"] = Field(
        default="full-load-and-cdc", examples=["full-load-and-cdc"]
    )
    state_dir: str | None = Field(default=None, examples=["/var/lib/tailrace/shop"])
    source: dict[str, Any]
    stream: dict[str, Any] = Field(default_factory=dict)
    sinks: list[dict[str, Any]] = Field(default_factory=list)
    http: Http = Http()
    limits: Limits = Limits()
    tables: Annotated[tuple[TableSettings, ...], Field(strict=False)] = ()


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A pipeline, as its file says.

    Attributes:
        file: the file's name as it was given, for messages.
        text: its content: what is handed to workers, so that a file changed meanwhile cannot split them.
        state_dir: absolute; may not exist yet.
        source: model of the source's connector.
        stream: model of the stream's connector.
        sinks: model of each sink's connector, in the file's order.
    """

    file: str
    text: str = field(repr=False)
    name: str
    mode: str
    state_dir: Path
    source: Any
    stream: Any
    sinks: tuple[Any, ...]
    http: Http
    limits: Limits
    tables: tuple[TableSettings, ...]

    def context(self) -> Context:
        """What connectors are told."""
        context = Context(
            pipeline=self.name,
            mode=self.mode,
            state_dir=self.state_dir,
            tables=self.tables,
            memory=self.limits.memory,
            sinks=tuple(settings.name for settings in self.sinks),
        )
        topic = getattr(self.stream, "topic", None)
        return context if topic is None else replace(context, topic=topic)

    def sink(self, name: str) -> Any:
        """The settings of one sink.

        Raises:
            ConfigError: the file has no such sink.
        """
        for settings in self.sinks:
            if settings.name == name:
                return settings
        names = [settings.name for settings in self.sinks]
        fix = suggestion(name, names) if names else "add a [[sinks]] table with this name"
        raise ConfigError(f"there is no sink {name!r}", where=f"{self.file}: sinks", fix=fix)

    def create_source(self) -> Source:
        """Raises ConfigError where the driver is not installed or a secret is missing."""
        connector = connectors.find_source(self.source.connector)
        return _create(connector.create, self.source, self.context())

    def create_stream(self) -> Stream:
        """Raises as `create_source`."""
        connector = connectors.find_stream(self.stream.connector)
        return _create(connector.create, self.stream, self.context())

    def create_sink(self, name: str) -> Sink:
        """Raises as `create_source`, and where there is no such sink."""
        settings = self.sink(name)
        connector = connectors.find_sink(settings.connector)
        return _create(connector.create, settings, self.context())

    def resolve_secrets(
        self, *, source: bool = True, stream: bool = True, sinks: bool | Collection[str] = True
    ) -> None:
        """Checks that every variable, file and credential of the named parts is there and usable.

        Args:
            sinks: all, none, or those with these names.

        Raises:
            ConfigError: one line for each that is missing.
        """
        parts: list[Any] = [self.source] if source else []
        parts += [self.stream] if stream else []
        parts += [s for s in self.sinks if (sinks if isinstance(sinks, bool) else s.name in sinks)]
        raise_all([error for part in parts if isinstance(part, Settings) for error in part.resolve()])


def load(path: str | Path) -> Pipeline:
    """Reads and validates a pipeline file; opens nothing else and resolves no secret.

    Raises:
        ConfigError: the file cannot be read or is wrong; `ConfigErrors` where several things are.
    """
    file = str(path)
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        raise ConfigError("there is no such file", where=file, fix="check the path") from None
    except IsADirectoryError:
        raise ConfigError("this is a folder", where=file, fix="name the pipeline file in it") from None
    except PermissionError:
        raise ConfigError(
            "no permission to read it", where=file, fix="run as a user who may, or change its mode"
        ) from None
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=file, fix="check the path") from None
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError("is not UTF-8", where=f"{file}: line {line}", fix="save it as UTF-8") from None
    return parse(text, file)


def parse(text: str, file: str) -> Pipeline:
    """As `load`, for a text that was read already; `file` is for messages, and for a relative `state_dir`.

    Raises:
        ConfigError: as `load`.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(str(error), file) from None
    errors: list[ConfigError] = []
    top: PipelineFile | None = None
    try:
        top = PipelineFile.model_validate(raw)
    except ValidationError as error:
        errors += explain(error, PipelineFile, file)
    source, stream, sinks = _connected(raw, file, errors)
    if top:
        errors += _across(top, source, sinks, file)
    raise_all(errors)
    assert top is not None
    return Pipeline(
        file=file,
        text=text,
        name=top.name,
        mode=top.mode,
        state_dir=_state_dir(top, file),
        source=source,
        stream=stream,
        sinks=tuple(sinks),
        http=top.http,
        limits=top.limits,
        tables=top.tables,
    )


def _syntax_error(message: str, file: str) -> ConfigError:
    match = re.fullmatch(r"(.*?) \(at (.*)\)", message, re.DOTALL)
    what, place = (match[1], match[2]) if match else (message, "")
    return ConfigError(
        f"not valid TOML: {what[:1].lower()}{what[1:]}",
        where=f"{file}: {place}" if place else file,
        fix="see https://toml.io for the syntax",
    )


def _connected(
    raw: dict[str, Any], file: str, errors: list[ConfigError]
) -> tuple[BaseModel | None, BaseModel | None, list[BaseModel | None]]:
    """Validates source, stream and sinks by their connectors' models; what is no table was reported already."""

    def validated(
        table: Any,
        location: tuple[int | str, ...],
        group: str,
        find: Callable[[str], SourceConnector | StreamConnector | SinkConnector],
        default: str | None = None,
    ) -> BaseModel | None:
        if not isinstance(table, dict):
            return None
        where = at(file, (*location, "connector"))
        name = table.get("connector", default)
        if name is None:
            choices = " or ".join(f'"{choice}"' for choice in connectors.names(group))
            errors.append(ConfigError("this key is missing", where=where, fix=f"add connector = {choices}"))
            return None
        if not isinstance(name, str):
            errors.append(ConfigError(wrong_type(name, "a string"), where=where, fix="put it into quotes"))
            return None
        if name not in (known := connectors.names(group)):
            errors.append(ConfigError(f"there is no connector {name!r}", where=where, fix=suggestion(name, known)))
            return None
        model: type[BaseModel] | None = None
        try:
            model = find(name).config
            settings = model.model_validate(table)
        except ValidationError as error:
            assert model is not None
            errors.extend(explain(error, model, file, location))
            return None
        except (ImportError, AttributeError) as error:
            errors.append(
                ConfigError(
                    f"the connector {name!r} cannot be loaded: {error}",
                    where=where,
                    fix="install its package again",
                )
            )
            return None
        bind(settings, file, location)
        return settings

    source = validated(raw.get("source"), ("source",), "tailrace.sources", connectors.find_source)
    stream = validated(raw.get("stream", {}), ("stream",), "tailrace.streams", connectors.find_stream, "embedded")
    tables = raw.get("sinks", [])
    sinks = [
        validated(table, ("sinks", index), "tailrace.sinks", connectors.find_sink)
        for index, table in enumerate(tables if isinstance(tables, list) else [])
    ]
    return source, stream, sinks


def _across(
    top: PipelineFile, source: BaseModel | None, sinks: list[BaseModel | None], file: str
) -> Iterator[ConfigError]:
    """What no table alone can tell."""
    if top.mode != "cdc" and getattr(source, "start", None) is not None:
        yield ConfigError(
            f"has no meaning in mode {top.mode}, which begins with a full load",
            where=at(file, ("source", "start")),
            fix='remove it, or set mode = "cdc"',
        )
    if source is not None:
        understood: frozenset[str] = getattr(source, "table_options", frozenset())
        for index, table in enumerate(top.tables):
            for key in sorted(table.model_fields_set - {"match"} - understood):
                yield ConfigError(
                    f"the {top.source['connector']} source has no use for it",
                    where=at(file, ("tables", index, key)),
                    fix="remove it",
                )
    seen: dict[str, int] = {}
    for index, sink in enumerate(sinks):
        name = getattr(sink, "name", None)
        where = at(file, ("sinks", index, "name"))
        if name == "capture":
            # Reports, locks and metrics know workers by name, and this one is the source's.
            yield ConfigError("'capture' is the source's worker", where=where, fix="choose another name")
        elif isinstance(name, str) and name in seen:
            first = at("", ("sinks", seen[name])).removeprefix(": ")
            yield ConfigError(f"{first} has this name already", where=where, fix="choose another name")
        elif isinstance(name, str):
            seen[name] = index


def _state_dir(top: PipelineFile, file: str) -> Path:
    if top.state_dir is not None:
        return (Path(file).absolute().parent / top.state_dir).absolute()
    if given := os.environ.get("STATE_DIRECTORY", "").split(":")[0]:
        return Path(given)
    system = _SYSTEM_STATE / top.name
    try:
        system.stat()
    except PermissionError:
        # Behind DynamicUser= the folder is hidden from an administrator's shell: it is there all the same, and
        # "no permission" must be said, not "not running".
        return system
    except OSError:
        pass
    else:
        return system
    try:
        return Path.home() / ".local/state/tailrace" / top.name
    except RuntimeError:
        raise ConfigError(
            "there is no home folder for a default", where=at(file, ("state_dir",)), fix="add state_dir"
        ) from None


def _create(create: Callable[[Any, Context], T], settings: Any, context: Context) -> T:
    try:
        return create(settings, context)
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        if not library or library.startswith("tailrace"):
            raise
        raise connectors.missing_library(settings.connector, library) from None
