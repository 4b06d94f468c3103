"""MySQL 9.7 from Debian's unstable suite, unpacked into the cache beside the system's own packages.

Debian 12 has no MySQL. The packages of `sid` bring their own C library and loader, so nothing of them is installed:
they are downloaded from the mirror that this machine's apt already uses, and unpacked.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from .cache import entry
from .process import ServerError

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
PACKAGES = ("mysql-server-core", "mysql-client-core")

_ONE_LINE = re.compile(r"^\s*deb\s+(?:\[[^\]]*\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)(?P<components>(?:\s+[^\s#]+)*)")


def mysql_tree() -> Path:
    """The root of the unpacked packages: `usr/sbin/mysqld` and all it needs."""
    return entry("mysql-9.7", _build, "tests.servers: fetching MySQL 9.7 (63 MB) from Debian sid") / "root"


def archive_mirror(folder: Path = Path("/etc/apt")) -> str:
    """The URI of the Debian archive in this machine's apt sources, of either format.

    Third parties' repositories and the separate security archive do not carry `sid`: a source counts if it gives
    component `main` of a suite that is not a security suite, and its path says Debian or its key is Debian's.
    """
    listed = [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*"))]
    for path in listed:
        if not path.is_file() or path.suffix not in (".list", ".sources"):
            continue
        text = path.read_text(errors="replace")
        for uri, suite, components, signed_by in _deb822(text) if path.suffix == ".sources" else _lines(text):
            ours = signed_by == KEYRING or re.search(r"/debian(/|$)", uri)
            if ours and "main" in components and not re.search(r"security", uri + suite):
                return uri
    raise ServerError(
        f"no Debian mirror in the apt sources under {folder}: add one, or name a server of your own in "
        "TAILRACE_TEST_MYSQL_URL"
    )


def _lines(text: str) -> Iterator[tuple[str, str, list[str], str]]:
    """The `deb` lines of a one-line-style list: URI, suite, components, keyring."""
    for line in text.splitlines():
        if match := _ONE_LINE.match(line):
            keyring = re.search(r"signed-by=([^\s\]]+)", line)
            yield match["uri"], match["suite"], match["components"].split(), keyring[1] if keyring else ""


def _deb822(text: str) -> Iterator[tuple[str, str, list[str], str]]:
    """The enabled `deb` stanzas of a .sources file, one result per URI and suite."""
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    for stanza in re.split(r"\n\s*\n", "\n".join(lines)):
        fields: dict[str, str] = {}
        name = ""
        for line in stanza.splitlines():
            if line[:1].isspace():
                fields[name] = fields.get(name, "") + " " + line.strip()
            elif ":" in line:
                name, _, value = line.partition(":")
                name = name.strip().lower()
                fields[name] = value.strip()
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() in (
            "no",
            "false",
        ):
            continue
        for uri in fields.get("uris", "").split():
            for suite in fields.get("suites", "").split():
                yield uri, suite, fields.get("components", "").split(), fields.get("signed-by", "")


def _build(folder: Path) -> None:
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        raise ServerError(
            "MySQL 9.7 comes from Debian packages, and there is no apt-get here: set TAILRACE_TEST_MYSQL_URL"
        )
    work = folder.parent / "apt"
    for name in ("lists/partial", "cache/archives/partial"):
        (work / name).mkdir(parents=True)
    keyring = f" [signed-by={KEYRING}]" if Path(KEYRING).exists() else ""
    (work / "sid.list").write_text(f"deb{keyring} {archive_mirror()} sid main\n")
    (work / "empty-status").touch()
    options = [
        f"-oDir::Etc::SourceList={work}/sid.list",
        "-oDir::Etc::SourceParts=/dev/null",
        f"-oDir::State::Lists={work}/lists",
        f"-oDir::Cache={work}/cache",
        f"-oDir::State::status={work}/empty-status",
        "-oDebug::NoLocking=1",
        "-oAPT::Sandbox::User=root",
        "-oAcquire::Retries=3",
        # A mirror that stands still gives a signed but dated list, which is good enough for a test's server.
        "-oAcquire::Check-Valid-Until=false",
        "-oAcquire::Languages=none",
    ]
    _checked(["apt-get", *options, "-q", "update"])
    _checked(["apt-get", *options, "-q", "install", "--no-install-recommends", "-y", "--download-only", *PACKAGES])
    packages = sorted((work / "cache" / "archives").glob("*.deb"))
    for package in packages:
        _checked(["dpkg", "-x", str(package), str(folder / "root")])
    if not (folder / "root" / "usr" / "sbin" / "mysqld").exists():
        raise ServerError(f"Debian sid's {PACKAGES[0]} has no usr/sbin/mysqld any more; set TAILRACE_TEST_MYSQL_URL")
    for documentation in ("doc", "man", "locale", "info"):
        shutil.rmtree(folder / "root" / "usr" / "share" / documentation, ignore_errors=True)


def _checked(argv: list[str]) -> None:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, errors="replace", check=False, timeout=900)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServerError(f"{argv[0]}: {error}") from error
    if done.returncode != 0:
        raise ServerError(f"{argv[0]} {argv[-1]} failed: {(done.stderr or done.stdout).strip()[-2000:]}")
