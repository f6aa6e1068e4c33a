"""Who waits for news of a list hears of it, whichever process it came about in."""

import asyncio
from uuid import UUID, uuid4

import pytest
from dialer_feed.wakeups import Bells, Wire, ring_everywhere
from dialing_scene import Scene
from recobro_events import Database

CUT_OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> $1"
LISTENING = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()"


async def until_it_listens(database: Database) -> None:
    async with asyncio.timeout(30):
        while True:
            async with database.connection() as connection:
                if await connection.fetchval(LISTENING):
                    return
            await asyncio.sleep(0.02)


async def ring_in_vain(database: Database, bells: Bells, list_id: UUID) -> None:
    async with database.transaction() as tx:
        await ring_everywhere(tx, bells, [list_id])
        raise ZeroDivisionError


async def test_a_ring_crosses_processes_when_its_transaction_commits(database: Database) -> None:
    here, there, list_id = Bells(), Bells(), uuid4()
    async with Wire(database, there).running():
        await until_it_listens(database)
        heard_here, heard_there = here.listen(list_id), there.listen(list_id)
        with pytest.raises(ZeroDivisionError):
            await ring_in_vain(database, here, list_id)
        async with database.transaction() as tx:
            await ring_everywhere(tx, here, [uuid4()])
        await asyncio.sleep(0.2)
        assert not heard_here.done()
        assert not heard_there.done()
        async with database.transaction() as tx:
            await ring_everywhere(tx, here, [list_id])
        await asyncio.wait_for(asyncio.gather(heard_here, heard_there), 60)


async def test_a_wire_that_was_cut_is_mended(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dialer_feed.wakeups._ASK_EVERY_SECONDS", 0.1)
    bells, list_id = Bells(), uuid4()
    async with Wire(database, bells).running():
        await until_it_listens(database)
        async with database.connection() as connection:
            await connection.execute(CUT_OTHERS, connection.get_server_pid())
        heard = bells.listen(list_id)
        async with asyncio.timeout(30):
            while not heard.done():
                async with database.transaction() as tx:
                    await ring_everywhere(tx, Bells(), [list_id])
                await asyncio.sleep(0.1)


async def test_a_withdrawal_rings_in_every_process_and_only_there_where_somebody_was_taken_off(scene: Scene) -> None:
    [one, another] = await scene.contracts(2)
    list_id = await scene.built()
    bells = Bells()
    async with Wire(scene.database, bells).running():
        await until_it_listens(scene.database)
        heard = bells.listen(list_id)
        await scene.receives(one.paid())
        await asyncio.wait_for(heard, 60)
        heard = bells.listen(list_id)
        await scene.receives(one.paid())
        await asyncio.sleep(0.2)
        assert not heard.done()
        await scene.receives(another.paid())
        await asyncio.wait_for(heard, 60)
