"""Calls and reports of a dialer about the contracts that an entry names beside its lead."""

import uuid
from datetime import UTC, datetime

import httpx
import pytest
from dialing_requests import call, report, report_calls
from dialing_scene import Scene
from people_on_lists import named, of_one_person
from recobro_events.contracts.dialer_feed import CallCompleted
from recobro_events.testing import published


@pytest.fixture(autouse=True)
async def per_person(scene: Scene) -> None:
    scene.campaign_id = await scene.campaign(one_entry_per="person")


async def test_a_dialer_withdraws_one_named_and_gets_the_item_of_the_entry(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    lead, second, third = await of_one_person(scene, "900.00", "500.00", "300.00")
    list_id = await scene.built()
    answer = await report(client, list_id, second, "payment_claimed")
    assert (answer["kind"], answer["contract_number"], answer["reason"]) == (
        "others_changed",
        lead.number,
        "payment_claimed",
    )
    assert answer["also"] == [{"contract_number": third.number, "overdue_balance": "300.00"}]
    assert await report(client, list_id, second, "payment_claimed") == answer
    assert await named(scene, list_id) == {lead.number: [third.number]}
    await report(client, list_id, lead, "clarification")
    assert (await report(client, list_id, third, "other"))["kind"] == "withdrawn"
    assert await named(scene, list_id) == {}


async def test_a_call_about_one_named_is_listed_and_counts_for_all_named(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    lead, second, silenced = await of_one_person(scene, "900.00", "500.00", "300.00")
    list_id = await scene.built()
    await scene.receives(silenced.paid("10.00"))
    outcome = await report_calls(client, call(list_id, lead), call(list_id, second))
    assert [item["unlisted"] for item in outcome["items"]] == [False, False]
    events = {event.contract_id: event.also for event in await published(scene.database, CallCompleted)}
    assert events == {lead.contract_id: (second.contract_id,), second.contract_id: (lead.contract_id,)}


def _start_and_contract(event: CallCompleted) -> tuple[datetime, uuid.UUID]:
    return event.started_at, event.contract_id


async def test_a_call_counts_for_those_whom_its_entry_named_when_it_started(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    lead, second, third = await of_one_person(scene, "900.00", "500.00", "300.00")
    list_id = await scene.built()
    early = datetime.now(UTC).isoformat()
    await scene.receives(lead.paid("10.00"))
    await scene.receives(third.paid("10.00"))
    now = datetime.now(UTC).isoformat()
    await report_calls(client, call(list_id, lead, started_at=early), call(list_id, second, started_at=early))
    await report_calls(client, call(list_id, lead, started_at=now), call(list_id, second, started_at=now))
    made = await published(scene.database, CallCompleted)
    events = [(event.contract_id, set(event.also)) for event in sorted(made, key=_start_and_contract)]
    everybody = {lead.contract_id, second.contract_id, third.contract_id}
    called = sorted((lead.contract_id, second.contract_id))
    assert events == [*((one, everybody - {one}) for one in called), *((one, set()) for one in called)]


async def test_a_call_still_counts_for_one_named_after_the_lead_has_moved_to_another_person(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    """The person was called about all three, and so was nobody else: the call counts once for each of both people."""
    lead, second, third = await of_one_person(scene, "900.00", "500.00", "300.00")
    list_id = await scene.built()
    await report_calls(client, call(list_id, lead), call(list_id, lead))
    await scene.receives(lead.revised(person_id=None, debtor_id=uuid.uuid4()))
    both = {lead.number: [], second.number: [third.number]}
    for most, expected in ((2, {}), (3, both)):
        campaign_id = await scene.campaign(one_entry_per="person", max_attempts_per_7_days=most)
        assert await named(scene, await scene.built(campaign_id=campaign_id)) == expected

    campaign_id = await scene.campaign(one_entry_per="person", max_attempts_per_7_days=3)
    again = await scene.built(campaign_id=campaign_id)
    later = datetime.now(UTC).isoformat()
    outcome = await report_calls(client, call(again, second, started_at=later), call(again, second, started_at=later))
    assert [item["breaches"].count("frequency") for item in outcome["items"]] in ([0, 1], [1, 0])


async def test_a_late_call_about_one_named_knows_whether_its_silence_was_acknowledged(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    _, second = await of_one_person(scene, "900.00", "500.00")
    list_id = await scene.built()
    await scene.receives(second.disputed())
    await report_calls(client, call(list_id, second))
    await client.post(f"/v1/lists/{list_id}/acknowledgements", json={"cursor": await scene.base(list_id) + 1})
    await report_calls(client, call(list_id, second))
    answer = (await client.get("/v1/withdrawal-report", params={"list_id": str(list_id)})).json()
    assert (answer["wrongful_calls"], answer["wrongful_calls_after_acknowledgement"]) == (2, 1)
