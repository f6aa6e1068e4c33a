"""The supervisor restarts programs that die and leaves no process after a stop."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from recobro import supervisor
from recobro.processes import ProcessRecord
from recobro.supervisor import Program, Supervisor

pytestmark = pytest.mark.process

SLEEPER = "import time; print('started', flush=True); time.sleep(600)"
IGNORES_SIGTERM = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPER}"
EXECUTES_ANOTHER = f"import os, sys; os.execv(sys.executable, [sys.executable, '-c', {SLEEPER!r}])"
PARENT = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEPER!r}]); {SLEEPER}"


class Run:
    """A supervisor of one small program, stepped by the test."""

    def __init__(self, logs: Path, code: str) -> None:
        self.messages: list[str] = []
        program = Program("sleeper", (sys.executable, "-c", code), dict(os.environ))
        self.supervisor = Supervisor([program], logs, self.messages.append)

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 240
        while not condition():
            assert time.monotonic() < deadline, "the condition did not become true in time"
            self.supervisor.step()
            time.sleep(0.01)

    def pid(self) -> int:
        record = self.supervisor.children[0].record
        assert record is not None
        return record.pid

    def starts(self) -> int:
        log = self.supervisor.children[0].log
        return log.read_text().count("started") if log.exists() else 0


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[[str], Run]]:
    runs: list[Run] = []

    def start(code: str) -> Run:
        runs.append(Run(tmp_path, code))
        return runs[-1]

    yield start
    for each in runs:
        each.supervisor.stop()


def test_a_killed_program_is_restarted(run: Callable[[str], Run]) -> None:
    sleeper = run(SLEEPER)
    sleeper.until(lambda: sleeper.starts() == 1)
    first = sleeper.pid()

    os.kill(first, signal.SIGKILL)
    sleeper.until(lambda: sleeper.starts() == 2)

    assert sleeper.pid() != first
    assert sleeper.messages == ["sleeper was killed by SIGKILL; starting it again in 0.1 s"]


def test_the_pause_before_a_restart_doubles_with_each_death(run: Callable[[str], Run]) -> None:
    failing = run("import sys; sys.exit(3)")
    failing.until(lambda: len(failing.messages) == 3)
    assert failing.messages == [
        f"sleeper ended with exit code 3; starting it again in {s} s" for s in ("0.1", "0.2", "0.4")
    ]


def test_stopping_ends_the_program_and_its_children(run: Callable[[str], Run]) -> None:
    parent = run(PARENT)
    parent.until(lambda: parent.starts() == 2)
    family = [psutil.Process(parent.pid()), *psutil.Process(parent.pid()).children(recursive=True)]
    assert len(family) == 2

    parent.supervisor.stop()

    assert [process for process in family if process.is_running() and process.status() != psutil.STATUS_ZOMBIE] == []


def test_a_program_that_executes_another_is_found_and_ended(run: Callable[[str], Run]) -> None:
    shim = run(EXECUTES_ANOTHER)
    shim.until(lambda: shim.starts() == 1)
    record = shim.supervisor.children[0].record
    assert record is not None
    assert record.find() is not None

    shim.supervisor.stop()

    assert record.find() is None


def test_a_program_is_ended_after_the_clock_was_corrected(run: Callable[[str], Run]) -> None:
    """The clock decides a process's start time, so a record from before the correction no longer finds the process."""
    sleeper = run(SLEEPER)
    sleeper.until(lambda: sleeper.starts() == 1)
    pid, child = sleeper.pid(), sleeper.supervisor.children[0]
    child.record = ProcessRecord(pid=pid, started=time.time() - 3600)
    assert child.record.find() is None

    sleeper.supervisor.stop()

    assert not psutil.pid_exists(pid)


def test_a_program_that_ignores_sigterm_is_killed(run: Callable[[str], Run], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recobro.supervisor._DRAIN_SECONDS", 0.2)
    program = run(IGNORES_SIGTERM)
    program.until(lambda: program.starts() == 1)
    pid = program.pid()

    program.supervisor.stop()

    assert not psutil.pid_exists(pid)


def test_a_log_that_is_too_long_is_set_aside_while_its_program_writes_on(
    run: Callable[[str], Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "_LOG_LIMIT_BYTES", 1000)
    monkeypatch.setattr(supervisor, "_ROTATION_SECONDS", 0.0)
    talker = run("import time\nwhile True: print('x' * 99, flush=True); time.sleep(0.005)")
    log = talker.supervisor.children[0].log
    old = log.with_suffix(".log.old")
    talker.until(old.exists)
    talker.until(lambda: 0 < log.stat().st_size < 1000)
    assert old.stat().st_size > 1000
    assert set(log.read_text()) == {"x", "\n"}, "the program writes at the new end, and leaves no hole"
    assert talker.messages == []
