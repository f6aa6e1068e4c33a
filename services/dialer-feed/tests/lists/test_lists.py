"""A list from its request to its end: when it may be built, which contracts it holds, until when it is live."""

import uuid
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from dialer_feed.lists import building, building_queries, requesting
from dialer_feed.lists.readiness import PortfolioNotReady
from dialing_scene import DAY, Phone, Scene
from recobro_events import barrier
from recobro_events.contracts.dialer_feed import ContractsListed
from recobro_events.contracts.portfolio import PortfolioState, Stage
from recobro_events.testing import published


async def test_only_dialable_contracts_above_the_minimum_are_listed(scene: Scene) -> None:
    """Listed contracts are early or late, strictly above the minimum, and have a phone that can be dialled."""
    early, late = scene.contract(), scene.contract(stage=Stage.LATE)
    others = [
        scene.contract(stage=Stage.CURRENT),
        scene.contract(stage=Stage.LEGAL),
        scene.contract(overdue=Decimal("100.00")),
        scene.contract(phones=[]),
        scene.contract(phones=[Phone("55 1234", usable=True)]),
        scene.contract(phones=[Phone("+525512345601", usable=False)]),
    ]
    barely = scene.contract(overdue=Decimal("100.01"))
    await scene.receives(*(contract.registered() for contract in (early, late, *others, barely)))
    assert await scene.listed(await scene.built()) == [early.number, late.number, barely.number]


async def test_a_campaign_covers_the_portfolios_that_it_names(scene: Scene) -> None:
    other = await scene.portfolio(uuid.uuid4())
    [mine] = await scene.contracts(1)
    [theirs] = await scene.contracts(1, portfolio_id=other)
    assert await scene.listed(await scene.built()) == [mine.number, theirs.number]
    only = await scene.campaign(portfolio_ids=[other])
    assert await scene.listed(await scene.built(campaign_id=only)) == [theirs.number]


@pytest.mark.parametrize(
    ("oldest_due_on", "pauses", "expected"),
    [
        (DAY - timedelta(days=20), [], 20),
        (DAY - timedelta(days=20), [(DAY - timedelta(days=30), DAY - timedelta(days=16))], 16),
        (DAY - timedelta(days=20), [(DAY - timedelta(days=5), DAY - timedelta(days=3))], 17),
        (DAY - timedelta(days=20), [(DAY - timedelta(days=20), DAY - timedelta(days=20))], 20),
        (DAY - timedelta(days=2), [(DAY - timedelta(days=9), DAY - timedelta(days=1))], 1),
        (DAY - timedelta(days=20), [(DAY - timedelta(days=4), DAY - timedelta(days=5))], 20),
        (DAY - timedelta(days=20), [(DAY + timedelta(days=1), None)], 20),
        (DAY + timedelta(days=1), [], 0),
    ],
)
async def test_days_past_due_are_counted_up_to_the_business_date_without_pauses(
    scene: Scene, oldest_due_on: date, pauses: list[tuple[date, date | None]], expected: int
) -> None:
    contract = scene.contract(oldest_due_on=oldest_due_on)
    for starts_on, ends_on in pauses:
        contract.paused(starts_on, ends_on)
    await scene.receives(contract.registered())
    [entry] = await scene.rows("SELECT days_past_due FROM list_entry WHERE list_id = $1", await scene.built())
    assert entry["days_past_due"] == expected


async def test_a_second_request_for_a_day_returns_the_same_list(scene: Scene) -> None:
    await scene.contracts(1)
    first = await scene.built()
    again = await requesting.request(scene.database, scene.campaign_id, DAY)
    assert again == (first, False)


async def test_publishing_a_list_closes_the_campaigns_earlier_list(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    other_campaign = await scene.built(campaign_id=await scene.campaign())
    first = await scene.built()
    tomorrow = DAY + timedelta(days=1)
    await scene.portfolio(business_date=tomorrow)
    second = await scene.built(tomorrow)
    statuses = [(await scene.the_list(list_id))["status"] for list_id in (first, second, other_campaign)]
    assert statuses == ["closed", "published", "published"]

    await scene.receives(contract.paid())

    assert await scene.withdrawals(first) == []
    assert await scene.withdrawals(second) == [(contract.number, "payment")]


async def test_a_list_is_live_to_the_end_of_its_day(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    list_id = await scene.built()
    [row] = await scene.rows("SELECT live_until, published_at FROM dialing_list")
    [expected] = await scene.rows(
        "SELECT ((greatest($1::date, ($2::timestamptz AT TIME ZONE 'America/Mexico_City')::date) + 1)::timestamp"
        " AT TIME ZONE 'America/Mexico_City') AS ends_at",
        DAY,
        row["published_at"],
    )
    assert row["live_until"] == expected["ends_at"]

    await scene.execute("UPDATE dialing_list SET live_until = now() - interval '1 second'")
    await scene.receives(contract.paid())
    assert (await scene.the_list(list_id))["status"] == "closed"
    assert await scene.withdrawals(list_id) == []


async def test_a_list_over_several_time_zones_is_live_to_the_last_midnight(scene: Scene) -> None:
    far = await scene.portfolio(uuid.uuid4(), timezone="America/Tijuana")
    await scene.contracts(1, portfolio_id=far)
    await scene.contracts(1)
    await scene.built()
    [row] = await scene.rows("SELECT live_until, published_at FROM dialing_list")

    def midnight(zone: str) -> datetime:
        day = max(DAY, row["published_at"].astimezone(ZoneInfo(zone)).date())
        return datetime.combine(day + timedelta(days=1), time(), ZoneInfo(zone))

    # This is not always Tijuana's midnight. While Tijuana is a day behind, Mexico City's next midnight is later.
    assert row["live_until"] == max(midnight("America/Tijuana"), midnight("America/Mexico_City"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"state": PortfolioState.LOADING}, "still loading"),
        ({"business_date": DAY - timedelta(days=1)}, "not staged up to"),
        ({"business_date": DAY + timedelta(days=1)}, "already past"),
        ({"business_date": None}, "has not been staged yet"),
    ],
)
async def test_a_portfolio_that_is_not_ready_blocks_the_list_and_is_named(
    scene: Scene, changes: dict[str, Any], words: str
) -> None:
    await scene.portfolio(**changes)
    assert await scene.listed(await scene.built()) == [], "a portfolio without open contracts blocks no list"
    await scene.contracts(1)
    with pytest.raises(PortfolioNotReady) as refusal:
        await requesting.request(scene.database, await scene.campaign(), DAY)
    assert "Cartera Norte" in refusal.value.detail
    assert words in refusal.value.detail
    elsewhere = await scene.portfolio(uuid.uuid4())
    named = await scene.campaign(portfolio_ids=[elsewhere])
    assert (await scene.the_list(await scene.built(campaign_id=named)))["status"] == "published"


@pytest.mark.parametrize("held_after", ["requested", "gathered"])
async def test_a_portfolio_that_starts_loading_during_a_build_fails_the_list_and_frees_its_day(
    scene: Scene, held_after: str
) -> None:
    [contract] = await scene.contracts(1)
    list_id = await scene.requested()
    if held_after == "gathered":
        await building.claim(scene.database, list_id, scene.builder)
        await building.clear(scene.database, list_id, scene.builder)
        await building.gather(scene.database, list_id, scene.builder)
    await scene.portfolio(state=PortfolioState.LOADING)
    if held_after == "gathered":
        with pytest.raises(PortfolioNotReady):
            await building.publish(scene.database, list_id, scene.campaign_id, DAY, scene.builder)
    await scene.advance()
    failed = await scene.the_list(list_id)
    assert (failed["status"], failed["error"]) == ("failed", "portfolio-not-ready")
    assert "Cartera Norte" in failed["error_detail"]
    assert await scene.rows("SELECT FROM list_entry") == []

    await scene.portfolio()
    again = await scene.built()
    assert again != list_id
    assert await scene.listed(again) == [contract.number]


async def test_a_list_whose_barrier_fails_names_the_services_that_did_not_answer(scene: Scene) -> None:
    await scene.contracts(1)
    list_id = (await requesting.request(scene.database, scene.campaign_id, DAY)).list_id
    await scene.execute(
        "UPDATE barrier SET opened_at = opened_at - $1::interval - interval '1 second'", barrier.TIMEOUT
    )
    assert await barrier.expire(scene.database)
    await scene.advance()
    failed = await scene.the_list(list_id)
    assert (failed["status"], failed["error"]) == ("failed", "stale-knowledge")
    assert failed["waiting_for"] == sorted(requesting.SOURCES)
    assert "portfolio" in failed["error_detail"]
    assert await scene.built() != list_id


async def test_no_list_is_built_before_its_barrier_is_reached(scene: Scene) -> None:
    await scene.contracts(1)
    list_id = (await requesting.request(scene.database, scene.campaign_id, DAY)).list_id
    await scene.advance()
    assert (await scene.the_list(list_id))["status"] == "building"
    assert await scene.rows("SELECT FROM list_entry") == []


async def test_a_published_list_names_each_of_its_contracts_once(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building_queries, "_ANNOUNCE", building_queries._ANNOUNCE.replace("/ 1000", "/ 2"))
    contracts = await scene.contracts(5)
    [silent] = await scene.contracts(1)
    await scene.receives(silent.paid())
    list_id = await scene.built()
    events = await published(scene.database, ContractsListed)
    assert [len(event.contract_ids) for event in events] == [2, 2, 1]
    named = [contract_id for event in events for contract_id in event.contract_ids]
    assert sorted(named) == sorted(contract.contract_id for contract in contracts)
    listed = await scene.the_list(list_id)
    assert {(event.list_id, event.published_at, event.business_date) for event in events} == {
        (list_id, listed["published_at"], listed["business_date"])
    }
