"""The lines for cron in docs/operating.md run from any folder."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.process

OPERATING = Path(__file__).parents[2] / "docs" / "operating.md"
INSTALLED = Path(sys.executable).parent


def crontab() -> tuple[dict[str, str], list[str]]:
    """Return the variables and the commands of the documented crontab."""
    [block] = re.findall(r"```\n(PATH=.*?)```", OPERATING.read_text(), re.DOTALL)
    variables = dict(re.findall(r"^([A-Z_]+)=(.*)$", block, re.MULTILINE))
    # cron makes a line break of %, unless a backslash precedes it.
    commands = [line.split(maxsplit=5)[5].replace(r"\%", "%") for line in block.splitlines() if " recobro " in line]
    return variables, commands


VARIABLES, COMMANDS = crontab()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_line_for_cron_finds_the_command_and_the_data_from_any_folder(command: str, tmp_path: Path) -> None:
    data, elsewhere, password = tmp_path / "data", tmp_path / "elsewhere", tmp_path / "password"
    elsewhere.mkdir()
    password.write_text("a long enough password")
    places = {"/opt/recobro/.venv/bin": INSTALLED, "/srv/recobro": data, "/etc/recobro/backup-password": password}
    environment = {"HOME": str(elsewhere), "LANG": os.environ.get("LANG", "C.UTF-8")}
    for name, value in VARIABLES.items():
        for documented, place in places.items():
            value = value.replace(documented, str(place))
        environment[name] = value
    ran = subprocess.run(
        ["/bin/sh", "-c", command.replace("/mnt/backups", str(tmp_path))],
        cwd=elsewhere,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert (ran.returncode, str(data) in ran.stderr) == (1, True), ran.stderr
    assert [*elsewhere.iterdir()] == []


def test_the_daily_jobs_and_the_backup_are_among_the_lines() -> None:
    assert [command.split()[1] for command in COMMANDS] == ["stage", "list", "backup"]
