"""Tasks: the duration and the outcome of each run, and the time of the last success."""

import asyncio
import time
from uuid import uuid4

import pytest
from chassis import Conflict, Unavailable
from chassis.metrics import Task
from prometheus_client import REGISTRY


def succeeded_at(name: str) -> float | None:
    return REGISTRY.get_sample_value("task_last_success_timestamp_seconds", {"task": name})


def runs(name: str, outcome: str) -> float | None:
    return REGISTRY.get_sample_value("task_duration_seconds_count", {"task": name, "outcome": outcome})


def test_a_successful_run_sets_its_time_and_a_task_that_never_ran_shows_zero() -> None:
    name = uuid4().hex
    task = Task(name)
    assert succeeded_at(name) == 0
    before = time.time()
    with task.run():
        pass
    assert before <= (succeeded_at(name) or 0) <= time.time()
    assert runs(name, "done") == 1


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (Conflict("not now"), "refused"),
        (Unavailable("away"), "failed"),
        (TimeoutError(), "failed"),
        (asyncio.CancelledError(), "interrupted"),
    ],
)
def test_a_run_that_raises_is_no_success(error: BaseException, outcome: str) -> None:
    name = uuid4().hex
    with pytest.raises(type(error)), Task(name).run():
        raise error
    assert runs(name, outcome) == 1
    assert succeeded_at(name) == 0
