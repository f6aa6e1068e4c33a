"""`recobro run`, as on a first day: the story, a platform that keeps serving, and its end from another terminal."""

import os
import subprocess
from pathlib import Path

import pytest
from recobro.data import DataFolder
from recobro.session import free_port_base
from running_platform import RECOBRO, started_program

pytestmark = pytest.mark.process

STORY_SECONDS = 300.0


@pytest.mark.timeout(STORY_SECONDS + 240)
def test_run_plays_the_story_and_serves_until_it_is_stopped_elsewhere(tmp_path: Path) -> None:
    data = tmp_path / "data"
    command = [RECOBRO, "run", "--data", str(data), "--port-base", str(free_port_base())]
    with started_program(command, os.environ, tmp_path) as program:
        program.until("Recobro keeps serving", patience_seconds=STORY_SECONDS)
        assert DataFolder(data).running() is not None
        subprocess.run([RECOBRO, "down", "--data", str(data)], check=True, timeout=120)
        program.until("stopped by another process")
        assert program.exit_code() == 0
    assert DataFolder(data).running() is None
