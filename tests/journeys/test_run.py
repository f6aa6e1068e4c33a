"""`recobro run`: it plays the main job, keeps serving, and can be stopped from another terminal."""

import os
import subprocess
from pathlib import Path

import pytest
from recobro.data import DataFolder
from recobro.session import free_port_base
from running_platform import RECOBRO, started_program

pytestmark = pytest.mark.process

MAIN_JOB_SECONDS = 300.0


@pytest.mark.timeout(MAIN_JOB_SECONDS + 240)
def test_run_plays_the_main_job_and_serves_until_another_process_stops_it(tmp_path: Path) -> None:
    data = tmp_path / "data"
    command = [RECOBRO, "run", "--data", str(data), "--port-base", str(free_port_base())]
    with started_program(command, os.environ, tmp_path) as program:
        program.until("Recobro keeps serving", patience_seconds=MAIN_JOB_SECONDS)
        assert DataFolder(data).running() is not None
        subprocess.run([RECOBRO, "down", "--data", str(data)], check=True, timeout=240)
        program.until("stopped by another process")
        assert program.exit_code() == 0
    assert DataFolder(data).running() is None
