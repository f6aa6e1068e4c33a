"""Every call to a known contract is recorded, on a list or not, and judged by the rules of contact."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from chassis.testing import mint
from dialer_feed import metrics
from dialing_agencies import Placement, Visit
from dialing_requests import call, report_calls
from dialing_scene import Scene
from recobro_events import Event
from recobro_events.contracts.assignment import PlacementKind
from recobro_events.contracts.dialer_feed import (
    CallCompleted,
    ContactInvalid,
    DebtorReported,
    OptOutRequested,
)
from recobro_events.contracts.field_visits import AttendedBy
from recobro_events.testing import published
from unlisted_calls import NO_LIST, TOMORROW, by_id, item_of, yesterday_at


async def test_a_call_without_a_list_and_one_to_a_contract_that_is_not_on_it_are_recorded_as_unlisted(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    [listed], [other] = await scene.contracts(1), await scene.contracts(1, overdue="1.00")
    list_id = await scene.built()
    made = [call(list_id, listed), by_id(listed), call(list_id, other), by_id(other, list_id=str(list_id))]
    outcome = await report_calls(client, *made)
    assert [item["unlisted"] for item in outcome["items"]] == [False, True, True, True]
    events = {event.call_id: event for event in await published(scene.database, CallCompleted)}
    assert [events[each["call_id"]].list_id for each in made] == [list_id, NO_LIST, list_id, list_id]


async def test_a_call_of_yesterdays_list_is_unlisted_today(scene: Scene, client: httpx.AsyncClient) -> None:
    [contract] = await scene.contracts(1)
    old = await scene.built()
    await scene.portfolio(business_date=TOMORROW)
    await scene.built(TOMORROW)
    assert (await item_of(client, call(old, contract)))["unlisted"] is True


async def test_an_unknown_number_has_the_id_that_the_portfolio_would_give_it(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    [contract] = await scene.contracts(1)
    await report_calls(client, by_id(contract, phone="55 9999 9999"), by_id(contract, phone="anonymous"))
    events = await published(scene.database, CallCompleted)
    assert {event.contact_id for event in events} == {
        uuid.uuid5(contract.contract_id, "phone:+525599999999"),
        uuid.uuid5(contract.contract_id, "phone:anonymous"),
    }
    rows = await scene.rows("SELECT unknown_phone FROM call_result ORDER BY unknown_phone")
    assert [row["unknown_phone"] for row in rows] == ["55 9999 9999", "anonymous"]


@pytest.mark.parametrize(
    ("disposition", "event_type"), [("wrong_number", ContactInvalid), ("opted_out", OptOutRequested)]
)
async def test_what_is_said_of_a_number_that_the_contract_does_not_have_waits_for_a_person(
    scene: Scene, client: httpx.AsyncClient, disposition: str, event_type: type[Event]
) -> None:
    """The portfolio does not know the number, and could not apply the event."""
    [contract] = await scene.contracts(1)
    list_id = await scene.built()
    outcome = await report_calls(client, by_id(contract, disposition, phone="+525599999999"))
    assert outcome["without_effect"] == 1
    assert await published(scene.database, event_type) == []
    assert await scene.listed(list_id) == [contract.number]
    [kept] = (await client.get("/v1/dialer-reports", params={"effective": "false"})).json()["items"]
    assert (kept["reason"], kept["list_id"]) == (disposition, str(NO_LIST))


async def test_what_a_call_without_a_list_found_out_silences_every_list(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    claimed, died = await scene.contracts(2)
    list_id = await scene.built()
    await report_calls(client, by_id(claimed, "payment_claimed"), by_id(died, "deceased", direction="inbound"))
    assert await scene.listed(list_id) == []
    [event] = await published(scene.database, DebtorReported)
    assert (event.contract_id, event.effective) == (died.contract_id, True)


@pytest.mark.parametrize(
    "changes",
    [
        {"contract_id": None},
        {"contract_number": "C-0001"},
        {"contract_id": None, "contract_number": "C-0001"},
        {"direction": "sideways"},
        {"manual": "yes"},
    ],
)
async def test_a_call_names_its_contract_in_one_way(
    scene: Scene, client: httpx.AsyncClient, changes: dict[str, Any]
) -> None:
    [contract] = await scene.contracts(1)
    assert (await client.post("/v1/calls", json=[by_id(contract) | changes])).status_code == 422
    assert await scene.rows("SELECT FROM call_result") == []


async def test_a_number_of_two_contracts_is_told_apart_by_the_phone_else_refused(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    second = await scene.portfolio(uuid.uuid4())
    one = scene.contract(number="SAME")
    two = scene.contract(number="SAME", portfolio_id=second, phones=[])
    await scene.receives(one.registered(), two.registered())
    list_id = await scene.built(campaign_id=await scene.campaign(min_overdue="99999.00"))
    outcome = await report_calls(client, call(list_id, one), call(list_id, one, call_id="?", phone="+525511111111"))
    assert [item["contract_id"] for item in outcome["items"]] == [str(one.contract_id)]
    assert [(refused["call_id"], refused["code"]) for refused in outcome["rejected"]] == [("?", "contract-ambiguous")]


@pytest.mark.parametrize(
    ("offset", "code"),
    [
        (timedelta(minutes=4), None),
        (timedelta(minutes=6), "starts-in-the-future"),
        (-timedelta(days=29, hours=23), None),
        (-timedelta(days=30, hours=1), "too-old"),
    ],
)
async def test_a_call_starts_at_most_5_minutes_ahead_and_30_days_ago(
    scene: Scene, client: httpx.AsyncClient, offset: timedelta, code: str | None
) -> None:
    [contract] = await scene.contracts(1)
    outcome = await report_calls(client, by_id(contract, started_at=(datetime.now(UTC) + offset).isoformat()))
    assert [refused["code"] for refused in outcome["rejected"]] == ([code] if code else [])


async def test_an_agency_reports_on_contracts_that_are_or_were_placed_with_it(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    agency_id = uuid.uuid4()
    placed, lost, others = await scene.contracts(3)
    former = Placement(lost.contract_id, agency_id)
    await scene.receives(
        Placement(placed.contract_id, agency_id, PlacementKind.COLLECTION).placed(),
        former.placed(),
        Placement(others.contract_id, uuid.uuid4()).placed(),
    )
    await scene.receives(former.recall_requested(), former.recalled())
    client.headers["Authorization"] = f"Bearer {mint(agency_id=agency_id)}"
    made = [by_id(placed), by_id(lost), by_id(others), by_id(scene.contract())]
    outcome = await report_calls(client, *made)
    assert [(item["call_id"], item["wrongful"]) for item in outcome["items"]] == [
        (made[0]["call_id"], False),
        (made[1]["call_id"], True),
    ]
    assert [refused["code"] for refused in outcome["rejected"]] == ["contract-unknown"] * 2
    assert {event.agency_id for event in await published(scene.database, CallCompleted)} == {agency_id}
    assert (await client.get("/v1/breaches")).status_code == 403


def breaches_counted(kind: str) -> float:
    return float(metrics.BREACHES.labels(kind)._value.get())


@pytest.mark.parametrize(
    ("timezone", "hour", "minute", "breaches"),
    [
        ("America/Mexico_City", 13, 0, []),
        ("America/Mexico_City", 12, 59, ["outside_hours"]),
        ("America/Tijuana", 13, 30, ["outside_hours"]),
    ],
)
async def test_a_call_outside_the_hours_where_the_number_is_breaks_the_hours(
    scene: Scene, client: httpx.AsyncClient, timezone: str, hour: int, minute: int, breaches: list[str]
) -> None:
    """Calls are allowed from seven: at 13:00 UTC in Mexico City, and not before 14:00 in Tijuana."""
    numbers = {"America/Mexico_City": "+525512345601", "America/Tijuana": "+526641234567"}
    contract = scene.contract(region="Baja California" if "Tijuana" in timezone else "Ciudad de México")
    contract.phones = contract.phones[:1]
    contract.phones[0].value, contract.phones[0].timezone = numbers[timezone], timezone
    await scene.receives(contract.registered())
    before = breaches_counted("outside_hours")
    item = await item_of(client, by_id(contract, started_at=yesterday_at(hour, minute)))
    assert (item["breaches"], item["wrongful"]) == (breaches, False)
    assert breaches_counted("outside_hours") - before == len(breaches)
    found = (await client.get("/v1/breaches", params={"contract_id": str(contract.contract_id)})).json()["items"]
    assert [item["breaches"] for item in found] == ([breaches] if breaches else [])


@pytest.mark.parametrize("shared", ["debtor_id", "person_id"])
async def test_a_call_beyond_the_cap_is_a_breach_over_all_contracts_of_the_person(
    scene: Scene, client: httpx.AsyncClient, shared: str
) -> None:
    """Seven contacts in 7 days are allowed: here six calls and a visit. Inbound calls are no attempts."""
    one, two = await scene.contracts(2, **{shared: uuid.uuid4()})
    visit = Visit(two)
    await scene.receives(visit.ordered(), visit.completed(AttendedBy.NOBODY))
    await report_calls(client, *(by_id(two, direction="inbound", started_at=yesterday_at(18, n)) for n in range(9)))
    made = [by_id(one if n % 2 else two, started_at=yesterday_at(19, n)) for n in range(7)]
    outcome = await report_calls(client, *made)
    assert [item["breaches"] for item in outcome["items"]] == [[]] * 6 + [["frequency"]]
    [found] = (await client.get("/v1/breaches", params={"kind": "frequency"})).json()["items"]
    assert found["call_id"] == made[-1]["call_id"]


@pytest.mark.parametrize(("jurisdiction", "breaches"), [("MX", ["frequency"]), ("US", [])])
@pytest.mark.parametrize("disposition", ["busy", "failed"])
async def test_whether_a_call_that_never_connected_counts_says_the_profile(
    scene: Scene, client: httpx.AsyncClient, jurisdiction: str, disposition: str, breaches: list[str]
) -> None:
    [contract] = await scene.contracts(1, jurisdiction=jurisdiction)
    await report_calls(client, *(by_id(contract, disposition, started_at=yesterday_at(18, n)) for n in range(7)))
    item = await item_of(client, by_id(contract, started_at=yesterday_at(19)))
    assert [breach for breach in item["breaches"] if breach == "frequency"] == breaches


async def test_breaches_are_paged_and_filtered_by_agency(scene: Scene, client: httpx.AsyncClient) -> None:
    [contract] = await scene.contracts(1)
    agency_id = uuid.uuid4()
    await scene.receives(Placement(contract.contract_id, agency_id).placed(), contract.paid())
    made = [by_id(contract, call_id=str(n)) for n in range(3)]
    agency = {"Authorization": f"Bearer {mint(agency_id=agency_id)}"}
    await client.post("/v1/calls", json=made[:1], headers=agency)
    await report_calls(client, *made[1:])
    shown: list[tuple[str, str | None]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await client.get("/v1/breaches", params={"limit": 1} | ({"cursor": cursor} if cursor else {}))).json()
        shown += [(item["call_id"], item["agency_id"]) for item in page["items"]]
        cursor = page["next_cursor"]
    assert sorted(shown) == [("0", str(agency_id)), ("1", None), ("2", None)]
    own = (await client.get("/v1/breaches", params={"agency_id": str(agency_id)})).json()["items"]
    assert [item["call_id"] for item in own] == ["0"]


async def test_visits_alone_may_use_up_the_cap(scene: Scene, client: httpx.AsyncClient) -> None:
    [contract] = await scene.contracts(1)
    for visit in [Visit(contract) for _ in range(7)]:
        await scene.receives(visit.ordered(), visit.completed(AttendedBy.NOBODY))
    assert (await item_of(client, by_id(contract, started_at=yesterday_at(19))))["breaches"] == ["frequency"]


async def test_a_call_in_the_days_of_silence_after_a_conversation_is_a_breach(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    [contract] = await scene.contracts(1, jurisdiction="US")
    spoke, after = by_id(contract, "right_party", started_at=yesterday_at(18)), by_id(contract)
    outcome = await report_calls(client, spoke, after | {"started_at": yesterday_at(19)})
    assert ["frequency" in item["breaches"] for item in outcome["items"]] == [False, True]
