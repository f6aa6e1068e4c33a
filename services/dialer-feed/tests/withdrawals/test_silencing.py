"""A silencing block gives each withdrawal a cursor and an event, or withdraws nothing."""

import asyncio
from datetime import UTC, datetime

import pytest
from dialer_feed.lists import building
from dialer_feed.wakeups import LISTS
from dialer_feed.withdrawals.silencing import live_lists, silencing
from dialer_feed.withdrawals.withdrawing import Cause, Reach
from dialing_scene import DAY, Contract, Scene, blocked_on_a_lock
from recobro_events import Transaction
from recobro_events.contracts.dialer_feed import WithdrawalReason


def cause(contract: Contract) -> Cause:
    return Cause(contract.contract_id, WithdrawalReason.OTHER, None, datetime.now(UTC))


async def test_each_withdrawal_of_a_block_gets_its_cursor_and_its_event(scene: Scene) -> None:
    """This holds for every way to withdraw, however often the block withdraws."""
    one, two, three, kept = await scene.contracts(4)
    list_id = await scene.built()
    waiter = LISTS.waiter(list_id)
    contract_ids = [contract.contract_id for contract in (one, two, three)]
    async with scene.database.transaction() as tx:
        async with silencing(tx, contract_ids) as lists:
            await lists.withdraw([cause(one)])
            await lists.withdraw_from(list_id, [cause(two)], elsewhere=False)
            await lists.withdraw_within([cause(three)], [Reach(ends_on=DAY)])
        assert not waiter.done(), "the list's tasks are woken after the commit"
    assert waiter.done()
    assert await scene.listed(list_id) == [kept.number]
    rows = await scene.rows("SELECT contract_id, cursor, withdrawn_at FROM list_entry WHERE status = 'withdrawn'")
    base = await scene.base(list_id)
    assert sorted(row["cursor"] - base for row in rows) == [1, 2, 3]
    assert all(row["withdrawn_at"] for row in rows)
    assert (await scene.the_list(list_id))["withdrawn"] == 3
    assert [event.contract_id for event in await scene.withdrawn_events()] == contract_ids


async def test_a_second_block_of_a_transaction_continues_the_cursors(scene: Scene) -> None:
    contracts = await scene.contracts(2)
    list_id = await scene.built()
    async with scene.database.transaction() as tx:
        for contract in contracts:
            async with silencing(tx, [contract.contract_id]) as lists:
                await lists.withdraw([cause(contract)])
    assert await scene.withdrawals(list_id) == [(contract.number, "other") for contract in contracts]
    assert len(await scene.withdrawn_events()) == 2


async def test_a_block_that_withdraws_nothing_publishes_nothing(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    list_id = await scene.built()
    async with scene.database.transaction() as tx, silencing(tx, [contract.contract_id]) as lists:
        await lists.withdraw([])
    assert await scene.listed(list_id) == [contract.number]
    assert await scene.withdrawn_events() == []


async def withdraw_and_raise(tx: Transaction, contract: Contract) -> None:
    async with silencing(tx, [contract.contract_id]) as lists:
        await lists.withdraw([cause(contract)])
        raise ZeroDivisionError


async def test_a_block_that_raises_numbers_nothing(scene: Scene) -> None:
    """If only a savepoint is rolled back, the transaction's next block numbers nothing of it either."""
    [contract] = await scene.contracts(1)
    list_id = await scene.built()
    with pytest.raises(ZeroDivisionError):
        async with scene.database.transaction() as tx:
            await withdraw_and_raise(tx, contract)
    async with scene.database.transaction() as tx:
        with pytest.raises(ZeroDivisionError):
            async with tx.savepoint():
                await withdraw_and_raise(tx, contract)
        async with silencing(tx, [contract.contract_id]):
            pass
    assert await scene.listed(list_id) == [contract.number]
    assert (await scene.the_list(list_id))["last_cursor"] == await scene.base(list_id)
    assert await scene.withdrawn_events() == []


async def test_builders_and_batches_of_its_contracts_wait_for_a_block(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    async with scene.database.transaction() as tx, silencing(tx, [contract.contract_id]):
        paying = asyncio.create_task(scene.receives(contract.paid()))
        await blocked_on_a_lock(scene, "INSERT INTO contract")
        building_on = asyncio.create_task(building.wait_for_silencers(scene.database))
        await blocked_on_a_lock(scene, "pg_advisory_xact_lock(")
        assert not paying.done()
        assert not building_on.done()
    await asyncio.gather(paying, building_on)


async def test_a_withdrawal_outside_a_block_is_refused(scene: Scene) -> None:
    """This holds before a block and after it, also for lists that were kept from the block."""
    [contract] = await scene.contracts(1)
    list_id = await scene.built()
    async with scene.database.transaction() as tx:
        with pytest.raises(RuntimeError, match="not silencing"):
            live_lists(tx)
        async with silencing(tx, [contract.contract_id]) as lists:
            assert live_lists(tx) is lists
        with pytest.raises(RuntimeError, match="not silencing"):
            live_lists(tx)
        with pytest.raises(RuntimeError, match="not silencing"):
            await lists.withdraw([cause(contract)])
    assert await scene.listed(list_id) == [contract.number]


async def test_lists_of_a_block_that_raised_cannot_be_used(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    async with scene.database.transaction() as tx:
        with pytest.raises(ZeroDivisionError):
            async with tx.savepoint():
                await withdraw_and_raise(tx, contract)
        with pytest.raises(RuntimeError, match="not silencing"):
            live_lists(tx)
