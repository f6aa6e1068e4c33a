"""A gate: so many at once, so many of each, and turns."""

import asyncio

from chassis.gates import Gate

LONG_SECONDS = 60.0


class Door:
    """Requests that wait at a gate. ``inside`` are the callers in the order in which they entered."""

    def __init__(self, total: int, each: int) -> None:
        self.gate = Gate(total, each)
        self.inside: list[str] = []
        self.waiting: list[asyncio.Task[None]] = []

    async def arrive(self, *callers: str) -> None:
        for caller in callers:
            self.waiting.append(asyncio.create_task(self._enter(caller)))
        await settled()

    async def _enter(self, caller: str) -> None:
        if await self.gate.enter(caller, LONG_SECONDS):
            self.inside.append(caller)

    async def leave(self, caller: str) -> None:
        self.gate.leave(caller)
        await settled()


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_so_many_of_each_caller_and_so_many_in_all_are_inside() -> None:
    door = Door(total=3, each=2)
    await door.arrive("a", "a", "a", "b", "c")
    assert door.inside == ["a", "a", "b"]
    assert (door.gate.holds_back("a"), door.gate.holds_back("b")) == (True, False)
    await door.leave("b")
    assert door.inside == ["a", "a", "b", "c"]
    await door.leave("a")
    assert door.inside == ["a", "a", "b", "c", "a"]


async def test_a_caller_with_many_requests_does_not_delay_one_with_few() -> None:
    door = Door(total=1, each=1)
    await door.arrive("flood", *["flood"] * 20, "few", "few", "other")
    for caller in ("flood", "flood", "few", "other", "flood", "few"):
        assert door.inside[-1] == caller
        await door.leave(caller)
    assert door.inside[-1] == "flood"


async def test_who_arrives_does_not_overtake_the_caller_s_own_requests() -> None:
    door = Door(total=2, each=1)
    await door.arrive("a", "a")
    door.gate.leave("a")
    late = asyncio.create_task(door.gate.enter("a", 0))
    await settled()
    assert door.inside == ["a", "a"]
    assert await late is False


async def test_who_waited_in_vain_is_out_of_the_queue() -> None:
    door = Door(total=1, each=1)
    await door.arrive("a")
    assert await door.gate.enter("a", 0) is False
    assert await door.gate.enter("b", 0) is False
    await door.leave("a")
    await door.arrive("c")
    assert door.inside == ["a", "c"]


async def test_who_gives_up_leaves_its_place_to_others() -> None:
    door = Door(total=1, each=1)
    await door.arrive("a", "b", "c", "d")
    door.waiting[1].cancel()
    await settled()
    door.gate.leave("a")
    # Admitted a moment ago, and gone before it could begin.
    door.waiting[2].cancel()
    await settled()
    assert door.inside == ["a", "d"]
