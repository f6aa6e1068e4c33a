"""A task that waits for a change of a list is woken, whichever process makes the change."""

import asyncio
from uuid import UUID, uuid4

import pytest
from dialer_feed.wakeups import NotificationListener, Wakeups, wake_everywhere
from dialing_scene import Scene
from recobro_events import Database, beside

CUT_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND usename = current_user AND pid <> $1
"""
LISTENING = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()"


async def until_it_listens(database: Database) -> None:
    async with asyncio.timeout(240):
        while True:
            async with database.connection() as connection:
                if await connection.fetchval(LISTENING):
                    return
            await asyncio.sleep(0.02)


async def wake_and_roll_back(database: Database, wakeups: Wakeups, list_id: UUID) -> None:
    async with database.transaction() as tx:
        await wake_everywhere(tx, wakeups, [list_id])
        raise ZeroDivisionError


async def test_a_commit_wakes_the_waiting_tasks_of_every_process(database: Database) -> None:
    here, there, list_id = Wakeups(), Wakeups(), uuid4()
    async with beside(NotificationListener(database, there).run(), "listener"):
        await until_it_listens(database)
        waiter_here, waiter_there = here.waiter(list_id), there.waiter(list_id)
        with pytest.raises(ZeroDivisionError):
            await wake_and_roll_back(database, here, list_id)
        async with database.transaction() as tx:
            await wake_everywhere(tx, here, [uuid4()])
        await asyncio.sleep(0.2)
        assert not waiter_here.done()
        assert not waiter_there.done()
        async with database.transaction() as tx:
            await wake_everywhere(tx, here, [list_id])
        await asyncio.wait_for(asyncio.gather(waiter_here, waiter_there), 240)


async def test_a_listener_that_lost_its_connection_connects_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dialer_feed.wakeups._CHECK_EVERY_SECONDS", 0.1)
    wakeups, list_id = Wakeups(), uuid4()
    async with beside(NotificationListener(database, wakeups).run(), "listener"):
        await until_it_listens(database)
        async with database.connection() as connection:
            await connection.execute(CUT_OTHERS, connection.get_server_pid())
        waiter = wakeups.waiter(list_id)
        async with asyncio.timeout(240):
            while not waiter.done():
                async with database.transaction() as tx:
                    await wake_everywhere(tx, Wakeups(), [list_id])
                await asyncio.sleep(0.1)


async def test_only_a_withdrawal_that_takes_an_entry_off_wakes_other_processes(scene: Scene) -> None:
    [one, another] = await scene.contracts(2)
    list_id = await scene.built()
    wakeups = Wakeups()
    async with beside(NotificationListener(scene.database, wakeups).run(), "listener"):
        await until_it_listens(scene.database)
        waiter = wakeups.waiter(list_id)
        await scene.receives(one.paid())
        await asyncio.wait_for(waiter, 240)
        waiter = wakeups.waiter(list_id)
        await scene.receives(one.paid())
        await asyncio.sleep(0.2)
        assert not waiter.done()
        await scene.receives(another.paid())
        await asyncio.wait_for(waiter, 240)
