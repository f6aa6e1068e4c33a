"""Loaders in processes of their own, which are killed at random moments until the last one loads the file."""

import asyncio
import random
import sys
from contextlib import suppress
from uuid import UUID

from service_client import ServiceClient

KILLS = 10
_LOADING = """
import asyncio, sys
from {module} import {loader}
from recobro_events import Database

async def main():
    database = Database(sys.argv[1])
    await database.open()
    loader = {loader}(database, {chunk}=2)
    while await loader.load_one():
        pass

asyncio.run(main())
"""
PORTFOLIO_FILES = _LOADING.format(module="portfolio.files.loader", loader="Loader", chunk="chunk_contracts")
BANK_FILES = _LOADING.format(module="portfolio.bank_files.loader", loader="BankLoader", chunk="chunk_rows")


async def load_with_kills(service: ServiceClient, loading: str, table: str, file_id: str, most: int) -> list[int]:
    """Kill the loader of the file ten times, then let it end. Returns the moments: how much the file had done.

    The first kill comes while the file is read. ``most`` is how much there is to do; ``table`` holds the file.
    """
    moments = [-1, *sorted(random.Random().sample(range(most), KILLS - 1))]
    for done in moments:
        await _kill_when(service, await _started(service, loading), table, file_id, done)
    last = await _started(service, loading)
    async with asyncio.timeout(240):
        assert await last.wait() == 0
    return moments


async def _started(service: ServiceClient, loading: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(sys.executable, "-c", loading, service.database.dsn)


async def _kill_when(
    service: ServiceClient, process: asyncio.subprocess.Process, table: str, file_id: str, done: int
) -> None:
    """Kill the process once it is reading, or has done so much."""
    async with asyncio.timeout(240):
        while True:
            [file] = await service.rows(f"SELECT status, done FROM {table} WHERE file_id = $1", UUID(file_id))
            if (file["status"] == "loading" and file["done"] >= done) or (done < 0 and file["status"] == "reading"):
                break
            # On a busy machine a loader may be done between two looks.
            if process.returncode is not None:
                assert (file["status"], process.returncode) == ("loaded", 0)
                return
            await asyncio.sleep(0.005)
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()
