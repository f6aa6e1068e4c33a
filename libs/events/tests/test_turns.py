"""Long work lets everybody else have a turn."""

import asyncio

from recobro_events._tasks import in_turns


async def test_others_have_a_turn_between_pieces_of_work_and_nothing_is_left_out() -> None:
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
