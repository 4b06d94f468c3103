"""Where the harness finds the Debian mirror that this machine uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.servers import ServerError
from tests.servers.debian import archive_mirror

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def apt(folder: Path, **files: str) -> Path:
    """An /etc/apt with these files; `sources_list` is sources.list, `a_sources` sources.list.d/a.sources."""
    (folder / "sources.list.d").mkdir()
    for name, text in files.items():
        stem, _, suffix = name.rpartition("_")
        path = folder / "sources.list" if name == "sources_list" else folder / "sources.list.d" / f"{stem}.{suffix}"
        path.write_text(text)
    return folder


def test_deb822_with_a_comment_inside_the_stanza(tmp_path: Path) -> None:
    text = f"""\
Types: deb
# http://elsewhere.example/archive/debian/20250520T000000Z
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: {KEYRING}

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
"""
    assert archive_mirror(apt(tmp_path, debian_sources=text)) == "http://mirror.example/debian"


def test_deb822_folded_fields_and_sources_only(tmp_path: Path) -> None:
    text = """\
Types: deb-src
URIs: http://sources.example/debian
Suites: bookworm
Components: main

Types: deb deb-src
URIs:
 http://folded.example/debian/
Suites:
 bookworm
Components: main
 contrib
"""
    assert archive_mirror(apt(tmp_path, debian_sources=text)) == "http://folded.example/debian/"


@pytest.mark.parametrize(
    "line",
    [
        "deb http://mirror.example/debian bookworm main contrib",
        "deb [arch=amd64 signed-by=/x.gpg] http://mirror.example/debian bookworm main # the mirror",
        "# deb http://old.example/debian bookworm main\n  deb http://mirror.example/debian bookworm main",
        "deb-src http://old.example/debian bookworm main\ndeb http://mirror.example/debian bookworm main",
        "deb http://old.example/debian-security bookworm-security main\ndeb http://mirror.example/debian sid main",
    ],
)
def test_one_line_style(tmp_path: Path, line: str) -> None:
    assert archive_mirror(apt(tmp_path, sources_list=line + "\n")) == "http://mirror.example/debian"


def test_a_mirror_without_debian_in_its_path_is_known_by_its_key(tmp_path: Path) -> None:
    line = f"deb [signed-by={KEYRING}] http://cache.example/internal/os bookworm main\n"
    assert archive_mirror(apt(tmp_path, sources_list=line)) == "http://cache.example/internal/os"


def test_third_parties_and_security_are_passed_over(tmp_path: Path) -> None:
    folder = apt(
        tmp_path,
        a_list="deb https://third.example/apt stable main\n",
        b_sources="Types: deb\nURIs: https://third.example/node\nSuites: nodistro\nComponents: main\n",
        c_sources="Types: deb\nEnabled: no\nURIs: http://off.example/debian\nSuites: bookworm\nComponents: main\n",
        d_list="deb http://mirror.example/debian bookworm contrib\n",
        e_save="deb http://backup.example/debian bookworm main\n",
        f_list="deb http://mirror.example/debian/ bookworm main\n",
    )
    assert archive_mirror(folder) == "http://mirror.example/debian/"


def test_no_mirror_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match=r"no Debian mirror .* TAILRACE_TEST_MYSQL_URL"):
        archive_mirror(apt(tmp_path, a_list="deb https://third.example/apt stable main\n"))
