"""A call is judged by what was silent when it started, not by a list."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from chassis.testing import mint
from dialing_agencies import Placement
from dialing_requests import call, report, report_calls
from dialing_scene import DAY, Contract, Scene
from recobro_events import Event
from recobro_events.contracts.assignment import PlacementKind
from recobro_events.contracts.dialer_feed import (
    CallCompleted,
    WrongfulCallDetected,
)
from recobro_events.contracts.portfolio import ContactChange, DebtorStatus
from recobro_events.testing import published
from unlisted_calls import TOMORROW, by_id, is_wrongful, item_of, yesterday_at

_SILENCES: dict[str, tuple[Callable[[Contract], Event], str]] = {
    "payment": (lambda contract: contract.paid(), "payment"),
    "payment in a file": (lambda contract: contract.paid_by_file(), "payment"),
    "dispute": (lambda contract: contract.disputed(), "clarification"),
    "death": (lambda contract: contract.reported(DebtorStatus.DECEASED), "deceased"),
    "pause": (lambda contract: contract.paused(DAY), "paused"),
    "closing": (lambda contract: contract.closed(), "closed"),
    "undecided": (lambda contract: contract.revised(undecided=True), "unknown_state"),
}


@pytest.mark.parametrize("silence", _SILENCES)
async def test_a_call_is_wrongful_if_its_contract_was_silent_when_it_started(
    scene: Scene, client: httpx.AsyncClient, silence: str
) -> None:
    """On a list or not. A call that started before is not, whenever it is reported."""
    happens, reason = _SILENCES[silence]
    silent, other = await scene.contracts(2)
    list_id = await scene.built()
    before = by_id(silent)
    await scene.receives(happens(silent))
    assert not await is_wrongful(client, before)
    assert not await is_wrongful(client, by_id(other))
    for made in (by_id(silent), call(list_id, silent), by_id(silent, phone="+525599999999", manual=True)):
        assert await is_wrongful(client, made)
    [first, *_] = await published(scene.database, WrongfulCallDetected)
    assert first.called_at > first.withdrawn_at
    found = (await client.get("/v1/breaches", params={"kind": "silence"})).json()["items"]
    assert [(item["silence"], item["wrongful"]) for item in found] == [(reason, True)] * 3


async def test_a_contract_that_never_was_on_a_list_and_yesterdays_list_hide_no_wrongful_call(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    """The payment came after the list's day was over, so it withdrew nothing from it."""
    [contract] = await scene.contracts(1)
    old = await scene.built()
    await scene.portfolio(business_date=TOMORROW)
    await scene.built(TOMORROW)
    await scene.receives(contract.paid())
    item = await item_of(client, call(old, contract))
    assert (item["wrongful"], item["unlisted"]) == (True, True)


async def test_a_silence_ends_with_its_reason_and_with_its_days(scene: Scene, client: httpx.AsyncClient) -> None:
    disputed, paid, reversed_, promised = await scene.contracts(4)
    dispute = disputed.disputed()
    first, second = paid.paid(), reversed_.paid()
    await scene.receives(dispute, first, second)
    during = [by_id(disputed), by_id(paid), by_id(reversed_)]
    await scene.receives(disputed.resolved(dispute.clarification_id), reversed_.payment_reversed(second))
    assert [await is_wrongful(client, made) for made in during] == [True, True, True]
    assert [await is_wrongful(client, by_id(contract)) for contract in (disputed, paid, reversed_)] == [
        False,
        True,
        False,
    ]
    last = by_id(paid)
    await scene.portfolio(business_date=DAY + timedelta(days=3))
    assert not await is_wrongful(client, by_id(paid)), "the days without contact are over"
    assert await is_wrongful(client, last), "they were not when that call started"
    assert not await is_wrongful(client, by_id(promised))


async def test_a_pause_that_lies_ahead_silences_from_its_first_day(scene: Scene, client: httpx.AsyncClient) -> None:
    [contract] = await scene.contracts(1)
    await scene.receives(contract.paused(TOMORROW, TOMORROW))
    assert not await is_wrongful(client, by_id(contract))
    await scene.portfolio(business_date=TOMORROW)
    assert await is_wrongful(client, by_id(contract))
    await scene.portfolio(business_date=DAY + timedelta(days=2))
    assert not await is_wrongful(client, by_id(contract))


async def test_a_silence_of_a_number_makes_calls_to_that_number_wrongful(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    [contract] = await scene.contracts(1)
    wrong, good = contract.phones
    await scene.receives(contract.number_changed(wrong, ContactChange.OPTED_OUT))
    assert await is_wrongful(client, by_id(contract, phone=wrong.value))
    assert not await is_wrongful(client, by_id(contract, phone=good.value))
    await scene.receives(contract.number_changed(wrong, ContactChange.VERIFIED))
    assert not await is_wrongful(client, by_id(contract, phone=wrong.value))


async def test_a_report_silences_until_the_portfolio_has_decided(scene: Scene, client: httpx.AsyncClient) -> None:
    """The portfolio decides that nothing follows. The next list's barrier shows that this has been applied."""
    [contract] = await scene.contracts(1)
    await report(client, await scene.built(), contract, "deceased")
    assert await is_wrongful(client, by_id(contract))
    await scene.built(campaign_id=await scene.campaign())
    assert not await is_wrongful(client, by_id(contract))


async def test_a_recall_makes_the_calls_of_that_agency_wrongful_alone(scene: Scene, client: httpx.AsyncClient) -> None:
    [contract] = await scene.contracts(1)
    agency_id = uuid.uuid4()
    placement = Placement(contract.contract_id, agency_id)
    await scene.receives(placement.placed())
    agency = {"Authorization": f"Bearer {mint(agency_id=agency_id)}"}

    async def judged(headers: dict[str, str] | None = None) -> bool:
        answer = await client.post("/v1/calls", json=[by_id(contract)], headers=headers)
        return bool(answer.json()["items"][0]["wrongful"])

    assert (await judged(agency), await judged()) == (False, False)
    await scene.receives(placement.recall_requested())
    assert (await judged(agency), await judged()) == (True, False)
    await scene.receives(placement.reinstated())
    assert (await judged(agency), await judged()) == (False, False)


async def test_while_an_agency_collects_the_calls_of_others_are_wrongful(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    [contract] = await scene.contracts(1)
    placement = Placement(contract.contract_id, uuid.uuid4(), PlacementKind.COLLECTION, starts_on=TOMORROW)
    await scene.receives(placement.placed())
    collecting = {"Authorization": f"Bearer {mint(agency_id=placement.agency_id)}"}
    assert not await is_wrongful(client, by_id(contract))
    await scene.portfolio(business_date=TOMORROW)
    assert await is_wrongful(client, by_id(contract))
    own = await client.post("/v1/calls", json=[by_id(contract)], headers=collecting)
    assert own.json()["items"][0]["wrongful"] is False


async def test_an_inbound_call_is_never_wrongful_and_breaks_nothing(scene: Scene, client: httpx.AsyncClient) -> None:
    [contract] = await scene.contracts(1)
    await scene.receives(contract.paid())
    item = await item_of(client, by_id(contract, direction="inbound", started_at=yesterday_at(9)))
    assert (item["wrongful"], item["breaches"]) == (False, [])
    assert await published(scene.database, WrongfulCallDetected) == []
    [event] = await published(scene.database, CallCompleted)
    assert event.direction == "inbound"


@pytest.mark.parametrize(
    "disposition", ["payment_claimed", "clarification", "wrong_number", "opted_out", "deceased", "represented"]
)
async def test_a_call_after_one_whose_report_silences_is_wrongful(
    scene: Scene, client: httpx.AsyncClient, disposition: str
) -> None:
    """Of the contracts in one request, those are silent from then on about which something was reported."""
    reported, other = await scene.contracts(2)
    await report_calls(client, by_id(reported, disposition), by_id(other))
    later = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    assert await is_wrongful(client, by_id(reported, started_at=later))
    assert not await is_wrongful(client, by_id(other, started_at=later))
