"""The order of row locks: portfolios, debtors, contracts."""

import asyncio
from uuid import uuid4

import asyncpg
import pytest
from chassis import ContractUnknown
from portfolio.ledger.locking import lock_contract, lock_contracts
from portfolio_builders import Given, days_ago

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


async def until_a_transaction_waits(given: Given) -> None:
    async with asyncio.timeout(240):
        while not (await given.rows(WAITING))[0][0]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("way", ["one", "many"])
async def test_a_transaction_that_waits_for_a_portfolio_has_locked_none_of_its_contracts(
    given: Given, way: str
) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"), debtor_number="D")

    async def lock() -> None:
        async with given.database.transaction() as tx:
            if way == "one":
                await lock_contract(tx, contract_id)
            else:
                await lock_contracts(tx, [contract_id], with_debtors_of=[contract_id])

    async with given.database.transaction() as run:
        await run.execute("SELECT FROM portfolio FOR UPDATE")
        waiting = asyncio.create_task(lock())
        await until_a_transaction_waits(given)
        await run.execute("SELECT FROM debtor FOR UPDATE NOWAIT")
        await run.execute("SELECT FROM contract FOR UPDATE NOWAIT")
    await waiting


async def test_a_business_date_does_not_move_while_a_contract_of_the_portfolio_is_changed(given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    async with given.database.transaction() as payment, given.database.transaction() as run:
        await lock_contract(payment, contract_id)
        with pytest.raises(asyncpg.LockNotAvailableError):
            await run.execute("SELECT FROM portfolio FOR UPDATE NOWAIT")
        # The failed statement has aborted that transaction, so a new one is begun.
        await run.connection.execute("ROLLBACK; BEGIN")


async def test_a_debtor_is_locked_with_all_their_contracts_and_unknown_contracts_are_left_out(given: Given) -> None:
    portfolio_id = await given.portfolio()
    one, other = [await given.contract(portfolio_id, (days_ago(40), "100.00"), debtor_number="D") for _ in range(2)]
    stranger = await given.contract(portfolio_id, (days_ago(40), "100.00"))
    async with given.database.transaction() as tx:
        assert await lock_contracts(tx, [uuid4()]) == set()
        assert await lock_contracts(tx, [stranger, uuid4()]) == {stranger}
        assert await lock_contracts(tx, [], with_debtors_of=[one, uuid4()]) == {one, other}


async def test_locking_an_unknown_contract_raises_an_error(given: Given) -> None:
    async with given.database.transaction() as tx:
        with pytest.raises(ContractUnknown):
            await lock_contract(tx, uuid4())
