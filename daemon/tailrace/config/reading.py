"""From the file to a `Pipeline`: everything wrong with it is found in one go."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from tailrace import connectors
from tailrace.config.file import PipelineFile
from tailrace.config.pipeline import Pipeline
from tailrace.config.problems import Location, at, explain, key_path, raise_all, suggestion, wrong_type
from tailrace.config.settings import bind
from tailrace.config.state_folder import state_folder
from tailrace.connectors import SinkConnector, SourceConnector, StreamConnector
from tailrace.errors import ConfigError


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
        fix = "run as a user who may, or change the file's mode"
        raise ConfigError("no permission to read it", where=file, fix=fix) from None
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=file, fix="check the path") from None
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError("is not UTF-8", where=f"{file}: line {line}", fix="save it as UTF-8") from None
    return parse(text, file)


def parse(text: str, file: str) -> Pipeline:
    """As `load`, for a text that was read already; `file` is for messages, and where a relative `state_dir` starts.

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
        bind(top, file, ())
    except ValidationError as error:
        errors += explain(error, PipelineFile, file)
    connected = _Connected(file, errors)
    connected.read(raw)
    if top:
        errors += _across(top, connected, file)
    raise_all(errors)
    assert top is not None
    return Pipeline(
        file=file,
        text=text,
        name=top.name,
        mode=top.mode,
        state_dir=state_folder(top.state_dir, top.name, file),
        source=connected.source,
        stream=connected.stream,
        sinks=tuple(connected.sinks),
        http=top.http,
        limits=top.limits,
        load=top.load,
        errors=top.errors,
        tables=top.tables,
        conversion=tuple(Path(file).parent / rules for rules in top.conversion),
    )


def _syntax_error(message: str, file: str) -> ConfigError:
    match = re.fullmatch(r"(.*) \(at ([^()]*)\)", message, re.DOTALL)
    what, place = (match[1], match[2]) if match else (message, "")
    return ConfigError(
        f"not valid TOML: {what[:1].lower()}{what[1:]}",
        where=f"{file}: {place}" if place else file,
        fix="see https://toml.io for the syntax",
    )


@dataclass(slots=True)
class _Connected:
    """The tables that connectors validate; None where one is wrong, which is in `errors` then."""

    file: str
    errors: list[ConfigError]
    source: BaseModel | None = None
    stream: BaseModel | None = None
    sinks: list[BaseModel | None] = field(default_factory=list)

    def read(self, raw: dict[str, Any]) -> None:
        self.source = self._validated(raw.get("source"), ("source",), "tailrace.sources", connectors.find_source)
        stream = raw.get("stream", {})
        if isinstance(stream, dict):
            stream = {"connector": "embedded"} | stream
        self.stream = self._validated(stream, ("stream",), "tailrace.streams", connectors.find_stream)
        sinks = raw.get("sinks", [])
        for index, sink in enumerate(sinks if isinstance(sinks, list) else []):
            self.sinks.append(self._validated(sink, ("sinks", index), "tailrace.sinks", connectors.find_sink))

    def _validated(
        self,
        table: Any,
        location: Location,
        group: str,
        find: Callable[[str], SourceConnector | StreamConnector | SinkConnector],
    ) -> BaseModel | None:
        if not isinstance(table, dict):
            return None  # missing, or no table: validating the top of the file says so
        try:
            model = self._model(table.get("connector"), group, find)
        except ConfigError as error:
            where = at(self.file, (*location, "connector"))
            self.errors.append(ConfigError(error.what, where=where, fix=error.fix))
            return None
        try:
            settings = model.model_validate(table)
        except ValidationError as error:
            self.errors += explain(error, model, self.file, location)
            return None
        bind(settings, self.file, location)
        return settings

    def _model(
        self, name: Any, group: str, find: Callable[[str], SourceConnector | StreamConnector | SinkConnector]
    ) -> type[BaseModel]:
        known = connectors.names(group)
        if name is None:
            choices = " or ".join(f'"{choice}"' for choice in known)
            raise ConfigError("this key is missing", fix=f"add connector = {choices}")
        if not isinstance(name, str):
            raise ConfigError(wrong_type(name, "a string"), fix=suggestion("", known))
        if name not in known:
            raise ConfigError(f"there is no connector {name!r}", fix=suggestion(name, known))
        try:
            return find(name).config
        except (ImportError, AttributeError) as error:
            # Somebody else's package: what it raises while it is imported is not ours to foresee further.
            raise ConfigError(
                f"connector {name!r} cannot be loaded: {error}", fix="install its package again"
            ) from None


def _across(top: PipelineFile, connected: _Connected, file: str) -> Iterator[ConfigError]:
    """What no table alone can tell."""
    source = connected.source
    if top.mode != "cdc" and getattr(source, "start", None) is not None:
        reads = "reads no log" if top.mode == "full-load" else "begins with a full load"
        yield ConfigError(
            f"has no meaning in mode {top.mode}, which {reads}",
            where=at(file, ("source", "start")),
            fix='remove it, or set mode = "cdc"',
        )
    yield from _budget(top, connected, file)
    asks = top.load.throttle_replica_lag is not None and not top.load.throttle_replicas
    if asks and source is not None and not getattr(source, "knows_replicas", False):
        yield ConfigError(
            f"the {top.source['connector']} source does not know how far its replicas are behind",
            where=at(file, ("load", "throttle_replica_lag")),
            fix='name them: throttle_replicas = ["…"]',
        )
    understood: frozenset[str] = getattr(source, "table_options", frozenset())
    for index, table in enumerate(top.tables if source else ()):
        fields = type(table).model_fields
        said = {fields[name].alias or name for name in table.model_fields_set}
        for key in sorted(said - {"match"} - understood):
            yield ConfigError(
                f"the {top.source['connector']} source has no use for it",
                where=at(file, ("tables", index, key)),
                fix="remove it",
            )
    hashing = [index for index, table in enumerate(top.tables) if table.hashes]
    if hashing and all(table.mask_salt is None for table in top.tables):
        yield ConfigError(
            "the mask hash needs a salt: without one, whoever guesses a value can check the guess",
            where=at(file, ("tables", hashing[0], "mask_salt")),
            fix='add mask_salt = "${SALT}"',
        )
    seen: dict[str, int] = {}
    for index, sink in enumerate(connected.sinks):
        if sink is None:
            continue
        name: str = getattr(sink, "name", "")
        where = at(file, ("sinks", index, "name"))
        if name == "capture":
            # Reports, locks and metrics know workers by name, and this one is the source's.
            yield ConfigError("'capture' is the source's worker", where=where, fix="choose another name")
        elif name in seen:
            first = key_path(("sinks", seen[name]))
            yield ConfigError(f"{first} has this name already", where=where, fix="choose another name")
        seen[name] = index


def _budget(top: PipelineFile, connected: _Connected, file: str) -> Iterator[ConfigError]:
    """Actions that this source, or this stream, cannot take."""
    source, stream = connected.source, connected.stream
    budget = getattr(source, "budget", None)
    if budget is None:
        return
    if top.mode == "full-load":
        yield ConfigError(
            "has no meaning in mode full-load, which reads no log",
            where=at(file, ("source", "budget")),
            fix="remove it",
        )
    where = at(file, ("source", "budget", "action"))
    if budget.action == "drop-slot" and not getattr(source, "drops_slot", False):
        yield ConfigError(
            f"the {top.source['connector']} source has no slot to drop: its server removes its log by its own rules",
            where=where,
            fix='write action = "warn", or "spill" with the embedded stream',
        )
    if budget.action == "spill" and stream is not None and not getattr(stream, "spills", False):
        yield ConfigError(
            f"the {top.stream['connector']} stream cannot spill: while it takes nothing, there is no other place for"
            " changes",
            where=where,
            fix='write action = "warn" or "drop-slot", or use the embedded stream',
        )
