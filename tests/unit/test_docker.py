"""The container files: parsed, and the image's installation done in a clean virtual environment.

No container engine builds them here.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tailrace.config import load

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
KEYWORDS = {"FROM", "ENV", "WORKDIR", "COPY", "RUN", "USER", "VOLUME", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD"}


@dataclass(frozen=True)
class Step:
    stage: int
    keyword: str
    arguments: str


def steps() -> list[Step]:
    """The Dockerfile's instructions; a line that ends in a backslash goes on in the next one."""
    text = (DOCKER / "Dockerfile").read_text().replace("\\\n", " ")
    found: list[Step] = []
    stage = -1
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        keyword, _, arguments = line.partition(" ")
        assert keyword in KEYWORDS, line
        stage += keyword == "FROM"
        found.append(Step(stage, keyword, " ".join(arguments.split())))
    return found


def only(keyword: str, stage: int) -> list[str]:
    return [step.arguments for step in steps() if step.keyword == keyword and step.stage == stage]


def compose() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())
    return parsed


def test_the_image_has_two_stages_and_runs_as_nobody_special() -> None:
    assert only("FROM", 0) == ["python:3.11-slim AS build"]
    assert only("FROM", 1) == ["python:3.11-slim"]
    assert only("USER", 1) == ["tailrace"]
    assert "--uid 10001" in only("RUN", 1)[0]
    last = [step.keyword for step in steps()]
    assert last.index("USER") > max(index for index, keyword in enumerate(last) if keyword in ("RUN", "COPY"))
    assert json.loads(only("ENTRYPOINT", 1)[0]) == ["tailrace"]
    assert json.loads(only("CMD", 1)[0])[-1] == "/etc/tailrace/pipeline.toml"
    assert only("COPY", 1) == ["--from=build /opt/tailrace /opt/tailrace"]


def test_the_build_context_holds_what_is_copied_and_no_more() -> None:
    copied = {name for line in only("COPY", 0) for name in line.split()[:-1]}
    lines = (DOCKER / "Dockerfile.dockerignore").read_text().splitlines()
    assert lines[0] == "*"
    assert {line[1:] for line in lines if line.startswith("!")} == copied
    assert all((ROOT / name).exists() for name in copied)


def test_the_installation_in_a_clean_virtual_environment(tmp_path: Path) -> None:
    context = tmp_path / "src"
    context.mkdir()
    for line in only("COPY", 0):
        for name in line.split()[:-1]:
            if (ROOT / name).is_dir():
                ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "*.so")
                shutil.copytree(ROOT / name, context / name, ignore=ignored)
            else:
                shutil.copy(ROOT / name, context / name)
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    # How well the compiler optimises is not what is tested here, and most of its time; nor is what only saves later
    # starts some of theirs.
    environment |= {"CFLAGS": "-O0 -g0", "PIP_NO_COMPILE": "1"}
    for command in only("RUN", 0):
        if command.startswith("apt-get"):
            continue  # the compiler, which .ci/venv has installed here
        here = command.replace("/opt/tailrace", str(tmp_path / "venv")).replace("/src", str(context))
        here = here.replace("python -m venv", f"{sys.executable} -m venv")
        done = subprocess.run(
            ["sh", "-ec", here], capture_output=True, text=True, env=environment, cwd=context, check=False
        )
        assert done.returncode == 0, done.stderr
    programs = tmp_path / "venv/bin"
    version = subprocess.run([programs / "tailrace", "--version"], capture_output=True, text=True, check=True)
    assert version.stdout.startswith("tailrace ")
    form = "from tailrace.compiled import is_compiled; print(is_compiled())"
    assert subprocess.check_output([programs / "python", "-c", form], cwd=tmp_path, env=environment) == b"True\n"
    drivers = "pymysql, pymysqlreplication, psycopg2, confluent_kafka, boto3"
    subprocess.run([programs / "python", "-c", f"import {drivers}"], check=True, cwd=tmp_path)
    loaded = subprocess.run(
        [programs / "tailrace", "status", DOCKER / "pipeline.toml"],
        capture_output=True,
        text=True,
        check=False,
        env=environment | {"STATE_DIRECTORY": str(tmp_path / "state")},
    )
    assert (loaded.returncode, loaded.stdout) == (3, "pipeline shop is stopped\n"), loaded.stderr


def test_the_whole_picture_is_there_and_waits_for_its_parts() -> None:
    services = compose()["services"]
    assert set(services) == {"mysql", "postgres", "kafka", "dynamodb", "tailrace"}
    tailrace = services["tailrace"]
    assert (DOCKER / tailrace["build"]["context"] / tailrace["build"]["dockerfile"]).samefile(DOCKER / "Dockerfile")
    assert set(tailrace["depends_on"]) == set(services) - {"tailrace"}
    for name, needed in tailrace["depends_on"].items():
        assert ("healthcheck" in services[name]) == (needed["condition"] == "service_healthy")
    assert tailrace["stop_grace_period"] == "30s"
    assert "--binlog-row-metadata=FULL" in services["mysql"]["command"]


def test_the_pipeline_file_fits_the_services(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    services = compose()["services"]
    source, target = "./pipeline.toml:/etc/tailrace/pipeline.toml:ro", "/etc/tailrace/pipeline.toml"
    assert source in services["tailrace"]["volumes"]
    assert target in only("CMD", 1)[0]
    for name, value in services["tailrace"]["environment"].items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    pipeline = load(DOCKER / "pipeline.toml")
    pipeline.resolve_secrets()
    assert pipeline.source.url.get() == "mysql://root:password@mysql:3306/shop"
    assert {sink.name for sink in pipeline.sinks} == {"warehouse", "kv"}
    hosts = (DOCKER / "pipeline.toml").read_text()
    for service in ("@mysql:", '"kafka:', "@postgres:", "//dynamodb:"):
        assert service in hosts
    assert pipeline.http.address == ("0.0.0.0", 9464)
    assert services["tailrace"]["ports"] == ["127.0.0.1:9464:9464"]
