"""The metrics of promise checks and of the promise watch."""

import time

from prometheus_client import REGISTRY
from promise_scene import Scene


def succeeded_at(task: str) -> float:
    return REGISTRY.get_sample_value("task_last_success_timestamp_seconds", {"task": task}) or 0.0


async def test_a_check_and_the_watch_report_the_time_of_their_last_success(scene: Scene) -> None:
    before = time.time()
    await scene.run_check(7)
    assert succeeded_at("promise-check") >= before
    while succeeded_at("promise-watch") < before:
        await scene.until("SELECT pg_sleep(0.05) IS NOT NULL")
