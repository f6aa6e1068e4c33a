"""The metrics that assignment reports about its runs."""

import time

from placing_scene import Scene
from prometheus_client import REGISTRY


async def test_a_placement_run_reports_the_time_of_its_success(scene: Scene) -> None:
    before = time.time()
    await scene.run()
    assert (REGISTRY.get_sample_value("task_last_success_timestamp_seconds", {"task": "placement"}) or 0) >= before
