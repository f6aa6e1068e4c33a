"""Whoever silences cannot forget a step: what a block withdraws gets its cursor and its event, or nothing happens."""

import asyncio
from datetime import UTC, datetime

import pytest
from dialer_feed.lists import building
from dialer_feed.wakeups import NEWS
from dialer_feed.withdrawals.silencing import live_lists, silencing
from dialer_feed.withdrawals.withdrawing import Cause, Reach
from dialing_scene import DAY, Contract, Scene, blocked_on_a_lock
from recobro_events import Transaction
from recobro_events.contracts.dialer_feed import WithdrawalReason


def cause(contract: Contract) -> Cause:
    return Cause(contract.contract_id, WithdrawalReason.OTHER, None, datetime.now(UTC))


async def test_each_withdrawal_of_a_block_gets_its_cursor_and_its_event(scene: Scene) -> None:
    """Whichever way it was withdrawn, and however often the block withdraws."""
    one, two, three, kept = await scene.contracts(4)
    list_id = await scene.built()
    news = NEWS.listen(list_id)
    contract_ids = [contract.contract_id for contract in (one, two, three)]
    async with scene.database.transaction() as tx:
        async with silencing(tx, contract_ids) as lists:
            await lists.withdraw([cause(one)])
            await lists.withdraw_from(list_id, [cause(two)], elsewhere=False)
            await lists.withdraw_within([cause(three)], [Reach(ends_on=DAY)])
        assert not news.done(), "the news is out when the transaction has committed"
    assert news.done()
    assert await scene.listed(list_id) == [kept.number]
    rows = await scene.rows("SELECT contract_id, cursor, withdrawn_at FROM list_entry WHERE status = 'withdrawn'")
    assert sorted(row["cursor"] for row in rows) == [1, 2, 3]
    assert all(row["withdrawn_at"] for row in rows)
    assert (await scene.the_list(list_id))["withdrawn"] == 3
    assert [event.contract_id for event in await scene.withdrawn_events()] == contract_ids


async def test_a_second_block_of_a_transaction_numbers_on(scene: Scene) -> None:
    contracts = await scene.contracts(2)
    list_id = await scene.built()
    async with scene.database.transaction() as tx:
        for contract in contracts:
            async with silencing(tx, [contract.contract_id]) as lists:
                await lists.withdraw([cause(contract)])
    assert await scene.withdrawals(list_id) == [(contract.number, "other") for contract in contracts]
    assert len(await scene.withdrawn_events()) == 2


async def test_a_block_that_withdraws_nobody_tells_nobody(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    list_id = await scene.built()
    async with scene.database.transaction() as tx, silencing(tx, [contract.contract_id]) as lists:
        await lists.withdraw([])
    assert await scene.listed(list_id) == [contract.number]
    assert await scene.withdrawn_events() == []


async def withdraw_in_vain(tx: Transaction, contract: Contract) -> None:
    async with silencing(tx, [contract.contract_id]) as lists:
        await lists.withdraw([cause(contract)])
        raise ZeroDivisionError


async def test_a_block_that_raises_numbers_nothing(scene: Scene) -> None:
    """Neither itself nor, where only a savepoint is rolled back, by the transaction's next block."""
    [contract] = await scene.contracts(1)
    list_id = await scene.built()
    with pytest.raises(ZeroDivisionError):
        async with scene.database.transaction() as tx:
            await withdraw_in_vain(tx, contract)
    async with scene.database.transaction() as tx:
        with pytest.raises(ZeroDivisionError):
            async with tx.savepoint():
                await withdraw_in_vain(tx, contract)
        async with silencing(tx, [contract.contract_id]):
            pass
    assert await scene.listed(list_id) == [contract.number]
    assert (await scene.the_list(list_id))["last_cursor"] == 0
    assert await scene.withdrawn_events() == []


async def test_a_block_is_waited_for_by_builders_and_by_who_speaks_about_its_contracts(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    async with scene.database.transaction() as tx, silencing(tx, [contract.contract_id]):
        paying = asyncio.create_task(scene.receives(contract.paid()))
        await blocked_on_a_lock(scene, "FROM contract WHERE contract_id = ANY")
        building_on = asyncio.create_task(building.wait_for_silencers(scene.database))
        await blocked_on_a_lock(scene, "pg_advisory_xact_lock(")
        assert not paying.done()
        assert not building_on.done()
    await asyncio.gather(paying, building_on)


async def test_nothing_is_withdrawn_where_nothing_would_number_it(scene: Scene) -> None:
    """Neither before a block nor after it, and not by lists that were kept from it."""
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


async def test_a_block_that_raised_leaves_no_lists(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    async with scene.database.transaction() as tx:
        with pytest.raises(ZeroDivisionError):
            async with tx.savepoint():
                await withdraw_in_vain(tx, contract)
        with pytest.raises(RuntimeError, match="not silencing"):
            live_lists(tx)
