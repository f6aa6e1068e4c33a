"""The parts of a journey: a platform, used as its operator uses it, and other people's programs beside it."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from recobro import status
from recobro.client import Client, connect
from recobro.data import DataFolder
from recobro.session import free_port_base

RECOBRO = str(Path(sys.executable).parent / "recobro")
PATIENCE_SECONDS = 240.0


@dataclass(frozen=True)
class Platform:
    data: Path

    def status(self, *, wait_seconds: int = 0) -> Any:
        command = [RECOBRO, "status", "--data", str(self.data), "--json", "--wait", str(wait_seconds)]
        return json.loads(subprocess.run(command, capture_output=True, timeout=wait_seconds + 30, check=False).stdout)

    def pids(self) -> dict[str, int]:
        now = status.look(DataFolder(self.data))
        found = {service.name: service.pid for service in now.services if service.pid is not None}
        assert now.postgres_pid is not None
        return {**found, "postgres": now.postgres_pid}

    def dsn(self, database: str) -> str:
        base = status.look(DataFolder(self.data)).postgres_dsn
        assert base is not None
        return f"{base.rsplit('/', 1)[0]}/{database}"

    def client(self) -> Client:
        return connect(DataFolder(self.data), None)


@contextlib.contextmanager
def started_platform(kafka_bootstrap: str | None = None) -> Iterator[Platform]:
    """Start a platform with the `recobro` command, over that Kafka or else the embedded log, and stop it at the end.

    The stop must be clean and leave no process running.
    """
    environment = {**os.environ, **({"RECOBRO_KAFKA_BOOTSTRAP": kafka_bootstrap} if kafka_bootstrap else {})}
    with tempfile.TemporaryDirectory(prefix="recobro-journey-", ignore_cleanup_errors=True) as folder:
        running = Platform(Path(folder) / "data")
        command = [RECOBRO, "up", "--data", str(running.data), "--port-base", str(free_port_base())]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
        try:
            now = running.status(wait_seconds=int(PATIENCE_SECONDS))
            assert all(service["ready"] for service in now["services"]), now
            yield running
            family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
            process.terminate()
            assert process.wait(PATIENCE_SECONDS) == 0
            _, left = psutil.wait_procs(family, timeout=60)
            assert left == []
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(PATIENCE_SECONDS)


class Program:
    """A running program and the lines that it has printed. Waiting in vain for a line fails the test."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.printed: list[str] = []
        self._process = process
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def type(self, text: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{text}\n")
        self._process.stdin.flush()

    def until(self, *words: str, patience_seconds: float = PATIENCE_SECONDS) -> None:
        """Return once the program has printed a line with all of these words."""
        deadline = time.monotonic() + patience_seconds
        while not any(all(word in line for word in words) for line in self.printed):
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                line = None
            assert line is not None, f"the program has not printed {words}, but {self.printed}"
            self.printed.append(line)

    def exit_code(self) -> int:
        """Wait for the program's end, and return its exit code."""
        return self._process.wait(PATIENCE_SECONDS)

    def interrupt(self) -> list[str]:
        """Press Ctrl-C, wait for the end, and return every line that the program has printed."""
        self._process.send_signal(signal.SIGINT)
        while (line := self._lines.get(timeout=PATIENCE_SECONDS)) is not None:
            self.printed.append(line)
        return self.printed


@contextlib.contextmanager
def started_program(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> Iterator[Program]:
    """Start a program in ``folder``. Its input is what ``type`` writes. It is killed with its children at the end."""
    process = subprocess.Popen(
        command,
        env=environment,
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield Program(process)
    finally:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE_SECONDS)
