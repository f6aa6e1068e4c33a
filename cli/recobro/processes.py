"""Child processes that do not outlive their parent, cannot be confused with others, and end for certain."""

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Sequence

import psutil
from pydantic import BaseModel, ConfigDict

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
_START_TOLERANCE_SECONDS = 2.0
_KILL_PATIENCE_SECONDS = 10.0


def dies_with_us(sent: signal.Signals) -> Callable[[], None] | None:
    """Return the function that a child runs before its program, to receive ``sent`` when our thread or process ends.

    This works on Linux only. Elsewhere it returns None, and the next start ends the processes that are left.
    """
    if _LIBC is None:
        return None
    libc, parent = _LIBC, os.getpid()

    def tie() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(sent), 0, 0, 0)
        if os.getppid() != parent:
            os.kill(os.getpid(), sent)

    return tie


class ProcessRecord(BaseModel):
    """A process as recorded: its id and its start time (Unix seconds).

    The record leaves out the command line. A program that has just started shows none for a moment, and a script that
    executes another program shows a new one.
    """

    model_config = ConfigDict(frozen=True)

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> "ProcessRecord":
        """Return the record of the process with this id. Raises ``psutil.NoSuchProcess`` if there is none."""
        return cls(pid=pid, started=psutil.Process(pid).create_time())

    def find(self) -> psutil.Process | None:
        """Return the process if it is still the same one. Ids are used again, so the start time must agree too."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) <= _START_TOLERANCE_SECONDS
            if not same or process.status() == psutil.STATUS_ZOMBIE:
                return None
        except psutil.NoSuchProcess:
            return None
        return process


def is_alive(process: psutil.Process) -> bool:
    """Whether the process still runs. A process that has ended and waits to be reaped does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def end(processes: Iterable[psutil.Process], sent: Sequence[signal.Signals], patience_seconds: float) -> None:
    """Send each signal of ``sent`` in turn and wait after each, then send SIGKILL, until all processes are gone."""
    alive = [process for process in processes if is_alive(process)]
    for signal_ in (*sent, signal.SIGKILL):
        for process in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal_)
        patience = _KILL_PATIENCE_SECONDS if signal_ is signal.SIGKILL else patience_seconds
        deadline = time.monotonic() + patience
        while alive and time.monotonic() < deadline:
            time.sleep(0.02)
            alive = [process for process in alive if is_alive(process)]
        if not alive:
            return
