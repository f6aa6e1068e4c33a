"""Keeps a set of processes running: starts them, restarts those that die, ends them all."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from recobro.language import tr
from recobro.processes import ProcessRecord, dies_with_us, end

_FIRST_BACKOFF_SECONDS = 0.1
_LONGEST_BACKOFF_SECONDS = 10.0
_STEADY_AFTER_SECONDS = 20.0
_DRAIN_SECONDS = 30.0
_LOG_LIMIT_BYTES = 32 * 1024 * 1024
_ROTATION_SECONDS = 60.0


@dataclass(frozen=True)
class Program:
    """A program to run: its name, its command and its whole environment."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]


def rotate(log: Path) -> None:
    """Move the content of a log that is too long to ``….log.old``.

    The program goes on writing to the same file, at its new end. A line that it writes at this moment may be lost.
    """
    if log.exists() and log.stat().st_size > _LOG_LIMIT_BYTES:
        shutil.copyfile(log, log.with_suffix(".log.old"))
        os.truncate(log, 0)


class Child:
    """One supervised program, and its present process, if any."""

    def __init__(self, program: Program, log: Path) -> None:
        self.program = program
        self.log = log
        self.deaths_in_a_row = 0
        self.record: ProcessRecord | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._next_start_at = 0.0
        self._next_rotation_at = 0.0

    def step(self, announce: Callable[[str], None]) -> bool:
        """Start the program if it is due, and notice its death. Returns whether a process has started or ended."""
        now = time.monotonic()
        if self._process is None:
            if now < self._next_start_at:
                return False
            self._start(now)
            return True
        code = self._process.poll()
        if code is None:
            if now >= self._next_rotation_at:
                self._next_rotation_at = now + _ROTATION_SECONDS
                rotate(self.log)
            return False
        self._process = self.record = None
        steady = now - self._started_at > _STEADY_AFTER_SECONDS
        self.deaths_in_a_row = 1 if steady else self.deaths_in_a_row + 1
        backoff = min(_FIRST_BACKOFF_SECONDS * 2 ** (self.deaths_in_a_row - 1), _LONGEST_BACKOFF_SECONDS)
        self._next_start_at = now + backoff
        announce(
            tr(
                "{name} {value}; starting it again in {backoff} s",
                name=self.program.name,
                value=_how_it_ended(code),
                backoff=f"{backoff:.1f}",
            )
        )
        return True

    def process(self) -> psutil.Process | None:
        """The program's present process, if any. A child of ours keeps its id until it is reaped."""
        if self._process is None or self._process.poll() is not None:
            return None
        return psutil.Process(self._process.pid)

    def reap(self) -> None:
        """Reap a process that has ended."""
        if self._process is not None:
            self._process.wait()
        self._process = self.record = None

    def _start(self, now: float) -> None:
        rotate(self.log)
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self.program.command,
                env=self.program.environment,
                cwd=self.log.parent,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=dies_with_us(signal.SIGTERM),
            )
        self._started_at = now
        try:
            self.record = ProcessRecord.of(self._process.pid)
        except psutil.NoSuchProcess:
            self.record = None


class Supervisor:
    """Runs programs until it is stopped. One thread calls ``step`` about every tenth of a second.

    A program that dies is restarted: at once the first time, then after pauses that double up to 10 s. Its output goes
    to ``<name>.log`` in ``logs``. Each program is a session of its own, so Ctrl-C in the terminal reaches only us, and
    the programs are ended in order.
    """

    def __init__(self, programs: Sequence[Program], logs: Path, announce: Callable[[str], None]) -> None:
        self.children = tuple(Child(program, logs / f"{program.name}.log") for program in programs)
        self._announce = announce

    def step(self) -> bool:
        """Look after every program once. Returns whether a process has started or ended."""
        changes = [child.step(self._announce) for child in self.children]
        return any(changes)

    def stop(self) -> None:
        """End all programs: SIGTERM, 30 s to finish their work, then SIGKILL. None is left on return."""
        alive = [process for child in self.children if (process := child.process())]
        descendants = [below for process in alive for below in process.children(recursive=True)]
        end(alive, (signal.SIGTERM,), _DRAIN_SECONDS)
        end(descendants, (), 0)
        for child in self.children:
            child.reap()


def _how_it_ended(code: int) -> str:
    if code >= 0:
        return tr("ended with exit code {code}", code=code)
    return tr("was killed by {signal}", signal=signal.Signals(-code).name)
