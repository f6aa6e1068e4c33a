"""A half-open connection: the server's answers no longer arrive, and no error reports it."""

import asyncio
from urllib.parse import urlsplit

import pytest
from faults.proxy import Proxy
from recobro_events import Database


async def write(database: Database) -> int:
    async with database.transaction() as tx:
        return int(await tx.fetchval("SELECT 1"))


async def test_a_transaction_gives_up_a_half_open_connection_and_the_next_takes_a_new_one(database_dsn: str) -> None:
    address = urlsplit(database_dsn)
    proxy = Proxy(lambda: address.port)
    through = address._replace(netloc=address.netloc.replace(f":{address.port}", f":{await proxy.start()}"))
    database = Database(through.geturl(), max_connections=1)
    await database.open()
    assert await write(database) == 1
    assert proxy.swallow() == 1
    # The bound is well below a statement's timeout. With that, every request of a busy minute would have failed.
    writing = asyncio.create_task(write(database))
    await asyncio.wait({writing}, timeout=45)
    assert writing.done()
    with pytest.raises(TimeoutError):
        await writing
    assert await asyncio.wait_for(write(database), 45) == 1
    await database.close()
    await proxy.stop()
