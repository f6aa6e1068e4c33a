"""Background tasks of a service, each of which is kept.

A kept task that fails ends with its reason and touches no other task. It is started again after a pause that grows.
Until it has worked for a minute, ``/readyz``, ``recobro doctor`` and the metric ``runtime_task_failed`` name it. The
tasks of the event runtime are kept in the same way.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Kept:
    """A task that ``create_app`` keeps. ``run`` works until it is cancelled. It is called again after a failure."""

    name: str
    run: Callable[[], Awaitable[None]]


def keep(name: str, run: Callable[[], Awaitable[None]]) -> Kept:
    """For ``lifespan=[…]`` and ``background=[…]`` of ``create_app``. People read the name in ``/readyz``."""
    return Kept(name, run)
