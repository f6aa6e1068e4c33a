"""The embedded PostgreSQL survives kills, replaces abandoned servers and leaves no process."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest
from recobro.postgres import EmbeddedPostgres, PostgresFailed, free_port, is_free
from recobro.processes import is_alive

pytestmark = pytest.mark.process


@pytest.fixture
def server(open_folder: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(open_folder / "postgres", free_port())
    server.start()
    yield server
    server.stop()


async def rows(server: EmbeddedPostgres) -> int:
    connection = await asyncpg.connect(server.dsn("postgres"))
    try:
        await connection.execute("CREATE TABLE IF NOT EXISTS acknowledged (id int)")
        await connection.execute("INSERT INTO acknowledged VALUES (1)")
        return int(await connection.fetchval("SELECT count(*) FROM acknowledged"))
    finally:
        await connection.close()


def on_folder(server: EmbeddedPostgres) -> list[psutil.Process]:
    data = str((server.folder / "data").resolve())
    processes = psutil.process_iter(["name", "cwd"], ad_value=None)
    return [process for process in processes if process.info["name"] == "postgres" and process.info["cwd"] == data]


async def test_committed_rows_survive_a_kill_of_the_postmaster(server: EmbeddedPostgres) -> None:
    assert await rows(server) == 1
    for committed in (2, 3):
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        server.start()
        assert await rows(server) == committed


async def test_a_backend_that_outlives_its_killed_postmaster_is_ended_first(server: EmbeddedPostgres) -> None:
    connection = await asyncpg.connect(server.dsn("postgres"))
    backend = psutil.Process(await connection.fetchval("SELECT pg_backend_pid()"))
    backend.suspend()
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)

    server.start()

    assert not is_alive(backend)
    assert await rows(server) == 1
    connection.terminate()


async def test_a_server_whose_owner_is_gone_is_replaced(server: EmbeddedPostgres) -> None:
    first = server.pid
    successor = EmbeddedPostgres(server.folder, server.port)
    successor.start()
    try:
        assert successor.pid != first
        assert await rows(successor) == 1
        assert server.pid is None
    finally:
        successor.stop()


def test_stopping_leaves_no_process(server: EmbeddedPostgres) -> None:
    assert on_folder(server)
    server.stop()
    assert on_folder(server) == []
    assert is_free(server.port)


def test_a_taken_port_is_named_in_the_error(server: EmbeddedPostgres, open_folder: Path) -> None:
    with pytest.raises(PostgresFailed, match=f"port {server.port} is taken"):
        EmbeddedPostgres(open_folder / "other", server.port).start()
