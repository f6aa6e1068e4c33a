"""A whole platform, started and stopped by the `recobro` command as a user would."""

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from recobro.session import free_port_base
from running_platform import RECOBRO, Platform


@pytest.fixture(scope="session")
def platform() -> Iterator[Platform]:
    """A platform with the embedded log; when the tests are over it stops cleanly and leaves nothing running."""
    with tempfile.TemporaryDirectory(prefix="recobro-journey-", ignore_cleanup_errors=True) as folder:
        running = Platform(Path(folder) / "data")
        command = [RECOBRO, "up", "--data", str(running.data), "--port-base", str(free_port_base())]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            status = running.status(wait_seconds=90)
            assert all(service["ready"] for service in status["services"]), status
            yield running
            family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
            process.terminate()
            assert process.wait(90) == 0
            _, left = psutil.wait_procs(family, timeout=10)
            assert left == []
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(90)
