"""The tasks of a runtime. A task that fails does not end the others; it is named as failed, and started again."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from recobro_events import _metrics as metrics
from recobro_events._backoff import Backoff
from recobro_events._errors import CannotContinue

SETTLED_SECONDS = 60.0
_FIRST_PAUSE_SECONDS = 1.0
_MOST_PAUSE_SECONDS = 60.0

log = structlog.get_logger()


class Tasks:
    """Runs the tasks of ``service``, until ``stop``.

    A task that fails does not end the others. It is started again after a pause, which grows from 1 s to 60 s, and
    ``problems`` names it until it has worked for ``SETTLED_SECONDS``. A task that ``gives_up`` is not started again
    after ``CannotContinue``.
    """

    def __init__(self, service: str) -> None:
        self._service = service
        self._failed: dict[str, str] = {}
        self._given_up: dict[str, CannotContinue] = {}
        self._stopping = asyncio.Event()

    def start(self, name: str, run: Callable[[], Awaitable[None]], *, gives_up: bool = False) -> asyncio.Task[None]:
        """Run ``run`` as a task, until it returns. A task that had given up under this name is forgotten."""
        self._given_up.pop(name, None)
        return asyncio.create_task(self._run(name, run, gives_up=gives_up), name=name)

    def stop(self) -> None:
        """Start no failed task again. The tasks that are running go on."""
        self._stopping.set()

    def given_up(self, name: str) -> CannotContinue | None:
        """Why this task has given up; None if it has not."""
        return self._given_up.get(name)

    def problems(self) -> list[str]:
        """The tasks that have failed, each with the reason."""
        stopped = [f"{name} has stopped: {why}" for name, why in sorted(self._given_up.items())]
        return stopped + [
            f"{name} has failed and is started again: {why}" for name, why in sorted(self._failed.items())
        ]

    async def _run(self, name: str, run: Callable[[], Awaitable[None]], *, gives_up: bool) -> None:
        backoff = Backoff(_FIRST_PAUSE_SECONDS, _MOST_PAUSE_SECONDS)
        self._works(name)
        while not self._stopping.is_set():
            settled = asyncio.get_running_loop().call_later(SETTLED_SECONDS, self._settled, name, backoff)
            try:
                await run()
                self._works(name)
                return
            except CannotContinue as error:
                if gives_up:
                    self._given_up[name] = error
                    return
                log.critical("runtime_task_failed", subject=name, error=str(error))
                self._fails(name, str(error))
            except (Exception, asyncio.CancelledError) as error:
                # A library may raise CancelledError although nobody has cancelled this task.
                if isinstance(error, asyncio.CancelledError) and _is_cancelled():
                    raise
                log.critical("runtime_task_failed", subject=name, error=type(error).__name__, exc_info=True)
                self._fails(name, f"unexpected {type(error).__name__}")
            finally:
                settled.cancel()
            await backoff.wait(self._stopping)

    def _settled(self, name: str, backoff: Backoff) -> None:
        backoff.reset()
        self._works(name)

    def _works(self, name: str) -> None:
        self._failed.pop(name, None)
        metrics.TASK_FAILED.labels(self._service, name).set(0)

    def _fails(self, name: str, why: str) -> None:
        self._failed[name] = why
        metrics.TASK_FAILED.labels(self._service, name).set(1)


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
