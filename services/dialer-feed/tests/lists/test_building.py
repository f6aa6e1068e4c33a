"""The builder and silencing transactions do not miss each other, however they interleave."""

import asyncio
import random
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID

import pytest
from builder_steps import STEPS, run_steps
from dialer_feed.handlers import consumer, lock_contracts, withdraw_paid
from dialer_feed.lists import building, requesting
from dialer_feed.withdrawals import silencing
from dialer_feed.withdrawals.silencing import live_lists
from dialer_feed.withdrawals.withdrawing import Cause
from dialing_scene import DAY, Contract, Scene, blocked_on_a_lock
from recobro_events import Event, Transaction, envelope_of
from recobro_events.contracts.dialer_feed import ListPublished, WithdrawalReason
from recobro_events.contracts.portfolio import PaymentReceived
from recobro_events.testing import apply_events, published, record_of


@pytest.mark.parametrize("held_after", STEPS)
async def test_a_payment_at_any_step_of_the_build_leaves_no_entry(scene: Scene, held_after: str) -> None:
    paid, other = await scene.contracts(2)
    list_id = await scene.requested()
    await run_steps(scene, list_id, "requested", held_after)
    await scene.receives(paid.paid())
    await run_steps(scene, list_id, held_after, "published")

    assert await scene.listed(list_id) == [other.number]
    was_published = held_after == "published"
    assert (await scene.the_list(list_id))["entries"] == (2 if was_published else 1)
    assert await scene.withdrawals(list_id) == ([(paid.number, "payment")] if was_published else [])


@asynccontextmanager
async def payment_in_progress(scene: Scene, payment: PaymentReceived) -> AsyncIterator[Transaction]:
    """A consumer's transaction that has applied the payment and has not committed yet."""
    received = _received(payment)
    async with scene.database.transaction("dialer-feed.events") as tx:
        assert consumer.first_hook is not None
        await consumer.first_hook(tx)
        await lock_contracts(tx, [received])
        await withdraw_paid([received], tx)
        await silencing.number(tx)
        yield tx


def _received(event: PaymentReceived) -> PaymentReceived:
    record = record_of(event)
    return PaymentReceived.received(record.value, envelope_of(record.headers))


async def test_a_payment_in_progress_when_the_entries_are_gathered_is_caught_by_the_second_check(
    scene: Scene,
) -> None:
    """The payment saw no entry, and the builder's insert did not see the payment. Only the second check can find it."""
    paid, other = await scene.contracts(2)
    list_id = await scene.requested()
    async with payment_in_progress(scene, paid.paid()):
        await run_steps(scene, list_id, "requested", "gathered")
        waiting = asyncio.create_task(building.wait_for_silencers(scene.database))
        await blocked_on_a_lock(scene, "pg_advisory_xact_lock")
        assert not waiting.done(), "the builder goes on only when the payment's transaction has ended"
    await waiting
    await run_steps(scene, list_id, "waited", "published")
    assert await scene.listed(list_id) == [other.number]
    assert (await scene.the_list(list_id))["entries"] == 1


async def test_a_payment_in_progress_when_the_list_is_published_gets_a_cursor(scene: Scene) -> None:
    """The payment withdraws the entry before the list is published, and gives the cursor after that."""
    paid, other = await scene.contracts(2)
    list_id = await scene.requested()
    await run_steps(scene, list_id, "requested", "waited")
    record = _received(paid.paid())
    async with scene.database.transaction("dialer-feed.events") as tx:
        await silencing.begin(tx)
        await lock_contracts(tx, [record])
        await withdraw_paid([record], tx)
        await run_steps(scene, list_id, "waited", "published")
        await silencing.number(tx)
    assert await scene.listed(list_id) == [other.number]
    assert await scene.withdrawals(list_id) == [(paid.number, "payment")]
    assert (await scene.the_list(list_id))["entries"] == 2


async def test_an_entry_silenced_before_publication_is_withdrawn_without_cursor_or_event(scene: Scene) -> None:
    [paid] = await scene.contracts(1)
    list_id = await scene.requested()
    await run_steps(scene, list_id, "requested", "gathered")
    await scene.receives(paid.paid())
    await run_steps(scene, list_id, "gathered", "published")
    assert await scene.withdrawn_events() == []
    assert (await scene.the_list(list_id))["last_cursor"] == await scene.base(list_id)


async def test_a_batch_locks_entries_in_the_same_order_as_the_builder(scene: Scene) -> None:
    """The first wave silences the second contract, the next wave the first. The builder publishes in between."""
    first, second = sorted(await scene.contracts(2), key=lambda contract: contract.contract_id)
    list_id = await scene.requested()
    await run_steps(scene, list_id, "requested", "waited")
    await scene.execute("UPDATE contract SET state = 'closed'")
    async with scene.database.transaction() as tx:
        await silencing.begin(tx)
        await silencing.lock(tx, [second.contract_id, first.contract_id])
        await live_lists(tx).withdraw([_cause(second)])
        publishing = asyncio.create_task(run_steps(scene, list_id, "waited", "published"))
        await blocked_on_a_lock(scene, "WITH unfit AS")
        await live_lists(tx).withdraw([_cause(first)])
        await silencing.number(tx)
    await publishing
    assert (await scene.the_list(list_id))["entries"] == 0


async def test_a_batch_waits_for_the_locked_row_of_its_contract(scene: Scene) -> None:
    """Events about a contract are published in the order of its facts, with or without a list."""
    [contract] = await scene.contracts(1)
    async with scene.database.transaction() as tx:
        await silencing.begin(tx)
        await silencing.lock(tx, [contract.contract_id])
        paying = asyncio.create_task(scene.receives(contract.paid()))
        await blocked_on_a_lock(scene, "INSERT INTO contract")
        assert not paying.done()
    await paying


def _cause(contract: Contract) -> Cause:
    return Cause(contract.contract_id, WithdrawalReason.OTHER, None, datetime.now(UTC))


async def test_concurrent_builds_and_payments_end_without_a_deadlock(scene: Scene) -> None:
    """Several campaigns build over the same contracts while batches of payments and disputes are applied."""
    contracts = await scene.contracts(120)
    campaigns = [await scene.campaign() for _ in range(6)]
    randomness = random.Random(20261123)

    async def build(campaign_id: UUID) -> UUID:
        list_id = (await requesting.request(scene.database, campaign_id, DAY)).list_id
        builder = uuid.uuid4()
        await building.build(scene.database, list_id, campaign_id, DAY, builder)
        return list_id

    async def silence(part: list[Contract]) -> None:
        while part:
            batch = [part.pop() for _ in range(min(len(part), randomness.randint(1, 9)))]
            randomness.shuffle(batch)
            events: list[Event] = [c.paid() if randomness.random() < 0.5 else c.disputed() for c in batch]
            events += [c.paid() for c in batch]
            await apply_events(scene.database, consumer, *events)

    parts = [contracts[n : n + 30] for n in (0, 30, 60)]
    results = await asyncio.gather(
        *(build(campaign_id) for campaign_id in campaigns), *(silence(part) for part in parts)
    )
    lists = [list_id for list_id in results if list_id is not None]
    left = [c.number for c in contracts[90:]]
    for list_id in lists:
        assert await scene.listed(list_id) == left
        row = await scene.the_list(list_id)
        assert row["entries"] - row["withdrawn"] == len(left)
    deadlocks = await scene.rows("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    assert [row["deadlocks"] for row in deadlocks] == [0]


@pytest.mark.parametrize("overruled_after", STEPS[:-1])
async def test_a_builder_whose_claim_was_overruled_changes_nothing(scene: Scene, overruled_after: str) -> None:
    contracts = await scene.contracts(2)
    list_id = await scene.requested()
    database, successor = scene.database, uuid.uuid4()
    await run_steps(scene, list_id, "requested", overruled_after)
    await building.build(database, list_id, scene.campaign_id, DAY, successor)

    for step in (
        building.claim(database, list_id, scene.builder),
        building.clear(database, list_id, scene.builder),
        building.gather(database, list_id, scene.builder),
        building.publish(database, list_id, scene.campaign_id, DAY, scene.builder),
        building.fail(database, list_id, "stale-knowledge", "too late"),
    ):
        with pytest.raises(building.Overruled):
            await step

    assert (await scene.the_list(list_id))["status"] == "published"
    assert await scene.listed(list_id) == [c.number for c in contracts]


async def test_an_overruled_builder_clears_no_entry_of_its_successor(scene: Scene) -> None:
    contracts = await scene.contracts(2)
    list_id = await scene.requested()
    database, successor = scene.database, uuid.uuid4()
    await building.claim(database, list_id, scene.builder)
    for step in (building.claim, building.clear, building.gather):
        await step(database, list_id, successor)
    with pytest.raises(building.Overruled):
        await building.clear(database, list_id, scene.builder)
    await building.publish(database, list_id, scene.campaign_id, DAY, successor)
    assert await scene.listed(list_id) == [c.number for c in contracts]


async def test_several_builders_at_once_publish_a_complete_list(scene: Scene) -> None:
    """No builder deletes or uses an entry of another builder."""
    contracts = await scene.contracts(5)
    for _ in range(10):
        campaign_id = await scene.campaign()
        list_id = await scene.requested(campaign_id=campaign_id)
        await asyncio.gather(*(building.advance(scene.database, uuid.uuid4()) for _ in range(4)))
        await scene.advance()
        assert await scene.listed(list_id) == [c.number for c in contracts]
        assert (await scene.the_list(list_id))["entries"] == 5


@pytest.mark.parametrize("crashed_after", STEPS[:-1])
async def test_a_build_that_crashed_is_repeated_by_the_next_builder(scene: Scene, crashed_after: str) -> None:
    first, second = await scene.contracts(2)
    list_id = await scene.requested()
    await run_steps(scene, list_id, "requested", crashed_after)
    await scene.receives(first.revised(overdue="777.00"))

    await building.advance(scene.database, uuid.uuid4())

    assert await scene.listed(list_id) == [first.number, second.number]
    [entry] = await scene.rows("SELECT overdue_balance FROM list_entry WHERE contract_number = $1", first.number)
    assert str(entry["overdue_balance"]) == "777.00"
    [event] = await published(scene.database, ListPublished)
    assert (event.list_id, event.entries, str(event.overdue_total)) == (list_id, 2, "2277.00")
