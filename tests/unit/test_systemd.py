"""The unit: what the daemon relies on, and what systemd's own tools say of it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from tailrace.errors import ConfigError, DataLossError
from tailrace.supervisor.supervisor import DRAIN_SECONDS

SYSTEMD = Path(__file__).parents[2] / "systemd"
UNIT = SYSTEMD / "tailrace@.service"
PROGRAM = "/opt/tailrace/bin/tailrace"


def settings() -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for line in UNIT.read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found[key].append(value)
    return found


def test_the_unit_fits_the_daemon() -> None:
    unit = settings()
    assert unit["ExecStart"] == [f"{PROGRAM} run --log-format json /etc/tailrace/%i.toml"]
    assert unit["ExecReload"] == ["/bin/kill -HUP $MAINPID"]
    assert (unit["Type"], unit["NotifyAccess"], unit["KillMode"]) == (["notify"], ["main"], ["mixed"])
    assert int(unit["TimeoutStopSec"][0]) == 2 * DRAIN_SECONDS
    assert unit["RestartPreventExitStatus"] == [f"{ConfigError.exit_code} {DataLossError.exit_code}"]
    assert unit["StateDirectory"] == ["tailrace/%i"]
    for hardening in ("DynamicUser", "NoNewPrivileges", "PrivateUsers", "ProtectHome", "RestrictNamespaces"):
        assert unit[hardening] == ["yes"]
    assert unit["ProtectSystem"] == ["strict"]


def test_the_guide_names_the_unit_s_credentials() -> None:
    guide = (SYSTEMD.parent / "docs/guides/systemd.md").read_text()
    for credential in settings()["LoadCredential"]:
        name, _, stored = credential.partition(":")
        assert "${credential:" + name + "}" in guide
        assert stored.replace("%i", "shop") in guide


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The unit as an instance, with a program that exists on this machine."""
    path = tmp_path / "tailrace@shop.service"
    program = Path(sys.executable).parent / "tailrace"
    path.write_text(UNIT.read_text().replace(PROGRAM, str(program if program.exists() else "/bin/true")))
    return path


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    needs("systemd-analyze")
    environment = os.environ | {"SYSTEMD_COLORS": "0", "LC_ALL": "C.UTF-8"}
    return subprocess.run(
        ["systemd-analyze", "--no-pager", *arguments], capture_output=True, text=True, check=False, env=environment
    )


def needs(tool: str) -> None:
    """Ends the test where systemd's tool is missing: on a machine of one's own it is skipped, in CI nothing is."""
    if shutil.which(tool) is None:
        missing = f"{tool} is missing; .ci/provision installs it (Debian's package systemd)"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)


def lines_of(kind: str) -> list[list[str]]:
    text = (SYSTEMD / f"{kind}.d/tailrace.conf").read_text()
    return [line.split() for line in text.splitlines() if line and not line.startswith("#")]


def test_the_dynamic_user_s_name_is_free() -> None:
    """systemd takes a name whose user and group it can make; a static group alone in its place is EILSEQ, 217/USER."""
    user = settings().get("User", [UNIT.name.partition("@")[0]])[0]
    static = lines_of("sysusers")
    users = {name for kind, name, *_ in static if kind.startswith("u")}
    groups = {name for kind, name, *_ in static if kind == "g"}
    assert user not in groups - users
    assert settings()["SupplementaryGroups"] == list(groups)
    guide = (SYSTEMD.parent / "docs/guides/systemd.md").read_text()
    assert {f"root:{group}" for group in groups} == set(re.findall(r"root:\S+?(?=`)", guide))


def test_a_missing_tool_fails_in_ci_and_is_skipped_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=r"systemd-analyze is missing; \.ci/provision installs it"):
        needs("systemd-analyze")
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="systemd-analyze is missing"):
        needs("systemd-analyze")


def test_systemd_finds_no_fault(installed: Path) -> None:
    done = analyze("verify", "--man=no", installed)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_systemd_would_find_a_fault(installed: Path) -> None:
    installed.write_text(installed.read_text().replace("ProtectSystem=strict", "ProtectSistem=strict"))
    assert "'ProtectSistem'" in analyze("verify", "--man=no", installed).stderr


def test_the_exposure_is_small(installed: Path) -> None:
    done = analyze("security", "--offline=true", "--threshold=15", installed)
    level = re.search(r"Overall exposure level for .*: (\d+\.\d)", done.stdout)
    assert level is not None, done.stderr
    assert float(level[1]) <= 1.5
    assert done.returncode == 0


def test_the_group_and_the_folders_are_made(tmp_path: Path) -> None:
    needs("systemd-sysusers")
    (tmp_path / "etc").mkdir()
    made = ["systemd-sysusers", f"--root={tmp_path}", str(SYSTEMD / "sysusers.d/tailrace.conf")]
    subprocess.run(made, capture_output=True, check=True)
    assert re.match(r"tailrace-files:x:\d+:", (tmp_path / "etc/group").read_text())
    folders = {line[1]: line[2:5] for line in lines_of("tmpfiles")}
    assert folders == {"/etc/tailrace": ["0750", "root", "tailrace-files"], "/etc/credstore": ["0700", "root", "root"]}
    if os.getuid() == 0:  # only root may give folders away
        made = ["systemd-tmpfiles", "--create", f"--root={tmp_path}", str(SYSTEMD / "tmpfiles.d/tailrace.conf")]
        subprocess.run(made, capture_output=True, check=True)
        assert (tmp_path / "etc/tailrace").stat().st_mode & 0o777 == 0o750
