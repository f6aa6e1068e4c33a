"""What happens to the contracts that an entry names beside its lead, after the list is built."""

import asyncio
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import httpx
import pytest
from builder_steps import STEPS, run_steps
from dialer_feed.handlers import consumer
from dialer_feed.withdrawals import silencing
from dialer_feed.withdrawals.withdrawing import Cause
from dialing_scene import Contract, Phone, Scene, blocked_on_a_lock
from people_on_lists import entries, feed, named, of_one_person
from recobro_events import Event
from recobro_events.contracts.dialer_feed import ListEntryWithdrawn, WithdrawalReason
from recobro_events.contracts.portfolio import ContactChange, DebtorStatus, Stage
from recobro_events.testing import apply_events, published


@pytest.fixture(autouse=True)
async def per_person(scene: Scene) -> None:
    scene.campaign_id = await scene.campaign(one_entry_per="person")


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
        "party_phones": None,
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


async def test_republished_contracts_change_nothing(scene: Scene) -> None:
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
