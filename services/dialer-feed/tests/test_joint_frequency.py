"""Visits count with calls towards how often a debtor may be contacted."""

from datetime import date, timedelta

import httpx
import pytest
from dialing_scene import DAY, Scene
from recobro_events.contracts.field_visits import AttendedBy
from speaking_agencies import Visit
from test_dialers import call, tell


async def next_list(scene: Scene, **campaign: object) -> list[str]:
    return await scene.listed(await scene.built(campaign_id=await scene.campaign(**campaign)))


async def test_calls_and_visits_of_a_debtor_count_together(scene: Scene, client: httpx.AsyncClient) -> None:
    visited, other = await scene.contracts(2)
    sibling = scene.contract(debtor_id=visited.debtor_id)
    await scene.receives(sibling.registered())
    list_id = await scene.built()
    await tell(client, call(list_id, visited), call(list_id, other))
    visit = Visit(visited, DAY - timedelta(days=2))
    await scene.receives(visit.ordered())
    everybody = [visited.number, other.number, sibling.number]
    assert await next_list(scene, max_attempts_per_7_days=2) == everybody, "one that was only ordered is none"

    await scene.receives(visit.completed())

    assert await next_list(scene, max_attempts_per_7_days=2) == [other.number]
    assert await next_list(scene, max_attempts_per_7_days=3) == everybody
    assert await scene.listed(list_id) == everybody, "frequency bars from the next list, it never withdraws"


@pytest.mark.parametrize(
    ("jurisdiction", "visit_on", "attended_by", "listed"),
    [
        ("US", DAY - timedelta(days=6), AttendedBy.DEBTOR, False),
        ("US", DAY - timedelta(days=7), AttendedBy.DEBTOR, True),
        ("US", DAY - timedelta(days=6), AttendedBy.THIRD_PARTY, True),
        ("MX", DAY, AttendedBy.DEBTOR, True),
    ],
)
async def test_meeting_the_debtor_is_a_conversation(
    scene: Scene, jurisdiction: str, visit_on: date, attended_by: AttendedBy, listed: bool
) -> None:
    [contract] = await scene.contracts(1, jurisdiction=jurisdiction)
    visit = Visit(contract, visit_on)
    await scene.receives(visit.ordered(), visit.completed(attended_by))
    assert await next_list(scene) == ([contract.number] if listed else [])


async def test_a_visit_whose_order_was_never_heard_of_counts_on_the_business_date(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    await scene.receives(Visit(contract).completed())
    [row] = await scene.rows("SELECT visit_on, made FROM visit")
    assert (row["visit_on"], row["made"]) == (DAY, True)
    assert await next_list(scene, max_attempts_per_7_days=1) == []


async def test_a_visit_told_twice_counts_once(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    visit = Visit(contract)
    await scene.receives(visit.ordered(), visit.completed(), visit.completed())
    assert await next_list(scene, max_attempts_per_7_days=2) == [contract.number]
