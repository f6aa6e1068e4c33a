"""A service runs as several processes, each with a part of the work."""

import asyncio
import contextlib
import os
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import httpx
import pytest
from chassis.migrations import upgrade
from chassis.process import BEHIND, WRONG_USE
from chassis.testing import mint, test_settings
from fresh_databases import SERVICE_ROLE
from portfolio.main import PROGRAM
from recobro.postgres import EmbeddedPostgres
from recobro.session import free_port_base

pytestmark = pytest.mark.timeout(600)


@dataclass
class Deployment:
    """The portfolio service's database, log and environment."""

    dsn: str
    environment: Mapping[str, str]
    folder: Path

    @contextlib.asynccontextmanager
    async def role(self, name: str) -> AsyncIterator[httpx.AsyncClient]:
        """Start a process of this role, and yield a client once the process is ready. It must end with exit code 0."""
        port_base = free_port_base()
        process = await self._start(name, port_base=port_base, stderr=asyncio.subprocess.DEVNULL)
        headers = {"Authorization": f"Bearer {mint()}"}
        try:
            async with httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{port_base + 1}", headers=headers, trust_env=False
            ) as client:
                await until(lambda: _is_ready(client))
                yield client
        finally:
            process.terminate()
            assert await asyncio.wait_for(process.wait(), 240) == 0

    async def value(self, query: str) -> object:
        connection = await asyncpg.connect(self.dsn)
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    async def _start(self, *arguments: str, port_base: int, stderr: int) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "portfolio",
            *arguments,
            env={**self.environment, "RECOBRO_PORT_BASE": str(port_base)},
            cwd=self.folder,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=stderr,
        )


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(240):
        while not await holds():  # noqa: ASYNC110 - another process cannot set an asyncio.Event
            await asyncio.sleep(0.05)


async def created(client: httpx.AsyncClient, path: str, **body: str) -> dict[str, str]:
    answer = await client.post(path, json=body, headers={"Idempotency-Key": uuid.uuid4().hex})
    assert answer.status_code == httpx.codes.CREATED, answer.text
    made: dict[str, str] = answer.json()
    return made


async def _is_ready(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/readyz")).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


@pytest.fixture
async def deployment(postgres: EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[Deployment]:
    names = [f"{of}_{uuid.uuid4().hex}" for of in ("roles", "log")]
    admin = await asyncpg.connect(postgres.dsn("postgres"))
    for name in names:
        await admin.execute(f"CREATE DATABASE {name}")
    dsn, log = map(postgres.dsn, names)
    settings = test_settings(dsn)
    environment = {
        **os.environ,
        "RECOBRO_DATABASE_URL": dsn,
        "RECOBRO_LOG_URL": log,
        "RECOBRO_JWT_PUBLIC_KEY_FILE": str(settings.jwt_public_key_file),
    }
    yield Deployment(dsn, environment, tmp_path)
    for name in names:
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


def test_a_wrong_command_and_an_outdated_database_end_the_process_with_a_reason(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in deployment.environment.items():
        monkeypatch.setenv(name, value)

    def ended_with(command: str) -> tuple[object, str]:
        monkeypatch.setattr(sys, "argv", ["portfolio", command])
        with pytest.raises(SystemExit) as end:
            PROGRAM.run()
        return end.value.code, capsys.readouterr().err

    code, sentence = ended_with("everything")
    assert (code, "all, api, relay, consumer, migrate" in sentence) == (WRONG_USE, True)
    for role in ("api", "relay", "consumer"):
        code, sentence = ended_with(role)
        assert (code, "`migrate`" in sentence) == (BEHIND, True)
    monkeypatch.setattr(sys, "argv", ["portfolio", "migrate"])
    for _ in range(2):
        PROGRAM.run()


def test_a_migration_without_the_service_s_role_ends_with_a_reason(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would succeed, and nothing would give the role its rights when it is created later."""
    for name, value in deployment.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("RECOBRO_OWNER_DATABASE_URL", deployment.dsn)
    monkeypatch.setenv("RECOBRO_DATABASE_URL", deployment.dsn.replace("//postgres:", "//nobody_yet:"))
    monkeypatch.setattr(sys, "argv", ["portfolio", "migrate"])
    with pytest.raises(SystemExit) as end:
        PROGRAM.run()
    assert end.value.code == BEHIND
    assert "The role nobody_yet of portfolio does not exist." in capsys.readouterr().err


async def test_a_service_whose_role_has_no_rights_yet_waits_for_the_migration(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await asyncio.to_thread(upgrade, deployment.dsn, PROGRAM.migrations)
    for name, value in deployment.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("RECOBRO_DATABASE_URL", deployment.dsn.replace("//postgres:", f"//{SERVICE_ROLE}:"))
    monkeypatch.setattr(sys, "argv", ["portfolio", "api"])
    with pytest.raises(SystemExit) as end:
        PROGRAM.run()
    assert (end.value.code, "`migrate`" in capsys.readouterr().err) == (BEHIND, True)


@pytest.mark.process
async def test_each_role_does_only_its_part_of_the_work(deployment: Deployment) -> None:
    await asyncio.to_thread(upgrade, deployment.dsn, PROGRAM.migrations)
    in_outbox = "SELECT count(*) FROM outbox_events"
    positions = "SELECT count(*) FROM consumer_position"
    async with deployment.role("api") as api:
        creditor = await created(api, "/v1/creditors", name="roles", kind="financial", country="MX")
        new = {"creditor_id": creditor["creditor_id"], "name": "roles", "currency": "MXN", "jurisdiction": "MX"}
        await created(api, "/v1/portfolios", **new)
        before = await deployment.value(in_outbox)
        async with deployment.role("relay") as relay:
            assert (await relay.get("/v1/portfolios")).status_code == httpx.codes.NOT_FOUND
            assert (await relay.get("/metrics")).status_code == httpx.codes.OK

            async def is_published() -> bool:
                return await deployment.value(in_outbox) == 0

            await until(is_published)
        # The event was in the outbox until the relay ran.
        assert before != 0
        assert await deployment.value(positions) == 0
        async with deployment.role("consumer") as consumer:
            assert (await consumer.get("/v1/portfolios")).status_code == httpx.codes.NOT_FOUND

            async def is_read() -> bool:
                return await deployment.value(positions) != 0

            await until(is_read)
