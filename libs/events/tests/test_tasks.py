"""Background tasks end when they are cancelled, even if a library loses the cancellation."""

import asyncio

import pytest
from recobro_events._tasks import beside, end


async def test_a_task_that_loses_a_cancellation_is_cancelled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recobro_events._tasks._CANCEL_AGAIN_SECONDS", 0.01)
    cancellations = 0

    async def stubborn() -> None:
        nonlocal cancellations
        while cancellations < 2:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancellations += 1

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    await asyncio.wait_for(end(task), 240)
    assert (task.done(), cancellations) == (True, 2)


async def test_background_work_ends_with_its_block_and_its_failure_is_not_raised() -> None:
    steps: list[str] = []

    async def work() -> None:
        try:
            steps.append("begun")
            await asyncio.Event().wait()
        finally:
            steps.append("ended")
            raise RuntimeError("while it ended")

    async with beside(work(), "work"):
        await asyncio.sleep(0)
        assert steps == ["begun"]
    assert steps == ["begun", "ended"]
