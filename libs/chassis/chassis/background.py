"""Background tasks of a service, each of which is kept.

A kept task that fails ends with its reason and touches no other task. It is started again after a pause that grows.
Until it has worked for a minute, ``/readyz``, ``recobro doctor`` and the metric ``runtime_task_failed`` name it. The
tasks of the event runtime are kept in the same way.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from recobro_events import TRANSIENT_ERRORS, Backoff

_MOST_PAUSE_SECONDS = 30.0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Kept:
    """A task that ``create_app`` keeps. ``run`` works until it is cancelled. It is called again after a failure."""

    name: str
    run: Callable[[], Awaitable[None]]


def keep(name: str, run: Callable[[], Awaitable[None]]) -> Kept:
    """For ``lifespan=[…]`` and ``background=[…]`` of ``create_app``. People read the name in ``/readyz``."""
    return Kept(name, run)


def polled(name: str, work: Callable[[], Awaitable[object]], poll_seconds: float) -> Kept:
    """Call ``work`` again and again, and ``poll_seconds`` after it had nothing to do, which is when it returns false.

    After a transient error of the database or the log the pause grows, to half a minute.
    """

    async def run() -> None:
        backoff = Backoff(poll_seconds, _MOST_PAUSE_SECONDS)
        while True:
            try:
                worked = await work()
                backoff.reset()
            except TRANSIENT_ERRORS as error:
                _log.warning("work_interrupted", subject=name, error=type(error).__name__, exc_info=True)
                await backoff.wait()
                continue
            if not worked:
                await asyncio.sleep(poll_seconds)

    return keep(name, run)
