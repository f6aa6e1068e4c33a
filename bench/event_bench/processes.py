"""Starts and ends the measured processes, and reads their reports."""

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
    """A process that reports its progress in lines of JSON."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.reports: list[dict[str, Any]] = []
        self.peak_bytes = 0
        self._process = process
        self._reported = asyncio.Event()
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._measure_memory())]

    @property
    def ended(self) -> bool:
        return self._process.returncode is not None or self._tasks[0].done()

    async def send(self, **order: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        await self._process.stdin.drain()

    async def report(self, name: str, count: int = 1) -> dict[str, Any]:
        """Wait for the ``count``-th report that has ``name``, and return it."""
        found: list[dict[str, Any]] = []
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while len(found := [line for line in self.reports if name in line]) < count:
                await self.next_report()
        return found[count - 1]

    async def next_report(self) -> None:
        """Return at the next report, or after a second. Raises ``RuntimeError`` if the process has ended."""
        if self.ended:
            raise RuntimeError(f"a measured process has ended ({self._process.returncode})")
        self._reported.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._reported.wait(), 1)

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

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            if line.startswith(b"{"):
                self.reports.append(json.loads(line))
                self._reported.set()
            else:
                sys.stderr.buffer.write(line)

    async def _measure_memory(self) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(self._process.pid)
            while True:
                self.peak_bytes = max(self.peak_bytes, process.memory_info().rss)
                await asyncio.sleep(0.05)


async def member(servers: Servers, role: str, **what: object) -> Member:
    """Start one of our own processes."""
    spec = json.dumps({"servers": asdict(servers), **what})
    return await _start([sys.executable, "-m", "event_bench.member", role, spec])


async def peer(servers: Servers, program: str, **what: object) -> Member:
    """Start a program of bench/peers."""
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
    """Yield the started processes, and end them with the block."""
    members = await asyncio.gather(*starting)
    try:
        yield members
    finally:
        await asyncio.gather(*(each.stop() for each in members))


async def all_applied(members: Sequence[Member], count: int) -> None:
    """Return when the members together have applied ``count`` events."""

    def applied() -> int:
        return sum(line.get("applied", 0) for each in members for line in each.reports)

    await _until(members, lambda: applied() >= count)


async def _until(members: Sequence[Member], holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while not holds():
            waiting = [asyncio.create_task(each.next_report()) for each in members]
            done, pending = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in pending:
                task.cancel()
            for task in done:
                task.result()


def rate_after_assignment(members: Sequence[Member]) -> float:
    """Return the events applied per second, from the last assignment of partitions to the last event."""
    started = max(line["at"] for each in members for line in each.reports if "assigned" in line)
    applied = [line for each in members for line in each.reports if "applied" in line and line["at"] > started]
    return float(sum(line["applied"] for line in applied) / (max(line["at"] for line in applied) - started))
