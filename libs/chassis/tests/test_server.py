"""A real process: SIGTERM finishes the running requests, runs the shutdown, and returns."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from chassis.testing import mint, test_settings
from recobro.postgres import free_port

pytestmark = pytest.mark.process

PROGRAM = """
import asyncio, os, sys
from chassis import Router, create_app, reads, serve
from chassis.settings import Settings
from contextlib import asynccontextmanager
from recobro_events import Database
from fastapi import Request

settings = Settings.load("portfolio")
router = Router()

@router.get("/slow", dependencies=[reads("portfolio")])
async def slow(request: Request) -> dict[str, str]:
    print("IN", flush=True)
    await request.app.state.stopping.wait()
    await asyncio.sleep(0.3)
    return {"finished": "yes"}

@asynccontextmanager
async def own():
    yield
    print("CLEANED UP", flush=True)

app = create_app(service="portfolio", title="Toy", settings=settings, database=Database(settings.database_url),
                 runtime=None, routers=[router], lifespan=[own])
serve(app, settings.host, int(sys.argv[1]))
print("RETURNED", flush=True)
"""


@asynccontextmanager
async def process(dsn: str, port: int, tmp_path: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    (tmp_path / "program.py").write_text(PROGRAM)
    settings = test_settings(dsn)
    environment = os.environ | {
        "RECOBRO_DATABASE_URL": dsn,
        "RECOBRO_LOG_URL": dsn,
        "RECOBRO_JWT_PUBLIC_KEY_FILE": str(settings.jwt_public_key_file),
    }
    started = await asyncio.create_subprocess_exec(
        sys.executable, str(tmp_path / "program.py"), str(port), env=environment, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
            await started.wait()


async def line_with(process: asyncio.subprocess.Process, text: str) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(240):
        while line := (await process.stdout.readline()).decode():
            if text in line:
                return line
    raise AssertionError(f"the process ended without printing {text}")


async def test_a_signal_lets_requests_finish(service_dsn: str, tmp_path: Path) -> None:
    port = free_port()
    async with process(service_dsn, port, tmp_path) as started, httpx.AsyncClient(timeout=240) as client:
        await line_with(started, '"started"')
        await line_with(started, "Uvicorn running on")
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /" + b"a" * 66_000)
        assert (await reader.readline()).split()[1] == b"431", "the server keeps its limits"
        writer.close()
        headers = {"Authorization": f"Bearer {mint()}"}
        slow = asyncio.create_task(client.get(f"http://127.0.0.1:{port}/slow", headers=headers))
        await line_with(started, "IN")
        started.send_signal(signal.SIGTERM)
        answer = await slow
        assert (answer.status_code, answer.json()) == (200, {"finished": "yes"})
        rest = (await started.stdout.read()).decode() if started.stdout else ""
        assert await started.wait() == 0
    assert "CLEANED UP" in rest
    assert "RETURNED" in rest
    lines = [json.loads(line) for line in rest.splitlines() if line.startswith("{")]
    assert [line["route"] for line in lines if line["event"] == "request"] == ["/slow"]


async def test_a_process_ends_if_its_port_is_taken(service_dsn: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        async with process(service_dsn, taken.getsockname()[1], tmp_path) as second, asyncio.timeout(240):
            output, _ = await second.communicate()
    assert second.returncode not in (0, None)
    assert b"CLEANED UP" in output
