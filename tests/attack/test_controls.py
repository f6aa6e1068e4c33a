"""The attack finds what is missing: platforms without one of their controls do not pass."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.process,
    pytest.mark.timeout(600),
    pytest.mark.skipif("RECOBRO_ATTACK" not in os.environ, reason="`make attack` takes controls away"),
]
HERE = Path(__file__).parent
CONTROLS = {
    "no-row-security": ("../journeys/test_two_agencies.py", "no_agency_sees"),
    "no-signature": ("test_attack.py", "forged_tokens"),
    "slow-depth-check": ("test_attack.py", "broken_body"),
    "no-time-limit": ("test_attack.py", "slow_clients"),
    "personal-data-in-logs": ("test_attack.py", "no_output"),
}


@pytest.mark.parametrize("control", CONTROLS)
def test_the_attack_notices_that_a_control_is_missing(control: str) -> None:
    file, selection = CONTROLS[control]
    environment = {**os.environ, "PYTHONPATH": str(HERE / "sabotage"), "RECOBRO_SABOTAGE": control}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(HERE / file), "-k", selection, "-x"]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=500, check=False)
    assert run.returncode == 1, run.stdout[-3000:]
    assert "FAILED" in run.stdout, run.stdout[-3000:]
