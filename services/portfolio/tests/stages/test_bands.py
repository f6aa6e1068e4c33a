"""The bands of a portfolio: from which day past due on a contract is in which stage, and since when."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid5

import httpx
import pytest
from portfolio.ledger import rules
from portfolio.stages import bands, daily_run, restaging
from portfolio_builders import TODAY, Given, days_ago, pay
from recobro_events.contracts.portfolio import ContractRevised, ContractStageChanged, Stage, StageCause
from recobro_events.testing import published
from service_client import ServiceClient, row

DEFAULT = [("current", 0), ("early", 1), ("late", 31), ("legal", 91)]


def listed(*stages: tuple[str, int]) -> list[dict[str, Any]]:
    return [{"stage": stage, "from_days": days} for stage, days in stages]


async def put(client: httpx.AsyncClient, portfolio_id: UUID, day: date, *stages: tuple[str, int]) -> httpx.Response:
    body = {"from": str(day), "bands": listed(*stages)}
    return await client.put(f"/v1/portfolios/{portfolio_id}/bands", json=body)


async def enter(given: Given, portfolio_id: UUID, day: date, *stages: tuple[str, int]) -> None:
    """New bands as a request enters them, while no worker runs."""
    new = bands.NewBands.model_validate({"from": day, "bands": listed(*stages)})
    async with given.database.transaction() as tx:
        await bands.change(tx, portfolio_id, new)


async def test_a_portfolio_has_the_usual_bands_until_it_gets_its_own(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row())
    usual = await service.get(f"/v1/portfolios/{portfolio_id}/bands")
    assert usual["in_force"]["bands"] == listed(*DEFAULT)
    assert (usual["on"], usual["in_force"]["from"], usual["restaging"]) == ("2026-09-10", None, False)


async def test_every_version_answers_for_its_days(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row())
    for day, late in (("2026-09-20", 20), ("2026-08-01", 40), ("2026-09-20", 21)):
        answer = await put(service.client, portfolio_id, date.fromisoformat(day), ("early", 5), ("late", late))
        assert answer.status_code == 200, answer.text
        await service.restaged()
    found = {}
    for day in ("2026-07-31", "2026-08-01", "2026-09-19", "2026-09-20", "2027-01-01"):
        shown = await service.get(f"/v1/portfolios/{portfolio_id}/bands", on=day)
        found[day] = {band["stage"]: band["from_days"] for band in shown["in_force"]["bands"]}.get("late")
    assert found == {"2026-07-31": 31, "2026-08-01": 40, "2026-09-19": 40, "2026-09-20": 21, "2027-01-01": 21}
    versions = shown["versions"]
    assert [(one["from"], one["until"], one["replaced"]) for one in versions] == [
        ("2026-09-20", None, False),
        ("2026-09-20", None, True),
        ("2026-08-01", "2026-09-19", False),
        (None, "2026-07-31", False),
    ]
    assert versions[0]["entered_by"]["subject"]


@pytest.mark.parametrize(
    ("day", "stages", "pointer"),
    [
        (TODAY, [("late", 10), ("early", 20)], "/bands/1/stage"),
        (TODAY, [("early", 10), ("early", 20)], "/bands/1/stage"),
        (TODAY, [("early", 10), ("late", 10)], "/bands/1/from_days"),
        (TODAY, [("early", 0)], "/bands/0/from_days"),
        (TODAY, [("current", 3), ("early", 5)], "/bands/0"),
        (TODAY, [("current", 0)], "/bands"),
        (TODAY, [("early", 4000)], "/bands/0/from_days"),
        (TODAY, [], "/bands"),
        (TODAY + timedelta(days=400), [("early", 1)], "/from"),
        (TODAY - timedelta(days=400), [("early", 1)], "/from"),
    ],
)
async def test_bands_that_do_not_follow_each_other_are_refused(
    service: ServiceClient, day: date, stages: list[tuple[str, int]], pointer: str
) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row())
    answer = await put(service.client, portfolio_id, day, *stages)
    assert answer.status_code == 422, answer.text
    assert pointer in [error["pointer"] for error in answer.json()["errors"]]
    assert await service.rows("SELECT FROM stage_bands") == []


async def test_new_bands_stage_the_contracts_at_once_and_say_so(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    numbers = {"moves": "2026-08-20", "stays": "2026-09-05", "cured": "2026-09-08"}
    await service.load(portfolio_id, *(row(number, due_date=due) for number, due in numbers.items()))
    answer = await put(service.client, portfolio_id, TODAY, ("early", 4), ("late", 20))
    assert answer.status_code == 200, answer.text
    await service.restaged()
    shown = {number: (await service.contract(portfolio_id, number))["stage"] for number in numbers}
    assert shown == {"moves": "late", "stays": "early", "cured": "current"}

    events = {event.contract_id: event for event in await published(service.database, ContractStageChanged)}
    moved = events[uuid5(portfolio_id, "moves")]
    assert (moved.from_stage, moved.to_stage, moved.cause, moved.bands_from) == ("early", "late", "revision", TODAY)
    assert set(events) == {uuid5(portfolio_id, "moves"), uuid5(portfolio_id, "cured")}
    line = (await service.history(portfolio_id, "moves"))[-1]
    assert (line["kind"], line["data"]["cause"]) == ("stage_changed", "bands")
    assert line["actor"]["subject"]
    # Nothing else changed for the contract that stays, but it moves on another day than was known.
    [revised] = await published(service.database, ContractRevised)
    assert (revised.contract_id, str(revised.next_change_on)) == (uuid5(portfolio_id, "stays"), "2026-09-25")
    assert revised.version == 2
    await put(service.client, portfolio_id, TODAY, ("early", 4), ("late", 20))
    assert len(await service.rows("SELECT FROM stage_bands")) == 1


async def test_bands_of_a_later_day_hold_from_that_day_on(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row("C-1", due_date="2026-08-20"))
    await put(service.client, portfolio_id, date(2026, 9, 15), ("early", 1), ("late", 10))
    await service.stage("2026-09-14", portfolio_id)
    assert (await service.contract(portfolio_id, "C-1"))["stage"] == "early"
    outcome = await service.stage("2026-09-18", portfolio_id)
    assert outcome["changed"] == 1
    [event] = await published(service.database, ContractStageChanged)
    assert (str(event.as_of), event.to_stage, str(event.bands_from)) == ("2026-09-15", "late", "2026-09-15")


async def test_time_alone_is_the_cause_where_the_stage_would_have_changed_anyway(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row("C-1", due_date="2026-08-15"))
    await put(service.client, portfolio_id, date(2026, 9, 15), ("early", 1), ("late", 10))
    await service.stage("2026-09-15", portfolio_id)
    [event] = await published(service.database, ContractStageChanged)
    assert (event.to_stage, event.cause, event.bands_from) == ("late", "daily_run", None)


@pytest.mark.parametrize("stages", [(("late", 3), ("legal", 9)), (("legal", 7),), (("early", 40),), tuple(DEFAULT[1:])])
async def test_stage_and_next_day_follow_the_bands_on_every_day(
    given: Given, stages: tuple[tuple[str, int], ...]
) -> None:
    portfolio_id = await given.portfolio()
    contracts = {days: await given.contract(portfolio_id, (days_ago(days), "10.00")) for days in range(-2, 45)}
    await enter(given, portfolio_id, days_ago(1), *stages)
    await restaging.finish(given.database, portfolio_id)
    starts = {Stage(stage): days for stage, days in stages}
    for days, contract_id in contracts.items():
        found = await given.row(contract_id)
        plain = [stage for stage, start in starts.items() if days >= start]
        assert found["stage"] == (plain[-1] if plain else "current") == rules.stage_of(days, starts)
        following = [start for start in starts.values() if start > days]
        assert found["next_stage_on"] == (days_ago(days) + timedelta(days=following[0]) if following else None)
        assert found["next_stage_on"] == rules.next_stage_on(days_ago(days), [], TODAY, starts)


async def test_a_payment_before_a_contracts_turn_finds_it_staged_by_the_new_bands(
    client: httpx.AsyncClient, given: Given
) -> None:
    portfolio_id = await given.portfolio()
    for number in ("a", "b"):
        contract_id = await given.contract(portfolio_id, (days_ago(20), "100.00"), (days_ago(2), "9.00"), number=number)
    await enter(given, portfolio_id, TODAY, ("early", 1), ("late", 10))
    async with given.database.transaction() as tx:
        assert len(await restaging.restage_chunk(tx, portfolio_id, chunk_contracts=1) or ()) == 1
    assert (await given.row(contract_id))["stage"] == "early"
    await pay(client, contract_id, "100.00")
    lines = await given.rows(
        "SELECT data ->> 'cause' AS cause FROM contract_history WHERE kind = 'stage_changed' ORDER BY history_id"
    )
    assert [line["cause"] for line in lines] == ["bands", "bands", "payment"]
    before = await given.everything()
    await restaging.finish(given.database, portfolio_id)
    assert await given.everything() == before
    assert await given.rows("SELECT FROM restaging") == []


async def test_a_day_is_not_closed_before_all_contracts_are_staged_by_its_bands(given: Given) -> None:
    """A run dies after the first chunk. The next one ends in the state of a run that nobody killed."""
    portfolio_id = await given.portfolio()
    for number in ("a", "b", "c"):
        await given.contract(portfolio_id, (days_ago(20), "100.00"), number=number)
    tomorrow = TODAY + timedelta(days=1)
    await enter(given, portfolio_id, tomorrow, ("early", 1), ("late", 10))
    async with given.database.transaction() as tx:
        await daily_run.open_day(tx, portfolio_id, tomorrow)
    async with given.database.transaction() as tx:
        await restaging.restage_chunk(tx, portfolio_id, chunk_contracts=1)
    async with given.database.transaction() as tx:
        await daily_run._close_day(tx, portfolio_id)
    [portfolio] = await given.rows("SELECT business_date, staged_to FROM portfolio")
    assert (portfolio["business_date"], portfolio["staged_to"]) == (tomorrow, TODAY)
    assert await daily_run.advance(given.database, portfolio_id, tomorrow) == 2
    rows = await given.rows("SELECT stage, (SELECT staged_to FROM portfolio) AS staged_to FROM contract")
    assert {(row["stage"], row["staged_to"]) for row in rows} == {("late", tomorrow)}
    events = await published(given.database, ContractStageChanged)
    assert len(events) == 3
    assert {event.cause for event in events} == {StageCause.REVISION}
