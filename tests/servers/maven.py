"""Java servers from Maven Central: their jars in the cache, and the command line that runs a class of them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from .cache import cache_folder, entry, locked
from .process import ServerError, program

# The API that both servers log to has this binding; without one their messages are lost.
_LOGGING = "org.slf4j:slf4j-simple:1.7.36"

_POM = """\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>tailrace.test</groupId><artifactId>servers</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>{dependencies}</dependencies>
</project>
"""


def pom(*coordinates: str) -> str:
    """A project that depends on `group:artifact:version` each."""
    lines = []
    for coordinate in coordinates:
        group, artifact, version = coordinate.split(":")
        lines.append(
            f"<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>"
            f"<version>{version}</version></dependency>"
        )
    return _POM.format(dependencies="".join(lines))


def jars(coordinate: str, *more: str) -> Path:
    """The folder with the jars (and native libraries) of `group:artifact:version` and all it needs at run time.

    Called after the first coordinate; `more` are put beside it, in versions that fit together.
    """
    _, artifact, version = coordinate.split(":")

    def build(folder: Path) -> None:
        maven = program("mvn", package="maven")
        (folder.parent / "pom.xml").write_text(pom(coordinate, *more, _LOGGING))
        copy = [
            *(maven, "--quiet", "--batch-mode", "--file", folder.parent / "pom.xml", "dependency:copy-dependencies"),
            *("-DincludeScope=runtime", f"-DoutputDirectory={folder}", "-Dstyle.color=never"),
            f"-Dmaven.repo.local={cache_folder() / 'maven-repository'}",
        ]
        # A repository of Maven knows no locks.
        with locked("maven"):
            done = subprocess.run([str(word) for word in copy], capture_output=True, text=True, check=False)
        if done.returncode != 0 or not list(folder.glob("*.jar")):
            raise ServerError(f"Maven could not fetch {coordinate}: {(done.stdout + done.stderr).strip()[-2000:]}")

    return entry(f"{artifact}-{version}", build, f"tests.servers: fetching {coordinate} from Maven Central")


def java(libraries: Path, main_class: str, *arguments: str | Path, flags: Sequence[str]) -> list[str | Path]:
    """A command line; needs Java 17 or newer."""
    return [
        java_program(),
        # A small server for minutes, on a machine shared with the tests: quick to start, few threads.
        *("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"),
        *flags,
        f"-Djava.library.path={libraries}",
        *("-cp", f"{libraries}/*"),
        main_class,
        *arguments,
    ]


def java_program() -> Path:
    """`java`, of version 17 or newer."""
    found = program("java", package="openjdk-17-jre-headless")
    shown = subprocess.run([found, "-version"], capture_output=True, text=True, check=False).stderr
    version = java_version(shown)
    if version < 17:
        raise ServerError(f"{found} is Java {version}, and 17 is needed: install openjdk-17-jre-headless")
    return found


def java_version(shown: str) -> int:
    """The major version in what `java -version` prints; 0 if there is none ("1.8.0" is 8)."""
    match = re.search(r'version "(?:1\.)?(\d+)', shown)
    return int(match[1]) if match else 0
