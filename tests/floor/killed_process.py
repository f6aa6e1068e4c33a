"""All services over the embedded log, dialer-feed in a process of its own that is killed with SIGKILL."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from chassis.testing import mint, test_settings
from fresh_databases import FreshDatabases
from recobro_events import Transport
from recobro_events.postgres import PostgresTransport
from recobro_platform import SERVICES
from services_in_process import PARTITIONS, InProcessPlatform

_DIALER = next(service for service in SERVICES if service.name == "dialer-feed")
_PATIENCE_SECONDS = 120


class PlatformWithAProcess(InProcessPlatform):
    """As ``InProcessPlatform``. To stop dialer-feed is to kill it, so nothing in it can end in order."""

    def __init__(self, databases: FreshDatabases, log_dsn: str, output: Path) -> None:
        super().__init__(databases)
        self._log_dsn = log_dsn
        self._output = output
        self._process: asyncio.subprocess.Process | None = None
        self._port_base = _free_port() - _DIALER.port_offset
        self._token = mint()

    def log_of(self, service: str) -> Transport:  # noqa: ARG002 - each runtime closes its transport
        return PostgresTransport(self._log_dsn, PARTITIONS)

    async def start(self, *services: str) -> None:
        for service in services:
            if service == _DIALER.name:
                await self._start_process()
            else:
                await super().start(service)

    async def stop(self, *services: str) -> None:
        if _DIALER.name in services or not services:
            await self._kill()
        if rest := [service for service in services if service != _DIALER.name]:
            await super().stop(*rest)
        elif not services:
            await super().stop()

    async def _start_process(self) -> None:
        """Start ``floor.any_hour``: the service as it is, except that hours decide about no call."""
        settings = test_settings(self.dsns[_DIALER.name], service=_DIALER.name)
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH")])),
            "RECOBRO_DATABASE_URL": self.dsns[_DIALER.name],
            "RECOBRO_OWNER_DATABASE_URL": self.dsns[_DIALER.name].replace("//service:", "//postgres:", 1),
            "RECOBRO_LOG_URL": self._log_dsn,
            "RECOBRO_INSTANCE": "killed",
            "RECOBRO_HOST": "127.0.0.1",
            "RECOBRO_PORT_BASE": str(self._port_base),
            "RECOBRO_JWT_PUBLIC_KEY_FILE": str(settings.jwt_public_key_file),
        }
        with self._output.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "floor.any_hour", env=environment, stdout=output, stderr=output
            )
        url = f"http://127.0.0.1:{self._port_base + _DIALER.port_offset}"
        headers = {"Authorization": f"Bearer {self._token}"}
        client = httpx.AsyncClient(base_url=url, headers=headers, timeout=60)
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while not await _is_ready(client):
                assert self._process.returncode is None, self._output.read_text()[-4000:]
                await asyncio.sleep(0.1)
        self.clients[_DIALER.name] = client

    async def _kill(self) -> None:
        if self._process is None:
            return
        if self._process.returncode is None:
            self._process.kill()
        # A process that has ended by itself was not killed: it has failed.
        assert await self._process.wait() == -signal.SIGKILL, self._output.read_text()[-4000:]
        self._process = None
        await self.clients[_DIALER.name].aclose()

    async def is_quiet(self) -> bool:
        return (
            await super().is_quiet()
            and not await self.has_unsent(_DIALER.name, "events", "bulk")
            and await self._has_read_everything()
        )

    async def _has_read_everything(self) -> bool:
        positions = await self.rows(_DIALER.name, "SELECT topic, partition, next_offset FROM consumer_position")
        ends = await self._ends()
        return bool(positions) and all(row["next_offset"] >= ends[row["topic"], row["partition"]] for row in positions)

    async def _ends(self) -> dict[tuple[str, int], int]:
        self.dsns.setdefault("log", self._log_dsn)
        rows = await self.rows("log", "SELECT name, partition, next_offset FROM partition JOIN topic USING (topic_id)")
        return {(row["name"], row["partition"]): row["next_offset"] for row in rows}


async def _is_ready(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/readyz")).status_code == 200
    except httpx.HTTPError:
        return False


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port


@asynccontextmanager
async def all_services_with_a_process(databases: FreshDatabases, folder: Path) -> AsyncIterator[InProcessPlatform]:
    """Yield a platform on which every service runs, dialer-feed in a process of its own."""
    platform = PlatformWithAProcess(databases, await databases.empty(), folder / "dialer-feed.log")
    try:
        names = [service.name for service in SERVICES]
        for service in names:
            await platform.create(service)
        await platform.start(*names)
        yield platform
    finally:
        await platform.end()
