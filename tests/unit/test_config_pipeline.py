"""What a pipeline makes of its file: context, connectors, secrets, state folder."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import pytest

from tailrace import connectors
from tailrace.config import ConfigErrors, Pipeline, SinkSettings, parse, state_folder
from tailrace.connectors import Context, SinkConnector
from tailrace.errors import ConfigError
from tailrace_kafka.settings import OWNED
from tailrace_mysql.settings import MySQLSourceSettings

FILE = """
name = "shop"
[source]
connector = "mysql"
url = "mysql://repl:${SOURCE_PW}@127.0.0.1/shop"
[stream]
connector = "kafka"
topic = "{name}.{schema}.{table}"
[stream.kafka]
"bootstrap.servers" = "${BROKERS}"
"sasl.password" = "${STREAM_PW}"
[[sinks]]
name = "warehouse"
connector = "postgres"
url = "postgresql://app:${SINK_PW}@127.0.0.1/warehouse"
[[sinks]]
name = "mirror"
connector = "sqlite"
url = "sqlite:///${MIRROR}"
[[tables]]
match = "shop.users"
"""


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    for name in ("SOURCE_PW", "BROKERS", "STREAM_PW", "SINK_PW", "MIRROR", "STATE_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    return parse(FILE, "shop.toml")


def test_context(pipeline: Pipeline) -> None:
    assert pipeline.context() == Context(
        pipeline="shop",
        mode="full-load-and-cdc",
        state_dir=pipeline.state_dir,
        topic="{name}.{schema}.{table}",
        tables=pipeline.tables,
        memory=256 << 20,
        sinks=("warehouse", "mirror"),
    )


def test_sink(pipeline: Pipeline) -> None:
    assert pipeline.sink("mirror").connector == "sqlite"
    with pytest.raises(ConfigError) as caught:
        pipeline.sink("miror")
    assert str(caught.value) == "shop.toml: sinks: there is no sink 'miror'; did you mean 'mirror'?"


def places(pipeline: Pipeline, **parts: Any) -> list[str]:
    try:
        pipeline.resolve_secrets(**parts)
    except ConfigErrors as errors:
        return [error.where.removeprefix("shop.toml: ") for error in errors.errors]
    except ConfigError as error:
        return [error.where.removeprefix("shop.toml: ")]
    return []


def test_only_the_secrets_that_are_used(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    servers, password = 'stream.kafka."bootstrap.servers"', 'stream.kafka."sasl.password"'
    assert places(pipeline) == ["source.url", servers, password, "sinks[0].url", "sinks[1].url"]
    assert places(pipeline, source=False, stream=False) == ["sinks[0].url", "sinks[1].url"]
    assert places(pipeline, source=False, stream=False, sinks=["mirror"]) == ["sinks[1].url"]
    assert places(pipeline, source=False, stream=False, sinks=False) == []
    monkeypatch.setenv("SOURCE_PW", "x")
    assert places(pipeline, stream=False, sinks=False) == []


def test_a_url_is_judged_when_its_secrets_are_there(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIRROR", "mirror.db")
    with pytest.raises(ConfigError) as caught:
        pipeline.resolve_secrets(source=False, stream=False, sinks=["mirror"])
    assert str(caught.value) == (
        "shop.toml: sinks[1].url: the url names no absolute path; write sqlite:////path/file.db, with four slashes"
    )
    monkeypatch.setenv("MIRROR", "/srv/mirror.db")
    assert pipeline.sink("mirror").path == Path("/srv/mirror.db")
    whole = parse(FILE.replace("mysql://repl:${SOURCE_PW}@127.0.0.1/shop", "${SOURCE_PW}"), "shop.toml")
    monkeypatch.setenv("SOURCE_PW", "postgresql://u:hunter2@h/db")
    with pytest.raises(ConfigError) as caught:
        whole.resolve_secrets(stream=False, sinks=False)
    assert str(caught.value) == (
        "shop.toml: source.url: the url begins with postgresql://; begin it with mysql:// or mariadb://"
    )


def test_a_password_of_any_characters(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_PW", "p@ss/wörd:%40")
    assert pipeline.source.database_url().password == "p@ss/wörd:%40"


def test_server_id_is_stable_and_in_range() -> None:
    settings = MySQLSourceSettings.model_validate({"connector": "mysql", "url": "mysql://h/shop"})
    ids = [settings.server_id_for(f"pipeline-{number}") for number in range(1000)]
    assert ids == [settings.server_id_for(f"pipeline-{number}") for number in range(1000)]
    assert len(set(ids)) == 1000
    assert all(1 << 30 <= server_id < 1 << 32 for server_id in ids)
    given = MySQLSourceSettings.model_validate({"connector": "mysql", "url": "mysql://h/shop", "server_id": 7})
    assert given.server_id_for("shop") == 7


def test_slot_and_publication_of_the_name() -> None:
    text = 'name = "shop"\n[source]\nconnector = "postgres"\nurl = "postgresql://repl@127.0.0.1/shop"\n'
    source = parse(text, "shop.toml").source
    assert source.slot_name("my-shop") == "tailrace_my_shop"
    assert source.publication_name("my-shop") == "tailrace_my_shop"
    with pytest.raises(ConfigError) as caught:
        source.slot_name("s" * 60)
    assert str(caught.value) == (
        "shop.toml: source.slot: the pipeline's name is too long for a slot of PostgreSQL; "
        "add slot, or shorten the name"
    )
    source = parse(text + 'slot = "mine"\n', "shop.toml").source
    assert source.slot_name("s" * 60) == "mine"


def test_every_property_that_carries_the_guarantees_is_refused() -> None:
    for name in OWNED:
        with pytest.raises(ConfigError, match="tailrace sets it itself"):
            parse(FILE.replace('"sasl.password"', f'"{name}"'), "shop.toml")


# ---- connectors


class ThirdPartySettings(SinkSettings):
    connector: Literal["thirdparty"]
    flavour: str = "plain"


@pytest.fixture
def third_party(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """A sink of somebody else, installed by entry point; what it was created with."""
    created: list[Any] = []

    def create(settings: Any, context: Context) -> Any:
        created.append((settings, context))
        return created

    module = ModuleType("thirdparty_sink")
    vars(module)["sink"] = SinkConnector(ThirdPartySettings, create)
    monkeypatch.setitem(sys.modules, "thirdparty_sink", module)
    real = metadata.entry_points

    def entry_points(**selection: str) -> Any:
        found = list(real(**selection))
        if selection["group"] == "tailrace.sinks":
            found.append(connectors_entry("thirdparty", "thirdparty_sink:sink"))
            found.append(connectors_entry("broken", "no_such_module_anywhere:sink"))
        return found

    with monkeypatch.context() as patch:
        patch.setattr(connectors, "entry_points", entry_points)
        connectors._entries.cache_clear()
        yield created
    connectors._entries.cache_clear()


def connectors_entry(name: str, value: str) -> Any:
    return metadata.EntryPoint(name=name, value=value, group="tailrace.sinks")


THIRD = 'name = "shop"\n[source]\nconnector = "mysql"\nurl = "mysql://repl@127.0.0.1/shop"\n[[sinks]]\nname = "x"\n'


def test_a_third_partys_settings_and_creation(third_party: list[Any]) -> None:
    pipeline = parse(THIRD + 'connector = "thirdparty"\nflavour = "smoked"\n', "shop.toml")
    made: Any = pipeline.create_sink("x")
    assert made is third_party
    settings, context = third_party[0]
    assert settings.flavour == "smoked"
    assert context.pipeline == "shop"
    with pytest.raises(ConfigError, match=r"sinks\[0\]\.flavor: unknown key; did you mean 'flavour'\?"):
        parse(THIRD + 'connector = "thirdparty"\nflavor = "smoked"\n', "shop.toml")
    with pytest.raises(ConfigError, match=r"there is no connector 'thirdpart'; did you mean 'thirdparty'\?"):
        parse(THIRD + 'connector = "thirdpart"\n', "shop.toml")


@pytest.mark.usefixtures("third_party")
def test_a_third_party_that_cannot_be_imported() -> None:
    with pytest.raises(ConfigError) as caught:
        parse(THIRD + 'connector = "broken"\n', "shop.toml")
    assert str(caught.value) == (
        "shop.toml: sinks[0].connector: connector 'broken' cannot be loaded: "
        "No module named 'no_such_module_anywhere'; install its package again"
    )


def test_a_missing_driver_is_named(third_party: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = parse(THIRD + 'connector = "thirdparty"\n', "shop.toml")

    def creating(error: ImportError) -> SinkConnector:
        def create(settings: Any, context: Context) -> Any:
            raise error

        return SinkConnector(ThirdPartySettings, create)

    def failing(error: ImportError) -> None:
        monkeypatch.setattr(connectors, "find_sink", lambda name: creating(error))
        pipeline.create_sink("x")

    with pytest.raises(ConfigError) as caught:
        failing(ModuleNotFoundError("No module named 'driver.c'", name="driver.c"))
    assert str(caught.value) == (
        "the thirdparty connector needs the Python package driver; pip install 'tailrace[thirdparty]'"
    )
    with pytest.raises(ConfigError, match=r"the Python package driver cannot be loaded: libx\.so: no such file"):
        failing(ImportError("libx.so: no such file", name="driver"))
    with pytest.raises(ModuleNotFoundError):
        failing(ModuleNotFoundError("No module named 'tailrace_x'", name="tailrace_x"))


# ---- the state folder


def state_dir(more: str = "", file: str = "shop.toml") -> Path:
    return parse(more + THIRD + 'connector = "sqlite"\nurl = "sqlite:////x.db"\n', file).state_dir


def test_state_folder_configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/private/x")
    monkeypatch.setenv("HOME", "/home/me")
    file = str(tmp_path / "shop.toml")
    assert state_dir('state_dir = "/srv/state"\n', file) == Path("/srv/state")
    assert state_dir('state_dir = "../state"\n', file) == tmp_path.parent / "state"
    assert state_dir('state_dir = "~/state"\n', file) == Path("/home/me/state")


def test_state_folder_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_folder, "SYSTEM", tmp_path)
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    assert state_dir() == Path("/home/me/.local/state/tailrace/shop")
    (tmp_path / "shop").mkdir()
    assert state_dir() == tmp_path / "shop"
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/tailrace/shop:/var/lib/other")
    assert state_dir() == Path("/var/lib/tailrace/shop")


def test_a_hidden_state_folder_is_taken_for_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, **options: Any) -> Any:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(state_folder, "SYSTEM", tmp_path)
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setattr(Path, "stat", refuse)
    assert state_dir() == tmp_path / "shop"


def test_no_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(state_folder, "SYSTEM", tmp_path)
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(ConfigError) as caught:
        state_dir()
    assert str(caught.value) == "shop.toml: state_dir: the user has no home folder; add an absolute state_dir"
