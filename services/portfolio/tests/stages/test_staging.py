"""The daily run: its days, causes and history. It writes only the contracts that are due."""

import asyncio
from collections import Counter
from datetime import date
from decimal import Decimal
from uuid import UUID, uuid5

import pytest
from portfolio.stages import daily_run
from recobro_events.contracts.portfolio import ContractRevised, ContractStageChanged, PortfolioStateChanged, StageCause
from recobro_events.testing import published
from service_client import ServiceClient, row

AS_OF = "2026-09-10"


async def test_a_run_restages_the_contracts_that_are_due(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row("C-1", due_date="2026-08-11"), row("C-2", due_date="2026-08-20"))
    outcome = await service.stage("2026-09-11", portfolio_id)

    assert outcome == {
        "as_of": "2026-09-11",
        "changed": 1,
        "by_stage": {"current": 0, "early": 1, "late": 1, "legal": 0},
    }
    [event] = await published(service.database, ContractStageChanged)
    assert event.contract_id == uuid5(portfolio_id, "C-1")
    assert (event.from_stage, event.to_stage, event.cause) == ("early", "late", "daily_run")
    assert (str(event.as_of), event.days_past_due, event.version) == ("2026-09-11", 31, 2)
    line = (await service.history(portfolio_id, "C-1"))[-1]
    assert (line["kind"], line["business_date"], line["data"]["cause"]) == ("stage_changed", "2026-09-11", "daily_run")


@pytest.mark.parametrize(
    ("due", "day", "stage"),
    [
        ("2026-09-10", "2026-09-10", "current"),
        ("2026-09-10", "2026-09-11", "early"),
        ("2026-09-10", "2026-10-10", "early"),
        ("2026-09-10", "2026-10-11", "late"),
        ("2026-09-10", "2026-12-09", "late"),
        ("2026-09-10", "2026-12-10", "legal"),
    ],
)
async def test_the_bounds_of_the_stages(service: ServiceClient, due: str, day: str, stage: str) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row("C-1", due_date=due))
    await service.stage(day, portfolio_id)
    assert (await service.contract(portfolio_id, "C-1"))["stage"] == stage


async def test_an_instalment_that_falls_due_is_published_though_the_stage_stays(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(
        portfolio_id, row("C-1", 1, due_date="2026-09-01"), row("C-1", 2, due_date=AS_OF, amount_due="40.00")
    )
    outcome = await service.stage("2026-09-11", portfolio_id)

    assert outcome["changed"] == 0
    [event] = await published(service.database, ContractRevised)
    assert (event.overdue_balance, event.stage, event.version) == (Decimal("140.00"), "early", 2)


async def test_a_contract_whose_day_came_too_early_is_published_with_its_next_day(service: ServiceClient) -> None:
    """An earlier release kept a day that ignored pauses ahead. Readers wait for an event on the day that they know."""
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row("C-1", due_date="2026-09-01"))
    async with service.database.transaction() as tx:
        await tx.execute("UPDATE contract SET next_change_on = '2026-09-11'")
    await service.stage("2026-09-11", portfolio_id)

    [event] = await published(service.database, ContractRevised)
    assert (str(event.as_of), event.stage, str(event.next_change_on)) == ("2026-09-11", "early", "2026-10-02")


async def test_a_run_touches_only_the_contracts_that_are_due(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(
        portfolio_id,
        row("moves", due_date="2026-08-11"),
        row("later", due_date="2026-08-16"),
        row("legal", due_date="2026-01-01"),
        row("far", due_date="2027-01-01"),
    )
    before = await _row_versions(service)
    await service.stage("2026-09-11", portfolio_id)
    after = await _row_versions(service)

    assert {number for number in before if before[number] != after[number]} == {"moves"}


async def test_missed_days_are_caught_up_day_by_day(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(
        portfolio_id,
        row("C-1", due_date="2026-08-12"),
        row("C-2", due_date="2026-08-14"),
        row("C-3", due_date="2026-06-14"),
    )
    outcome = await service.stage("2026-09-14", portfolio_id)

    assert outcome["changed"] == 3
    changes = {
        (str(event.as_of), str(event.to_stage), str(event.cause), event.days_past_due)
        for event in await published(service.database, ContractStageChanged)
    }
    assert changes == {
        ("2026-09-12", "late", "catch_up", 31),
        ("2026-09-14", "late", "daily_run", 31),
        ("2026-09-13", "legal", "catch_up", 91),
    }


async def test_a_long_catch_up_passes_through_every_stage(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row("C-1", due_date=AS_OF))
    outcome = await service.stage("2027-01-31", portfolio_id)

    assert outcome["changed"] == 1
    changes = await published(service.database, ContractStageChanged)
    assert [(event.to_stage, str(event.as_of)) for event in changes] == [
        ("early", "2026-09-11"),
        ("late", "2026-10-11"),
        ("legal", "2026-12-10"),
    ]
    # Versions 3 to 5 are the events of the segment and of the steps, which the missed days bring.
    assert [event.version for event in changes] == [2, 6, 7]
    assert (await service.get(f"/v1/portfolios/{portfolio_id}"))["staged_to"] == "2027-01-31"


async def test_a_day_that_is_not_later_changes_nothing(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row("C-1", due_date="2026-08-11"))
    await service.stage("2026-09-11", portfolio_id)
    before = await published(service.database, PortfolioStateChanged)
    again = await service.stage("2026-09-11", portfolio_id)
    earlier = await service.stage("2026-09-01", portfolio_id)

    assert (again["changed"], earlier["changed"]) == (0, 0)
    assert (await service.get(f"/v1/portfolios/{portfolio_id}"))["business_date"] == "2026-09-11"
    assert await published(service.database, PortfolioStateChanged) == before


async def test_the_day_up_to_which_a_portfolio_is_staged_is_published(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row("C-1", due_date="2026-08-11"))
    await service.stage("2026-09-11", portfolio_id)

    last = (await published(service.database, PortfolioStateChanged))[-1]
    assert (last.state, last.business_date, last.version) == ("ready", date(2026, 9, 11), 4)


async def test_a_run_without_a_portfolio_stages_all_that_have_had_a_file(service: ServiceClient) -> None:
    first, second, empty = [await service.portfolio() for _ in range(3)]
    await service.load(first, row("C-1", due_date="2026-08-11"))
    await service.load(second, row("C-1", due_date="2026-08-11"), as_of="2026-09-09")
    outcome = await service.stage("2026-09-11")

    assert (outcome["changed"], outcome["by_stage"]["late"]) == (2, 2)
    for portfolio_id, day in ((first, "2026-09-11"), (second, "2026-09-11"), (empty, None)):
        assert (await service.get(f"/v1/portfolios/{portfolio_id}"))["business_date"] == day


async def test_a_run_that_died_is_finished_by_the_next_one(
    service: ServiceClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, *(row(f"C-{n}", due_date="2026-08-11") for n in range(5)))
    monkeypatch.setattr(daily_run, "CHUNK_CONTRACTS", 2)
    async with service.database.transaction() as tx:
        await daily_run.open_day(tx, portfolio_id, date(2026, 9, 11))
    async with service.database.transaction() as tx:
        assert len(await daily_run.stage_chunk(tx, portfolio_id, StageCause.DAILY_RUN) or ()) == 2

    portfolio = await service.get(f"/v1/portfolios/{portfolio_id}")
    assert (portfolio["business_date"], portfolio["staged_to"]) == ("2026-09-11", AS_OF)
    outcome = await service.stage("2026-09-11", portfolio_id)
    assert (outcome["changed"], outcome["by_stage"]["late"]) == (3, 5)
    assert (await service.get(f"/v1/portfolios/{portfolio_id}"))["staged_to"] == "2026-09-11"
    assert len(await published(service.database, ContractStageChanged)) == 5


async def test_two_runs_at_once_share_the_work(service: ServiceClient, monkeypatch: pytest.MonkeyPatch) -> None:
    portfolio_id = await service.portfolio()
    rows = (row(f"C-{n}", due_date="2026-08-11" if n % 2 else "2026-08-12") for n in range(40))
    await service.load(portfolio_id, *rows)
    monkeypatch.setattr(daily_run, "CHUNK_CONTRACTS", 3)
    day = date(2026, 9, 13)
    changed = await asyncio.gather(*(daily_run.advance(service.database, portfolio_id, day) for _ in range(3)))

    assert sum(changed) == 40
    changes = Counter(event.contract_id for event in await published(service.database, ContractStageChanged))
    assert set(changes.values()) == {1}
    assert len(changes) == 40
    days = [state.business_date for state in await published(service.database, PortfolioStateChanged)]
    assert days[-3:] == [date(2026, 9, 11), date(2026, 9, 12), date(2026, 9, 13)]


async def test_paused_days_do_not_age_a_contract(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row("C-1", due_date="2026-08-11"))
    paused = await service.client.post(
        f"/v1/contracts/{uuid5(portfolio_id, 'C-1')}/pauses",
        json={"reason": "moratorium", "starts_on": "2026-09-11", "ends_on": "2026-09-13"},
    )
    assert paused.status_code == 201, paused.text

    assert (await service.stage("2026-09-13", portfolio_id))["changed"] == 0
    assert (await service.stage("2026-09-14", portfolio_id))["changed"] == 1


async def test_a_payment_while_a_run_is_under_way_is_not_lost(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row("C-1", due_date="2026-08-11"))
    async with service.database.transaction() as tx:
        await daily_run.open_day(tx, portfolio_id, date(2026, 9, 11))
    receipt = await service.pay(portfolio_id, "C-1", "60.00", paid_on="2026-09-11")
    outcome = await service.stage("2026-09-11", portfolio_id)

    assert (receipt["total_balance"], outcome["by_stage"]["late"]) == ("40.00", 1)
    assert len(await published(service.database, ContractStageChanged)) == 1


async def test_a_run_for_a_portfolio_that_does_not_exist_is_not_found(service: ServiceClient) -> None:
    answer = await service.client.post("/v1/staging-runs", json={"as_of": AS_OF, "portfolio_id": str(UUID(int=1))})
    assert answer.status_code == 404


@pytest.mark.parametrize("body", [{}, {"as_of": "31/12/2026"}, {"as_of": AS_OF, "force": True}, {"as_of": 20260910}])
async def test_bad_input_is_refused(service: ServiceClient, body: dict[str, object]) -> None:
    assert (await service.client.post("/v1/staging-runs", json=body)).status_code == 422


async def _row_versions(service: ServiceClient) -> dict[str, object]:
    """The transaction that last wrote each contract's row, by contract number."""
    rows = await service.rows("SELECT contract_number, xmin::text FROM contract")
    return {found["contract_number"]: found["xmin"] for found in rows}
