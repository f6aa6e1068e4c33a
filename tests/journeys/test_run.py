"""`recobro run`: it plays the main job, keeps serving, and can be stopped from another terminal."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from recobro.data import DataFolder
from recobro.session import free_port_base
from running_platform import RECOBRO, started_program

pytestmark = pytest.mark.process

MAIN_JOB_SECONDS = 300.0
README = Path(__file__).parents[2] / "README.md"


def paste_the_five_calls(data: Path, port_base: int) -> None:
    """Paste the block of the README into a shell, with this platform's ports. A payment withdraws an entry."""
    [calls] = [block for block in re.findall(r"^```sh\n(.*?)^```$", README.read_text(), re.M | re.S) if "curl" in block]
    calls = re.sub(r"localhost:800(\d)", lambda port: f"localhost:{port_base + int(port[1])}", calls)
    calls = calls.replace(".venv/bin/recobro", RECOBRO)
    environment = os.environ | {"RECOBRO_DATA": str(data)}
    shell = ["bash", "-e", "-c", calls]
    printed = subprocess.check_output(shell, env=environment, text=True, timeout=240)
    assert '"payment_id"' in printed
    assert re.search(r'"reason": ?"payment"', printed), printed
    assert '"seconds_to_list"' in printed


@pytest.mark.timeout(MAIN_JOB_SECONDS + 240)
def test_run_plays_the_main_job_and_serves_until_another_process_stops_it(tmp_path: Path) -> None:
    data, port_base = tmp_path / "data", free_port_base()
    command = [RECOBRO, "run", "--data", str(data), "--port-base", str(port_base)]
    with started_program(command, os.environ, tmp_path) as program:
        program.until("Recobro keeps serving", patience_seconds=MAIN_JOB_SECONDS)
        assert DataFolder(data).running() is not None
        # The README's reader has curl. A machine without it still passes all else.
        for _ in range(2 if shutil.which("curl") else 0):
            paste_the_five_calls(data, port_base)
        subprocess.run([RECOBRO, "down", "--data", str(data)], check=True, timeout=240)
        program.until("stopped by another process")
        assert program.exit_code() == 0
    assert DataFolder(data).running() is None
