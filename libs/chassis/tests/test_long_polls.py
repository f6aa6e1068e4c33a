"""A long poll answers at a notification, at its end or when the process stops, and leaves nothing behind."""

import asyncio

from chassis import long_poll

FOREVER_SECONDS = 3600.0


class Board:
    """A value that changes now and then, and wakes its listeners."""

    def __init__(self) -> None:
        self.written = 0
        self.looked_at = asyncio.Event()
        self.listeners: list[asyncio.Future[None]] = []

    def listen(self) -> "asyncio.Future[None]":
        self.listeners.append(asyncio.get_running_loop().create_future())
        return self.listeners[-1]

    async def look(self) -> int:
        self.looked_at.set()
        return self.written

    def write(self) -> None:
        self.written += 1
        for listener in self.listeners:
            if not listener.done():
                listener.set_result(None)

    async def poll(self, wait_seconds: float, stopping: asyncio.Event) -> int:
        return await long_poll(
            self.look, self.listen, until=lambda found: found > 0, wait_seconds=wait_seconds, stopping=stopping
        )


async def test_it_answers_at_the_news() -> None:
    board = Board()
    asked = asyncio.create_task(board.poll(FOREVER_SECONDS, asyncio.Event()))
    await board.looked_at.wait()
    board.write()
    assert await asked == 1
    assert all(listener.done() for listener in board.listeners)


async def test_what_is_there_already_is_not_waited_for() -> None:
    board = Board()
    board.write()
    assert await board.poll(FOREVER_SECONDS, asyncio.Event()) == 1


async def test_news_that_nobody_told_of_is_found_all_the_same() -> None:
    board = Board()
    asked = asyncio.create_task(board.poll(FOREVER_SECONDS, asyncio.Event()))
    await board.looked_at.wait()
    board.written = 1
    assert await asked == 1


async def test_without_news_it_answers_after_its_time_or_when_we_stop() -> None:
    board, stopping = Board(), asyncio.Event()
    assert await board.poll(0.01, stopping) == 0
    stopping.set()
    assert await board.poll(FOREVER_SECONDS, stopping) == 0


async def test_who_gives_up_stops_listening() -> None:
    board = Board()
    asked = asyncio.create_task(board.poll(FOREVER_SECONDS, asyncio.Event()))
    await board.looked_at.wait()
    asked.cancel()
    await asyncio.wait({asked})
    assert [listener.cancelled() for listener in board.listeners] == [True]
