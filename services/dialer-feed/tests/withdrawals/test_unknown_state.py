"""A contract with an event that some service set aside is not called until every service has replayed it."""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from builder_steps import STEPS, run_steps
from dialer_feed.handlers import consumer, lock_contracts, withdraw_unknown
from dialer_feed.lists import building, requesting
from dialer_feed.withdrawals import silencing
from dialing_requests import code_of, request_list
from dialing_scene import Contract, Scene
from recobro_events import Event, Record, dead_letters, envelope_of, rebuilding
from recobro_events.contracts.portfolio import ContractStageChanged, PortfolioStateChanged, Stage
from recobro_events.contracts.runtime import ContractReplayed, ContractSetAside, StateRepublished
from recobro_events.testing import apart, apply_records, published, record_of
from recobro_platform import SERVICE_NAMES


def set_aside(contract: Contract, service: str = "promises") -> ContractSetAside:
    return ContractSetAside(contract_id=contract.contract_id, service=service, consumer=f"{service}.events")


def replayed(contract: Contract, service: str = "promises") -> ContractReplayed:
    return ContractReplayed(contract_id=contract.contract_id, service=service, consumer=f"{service}.events")


def broken(event: Event) -> Record:
    """Return the event with an unreadable body."""
    return record_of(event)._replace(value=b"{}")


async def reads(scene: Scene, *records: Record) -> None:
    """Apply one batch. Events that cannot be applied are set aside."""
    await apply_records(scene.database, consumer, records, handle=apart)


@contextmanager
def refusing(event_type: type[Event]) -> Iterator[None]:
    """Make the handler of these events fail, like a defect of ours."""

    async def fail(_events: Sequence[Any], _tx: Any) -> None:
        raise ZeroDivisionError

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(consumer.handlers, event_type, fail)
        yield


async def discard_first(scene: Scene) -> None:
    async with scene.database.connection() as connection:
        [letter, *_] = await dead_letters.letters(connection)
    await dead_letters.discard(scene.database, consumer, letter["letter_id"], by="operator", reason="garbage")


async def on_the_next_list(scene: Scene) -> list[str]:
    return await scene.listed(await scene.built(campaign_id=await scene.campaign()))


@pytest.mark.parametrize("service", SERVICE_NAMES)
async def test_a_contract_that_any_service_set_aside_leaves_every_live_list_and_the_next(
    scene: Scene, service: str
) -> None:
    lost, other = await scene.contracts(2)
    lists = [await scene.built(), await scene.built(campaign_id=await scene.campaign())]

    await scene.receives(set_aside(lost, service))

    for list_id in lists:
        assert await scene.withdrawals(list_id) == [(lost.number, "unknown_state")]
        assert await scene.listed(list_id) == [other.number]
    events = await scene.withdrawn_events()
    assert {(event.list_id, event.contract_id, event.reason) for event in events} == {
        (list_id, lost.contract_id, "unknown_state") for list_id in lists
    }
    assert await on_the_next_list(scene) == [other.number]


async def test_a_contract_is_on_the_next_list_after_every_service_has_replayed_it(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    today = await scene.built()
    await scene.receives(set_aside(contract, "promises"), set_aside(contract, "assignment"))
    await scene.receives(replayed(contract, "promises"))
    assert await on_the_next_list(scene) == []
    await scene.receives(replayed(contract, "assignment"))
    assert await on_the_next_list(scene) == [contract.number]
    assert await scene.listed(today) == []


async def test_a_contract_set_aside_before_its_registration_is_not_listed(scene: Scene) -> None:
    contract = scene.contract()
    await scene.receives(set_aside(contract))
    await scene.receives(contract.registered())
    assert await on_the_next_list(scene) == []


# --- events that dialer-feed itself cannot apply


async def test_an_unreadable_event_withdraws_its_contract_and_later_events_wait(scene: Scene) -> None:
    sick, well = await scene.contracts(2)
    today = await scene.built()
    poison, follower = broken(sick.paid()), sick.staged(Stage.LATE, overdue="777.00")

    await reads(scene, poison, record_of(follower), record_of(well.paid()))

    assert dict(await scene.withdrawals(today)) == {sick.number: "unknown_state", well.number: "payment"}
    [event] = await published(scene.database, ContractSetAside)
    assert (event.contract_id, event.service) == (sick.contract_id, "dialer-feed")
    withdrawn = {one.contract_id: one.cause_event_id for one in await scene.withdrawn_events()}
    assert withdrawn[sick.contract_id] == event.event_id
    await reads(scene, record_of(sick.staged(Stage.LATE)))
    known = "SELECT version, stage FROM contract WHERE contract_id = $1"
    assert [tuple(row) for row in await scene.rows(known, sick.contract_id)] == [(1, "early")]

    await discard_first(scene)
    assert await on_the_next_list(scene) == [], "the later events have not been applied yet"
    replay = await dead_letters.replay(scene.database, consumer, str(sick.contract_id))
    assert (replay.applied, replay.waiting) == (2, 0)
    assert [tuple(row) for row in await scene.rows(known, sick.contract_id)] == [(4, "late")]
    assert await on_the_next_list(scene) == [sick.number]
    assert await scene.listed(today) == []


async def test_a_contract_is_listed_again_when_its_event_has_been_replayed_after_a_fix(scene: Scene) -> None:
    sick, well = await scene.contracts(2)
    today = await scene.built()
    with refusing(ContractStageChanged):
        await reads(scene, record_of(sick.staged(Stage.LATE)))
        replay = await dead_letters.replay(scene.database, consumer, str(sick.contract_id))
        assert (replay.applied, replay.waiting) == (0, 1)
    assert await scene.withdrawals(today) == [(sick.number, "unknown_state")]
    assert await on_the_next_list(scene) == [well.number]
    await dead_letters.replay(scene.database, consumer, str(sick.contract_id))
    assert await on_the_next_list(scene) == [sick.number, well.number]
    assert len(await published(scene.database, ContractReplayed)) == 1
    assert await scene.listed(today) == [well.number]


# --- while a list is built


@pytest.mark.parametrize("held_after", STEPS)
@pytest.mark.parametrize("ours", [False, True])
async def test_a_contract_set_aside_at_any_step_of_the_build_is_on_no_published_list(
    scene: Scene, held_after: str, ours: bool
) -> None:
    lost, other = await scene.contracts(2)
    list_id = await scene.requested()
    await run_steps(scene, list_id, "requested", held_after)
    await reads(scene, broken(lost.paid()) if ours else record_of(set_aside(lost)))
    await run_steps(scene, list_id, held_after, "published")

    assert await scene.listed(list_id) == [other.number]
    was_published = held_after == "published"
    assert (await scene.the_list(list_id))["entries"] == (2 if was_published else 1)
    assert await scene.withdrawals(list_id) == ([(lost.number, "unknown_state")] if was_published else [])


async def test_setting_aside_in_progress_when_the_entries_are_gathered_is_caught_by_the_second_check(
    scene: Scene,
) -> None:
    lost, other = await scene.contracts(2)
    list_id = await scene.requested()
    record = record_of(set_aside(lost))
    event = ContractSetAside.received(record.value, envelope_of(record.headers))
    async with scene.database.transaction("dialer-feed.events") as tx:
        await silencing.begin(tx)
        await lock_contracts(tx, [event])
        await withdraw_unknown([event], tx)
        await run_steps(scene, list_id, "requested", "gathered")
        await silencing.number(tx)
    await run_steps(scene, list_id, "gathered", "published")
    assert await scene.listed(list_id) == [other.number]
    assert (await scene.the_list(list_id))["entries"] == 1


# --- portfolios, and the whole service


@pytest.mark.parametrize("way", ["discarded", "replayed"])
async def test_a_portfolio_with_an_event_set_aside_blocks_only_its_own_lists_and_is_named(
    client: httpx.AsyncClient, scene: Scene, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr("chassis.lag.PAUSES_SECONDS", ())
    [contract] = await scene.contracts(1)
    elsewhere = await scene.portfolio(uuid.uuid4(), name="Cartera Sur")
    [other] = await scene.contracts(1, portfolio_id=elsewhere)
    event = scene.portfolio_event()
    if way == "discarded":
        await reads(scene, broken(event))
    else:
        with refusing(PortfolioStateChanged):
            await reads(scene, record_of(event))

    refused = await request_list(client, scene)
    assert (refused.status_code, code_of(refused)) == (409, "portfolio-not-ready")
    assert "Cartera Norte" in refused.json()["detail"]
    assert "could not be applied" in refused.json()["detail"]
    assert "Cartera Sur" not in refused.json()["detail"]
    only_other = await scene.campaign(portfolio_ids=[elsewhere])
    assert await scene.listed(await scene.built(campaign_id=only_other)) == [other.number]

    if way == "discarded":
        await discard_first(scene)
    else:
        await dead_letters.replay(scene.database, consumer, str(scene.portfolio_id))
    assert await scene.listed(await scene.built()) == [contract.number, other.number]
    assert await published(scene.database, ContractSetAside) == [], "an event about a portfolio sets no contract aside"


async def test_a_list_in_building_fails_when_an_event_of_its_portfolio_is_set_aside(scene: Scene) -> None:
    await scene.contracts(1)
    list_id = await scene.requested()
    await reads(scene, broken(scene.portfolio_event()))
    await scene.advance()
    row = await scene.the_list(list_id)
    assert (row["status"], row["error"]) == ("failed", "portfolio-not-ready")


async def start_rebuild(scene: Scene) -> uuid.UUID:
    async with scene.database.transaction() as tx:
        return await rebuilding.request(tx, consumer)


async def end_rebuild(scene: Scene, rebuild_id: uuid.UUID) -> None:
    """Apply the markers that end a rebuild, one for each source and lane."""
    markers = [
        StateRepublished(barrier_id=rebuild_id, service=source, via=lane, round=1, markers=1, asked_by="dialer-feed")
        for source in requesting.SOURCES
        for lane in consumer.lanes_of(source)
    ]
    for marker in markers:
        assert (await scene.rows("SELECT ended_at FROM rebuild"))[0]["ended_at"] is None
        await scene.receives(marker)


async def test_no_list_can_be_requested_during_a_rebuild(client: httpx.AsyncClient, scene: Scene) -> None:
    await scene.contracts(1)
    rebuild_id = await start_rebuild(scene)
    refused = await request_list(client, scene)
    assert (refused.status_code, code_of(refused)) == (409, "rebuilding")
    assert await scene.rows("SELECT FROM dialing_list") == []
    await end_rebuild(scene, rebuild_id)
    assert (await scene.the_list(await scene.built()))["status"] == "published"


async def test_a_list_in_building_waits_for_the_end_of_a_rebuild(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    list_id = await scene.requested()
    rebuild_id = await start_rebuild(scene)
    await building.advance(scene.database, scene.builder)
    assert (await scene.the_list(list_id))["status"] == "building"
    await end_rebuild(scene, rebuild_id)
    await scene.advance()
    assert await scene.listed(list_id) == [contract.number]
