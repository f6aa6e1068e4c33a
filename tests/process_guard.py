"""Only tests marked ``process`` may start processes, so that `make test-fast` can leave them out.

Python's audit hooks stop the other tests. They see every way to start a process, also asyncio's and multiprocessing's.
"""

import sys
import threading
from typing import Any

_STARTS = frozenset({"subprocess.Popen", "os.posix_spawn", "os.fork", "os.forkpty", "os.system", "os.spawn"})


class ProcessStarted(AssertionError):
    """A test that is not marked ``process`` has tried to start a process."""


class Guard:
    """Between ``watch`` and ``release`` no thread may start a process, except those that have called ``permit``."""

    def __init__(self) -> None:
        self._refused: list[str] = []
        self._watches = False
        self._permitted = threading.local()
        # An audit hook cannot be removed.
        sys.addaudithook(self._on_audit_event)

    def watch(self) -> None:
        self._refused = []
        self._watches = True

    def release(self) -> None:
        self._watches = False

    def check(self) -> None:
        """Raise ``ProcessStarted`` if a start was refused since the last check, even if the test caught the error."""
        refused, self._refused = self._refused, []
        if refused:
            raise ProcessStarted(f"the test starts processes, and is not marked pytest.mark.process: {refused}")

    def permit(self) -> None:
        """Let this thread start processes. It is for the servers that the whole run shares."""
        self._permitted.here = True

    def _on_audit_event(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._watches and event in _STARTS and not getattr(self._permitted, "here", False):
            what = f"{event} {arguments[0]}" if arguments else event
            self._refused.append(what)
            raise ProcessStarted(f"only tests marked pytest.mark.process may start processes: {what}")


GUARD = Guard()
