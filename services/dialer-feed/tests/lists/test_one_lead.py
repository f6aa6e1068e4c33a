"""One person, one lead: an entry for each person, which names the person's other contracts and nobody else's."""

import csv
import io
import uuid
from datetime import timedelta
from decimal import Decimal

import httpx
import pytest
from chassis.testing import mint
from dialer_feed.lists.others import MOST_TOGETHER
from dialing_agencies import Placement
from dialing_requests import code_of
from dialing_scene import DAY, Phone, Scene
from people_on_lists import entries, named, of_one_person
from recobro_events.contracts.dialer_feed import ListPublished
from recobro_events.testing import published


@pytest.fixture(autouse=True)
async def per_person(scene: Scene) -> None:
    scene.campaign_id = await scene.campaign(one_entry_per="person")


async def test_the_largest_overdue_balance_leads_and_the_others_are_named(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    small, large, middle = await of_one_person(scene, "200.00", "900.50", "300.00")
    [alone] = await scene.contracts(1)
    list_id = await scene.built()
    first, second = await entries(client, list_id)
    assert (first["contract_number"], first["overdue_balance"], first["phones"]) == (
        large.number,
        "900.50",
        [phone.value for phone in large.phones],
    )
    assert first["also"] == [
        {"contract_number": middle.number, "overdue_balance": "300.00"},
        {"contract_number": small.number, "overdue_balance": "200.00"},
    ]
    assert (second["contract_number"], second["also"]) == (alone.number, [])
    [event] = await published(scene.database, ListPublished)
    assert (event.entries, str(event.overdue_sum)) == (2, "2900.50")
    assert (await scene.the_list(list_id))["entries"] == 2


async def test_of_equal_balances_the_most_days_late_leads(scene: Scene) -> None:
    person_id = uuid.uuid4()
    late, later = (scene.contract(person_id=person_id, oldest_due_on=DAY - timedelta(days=days)) for days in (5, 20))
    await scene.receives(late.registered(), later.registered())
    assert await named(scene, await scene.built()) == {later.number: [late.number]}


async def test_with_an_entry_per_contract_nothing_is_named(scene: Scene) -> None:
    one, two = await of_one_person(scene, "200.00", "900.00")
    list_id = await scene.built(campaign_id=await scene.campaign(one_entry_per="contract"))
    assert await named(scene, list_id) == {one.number: [], two.number: []}


async def test_a_customer_number_is_one_person_and_people_are_per_creditor(scene: Scene) -> None:
    debtor_id = uuid.uuid4()
    one, two = await scene.contracts(2, debtor_id=debtor_id)
    [other] = await scene.contracts(1, name=one.name)
    assert await named(scene, await scene.built()) == {one.number: [two.number], other.number: []}


async def test_only_contracts_of_one_currency_share_an_entry(scene: Scene) -> None:
    """Two portfolios share the currency; a portfolio whose currency is not known yet stands alone."""
    person_id = uuid.uuid4()
    portfolios = [scene.portfolio_id, *[await scene.portfolio(uuid.uuid4()) for _ in range(3)]]
    for portfolio_id, currency in zip(portfolios, ("MXN", "MXN", "USD", None), strict=True):
        await scene.portfolio(portfolio_id, currency=currency)
    first, second, dollars, unknown = (
        scene.contract(person_id=person_id, portfolio_id=portfolio_id, overdue=Decimal(900 - n))
        for n, portfolio_id in enumerate(portfolios)
    )
    await scene.receives(*(contract.registered() for contract in (first, second, dollars, unknown)))
    assert await named(scene, await scene.built()) == {
        first.number: [second.number],
        dollars.number: [],
        unknown.number: [],
    }


async def test_only_what_may_be_on_the_list_is_named(scene: Scene) -> None:
    kept, paid, little, closed, without_phone = await of_one_person(
        scene, "500.00", "900.00", "100.00", "400.00", "300.00"
    )
    await scene.receives(paid.paid("10.00"), closed.closed())
    await scene.receives(without_phone.revised(phones=[]))
    assert await named(scene, await scene.built()) == {kept.number: []}, (paid.number, little.number)


async def test_an_agency_reads_the_names_of_contracts_that_are_placed_with_it_only(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    ours, also_ours, theirs, of_nobody = await of_one_person(scene, "500.00", "400.00", "900.00", "800.00")
    agency_id, rival = uuid.uuid4(), uuid.uuid4()
    placements = [Placement(contract.contract_id, agency_id) for contract in (ours, also_ours)]
    await scene.receives(
        *(placement.placed() for placement in placements), Placement(theirs.contract_id, rival).placed()
    )
    list_id = await scene.built(campaign_id=await scene.campaign(agency_id=agency_id, one_entry_per="person"))
    client.headers["Authorization"] = f"Bearer {mint(agency_id=agency_id)}"
    answer = await client.get(f"/v1/lists/{list_id}/entries")
    [entry] = await entries(client, list_id)
    assert (entry["contract_number"], [other["contract_number"] for other in entry["also"]]) == (
        ours.number,
        [also_ours.number],
    )
    assert theirs.number not in answer.text
    assert of_nobody.number not in answer.text

    await scene.receives(placements[1].recall_requested())

    assert [entry["also"] for entry in await entries(client, list_id)] == [[]]
    [item] = (await client.get(f"/v1/lists/{list_id}/withdrawals")).json()["items"]
    assert (item["kind"], item["contract_number"], item["reason"], item["also"]) == (
        "others_changed",
        ours.number,
        "recall",
        [],
    )


async def test_numbers_that_several_people_have_are_listed_as_shared(scene: Scene, client: httpx.AsyncClient) -> None:
    """The two contracts of one person share a number, which says nothing. Another creditor's customers do not count."""
    same = [Phone("+525512345601"), Phone("+525512345602")]
    lead, _ = await of_one_person(scene, "900.00", "500.00", phones=same)
    [neighbour] = await scene.contracts(1, phones=[Phone("+525512345602"), Phone("+525512345603")])
    elsewhere = await scene.portfolio(uuid.uuid4(), creditor_id=uuid.uuid4())
    await scene.contracts(1, portfolio_id=elsewhere, phones=[Phone("+525512345603")], overdue=Decimal(50))
    list_id = await scene.built()
    found = {entry["contract_number"]: entry["shared_number"] for entry in await entries(client, list_id)}
    assert found == {lead.number: ["+525512345602"], neighbour.number: ["+525512345602"]}
    answer = await client.get(f"/v1/lists/{list_id}/entries")
    assert neighbour.number not in answer.text.splitlines()[0]


async def test_a_customer_number_of_very_many_contracts_is_no_person(scene: Scene) -> None:
    await scene.contracts(MOST_TOGETHER, debtor_id=uuid.uuid4())
    await scene.contracts(MOST_TOGETHER + 1, debtor_id=uuid.uuid4())
    found = await named(scene, await scene.built())
    assert sorted(len(others) for others in found.values()) == [0] * (MOST_TOGETHER + 1) + [MOST_TOGETHER - 1]


async def test_the_csv_has_the_others_and_the_shared_numbers(scene: Scene, client: httpx.AsyncClient) -> None:
    lead, second, third = await of_one_person(scene, "900.00", "500.00", "300.00")
    await scene.contracts(1, phones=[Phone(lead.phones[0].value)], overdue=Decimal(50))
    list_id = await scene.built()
    answer = await client.get(f"/v1/lists/{list_id}/entries", params={"format": "csv"})
    [row] = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert row["also"] == f"{second.number} 500.00; {third.number} 300.00"
    assert row["shared_number"] == lead.phones[0].value


async def test_a_new_campaign_has_one_entry_per_person_and_those_of_earlier_releases_keep_one_per_contract(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    await scene.execute("DELETE FROM campaign")
    await scene.execute(
        "INSERT INTO campaign (name, min_overdue, stages, payment_holdoff_days) VALUES ('Old', 100, '{early}', 3)"
    )
    made = (await client.post("/v1/campaigns", json={"name": "Norte"})).json()
    assert made["one_entry_per"] == "person"
    listed = (await client.get("/v1/campaigns")).json()["items"]
    assert [campaign["one_entry_per"] for campaign in listed] == ["contract", "person"]
    made = (await client.post("/v1/campaigns", json={"name": "Sur", "one_entry_per": "contract"})).json()
    assert made["one_entry_per"] == "contract"
    refused = await client.post("/v1/campaigns", json={"name": "Este", "one_entry_per": "household"})
    assert (refused.status_code, code_of(refused)) == (422, "invalid")
