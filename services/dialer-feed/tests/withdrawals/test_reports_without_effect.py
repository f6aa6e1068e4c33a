"""An agency's report about a contract that is not with it, or by a list that is over, is kept and changes nothing."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

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
    ClarificationRequested,
    ContactInvalid,
    DebtorReported,
    OptOutRequested,
    PaymentClaimed,
)
from recobro_events.testing import published

EVENTS: list[tuple[str, type[Event]]] = [
    ("deceased", DebtorReported),
    ("represented", DebtorReported),
    ("wrong_number", ContactInvalid),
    ("opted_out", OptOutRequested),
    ("clarification", ClarificationRequested),
    ("payment_claimed", PaymentClaimed),
]


@dataclass
class Agency:
    agency_id: UUID
    contract: Contract
    placement: Placement
    list_id: UUID
    inside: UUID


@pytest.fixture
async def agency(scene: Scene, client: httpx.AsyncClient) -> Agency:
    """An agency with one contract on a live list, which is also dialled from inside. The client is its dialer."""
    [contract] = await scene.contracts(1)
    placement = Placement(contract.contract_id, uuid.uuid4())
    await scene.receives(placement.placed())
    list_id = await scene.built(campaign_id=await scene.campaign(agency_id=placement.agency_id))
    client.headers["Authorization"] = f"Bearer {mint(agency_id=placement.agency_id, subject='dialer')}"
    return Agency(placement.agency_id, contract, placement, list_id, await scene.built())


async def close(scene: Scene, list_id: UUID, ago: timedelta = timedelta(0)) -> None:
    """Close the list as a newer list of its campaign does, some time ago."""
    await scene.execute(
        "UPDATE dialing_list SET status = 'closed', live_until = now() - $2::interval,"
        " published_at = now() - $2::interval - interval '1 day' WHERE list_id = $1",
        list_id,
        ago,
    )


async def lose(scene: Scene, agency: Agency, ago: timedelta = timedelta(0)) -> None:
    """Take the contract back from the agency, some time ago."""
    await scene.receives(agency.placement.recall_requested(), agency.placement.recalled())
    await scene.execute("UPDATE placement SET ended_at = ended_at - $1::interval", ago)


_SILENCED = "SELECT EXISTS (SELECT FROM reported_silence) OR EXISTS (SELECT FROM payment)"


async def silenced(scene: Scene, agency: Agency) -> bool:
    """Whether the contract was taken off the other live list and is silenced for the next one. Both are the case, or
    neither.
    """
    [[kept]] = await scene.rows(_SILENCED)
    assert (await scene.listed(agency.inside) == []) is kept
    return bool(kept)


async def reports(client: httpx.AsyncClient, **query: Any) -> list[dict[str, Any]]:
    headers = {"Authorization": f"Bearer {mint()}"}
    answer = await client.get("/v1/dialer-reports", params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


@pytest.mark.parametrize(("reason", "event_type"), EVENTS)
@pytest.mark.parametrize("what", ["lost", "over"])
async def test_a_report_about_a_lost_contract_or_by_a_list_that_is_over_changes_nothing(
    scene: Scene, client: httpx.AsyncClient, agency: Agency, reason: str, event_type: type[Any], what: str
) -> None:
    await (lose(scene, agency) if what == "lost" else close(scene, agency.list_id))
    answer = await report(client, agency.list_id, agency.contract, reason, detail="so the neighbour says")
    assert answer["effective"] is False
    events = await published(scene.database, event_type)
    assert {event.effective for event in events} == {False}
    assert not await silenced(scene, agency)
    [kept] = await reports(client, effective="false")
    assert (kept["reason"], kept["detail"], kept["reported_by"]) == (reason, "so the neighbour says", "dialer")
    assert kept["actor"]["agency_id"] == str(agency.agency_id)


@pytest.mark.parametrize(("reason", "event_type"), EVENTS)
async def test_a_report_by_a_live_list_takes_effect(
    scene: Scene, client: httpx.AsyncClient, agency: Agency, reason: str, event_type: type[Any]
) -> None:
    answer = await report(client, agency.list_id, agency.contract, reason)
    assert answer["effective"] is True
    assert {event.effective for event in await published(scene.database, event_type)} == {True}
    assert await silenced(scene, agency)
    assert await reports(client, effective="false") == []
    [kept] = await reports(client, contract_id=str(agency.contract.contract_id))
    assert (kept["effective"], kept["agency_id"]) == (True, str(agency.agency_id))


@pytest.mark.parametrize(
    ("called", "lost", "effective"),
    [
        (timedelta(hours=2), timedelta(hours=1), True),
        (timedelta(hours=1), timedelta(hours=2), False),
        (timedelta(days=3, hours=2), timedelta(days=3, hours=1), False),
    ],
    ids=["before", "after", "before, but reported after the grace"],
)
@pytest.mark.parametrize("what", ["lost", "over"])
async def test_a_call_takes_effect_if_it_was_made_before_the_end_and_reported_soon_and_always_counts(
    scene: Scene,
    client: httpx.AsyncClient,
    agency: Agency,
    called: timedelta,
    lost: timedelta,
    effective: bool,
    what: str,
) -> None:
    await scene.execute("UPDATE dialing_list SET published_at = published_at - interval '5 days'")
    await (lose(scene, agency, lost) if what == "lost" else close(scene, agency.list_id, lost))
    made = call(agency.list_id, agency.contract, "deceased", started_at=(datetime.now(UTC) - called).isoformat())
    outcome = await report_calls(client, made)
    assert (outcome["accepted"], outcome["without_effect"], outcome["rejected"]) == (1, int(not effective), [])
    [event] = await published(scene.database, DebtorReported)
    assert event.effective is effective
    assert len(await published(scene.database, CallCompleted)) == 1
    assert len(await scene.rows("SELECT FROM call_result WHERE business_date = $1", DAY)) == 1
    assert [kept["call_id"] for kept in await reports(client, effective=str(effective).lower())] == [made["call_id"]]


async def test_a_call_by_a_list_that_is_over_counts_on_the_day_on_which_it_was_made(
    scene: Scene, client: httpx.AsyncClient, agency: Agency
) -> None:
    """Otherwise a list of last week would be a way around the limit of calls in 7 days."""
    await close(scene, agency.list_id)
    await scene.portfolio(business_date=DAY + timedelta(days=5))
    await report_calls(client, call(agency.list_id, agency.contract))
    [row] = await scene.rows("SELECT business_date FROM call_result")
    assert row["business_date"] == DAY + timedelta(days=5)


@pytest.mark.parametrize("kind", [PlacementKind.COLLECTION, PlacementKind.VISITS])
async def test_a_contract_that_the_agency_has_for_other_work_is_with_it(
    scene: Scene, client: httpx.AsyncClient, agency: Agency, kind: PlacementKind
) -> None:
    await lose(scene, agency)
    await scene.receives(Placement(agency.contract.contract_id, agency.agency_id, kind).placed())
    assert (await report(client, agency.list_id, agency.contract, "deceased"))["effective"] is True


async def test_a_reinstated_contract_is_with_the_agency_again_and_a_placement_past_its_last_day_is_not(
    scene: Scene, client: httpx.AsyncClient, agency: Agency
) -> None:
    await scene.receives(agency.placement.recall_requested())
    assert (await report(client, agency.list_id, agency.contract, "deceased"))["effective"] is False
    await scene.receives(agency.placement.reinstated())
    assert (await report(client, agency.list_id, agency.contract, "deceased"))["effective"] is True
    await scene.execute("UPDATE placement SET ends_on = $1", DAY - timedelta(days=1))
    assert (await report(client, agency.list_id, agency.contract, "deceased"))["effective"] is False


async def test_what_an_operator_reports_by_a_list_that_is_over_takes_effect(
    scene: Scene, client: httpx.AsyncClient, agency: Agency
) -> None:
    await close(scene, agency.list_id)
    client.headers["Authorization"] = f"Bearer {mint()}"
    assert (await report(client, agency.list_id, agency.contract, "deceased"))["effective"] is True


async def test_an_agency_does_not_read_what_dialers_have_reported(client: httpx.AsyncClient, agency: Agency) -> None:
    assert agency.list_id
    assert (await client.get("/v1/dialer-reports")).status_code == 403
