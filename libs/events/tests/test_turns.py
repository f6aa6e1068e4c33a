"""Long work runs in short turns, so that other tasks run in between."""

import asyncio

from recobro_events._tasks import in_turns


async def test_other_tasks_run_between_slices_and_every_item_is_yielded() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    others = asyncio.create_task(count())
    done = [item async for some in in_turns(range(170)) for item in some]
    others.cancel()
    assert done == list(range(170))
    assert turns == 3
