"""A validated pipeline file, and what is made from it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from tailrace import connectors
from tailrace.config.file import Errors, Http, Limits, LoadSettings
from tailrace.config.problems import at, raise_all, suggestion
from tailrace.config.settings import Settings, unresolved
from tailrace.config.table_settings import TableSettings
from tailrace.connectors import Context
from tailrace.errors import ConfigError, TailraceError
from tailrace.position import POSITION_KEY
from tailrace.schema import TableName
from tailrace.sink import Sink
from tailrace.source import Source
from tailrace.stream import Stream
from tailrace.tables import matches

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A pipeline, as its file says.

    Attributes:
        file: the file's name as it was given, for messages.
        text: its content: what is handed to workers, so that a file changed meanwhile cannot split them.
        mode: "full-load", "cdc" or "full-load-and-cdc".
        state_dir: absolute; may not exist yet.
        source: model of the source's connector.
        stream: model of the stream's connector.
        sinks: model of each sink's connector, in the file's order.
        conversion: files of rules for `tailrace schema`.
        instance: random name of the run of the daemon that this is used in; "" outside of one.
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
    load: LoadSettings
    errors: Errors
    tables: tuple[TableSettings, ...]
    conversion: tuple[Path, ...] = ()
    instance: str = ""

    def context(self) -> Context:
        """What connectors are told."""
        context = Context(
            pipeline=self.name,
            mode=self.mode,
            state_dir=self.state_dir,
            tables=self.tables,
            memory=self.limits.memory,
            sinks=tuple(settings.name for settings in self.sinks),
            retention=lambda: self.create_stream().retention(),
            begun=self._begun,
            instance=self.instance,
            indexes=self.load.indexes,
            conversion=tuple(path.absolute() for path in self.conversion),
        )
        topic = getattr(self.stream, "topic", None)
        return context if topic is None else replace(context, topic=topic)

    def _begun(self) -> bool:
        """Whether capture has stored a position. A stream that is not there, or cannot be read, holds none: its own
        findings say why."""
        try:
            with closing(self.create_stream().reader("")) as reader:
                return POSITION_KEY in reader.state()
        except TailraceError:
            return False

    def takes(self, sink: Any, table: TableName) -> bool:
        """Whether the sink with these settings takes the table's changes: all of them, or what its `tables` name."""
        return not sink.tables or matches(sink.tables, table)

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
        raise ConfigError(f"there is no sink {name!r}", where=at(self.file, ("sinks",)), fix=fix)

    def made(self, create: Callable[[Any, Context], T], settings: Any) -> T:
        """What a connector makes of its settings in this pipeline.

        Raises:
            ConfigError: the driver is not installed, or a secret is missing.
        """
        return _create(create, settings, self.context())

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
            ConfigError: a line for each that is missing (`ConfigErrors` for several).
        """
        parts: list[Any] = [self.source, self.load, *self.tables] if source else []
        parts += [self.stream] if stream else []
        parts += [sink for sink in self.sinks if (sinks if isinstance(sinks, bool) else sink.name in sinks)]
        errors: list[ConfigError] = []
        for part in parts:
            errors += part.resolve() if isinstance(part, Settings) else unresolved(part)
        raise_all(errors)


def _create(create: Callable[[Any, Context], T], settings: Any, context: Context) -> T:
    try:
        return create(settings, context)
    except ImportError as error:
        library = (error.name or "").partition(".")[0]
        if not library or library.startswith("tailrace"):
            raise
        if isinstance(error, ModuleNotFoundError):
            raise connectors.missing_library(settings.connector, library) from None
        raise ConfigError(
            f"the Python package {library} cannot be loaded: {error.msg}",
            fix=f"install it again: pip install --force-reinstall 'tailrace[{settings.connector}]'",
        ) from None
