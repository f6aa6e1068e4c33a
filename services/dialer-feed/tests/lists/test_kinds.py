"""Kinds of campaigns, the order and the size of their lists, and the phones of their entries."""

import asyncio
import csv
import io
import json
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
import pytest
from builder_steps import run_steps
from dialer_feed.delivery import queries as delivery
from dialer_feed.lists import building
from dialing_agencies import Visit, own_attempt
from dialing_contracts import Contract, Phone
from dialing_requests import call, report_calls
from dialing_scene import DAY, Scene, blocked_on_a_lock
from recobro_events.contracts.portfolio import ContactChange, Stage

Json = dict[str, Any]
MEXICAN, BRAZILIAN = "+525512345601", "+552122223333"
BRAZILIAN_MOBILE = "+5521987654321"


async def entries(client: httpx.AsyncClient, list_id: UUID) -> list[Json]:
    """The entries in the order of the list."""
    answer = await client.get(f"/v1/lists/{list_id}/entries")
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


async def numbers(client: httpx.AsyncClient, list_id: UUID) -> list[str]:
    return [entry["contract_number"] for entry in await entries(client, list_id)]


async def answer(client: httpx.AsyncClient, path: str, **parameters: Any) -> Any:
    found = await client.get(path, params=parameters)
    assert found.status_code == 200, found.text
    return found.json()


def current(scene: Scene, days_ahead: int, total: str = "900.00", **changes: Any) -> Contract:
    """A contract of which nothing is overdue, and something falls due."""
    due_on = DAY + timedelta(days=days_ahead)
    money = {"overdue": Decimal(0), "total": Decimal(total)}
    return scene.contract(stage=Stage.CURRENT, days=0, oldest_due_on=due_on, **money, **changes)


async def preventive(scene: Scene, **changes: Any) -> UUID:
    columns = {"kind": "preventive", "stages": ["current"], "min_total": Decimal("100.00"), "due_within_days": 3}
    return await scene.campaign(**columns | changes)


@pytest.fixture
async def reminded(scene: Scene) -> dict[str, Contract]:
    """Contracts by the rule that keeps each off the list of a preventive campaign; "" and "last day" are on it."""
    made = {
        "": current(scene, 0),
        "last day": current(scene, 3),
        "due": current(scene, 4),
        "min_total": current(scene, 1, total="100.00"),
        "stage": scene.contract(),
    }
    await scene.receives(*(contract.registered() for contract in made.values()))
    return made


async def test_a_preventive_campaign_reminds_of_what_falls_due(
    scene: Scene, client: httpx.AsyncClient, reminded: dict[str, Contract]
) -> None:
    list_id = await scene.built(campaign_id=await preventive(scene))
    assert [
        (entry["contract_number"], entry["total_balance"], entry["due_on"]) for entry in await entries(client, list_id)
    ] == [
        (reminded[""].number, "900.00", str(DAY)),
        (reminded["last day"].number, "900.00", str(DAY + timedelta(days=3))),
    ]
    file = await client.get(f"/v1/lists/{list_id}/entries", params={"format": "csv"})
    [first, _] = csv.DictReader(io.StringIO(file.text.removeprefix("\ufeff")))
    assert (first["total_balance"], first["due_on"]) == ("900.00", str(DAY))


async def test_every_rule_of_a_preventive_campaign_is_explained_and_counted(
    scene: Scene, client: httpx.AsyncClient, reminded: dict[str, Contract]
) -> None:
    campaign_id = await preventive(scene)
    foreseen = await answer(client, f"/v1/campaigns/{campaign_id}/preview", business_date=str(DAY))
    assert foreseen["entries"] == 2
    assert {one["rule"]: one["contracts"] for one in foreseen["kept_off"]} == {"due": 1, "min_total": 1, "stage": 1}
    list_id = await scene.built(campaign_id=campaign_id)
    for rule, contract in reminded.items():
        known = await answer(client, f"/v1/lists/{list_id}/explanations", contract_number=contract.number)
        barring = [verdict["rule"] for verdict in known["rules"] if verdict["bars"]]
        # What is overdue does not fall due, either.
        expected = {"": [], "last day": [], "stage": ["stage", "due"]}.get(rule, [rule])
        assert barring == expected, rule
        assert (known["status"] == "listed") == (not barring)


async def test_a_reminder_leaves_the_list_when_its_balance_or_its_day_changes(
    scene: Scene, client: httpx.AsyncClient, reminded: dict[str, Contract]
) -> None:
    list_id = await scene.built(campaign_id=await preventive(scene))
    moved, poorer = reminded[""], reminded["last day"]
    moved.oldest_due_on, poorer.total = DAY + timedelta(days=30), Decimal("50.00")
    await scene.receives(moved.revised(), poorer.revised())
    assert await numbers(client, list_id) == []
    assert {reason for _, reason in await scene.withdrawals(list_id)} == {"no_longer_eligible"}


async def test_a_permit_of_a_preventive_campaign_needs_what_falls_due(
    scene: Scene, client: httpx.AsyncClient, reminded: dict[str, Contract]
) -> None:
    campaign_id = await preventive(scene)
    await scene.hears()
    late = {"campaign_id": str(campaign_id), "contract_id": str(reminded["due"].contract_id), "phone": MEXICAN}
    refused = await client.post("/v1/permits", json=late)
    assert refused.json()["reason"] == "no_longer_eligible"


async def different(scene: Scene) -> dict[str, Contract]:
    """Contracts whose balance, days and last contact are in different orders."""
    made = {
        "a": scene.contract(overdue=Decimal(300), oldest_due_on=DAY - timedelta(days=5)),
        "b": scene.contract(overdue=Decimal(200), oldest_due_on=DAY - timedelta(days=25)),
        "c": scene.contract(overdue=Decimal(400), oldest_due_on=DAY - timedelta(days=15)),
        "d": scene.contract(overdue=Decimal(200), oldest_due_on=DAY - timedelta(days=25)),
    }
    await scene.receives(*(contract.registered() for contract in made.values()))
    visit = Visit(made["b"], DAY - timedelta(days=6))
    await scene.receives(visit.ordered(), visit.completed())
    await scene.receives(own_attempt(made["c"], DAY - timedelta(days=2)))
    await scene.receives(own_attempt(made["d"], DAY - timedelta(days=61)))
    return made


ORDERS = {"balance": "cabd", "days_past_due": "bdca", "last_contact": "adbc"}


@pytest.mark.parametrize("list_order", ORDERS)
async def test_a_list_comes_in_the_order_of_its_campaign(
    scene: Scene, client: httpx.AsyncClient, list_order: str
) -> None:
    made = await different(scene)
    list_id = await scene.built(campaign_id=await scene.campaign(list_order=list_order))
    expected = [made[letter].number for letter in ORDERS[list_order]]
    assert await numbers(client, list_id) == expected
    page = await answer(client, f"/v1/lists/{list_id}/contracts", sorted_by="place")
    assert [(one["contract_number"], one["place"]) for one in page["items"]] == list(
        zip(expected, (1, 2, 3, 4), strict=True)
    )


@pytest.mark.parametrize("list_order", ORDERS)
async def test_the_daily_size_takes_the_first_and_says_who_was_left_out(
    scene: Scene, client: httpx.AsyncClient, list_order: str
) -> None:
    made = await different(scene)
    campaign_id = await scene.campaign(list_order=list_order, daily_size=2)
    foreseen = await answer(client, f"/v1/campaigns/{campaign_id}/preview", business_date=str(DAY))
    list_id = await scene.built(campaign_id=campaign_id)
    order = ORDERS[list_order]
    assert await numbers(client, list_id) == [made[letter].number for letter in order[:2]]
    assert (foreseen["entries"], [(one["rule"], one["contracts"]) for one in foreseen["kept_off"]]) == (
        2,
        [("daily_size", 2)],
    )
    for letter, contract in made.items():
        known = await answer(client, f"/v1/lists/{list_id}/explanations", contract_number=contract.number)
        [verdict] = [one for one in known["rules"] if one["rule"] == "daily_size"]
        assert verdict["bars"] == (letter in order[2:])
        assert (verdict["facts"]["daily_size"], verdict["facts"]["list_order"]) == (2, list_order)
        assert verdict["facts"]["place"] == (None if verdict["bars"] else order.index(letter) + 1)


async def test_the_difference_of_two_lists_names_the_rules_of_a_campaign(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    old, other = await scene.contracts(2, overdue=Decimal(500))
    campaign_id = await scene.campaign(list_order="balance", daily_size=2)
    yesterday = await scene.built(campaign_id=campaign_id)
    tomorrow = DAY + timedelta(days=1)
    await scene.portfolio(business_date=tomorrow)
    other.overdue = Decimal("99.00")
    await scene.receives(other.revised())
    await scene.contracts(2, overdue=Decimal(900))
    today = await scene.built(tomorrow, campaign_id)
    gone = await answer(client, f"/v1/lists/{today}/difference", **{"with": str(yesterday), "side": "gone"})
    assert {(one["contract_number"], one["reason"], one["rule"]) for one in gone["items"]} == {
        (old.number, None, "daily_size"),
        (other.number, "no_longer_eligible", "min_overdue"),
    }


async def test_the_daily_size_counts_people_and_their_other_contracts_come_along(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    ana, luis, eva = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    made = [
        scene.contract(debtor_id=debtor, overdue=Decimal(overdue))
        for debtor, overdue in ((ana, 900), (ana, 150), (luis, 500), (luis, 450), (eva, 400))
    ]
    await scene.receives(*(contract.registered() for contract in made))
    campaign_id = await scene.campaign(one_entry_per="person", list_order="balance", daily_size=2)
    foreseen = await answer(client, f"/v1/campaigns/{campaign_id}/preview", business_date=str(DAY))
    list_id = await scene.built(campaign_id=campaign_id)
    found = [(one["contract_number"], len(one["also"])) for one in await entries(client, list_id)]
    assert found == [(made[0].number, 1), (made[2].number, 1)]
    assert (foreseen["entries"], foreseen["contracts"], foreseen["overdue_balance"]) == (2, 4, "2000.00")
    assert foreseen["kept_off"] == [{"rule": "daily_size", "contracts": 1, "overdue_balance": "400.00"}]


async def size_verdict(client: httpx.AsyncClient, list_id: UUID, contract: Contract) -> tuple[bool, Any, Any, Any]:
    known = await answer(client, f"/v1/lists/{list_id}/explanations", contract_number=contract.number)
    [verdict] = [one for one in known["rules"] if one["rule"] == "daily_size"]
    facts = verdict["facts"]
    return verdict["bars"], facts["place"], facts["decided_by"], facts["order_value"]


async def test_the_daily_size_is_explained_by_the_lead_of_a_person(scene: Scene, client: httpx.AsyncClient) -> None:
    """Each other contract would be on the other side of the cut, were it compared by itself."""
    within, beyond = uuid.uuid4(), uuid.uuid4()
    lead, named, paused, first_out, late = (
        scene.contract(debtor_id=debtor, overdue=Decimal(overdue), oldest_due_on=DAY - timedelta(days=days))
        for debtor, overdue, days in (
            (within, 900, 40),
            (within, 200, 5),
            (within, 300, 6),
            (beyond, 800, 20),
            (beyond, 150, 90),
        )
    )
    paused.paused(DAY, None)
    await scene.receives(*(contract.registered() for contract in (lead, named, paused, first_out, late)))
    campaign_id = await scene.campaign(one_entry_per="person", list_order="days_past_due", daily_size=1)
    list_id = await scene.built(campaign_id=campaign_id)
    assert sorted(await numbers(client, list_id)) == [lead.number]
    for contract in (lead, named, paused):
        assert await size_verdict(client, list_id, contract) == (False, 1, lead.number, "40")
    for contract in (first_out, late):
        assert await size_verdict(client, list_id, contract) == (True, None, first_out.number, "20")
    earlier = await scene.built(campaign_id=await scene.campaign(one_entry_per="person"))
    gone = await answer(client, f"/v1/lists/{list_id}/difference", **{"with": str(earlier), "side": "gone"})
    assert {(one["contract_number"], one["rule"]) for one in gone["items"]} == {
        (first_out.number, "daily_size"),
        (late.number, "daily_size"),
    }
    await scene.receives(lead.paid())
    assert await size_verdict(client, list_id, named) == (False, 1, lead.number, "40")


async def test_a_list_without_anybody_left_out_forgets_who_was_left_out_of_an_earlier_attempt(scene: Scene) -> None:
    """A builder died after it had gathered, and a contract has been paid since."""
    one, two = await scene.contracts(2)
    campaign_id = await scene.campaign(list_order="balance", daily_size=1)
    list_id = await scene.requested(campaign_id=campaign_id)
    await run_steps(scene, list_id, "requested", "gathered")
    await scene.receives(two.paid())
    await building.advance(scene.database, uuid.uuid4())
    assert await scene.listed(list_id) == [one.number]
    assert [row["cut_at"] for row in await scene.rows("SELECT cut_at FROM dialing_list")] == [None]


async def placed(scene: Scene, list_id: UUID) -> list[tuple[str, int]]:
    """Contract number and place of each entry. The app of a client would have a builder of its own."""
    rows = await scene.rows(delivery.ENTRIES_IN_ORDER, list_id, None, 1000)
    return [(row["contract_number"], row["place"]) for row in rows]


async def test_several_builders_at_once_publish_as_many_entries_as_the_daily_size(scene: Scene) -> None:
    made = [scene.contract(overdue=Decimal(1000 - n)) for n in range(9)]
    await scene.receives(*(contract.registered() for contract in made))
    for _ in range(6):
        campaign_id = await scene.campaign(list_order="balance", daily_size=4)
        list_id = await scene.requested(campaign_id=campaign_id)
        await asyncio.gather(*(building.advance(scene.database, uuid.uuid4()) for _ in range(4)))
        await scene.advance()
        assert await placed(scene, list_id) == [(contract.number, n) for n, contract in enumerate(made[:4], start=1)]


async def test_a_builder_that_is_overruled_while_it_gathers_adds_nothing_to_the_list(scene: Scene) -> None:
    """The successor's claim waits until the first builder has gathered, and then begins again."""
    made = [scene.contract(overdue=Decimal(1000 - n)) for n in range(3)]
    await scene.receives(*(contract.registered() for contract in made))
    scene.campaign_id = await scene.campaign(list_order="balance", daily_size=2)
    list_id = await scene.requested()
    await run_steps(scene, list_id, "requested", "cleared")
    async with scene.database.transaction() as tx:
        # Nobody may register an entry: the first builder stands at its insert.
        await tx.execute("LOCK TABLE list_entry IN SHARE MODE")
        gathering = asyncio.create_task(building.gather(scene.database, list_id, scene.builder))
        await blocked_on_a_lock(scene, "barred AS MATERIALIZED")
        successor = uuid.uuid4()
        claiming = asyncio.create_task(building.build(scene.database, list_id, scene.campaign_id, DAY, successor))
        await blocked_on_a_lock(scene, "SELECT FROM dialing_list WHERE list_id")
    await gathering
    await claiming
    with pytest.raises(building.Overruled):
        await building.publish(scene.database, list_id, scene.campaign_id, DAY, scene.builder)
    assert await placed(scene, list_id) == [(made[0].number, 1), (made[1].number, 2)]


async def phones_of(client: httpx.AsyncClient, scene: Scene, **campaign: Any) -> Sequence[str]:
    list_id = await scene.built(campaign_id=await scene.campaign(**campaign))
    [entry] = await entries(client, list_id)
    found: list[str] = entry["phones"]
    return found


async def test_phones_come_as_the_campaign_wishes_and_no_more_than_it_wishes(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    plain, verified, answered = Phone("+525512345601"), Phone("+525512345602"), Phone("+525512345603")
    contract = scene.contract(phones=[plain, verified, answered])
    await scene.receives(contract.registered())
    await scene.receives(contract.number_changed(verified, ContactChange.VERIFIED))
    spoken = call(uuid.uuid4(), contract, "third_party", phone=answered.value)
    del spoken["list_id"], spoken["contract_number"]
    rung = call(uuid.uuid4(), contract, "no_answer", phone=plain.value, started_at=datetime.now(UTC).isoformat())
    del rung["list_id"], rung["contract_number"]
    known = {"contract_id": str(contract.contract_id)}
    await report_calls(client, spoken | known, rung | known)
    first, second, third = plain.value, verified.value, answered.value
    assert await phones_of(client, scene) == [first, second, third]
    assert await phones_of(client, scene, phone_order=["verified"]) == [second, first, third]
    assert await phones_of(client, scene, phone_order=["last_answered", "verified"]) == [third, second, first]
    assert await phones_of(client, scene, phone_order=["verified"], phones_per_entry=1) == [second]


async def test_mobile_numbers_come_first_where_numbers_tell(scene: Scene, client: httpx.AsyncClient) -> None:
    await scene.portfolio(jurisdiction="BR", timezone="America/Sao_Paulo")
    phones = [Phone(BRAZILIAN), Phone(MEXICAN), Phone(BRAZILIAN_MOBILE)]
    contract = scene.contract(phones=phones)
    await scene.receives(contract.registered())
    # A Mexican number may be either.
    expected = [BRAZILIAN_MOBILE, MEXICAN, BRAZILIAN]
    assert await phones_of(client, scene, phone_order=["mobile"]) == expected


async def test_a_phone_that_the_entry_left_out_gets_no_permit_and_does_not_keep_the_entry(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    [contract] = await scene.contracts(1)
    kept, left_out = contract.phones
    list_id = await scene.built(campaign_id=await scene.campaign(phones_per_entry=1))
    await scene.hears()
    asked = {"list_id": str(list_id), "contract_number": contract.number, "phone": left_out.value}
    assert (await client.post("/v1/permits", json=asked)).json()["reason"] == "number_not_listed"
    await scene.receives(contract.number_changed(kept, ContactChange.INVALID))
    assert await scene.withdrawals(list_id) == [(contract.number, "no_phone")]


async def test_a_verified_number_is_known_from_a_whole_contract_that_is_published_again(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    """An earlier release kept the number and not whether it was verified."""
    first, second = Phone("+525512345601"), Phone("+525512345602", verified=True)
    contract = scene.contract(phones=[first, second])
    whole = contract.registered()
    await scene.receives(whole)
    await scene.execute("UPDATE contact_point SET verified = NULL")
    await scene.execute("UPDATE contract SET total_balance = NULL")
    await scene.receives(whole.model_copy(update={"event_id": uuid.uuid4(), "is_republished": True}))
    assert await phones_of(client, scene, phone_order=["verified"]) == [second.value, first.value]
    assert [row["total_balance"] for row in await scene.rows("SELECT total_balance FROM contract")] == [
        contract.overdue
    ]


async def test_calls_of_a_manual_campaign_count_as_dialled_by_hand(scene: Scene, client: httpx.AsyncClient) -> None:
    [contract] = await scene.contracts(1)
    for kind in ("manual", "predictive"):
        list_id = await scene.built(campaign_id=await scene.campaign(kind=kind))
        await report_calls(client, call(list_id, contract, call_id=kind))
        begun = {
            "attempt_id": kind + "-2",
            "list_id": str(list_id),
            "contract_number": contract.number,
            "phone": MEXICAN,
            "started_at": datetime.now(UTC).isoformat(),
        }
        assert (await client.post("/v1/attempts", json=begun)).status_code == 201
    rows = await scene.rows("SELECT call_id, manual FROM call_result UNION ALL SELECT attempt_id, manual FROM attempt")
    assert {row["call_id"]: row["manual"] for row in rows} == {
        "manual": True,
        "manual-2": True,
        "predictive": False,
        "predictive-2": False,
    }
