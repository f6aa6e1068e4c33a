"""Writes at a fixed rate, without waiting for the previous write."""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable

from event_bench.reporting import report

Write = Callable[[int], Awaitable[None]]


async def follow_orders(write: Write, stop: asyncio.Event, *, stamp_before: bool) -> None:
    """Write as standard input orders: ``{"rate": 100, "first": 1, "count": 500}``. Count 0: until ``{"enough": true}``.

    Afterwards report by number when each write was committed, or with ``stamp_before`` when it began.
    """
    lines = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(lines)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    enough = asyncio.Event()
    writing: asyncio.Task[None] | None = None
    reading = asyncio.ensure_future(lines.readline())
    stopping = asyncio.ensure_future(stop.wait())
    while not stop.is_set():
        await asyncio.wait({reading, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not reading.done():
            continue
        if not (line := reading.result()):
            break
        order = json.loads(line)
        if "enough" in order:
            enough.set()
        else:
            enough.clear()
            writing = asyncio.create_task(_write(write, enough, stamp_before=stamp_before, **order))
        reading = asyncio.ensure_future(lines.readline())
    await stop.wait()
    if writing is not None and not writing.done():
        writing.cancel()


async def _write(
    write: Write, enough: asyncio.Event, *, rate: float, first: int, count: int, stamp_before: bool
) -> None:
    stamps: dict[int, float] = {}

    async def one(n: int) -> None:
        before = time.monotonic()
        await write(n)
        stamps[n] = before if stamp_before else time.monotonic()

    started, tasks, n = time.monotonic(), [], 0
    while not enough.is_set() and (count == 0 or n < count):
        await asyncio.sleep(max(0.0, started + n / rate - time.monotonic()))
        tasks.append(asyncio.create_task(one(first + n)))
        n += 1
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    if failed := [outcome for outcome in outcomes if outcome is not None]:
        print(f"{len(failed)} of {n} writes failed, the first with {failed[0]!r}", file=sys.stderr)
    report(written=stamps)
