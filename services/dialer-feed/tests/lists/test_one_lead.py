"""One person, one lead: an entry for each person, which names the person's other contracts and nobody else's."""

import asyncio
import csv
import io
import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
import pytest
from builder_steps import STEPS, run_steps
from chassis.testing import mint
from dialer_feed.delivery import queries as delivery
from dialer_feed.handlers import consumer
from dialer_feed.lists.others import MOST_TOGETHER
from dialer_feed.withdrawals import queries as withdrawals
from dialer_feed.withdrawals import silencing
from dialer_feed.withdrawals.withdrawing import Cause
from dialing_agencies import Placement
from dialing_requests import Json, call, code_of, report, report_calls
from dialing_scene import DAY, Contract, Phone, Scene, blocked_on_a_lock
from recobro_events import Event, Row
from recobro_events.contracts.dialer_feed import CallCompleted, ListEntryWithdrawn, ListPublished, WithdrawalReason
from recobro_events.contracts.portfolio import ContactChange, DebtorStatus, Stage
from recobro_events.testing import apply_events, published


@pytest.fixture(autouse=True)
async def per_person(scene: Scene) -> None:
    scene.campaign_id = await scene.campaign(one_entry_per="person")


async def of_one_person(scene: Scene, *overdue: str, **changes: Any) -> list[Contract]:
    """Contracts of one person, with these overdue balances, under as many customer numbers."""
    person_id = uuid.uuid4()
    made = [scene.contract(overdue=Decimal(amount), person_id=person_id, **changes) for amount in overdue]
    await scene.receives(*(contract.registered() for contract in made))
    return made


async def entries(client: httpx.AsyncClient, list_id: UUID) -> list[Json]:
    answer = await client.get(f"/v1/lists/{list_id}/entries")
    return [json.loads(line) for line in answer.text.splitlines()]


async def named(scene: Scene, list_id: UUID) -> dict[str, list[str]]:
    """The contract numbers that each entry of the list names now."""
    found = await scene.rows(delivery.ENTRIES, list_id, None, None, 1000)
    return {entry["contract_number"]: [other["contract_number"] for other in entry["also"]] for entry in found}


async def feed(scene: Scene, list_id: UUID) -> list[Row]:
    return await scene.rows(withdrawals.AFTER, list_id, 0, 1000)


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


async def test_a_silence_of_one_named_is_an_item_of_the_feed_and_no_withdrawal(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    lead, second, third = await of_one_person(scene, "900.00", "500.00", "300.00")
    list_id = await scene.built()
    base = await scene.base(list_id)

    await scene.receives(second.paid("10.00"))

    left = [{"contract_number": third.number, "overdue_balance": "300.00"}]
    [item] = (await client.get(f"/v1/lists/{list_id}/withdrawals")).json()["items"]
    assert item | {"caused_at": None, "withdrawn_at": None} == {
        "cursor": base + 1,
        "kind": "others_changed",
        "contract_id": str(lead.contract_id),
        "contract_number": lead.number,
        "reason": "payment",
        "phones": None,
        "also": left,
        "caused_at": None,
        "withdrawn_at": None,
    }
    [entry] = await entries(client, list_id)
    assert (entry["contract_number"], entry["also"]) == (lead.number, left)
    assert await published(scene.database, ListEntryWithdrawn) == []
    shown = (await client.get(f"/v1/lists/{list_id}")).json()
    report_on = (await client.get("/v1/withdrawal-report", params={"list_id": str(list_id)})).json()
    assert (shown["entries"], shown["withdrawn"], report_on["withdrawn"]) == (1, 0, 0)
    answer = await client.post(f"/v1/lists/{list_id}/acknowledgements", json={"cursor": base + 1})
    assert answer.json()["newly_acknowledged"] == 0

    await scene.receives(second.disputed())
    assert len(await feed(scene, list_id)) == 1, "it has left the entry already"


async def test_the_others_wait_for_the_next_list_when_the_entry_is_withdrawn(scene: Scene) -> None:
    lead, other = await of_one_person(scene, "900.00", "500.00")
    list_id = await scene.built()
    await scene.receives(lead.paid("10.00"))
    await scene.receives(other.disputed())
    [item] = await feed(scene, list_id)
    assert (item["kind"], item["contract_number"], item["also"]) == ("withdrawn", lead.number, None)
    assert await named(scene, list_id) == {}
    await scene.receives(other.resolved((await disputes(scene))[0]))
    assert await named(scene, await scene.built(campaign_id=await scene.campaign(one_entry_per="person"))) == {
        other.number: []
    }


async def disputes(scene: Scene) -> list[UUID]:
    return [row["clarification_id"] for row in await scene.rows("SELECT clarification_id FROM clarification")]


async def test_lead_and_others_silenced_in_one_batch_are_one_item(scene: Scene) -> None:
    lead, second, third = await of_one_person(scene, "900.00", "500.00", "300.00")
    list_id = await scene.built()
    await scene.receives(*(contract.paid("10.00") for contract in (third, lead, second)))
    assert [(item["kind"], item["contract_number"]) for item in await feed(scene, list_id)] == [
        ("withdrawn", lead.number)
    ]


@pytest.mark.parametrize("silence", ["below the minimum", "other stage", "deceased", "no phone", "wrong number"])
async def test_what_would_take_a_contract_off_the_list_takes_it_out_of_the_entry(scene: Scene, silence: str) -> None:
    lead, other = await of_one_person(scene, "900.00", "500.00", phones=[Phone("+525512345601")])
    other.phones = [Phone("+525512345602")]
    await scene.receives(other.revised())
    list_id = await scene.built()
    events: dict[str, Callable[[], Event]] = {
        "below the minimum": lambda: other.revised(overdue=Decimal(100)),
        "other stage": lambda: other.staged(Stage.LEGAL),
        "deceased": lambda: other.reported(DebtorStatus.DECEASED),
        "no phone": lambda: other.revised(phones=[]),
        "wrong number": lambda: other.number_changed(other.phones[0], ContactChange.INVALID),
    }
    await scene.receives(events[silence]())
    assert await named(scene, list_id) == {lead.number: []}
    assert [item["kind"] for item in await feed(scene, list_id)] == ["others_changed"]


async def test_a_wrong_number_of_one_named_changes_nothing_while_it_has_another(scene: Scene) -> None:
    lead, other = await of_one_person(scene, "900.00", "500.00")
    list_id = await scene.built()
    await scene.receives(other.number_changed(other.phones[0], ContactChange.INVALID))
    assert await named(scene, list_id) == {lead.number: [other.number]}
    assert await feed(scene, list_id) == []


@pytest.mark.parametrize("held_after", STEPS)
@pytest.mark.parametrize("silenced", ["lead", "other"])
async def test_a_payment_at_any_step_of_the_build_leaves_nothing_of_the_contract(
    scene: Scene, held_after: str, silenced: str
) -> None:
    lead, other, third = await of_one_person(scene, "900.00", "500.00", "300.00")
    list_id = await scene.requested()
    await run_steps(scene, list_id, "requested", held_after)
    await scene.receives((lead if silenced == "lead" else other).paid("10.00"))
    await run_steps(scene, list_id, held_after, "published")

    found = await named(scene, list_id)
    was_gathered = held_after in ("gathered", "waited", "published")
    if silenced == "other":
        assert found == {lead.number: [third.number]}
    else:
        assert found == ({} if was_gathered else {other.number: [third.number]})
    was_published = held_after == "published"
    kind = {"lead": "withdrawn", "other": "others_changed"}[silenced]
    assert [item["kind"] for item in await feed(scene, list_id)] == ([kind] if was_published else [])
    row = await scene.the_list(list_id)
    if was_gathered:
        expected = 1700 if was_published else {"lead": 0, "other": 1200}[silenced]
        assert row["overdue_total"] == expected, "nothing that waits for the next list counts"


async def test_what_an_entry_names_leaves_the_list_that_is_built_with_its_lead(scene: Scene) -> None:
    lead, _ = await of_one_person(scene, "900.00", "500.00")
    list_id = await scene.requested()
    await run_steps(scene, list_id, "requested", "waited")
    await scene.execute("UPDATE contract SET state = 'closed' WHERE contract_id = $1", lead.contract_id)
    await run_steps(scene, list_id, "waited", "published")
    assert await scene.rows("SELECT FROM list_entry") == []


async def test_a_silence_of_one_named_waits_for_one_of_its_lead(scene: Scene) -> None:
    """Else the feed could have the change of an entry after its withdrawal."""
    lead, other = await of_one_person(scene, "900.00", "500.00")
    list_id = await scene.built()
    async with scene.database.transaction() as tx:
        await silencing.begin(tx)
        await silencing.lock(tx, [lead.contract_id])
        paying = asyncio.create_task(scene.receives(other.paid("10.00")))
        await blocked_on_a_lock(scene, "FROM list_entry entry JOIN dialing_list")
        cause = Cause(lead.contract_id, WithdrawalReason.OTHER, None, datetime.now(UTC))
        await silencing.live_lists(tx).withdraw([cause])
        await silencing.number(tx)
    await paying
    assert [item["kind"] for item in await feed(scene, list_id)] == ["withdrawn"]


@pytest.mark.parametrize("moved", ["lead", "other"])
@pytest.mark.parametrize("held_after", ["gathered", "waited", "published"])
async def test_an_entry_names_no_contract_that_has_become_another_persons(
    scene: Scene, held_after: str, moved: str
) -> None:
    """An unlink, or a move to another customer, of the lead or of one named, at any step of the build and after it."""
    lead, other, third = await of_one_person(scene, "900.00", "500.00", "300.00")
    list_id = await scene.requested()
    await run_steps(scene, list_id, "requested", held_after)
    contract = lead if moved == "lead" else other
    await scene.receives(contract.revised(person_id=None, debtor_id=uuid.uuid4()))
    await run_steps(scene, list_id, held_after, "published")

    left = [] if moved == "lead" else [third.number]
    assert await named(scene, list_id) == {lead.number: left}
    items = await feed(scene, list_id)
    if held_after == "published":
        assert {(item["kind"], item["reason"], item["contract_number"]) for item in items} == {
            ("others_changed", "no_longer_eligible", lead.number)
        }
        assert [one["contract_number"] for one in items[-1]["also"]] == left
        assert len(items) == (2 if moved == "lead" else 1)
    else:
        assert items == []


async def test_a_link_after_publication_changes_nothing_today(scene: Scene) -> None:
    one, two = await scene.contracts(2)
    list_id = await scene.built()
    person_id = uuid.uuid4()
    await scene.receives(one.revised(person_id=person_id), two.revised(person_id=person_id))
    assert await named(scene, list_id) == {one.number: [], two.number: []}
    assert await feed(scene, list_id) == []


async def test_contracts_told_again_change_nothing(scene: Scene) -> None:
    """As in a rebuild: everything is published again."""
    lead, other = await of_one_person(scene, "900.00", "500.00")
    list_id = await scene.built()
    await scene.receives(*(contract.revised() for contract in (other, lead)))
    assert await named(scene, list_id) == {lead.number: [other.number]}
    assert await feed(scene, list_id) == []


async def test_two_named_silenced_at_once_are_both_gone_and_nothing_deadlocks(scene: Scene) -> None:
    """Batches of two consumers silence leads and others of the same entries, and people change meanwhile."""
    people = [await of_one_person(scene, "900.00", "500.00", "400.00", "300.00") for _ in range(12)]
    list_id = await scene.built()

    async def silence(n: int) -> None:
        for group in people if n % 2 else reversed(people):
            await apply_events(scene.database, consumer, group[n].paid("10.00"))

    async def unlink() -> None:
        for group in people[6:]:
            await apply_events(scene.database, consumer, group[0].revised(person_id=None, debtor_id=uuid.uuid4()))

    await asyncio.gather(silence(1), silence(2), silence(3), unlink())
    assert await named(scene, list_id) == {group[0].number: [] for group in people}
    items = await feed(scene, list_id)
    base = await scene.base(list_id)
    assert [item["cursor"] - base for item in items] == list(range(1, 37))
    assert {item["kind"] for item in items} == {"others_changed"}
    deadlocks = await scene.rows("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    assert [row["deadlocks"] for row in deadlocks] == [0]


async def test_concurrent_builds_and_payments_of_people_end_without_a_deadlock(scene: Scene) -> None:
    people = [await of_one_person(scene, "900.00", "500.00", "300.00") for _ in range(20)]
    lists = [await scene.requested(campaign_id=await scene.campaign(one_entry_per="person")) for _ in range(4)]

    async def pay(part: list[list[Contract]]) -> None:
        for group in part:
            await apply_events(scene.database, consumer, group[1].paid("10.00"), group[0].paid("10.00"))

    await asyncio.gather(scene.advance(), pay(people[:5]), pay(people[5:10]), pay(people[10:15]))
    for list_id in lists:
        found = await named(scene, list_id)
        assert {number: found[number] for number in found if number in {group[0].number for group in people[15:]}} == {
            group[0].number: [group[1].number, group[2].number] for group in people[15:]
        }
        paid = {contract.number for group in people[:15] for contract in group[:2]}
        assert not paid & (found.keys() | {number for others in found.values() for number in others})
    deadlocks = await scene.rows("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    assert [row["deadlocks"] for row in deadlocks] == [0]


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
