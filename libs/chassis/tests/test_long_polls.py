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


async def test_a_notification_ends_the_poll() -> None:
    board = Board()
    poll = asyncio.create_task(board.poll(FOREVER_SECONDS, asyncio.Event()))
    await board.looked_at.wait()
    board.write()
    assert await poll == 1
    assert all(listener.done() for listener in board.listeners)


async def test_a_poll_with_something_to_answer_does_not_wait() -> None:
    board = Board()
    board.write()
    assert await board.poll(FOREVER_SECONDS, asyncio.Event()) == 1


async def test_a_change_without_a_notification_is_found() -> None:
    board = Board()
    poll = asyncio.create_task(board.poll(FOREVER_SECONDS, asyncio.Event()))
    await board.looked_at.wait()
    board.written = 1
    assert await poll == 1


async def test_a_poll_without_changes_ends_after_its_time_or_at_shutdown() -> None:
    board, stopping = Board(), asyncio.Event()
    assert await board.poll(0.01, stopping) == 0
    stopping.set()
    assert await board.poll(FOREVER_SECONDS, stopping) == 0


async def test_a_cancelled_poll_cancels_its_waiter() -> None:
    board = Board()
    poll = asyncio.create_task(board.poll(FOREVER_SECONDS, asyncio.Event()))
    await board.looked_at.wait()
    poll.cancel()
    await asyncio.wait({poll})
    assert [listener.cancelled() for listener in board.listeners] == [True]
