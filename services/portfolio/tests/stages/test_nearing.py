"""A change of stage is announced some days before it, once for each day of change."""

from datetime import date, timedelta
from uuid import UUID

import httpx
import pytest
from portfolio.stages import daily_run
from portfolio_builders import TODAY, Given, days_ago, pay, reverse
from recobro_events.contracts.portfolio import ContractNearsStage
from recobro_events.testing import published


async def run(given: Given, portfolio_id: UUID, days: int) -> None:
    """The daily run of so many days after the first business date."""
    await daily_run.advance(given.database, portfolio_id, TODAY + timedelta(days=days))


async def told(given: Given) -> list[tuple[str, str, date]]:
    return [(one.from_stage, one.stage, one.on) for one in await published(given.database, ContractNearsStage)]


async def test_a_change_is_announced_three_days_before_it_and_once(given: Given) -> None:
    portfolio_id = await given.portfolio()
    await given.contract(portfolio_id, (days_ago(25), "100.00"))
    await run(given, portfolio_id, 2)
    assert await told(given) == []
    for days in range(3, 6):
        await run(given, portfolio_id, days)
    change = TODAY + timedelta(days=6)
    assert await told(given) == [("early", "late", change)]
    [line] = await given.rows("SELECT * FROM contract_history WHERE kind = 'nears_stage'")
    assert (line["business_date"], line["summary"]) == (TODAY + timedelta(days=3), f"late on {change}")
    await run(given, portfolio_id, 7)
    assert len(await told(given)) == 1


async def test_a_run_that_was_missed_announces_on_the_day_itself(given: Given) -> None:
    portfolio_id = await given.portfolio()
    await given.contract(portfolio_id, (days_ago(20), "100.00"))
    await run(given, portfolio_id, 30)
    [line] = await given.rows("SELECT * FROM contract_history WHERE kind = 'nears_stage'")
    assert line["business_date"] == TODAY + timedelta(days=11 - 3)


@pytest.mark.parametrize(("notice", "first"), [(0, None), (1, 5), (5, 1), (30, 1)])
async def test_the_portfolio_says_how_many_days_before(
    client: httpx.AsyncClient, given: Given, notice: int, first: int | None
) -> None:
    portfolio_id = await given.portfolio()
    await given.contract(portfolio_id, (days_ago(25), "100.00"))
    answer = await client.patch(f"/v1/portfolios/{portfolio_id}", json={"stage_notice_days": notice})
    assert answer.json()["stage_notice_days"] == notice
    await run(given, portfolio_id, 10)
    lines = await given.rows("SELECT business_date FROM contract_history WHERE kind = 'nears_stage'")
    assert [line["business_date"] for line in lines] == ([] if first is None else [TODAY + timedelta(days=first)])


async def test_a_payment_puts_the_change_off_and_the_later_one_is_announced(
    client: httpx.AsyncClient, given: Given
) -> None:
    portfolio_id = await given.portfolio()
    contract_id = await given.contract(portfolio_id, (days_ago(28), "100.00"), (days_ago(20), "100.00"))
    await run(given, portfolio_id, 1)
    paid = await pay(client, contract_id, "100.00")
    await run(given, portfolio_id, 5)
    first, second = TODAY + timedelta(days=3), TODAY + timedelta(days=11)
    assert await told(given) == [("early", "late", first)]
    await run(given, portfolio_id, 8)
    assert await told(given) == [("early", "late", first), ("early", "late", second)]
    # The first change is back and has happened. The next one is that to legal.
    await reverse(client, paid["payment_id"])
    await run(given, portfolio_id, 12)
    assert len(await told(given)) == 2


async def test_a_reversal_does_not_announce_the_same_day_twice(client: httpx.AsyncClient, given: Given) -> None:
    portfolio_id = await given.portfolio()
    contract_id = await given.contract(portfolio_id, (days_ago(27), "100.00"), (TODAY + timedelta(days=20), "9.00"))
    await run(given, portfolio_id, 1)
    paid = await pay(client, contract_id, "100.00")
    await run(given, portfolio_id, 2)
    await reverse(client, paid["payment_id"])
    await run(given, portfolio_id, 3)
    assert [on for _, _, on in await told(given)] == [TODAY + timedelta(days=4)]


async def test_a_day_that_comes_back_after_a_later_one_was_announced_is_not_announced_again(
    client: httpx.AsyncClient, given: Given
) -> None:
    portfolio_id = await given.portfolio()
    assert (await client.patch(f"/v1/portfolios/{portfolio_id}", json={"stage_notice_days": 30})).status_code == 200
    contract_id = await given.contract(portfolio_id, (days_ago(22), "100.00"), (days_ago(12), "100.00"))
    await run(given, portfolio_id, 1)
    paid = await pay(client, contract_id, "100.00")
    await run(given, portfolio_id, 2)
    await reverse(client, paid["payment_id"])
    await run(given, portfolio_id, 4)
    first, second = TODAY + timedelta(days=9), TODAY + timedelta(days=19)
    assert await told(given) == [("early", "late", first), ("early", "late", second)]


async def test_an_instalment_that_falls_due_is_announced_to_a_contract_that_owes_nothing_yet(given: Given) -> None:
    portfolio_id = await given.portfolio()
    await given.contract(portfolio_id, (TODAY + timedelta(days=4), "100.00"))
    await run(given, portfolio_id, 2)
    assert await told(given) == [("current", "early", TODAY + timedelta(days=5))]
