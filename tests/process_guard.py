"""Only tests that are marked ``process`` start processes, so that `make test-fast` leaves out all who do.

Others are stopped by Python's audit hooks, which see every way to start one, asyncio's and multiprocessing's too.
"""

import sys
import threading
from typing import Any

_STARTS = frozenset({"subprocess.Popen", "os.posix_spawn", "os.fork", "os.forkpty", "os.system", "os.spawn"})


class ProcessStarted(AssertionError):
    """A test that is not marked ``process`` has started one."""


class Guard:
    """Between ``watch`` and ``release`` this Python refuses to start processes, but in threads that ``permit`` it."""

    def __init__(self) -> None:
        self._refused: list[str] = []
        self._watches = False
        self._permitted = threading.local()
        # An audit hook stays for ever.
        sys.addaudithook(self._hear)

    def watch(self) -> None:
        self._refused = []
        self._watches = True

    def release(self) -> None:
        self._watches = False

    def check(self) -> None:
        """``ProcessStarted`` when one was refused since the last look: who asked may have caught that."""
        refused, self._refused = self._refused, []
        if refused:
            raise ProcessStarted(f"it starts processes, and is not marked pytest.mark.process: {refused}")

    def permit(self) -> None:
        """Let this thread start processes: those of the servers that the whole run shares."""
        self._permitted.here = True

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._watches and event in _STARTS and not getattr(self._permitted, "here", False):
            what = f"{event} {arguments[0]}" if arguments else event
            self._refused.append(what)
            raise ProcessStarted(f"only tests that are marked pytest.mark.process start processes: {what}")


GUARD = Guard()
