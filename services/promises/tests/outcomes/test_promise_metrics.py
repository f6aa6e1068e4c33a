"""The metrics of promise checks and of the promise watch."""

import time

import pytest
from agreement_scene import done, proposed, schedule
from prometheus_client import REGISTRY
from promise_scene import Scene
from promises.agreements.settling import report_undecided


def succeeded_at(task: str) -> float:
    return REGISTRY.get_sample_value("task_last_success_timestamp_seconds", {"task": task}) or 0.0


@pytest.mark.usefixtures("watch")
async def test_a_check_and_the_watch_report_the_time_of_their_last_success(scene: Scene) -> None:
    before = time.time()
    await scene.run_check(7)
    assert succeeded_at("promise-check") >= before
    while succeeded_at("promise-watch") < before:
        await scene.until("SELECT pg_sleep(0.05) IS NOT NULL")


async def test_a_proposal_is_reported_until_a_second_person_has_decided(scene: Scene) -> None:
    async def waits() -> bool:
        await report_undecided(scene.database)
        return bool(REGISTRY.get_sample_value("agreement_oldest_undecided_timestamp_seconds"))

    assert not await waits()
    agreement = await proposed(scene, await scene.registered(), schedule=schedule((5, "700.00")))
    assert await waits()
    await done(scene, agreement, "approval")
    assert not await waits()
