"""Faults of processes: they are killed, frozen and restarted, and others join them."""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from uuid import uuid4

import httpx
import psutil
from faults.waiting import until
from faults.world import READY_SECONDS, World
from recobro.processes import dies_with_us, end
from recobro.services import HOST, command_of
from recobro.session import free_port_base
from recobro_platform import service_named

_STOP_SECONDS = 60.0


async def kill(world: World, name: str) -> None:
    """Kill a service or the PostgreSQL server with SIGKILL. Return when another process runs in its place."""
    pid = await world.running(name)
    world.fault(f"SIGKILL {name}")
    os.kill(pid, signal.SIGKILL)
    await world.running(name, other_than=pid)


async def restart(world: World, name: str) -> None:
    """Send SIGTERM to a service, and wait until every service is ready again."""
    pid = await world.running(name)
    world.fault(f"SIGTERM {name}")
    os.kill(pid, signal.SIGTERM)
    await world.running(name, other_than=pid)
    await world.ready()


async def freeze(world: World, name: str, seconds: float) -> None:
    """Stop a service, or PostgreSQL with all its backends, with SIGSTOP, and continue it after ``seconds``."""
    process = psutil.Process(await world.running(name))
    world.fault(f"SIGSTOP {name}")
    with frozen([process, *process.children(recursive=True)]):
        await asyncio.sleep(seconds)


@contextlib.contextmanager
def frozen(processes: list[psutil.Process]) -> Iterator[None]:
    try:
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()
        yield
    finally:
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()


class Member:
    """A second process of a service, with the same database and its own address."""

    def __init__(self, process: "subprocess.Popen[bytes]", url: str) -> None:
        self.process = psutil.Process(process.pid)
        self.url = url
        self._process = process

    def leave(self, *sent: signal.Signals) -> None:
        """End the process with these signals, or with SIGKILL if there are none."""
        end([self.process], sent, _STOP_SECONDS)
        self._process.wait(_STOP_SECONDS)


@contextlib.asynccontextmanager
async def another(world: World, name: str) -> AsyncIterator[Member]:
    """Start another process of a service, and yield it once it is ready. At the end it leaves, unless it has left."""
    environment = psutil.Process(await world.running(name)).environ()
    port_base = free_port_base()
    environment |= {"RECOBRO_PORT_BASE": str(port_base), "RECOBRO_INSTANCE": f"other-{uuid4().hex[:8]}"}
    if world.brokers:
        # A member with a name would keep its partitions for a whole session after it has left.
        del environment["RECOBRO_INSTANCE"]
    service = service_named(name)
    world.fault(f"another {name} joins")
    log = world.data.logs / f"{name}.{port_base}.log"
    process = _started(command_of(service), environment, log)
    member = Member(process, f"http://{HOST}:{port_base + service.port_offset}")
    try:
        await until(lambda: _is_ready(member.url), READY_SECONDS)
        yield member
    finally:
        if process.poll() is None:
            world.fault(f"another {name} leaves")
            await asyncio.to_thread(member.leave, signal.SIGTERM)


def _started(command: Sequence[str], environment: Mapping[str, str], log: Path) -> "subprocess.Popen[bytes]":
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            env=environment,
            cwd=log.parent,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            preexec_fn=dies_with_us(signal.SIGTERM),
        )


async def _is_ready(url: str) -> bool:
    async with httpx.AsyncClient(trust_env=False, timeout=2) as http:
        try:
            return (await http.get(f"{url}/readyz")).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False
