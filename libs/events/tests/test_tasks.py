"""Work beside other work ends when it is told to, also where a library loses the word."""

import asyncio

import pytest
from recobro_events._tasks import beside, end


async def test_what_loses_a_cancellation_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recobro_events._tasks._ONCE_MORE_SECONDS", 0.01)
    heard = 0

    async def stubborn() -> None:
        nonlocal heard
        while heard < 2:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                heard += 1

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    await asyncio.wait_for(end(task), 60)
    assert (task.done(), heard) == (True, 2)


async def test_it_runs_while_the_block_does_and_its_failure_is_no_failure_of_the_block() -> None:
    seen: list[str] = []

    async def work() -> None:
        try:
            seen.append("begun")
            await asyncio.Event().wait()
        finally:
            seen.append("ended")
            raise RuntimeError("while it ended")

    async with beside(work(), "work"):
        await asyncio.sleep(0)
        assert seen == ["begun"]
    assert seen == ["begun", "ended"]
