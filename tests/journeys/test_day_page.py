"""Runs every command of the page about a day's work, in its order, in Spanish, on a running platform."""

import re
import shlex
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from operated import invoked
from running_platform import Platform

pytestmark = [pytest.mark.process, pytest.mark.timeout(900)]

PAGE = Path(__file__).parents[2] / "docs" / "day.md"
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
ROWS = 400


def steps() -> Iterator[tuple[str, list[str]]]:
    """Yield each block of commands with the lines of output that the page shows below it."""
    for number, (language, text) in enumerate(BLOCKS):
        shown = BLOCKS[number + 1] if number + 1 < len(BLOCKS) else ("", "")
        if language == "sh":
            yield text, [line for line in shown[1].splitlines() if shown[0] == "text" and line.strip()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the creditor's file. Its numbers are in no portfolio of another test."""
    folder = tmp_path_factory.mktemp("day")
    sample = files("recobro").joinpath("sample", "cartera_mx.csv").read_bytes()
    rows = sample.replace(b"CLR-07", b"CLR-09").splitlines(keepends=True)[:ROWS]
    (folder / "cartera.csv").write_bytes(b"".join(rows))
    return folder


def test_every_block_is_commands_or_an_output() -> None:
    assert {language for language, _ in BLOCKS} == {"sh", "text"}
    commands = [line for text, _ in steps() for line in text.splitlines() if line]
    assert len(commands) >= 20
    assert [line for line in commands if not line.startswith("recobro ")] == []


def test_a_newcomer_does_a_day_s_work_with_the_page(
    platform: Platform, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commands run in this process: a new process each would take most of the test's time to start."""
    monkeypatch.chdir(folder)
    environment = {"RECOBRO_URL": None, "RECOBRO_DATA": str(platform.data), "LC_ALL": "es_MX.UTF-8", "COLUMNS": "80"}
    for commands, shown in steps():
        output = ""
        for command in filter(None, commands.splitlines()):
            done = invoked(shlex.split(command)[1:], environment)
            assert done.exit_code == 0, f"{command}\n{done.output}"
            output += done.output
        printed = {" ".join(line.split()) for line in output.splitlines()}
        assert [line for line in shown if " ".join(line.split()) not in printed] == [], output
        assert max(map(len, output.splitlines()), default=0) <= 120, output
    assert len(list((folder / "listas").glob("*.csv"))) == 1
