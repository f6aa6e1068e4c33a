"""The processes that are measured: started, listened to, ended."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil
from recobro.processes import dies_with_us

from event_bench.servers import Servers

_BENCH = Path(__file__).parents[1]
_PEERS_PYTHON = _BENCH.parent / ".bench-peers" / "bin" / "python"
_STOP_SECONDS = 20.0
_PATIENCE_SECONDS = 300.0


class Member:
    """A process that says in lines of JSON how far it is."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.said: list[dict[str, Any]] = []
        self.peak_bytes = 0
        self._process = process
        self._news = asyncio.Event()
        self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._weigh())]

    @property
    def ended(self) -> bool:
        return self._process.returncode is not None or self._tasks[0].done()

    async def tell(self, **what: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what).encode() + b"\n")
        await self._process.stdin.drain()

    async def heard(self, what: str, count: int = 1) -> dict[str, Any]:
        """Its ``count``-th line with this in it, once it has come."""
        found: list[dict[str, Any]] = []
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while len(found := [line for line in self.said if what in line]) < count:
                await self.news()
        return found[count - 1]

    async def news(self) -> None:
        """Return when it has said something more; ``RuntimeError`` when it has ended."""
        if self.ended:
            raise RuntimeError(f"a measured process has ended ({self._process.returncode})")
        self._news.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), 1)

    async def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), _STOP_SECONDS)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            if line.startswith(b"{"):
                self.said.append(json.loads(line))
                self._news.set()
            else:
                sys.stderr.buffer.write(line)

    async def _weigh(self) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(self._process.pid)
            while True:
                self.peak_bytes = max(self.peak_bytes, process.memory_info().rss)
                await asyncio.sleep(0.05)


async def member(servers: Servers, role: str, **what: object) -> Member:
    """One of our own processes."""
    spec = json.dumps({"servers": asdict(servers), **what})
    return await _start([sys.executable, "-m", "event_bench.member", role, spec])


async def peer(servers: Servers, program: str, **what: object) -> Member:
    """One of those in bench/peers."""
    spec = json.dumps({"kafka": servers.kafka, "database": servers.reader, **what})
    return await _start([str(_PEERS_PYTHON), "-m", f"peers.{program}", spec])


async def _start(command: Sequence[str]) -> Member:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=64 * 1024 * 1024,
        env={**os.environ, "PYTHONPATH": str(_BENCH)},
        preexec_fn=dies_with_us(signal.SIGKILL),
    )
    return Member(process)


@contextlib.asynccontextmanager
async def stopped_afterwards(*starting: Any) -> Any:
    """The processes that are being started, ended with the block."""
    members = await asyncio.gather(*starting)
    try:
        yield members
    finally:
        await asyncio.gather(*(each.stop() for each in members))


async def all_applied(members: Sequence[Member], count: int) -> None:
    """Return when they have applied ``count`` events together."""

    def applied() -> int:
        return sum(line.get("applied", 0) for each in members for line in each.said)

    await _until(members, lambda: applied() >= count)


async def _until(members: Sequence[Member], holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while not holds():
            waiting = [asyncio.create_task(each.news()) for each in members]
            done, late = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in late:
                task.cancel()
            for task in done:
                task.result()


def rate_after_assignment(members: Sequence[Member]) -> float:
    """Events applied a second, from when the partitions were last given out to the last event."""
    started = max(line["at"] for each in members for line in each.said if "assigned" in line)
    applied = [line for each in members for line in each.said if "applied" in line and line["at"] > started]
    return float(sum(line["applied"] for line in applied) / (max(line["at"] for line in applied) - started))
