"""Calls and visits count together towards how often a debtor may be contacted."""

import uuid
from datetime import UTC, date, datetime, timedelta
from unittest.mock import patch

import httpx
import pytest
from dialer_feed.permits import asking
from dialing_agencies import Visit, own_attempt
from dialing_requests import Json, call, report_calls
from dialing_scene import DAY, Phone, Scene
from recobro_events.contracts.field_visits import AttendedBy


async def next_list(scene: Scene, **campaign: object) -> list[str]:
    return await scene.listed(await scene.built(campaign_id=await scene.campaign(**campaign)))


async def test_calls_and_visits_of_a_debtor_count_together(scene: Scene, client: httpx.AsyncClient) -> None:
    visited, other = await scene.contracts(2)
    sibling = scene.contract(debtor_id=visited.debtor_id)
    await scene.receives(sibling.registered())
    list_id = await scene.built()
    await report_calls(client, call(list_id, visited), call(list_id, other))
    visit = Visit(visited, DAY - timedelta(days=2))
    await scene.receives(visit.ordered())
    everybody = [visited.number, other.number, sibling.number]
    assert await next_list(scene, max_attempts_per_7_days=2) == everybody, (
        "a visit that was only ordered does not count"
    )

    await scene.receives(visit.completed())

    assert await next_list(scene, max_attempts_per_7_days=2) == [other.number]
    assert await next_list(scene, max_attempts_per_7_days=3) == everybody
    assert await scene.listed(list_id) == everybody, "call frequency bars from the next list and never withdraws"


@pytest.mark.parametrize(
    ("jurisdiction", "visit_on", "attended_by", "listed"),
    [
        ("US", DAY - timedelta(days=6), AttendedBy.DEBTOR, False),
        ("US", DAY - timedelta(days=7), AttendedBy.DEBTOR, True),
        ("US", DAY - timedelta(days=6), AttendedBy.THIRD_PARTY, True),
        ("MX", DAY, AttendedBy.DEBTOR, True),
    ],
)
async def test_a_visit_that_met_the_debtor_counts_as_a_conversation(
    scene: Scene, jurisdiction: str, visit_on: date, attended_by: AttendedBy, listed: bool
) -> None:
    [contract] = await scene.contracts(1, jurisdiction=jurisdiction)
    visit = Visit(contract, visit_on)
    await scene.receives(visit.ordered(), visit.completed(attended_by))
    assert await next_list(scene) == ([contract.number] if listed else [])


async def test_calls_of_the_creditors_own_people_count_and_messages_do_not(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    called, written = await scene.contracts(2)
    everybody = [called.number, written.number]
    list_id = await scene.built()
    once = own_attempt(called, DAY - timedelta(days=1))
    await scene.receives(once, own_attempt(written, DAY, "message"))
    assert await next_list(scene, max_attempts_per_7_days=2) == everybody
    await scene.receives(once)
    assert await next_list(scene, max_attempts_per_7_days=2) == everybody, "an attempt that is heard again counts once"

    await scene.receives(own_attempt(called, DAY - timedelta(days=6)), own_attempt(called, DAY - timedelta(days=7)))

    assert await next_list(scene, max_attempts_per_7_days=2) == [written.number]
    assert await next_list(scene, max_attempts_per_7_days=3) == everybody
    assert await scene.listed(list_id) == everybody, "call frequency bars from the next list and never withdraws"
    limited = await scene.built(campaign_id=await scene.campaign(max_attempts_per_7_days=3))
    await report_calls(client, call(limited, called))
    breaches = "SELECT breaches FROM call_result WHERE contract_id = $1"
    assert ["frequency" in row["breaches"] for row in await scene.rows(breaches, called.contract_id)] == [False]
    await scene.receives(own_attempt(called, DAY - timedelta(days=2)))
    await report_calls(client, call(limited, called))
    found = sorted("frequency" in row["breaches"] for row in await scene.rows(breaches, called.contract_id))
    assert found == [False, True]


async def test_one_own_call_about_several_contracts_of_a_person_counts_once(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    sibling = scene.contract(debtor_id=contract.debtor_id)
    await scene.receives(sibling.registered())
    first = own_attempt(contract, DAY)
    await scene.receives(first, own_attempt(sibling, DAY).model_copy(update={"same_as": first.attempt_id}))
    assert await next_list(scene, max_attempts_per_7_days=2) == [contract.number, sibling.number]
    await scene.receives(own_attempt(sibling, DAY))
    assert await next_list(scene, max_attempts_per_7_days=2) == []


async def test_a_conversation_of_the_creditors_own_people_brings_days_of_silence(scene: Scene) -> None:
    contract, other = await scene.contracts(2, jurisdiction="US")
    await scene.receives(own_attempt(contract, DAY - timedelta(days=6), right_party=True))
    assert await next_list(scene) == [other.number]


async def test_a_visit_without_a_known_order_counts_on_the_business_date(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    await scene.receives(Visit(contract).completed())
    [row] = await scene.rows("SELECT visit_on, made FROM visit")
    assert (row["visit_on"], row["made"]) == (DAY, True)
    assert await next_list(scene, max_attempts_per_7_days=1) == []


async def test_a_visit_received_twice_counts_once(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    visit = Visit(contract)
    await scene.receives(visit.ordered(), visit.completed(), visit.completed())
    assert await next_list(scene, max_attempts_per_7_days=2) == [contract.number]


@pytest.mark.parametrize(
    ("campaign", "jurisdiction", "calls", "listed"),
    [
        ({}, "MX", 6, True),
        ({}, "MX", 7, False),
        ({"max_attempts_per_7_days": 2}, "MX", 2, False),
        ({"max_attempts_per_7_days": 9}, "MX", 8, True),
        ({"max_attempts_per_7_days": 9}, "US", 7, False),
    ],
)
@pytest.mark.parametrize("shared", ["debtor_id", "person_id"])
async def test_call_frequency_bars_from_the_next_list_and_never_withdraws(
    scene: Scene, client: httpx.AsyncClient, campaign: Json, jurisdiction: str, calls: int, listed: bool, shared: str
) -> None:
    """Calls about one contract count for the person's other contract too, also under another customer number."""
    one, two = await scene.contracts(2, jurisdiction=jurisdiction, **{shared: uuid.uuid4()})
    if jurisdiction == "US":
        for contract in (one, two):
            contract.phones[0].value = "+12025550123"
            contract.phones[0].version += 1
            await scene.receives(contract.revised())
    list_id = await scene.built()
    await report_calls(client, *(call(list_id, one if n % 2 else two) for n in range(calls)))
    assert await scene.listed(list_id) == [one.number, two.number]
    expected = [one.number, two.number] if listed else []
    assert await scene.listed(await scene.built(campaign_id=await scene.campaign(**campaign))) == expected

    after_a_week = DAY + timedelta(days=7)
    await scene.portfolio(business_date=after_a_week)
    assert await scene.listed(await scene.built(after_a_week)) == [one.number, two.number]


async def test_days_of_silence_follow_a_conversation_where_the_law_requires_them(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    mexican, american = await scene.contracts(1), await scene.contracts(1, jurisdiction="US")
    american[0].phones[0].value = "+12025550123"
    american[0].phones[0].version += 1
    await scene.receives(american[0].revised())
    list_id = await scene.built()
    await report_calls(client, call(list_id, mexican[0], "right_party"), call(list_id, american[0], "right_party"))
    assert await scene.listed(await scene.built(campaign_id=await scene.campaign())) == [mexican[0].number]


@pytest.mark.parametrize(
    ("place", "most"),
    [({"region": "Massachusetts"}, 2), ({"postal_code": "02108"}, 2), ({"region": "Texas"}, 7), ({}, 7)],
)
@pytest.mark.usefixtures("calls_of_any_age")
async def test_a_state_may_allow_fewer_contacts_than_its_country(
    scene: Scene, client: httpx.AsyncClient, place: Json, most: int
) -> None:
    """Massachusetts: two contacts in 7 days, and a call that never connected counts. Elsewhere in the US seven."""
    phones = [Phone("+12025550123")]
    [contract] = await scene.contracts(1, jurisdiction="US", phones=phones, **place)
    list_id = await scene.built()
    started_at = datetime(2026, 11, 23, 18, tzinfo=UTC)
    made = [call(list_id, contract, started_at=(started_at + timedelta(minutes=n)).isoformat()) for n in range(most)]
    if most == 2:
        made[0]["disposition"] = "busy"
    outcome = await report_calls(client, *made[:-1])
    assert await next_list(scene) == [contract.number]
    outcome = await report_calls(client, made[-1])
    assert await next_list(scene) == []
    assert "frequency" not in outcome["items"][0]["breaches"]
    late = call(list_id, contract, started_at=(started_at + timedelta(hours=1)).isoformat())
    outcome = await report_calls(client, late)
    assert "frequency" in outcome["items"][0]["breaches"]


@pytest.mark.parametrize(
    ("place", "media", "listed"),
    [
        # Seven calls are allowed in the US. Visits and messages are no calls.
        ("Texas", {"call": 6, "visit": 3, "message": 3}, True),
        ("Texas", {"call": 7}, False),
        # Two calls and messages in Massachusetts, where visits have a limit of their own.
        ("Massachusetts", {"call": 1, "visit": 3}, True),
        ("Massachusetts", {"message": 2}, False),
        ("Massachusetts", {"call": 1, "message": 1}, False),
    ],
)
async def test_each_jurisdiction_counts_its_media(
    scene: Scene, client: httpx.AsyncClient, place: str, media: dict[str, int], listed: bool
) -> None:
    [contract] = await scene.contracts(1, jurisdiction="US", phones=[Phone("+12025550123")], region=place)
    for medium, times in media.items():
        for _ in range(times):
            visit = Visit(contract)
            made = [visit.ordered(), visit.completed()] if medium == "visit" else [own_attempt(contract, DAY, medium)]
            await scene.receives(*made)
    assert await next_list(scene) == ([contract.number] if listed else [])
    await scene.hears()
    asked = {"campaign_id": str(scene.campaign_id), "contract_number": contract.number, "phone": "+12025550123"}
    with patch.object(asking, "now", lambda: datetime(2026, 11, 23, 18, tzinfo=UTC)):
        answer = await client.post("/v1/permits", json=asked)
    assert answer.json().get("reason") == (None if listed else "frequency")


async def test_a_campaign_with_a_limit_of_its_own_counts_calls_and_visits_everywhere(scene: Scene) -> None:
    [contract] = await scene.contracts(1, jurisdiction="US", phones=[Phone("+12025550123")], region="Texas")
    visit = Visit(contract)
    await scene.receives(own_attempt(contract, DAY), visit.ordered(), visit.completed())
    assert await next_list(scene, max_attempts_per_7_days=3) == [contract.number]
    assert await next_list(scene, max_attempts_per_7_days=2) == []
