"""Republished events bring the facts that were missed, and no fact takes effect twice."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from dialer_feed.handlers import consumer
from dialing_agencies import Placement, Promise
from dialing_scene import DAY, Contract, Scene
from recobro_events import AUDIENCE, EVERYONE, Event
from recobro_events.contracts.assignment import PlacementKind
from recobro_events.contracts.portfolio import ContractRevised, KnownPayment, PaymentReceived
from recobro_events.testing import apply_records, record_of

TOMORROW, YESTERDAY = DAY + timedelta(days=1), DAY - timedelta(days=1)
EPOCH = 1 << 40
"""The lowest version after a restore."""


async def receives_republished(scene: Scene, event: Event) -> None:
    """Apply this event as republished for everyone."""
    record = record_of(event)
    headers = {**record.headers, AUDIENCE: EVERYONE}
    await apply_records(scene.database, consumer, [record._replace(headers=headers)])


async def on_the_next_list(scene: Scene, **campaign: Any) -> list[str]:
    return await scene.listed(await scene.built(campaign_id=await scene.campaign(**campaign)))


# --- disputes


@pytest.mark.parametrize("newer_event", ["revision", "another's resolution"])
async def test_a_dispute_whose_resolution_was_missed_ends_with_a_newer_event_that_does_not_list_it(
    scene: Scene, newer_event: str
) -> None:
    [contract] = await scene.contracts(1)
    dispute, other = contract.disputed(), contract.disputed()
    await scene.receives(dispute, other)
    contract.resolved(dispute.clarification_id)
    if newer_event == "revision":
        contract.resolved(other.clarification_id)
        await receives_republished(scene, contract.revised())
    else:
        await scene.receives(contract.resolved(other.clarification_id))
    assert await on_the_next_list(scene) == [contract.number]


async def test_a_dispute_that_is_newer_than_a_revision_that_arrives_later_stays(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    old = contract.revised()
    await scene.receives(contract.disputed())
    await scene.receives(old)
    assert await on_the_next_list(scene) == []


@pytest.mark.parametrize("newer_event", ["revision", "another's resolution"])
async def test_a_dispute_that_a_newer_event_lists_stays(scene: Scene, newer_event: str) -> None:
    [contract] = await scene.contracts(1)
    dispute, other = contract.disputed(), contract.disputed()
    await scene.receives(dispute, other)
    resolution = contract.resolved(other.clarification_id)
    if newer_event == "revision":
        await receives_republished(scene, contract.revised())
    else:
        await scene.receives(resolution)
    assert await on_the_next_list(scene) == []


@pytest.mark.parametrize("resolved", ["the dispute", "another dispute"])
async def test_after_a_restore_a_dispute_ends_only_with_a_resolution(scene: Scene, resolved: str) -> None:
    """The restored portfolio may have lost the dispute, so a revision without the dispute does not end it."""
    [contract] = await scene.contracts(1)
    dispute = contract.disputed()
    await scene.receives(dispute)
    contract.disputes, contract.version = [], EPOCH
    await receives_republished(scene, contract.revised())
    assert await on_the_next_list(scene) == []
    if resolved == "the dispute":
        await scene.receives(contract.resolved(dispute.clarification_id))
    else:
        other = contract.disputed()
        await scene.receives(other, contract.resolved(other.clarification_id))
    assert await on_the_next_list(scene) == [contract.number]


async def test_a_dispute_that_the_restored_portfolio_lists_ends_like_any_other(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    dispute = contract.disputed()
    await scene.receives(dispute)
    contract.version = EPOCH
    await receives_republished(scene, contract.revised())
    contract.resolved(dispute.clarification_id)
    await receives_republished(scene, contract.revised())
    assert await on_the_next_list(scene) == [contract.number]


async def test_a_dispute_stays_until_contact_may_resume(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    dispute = contract.disputed()
    await scene.receives(dispute, contract.resolved(dispute.clarification_id, contact_may_resume=False))
    assert await on_the_next_list(scene) == []
    contract.disputes = [dispute.clarification_id]
    await receives_republished(scene, contract.revised())
    assert await on_the_next_list(scene) == []
    contract.resolved(dispute.clarification_id)
    await receives_republished(scene, contract.revised())
    assert await on_the_next_list(scene) == [contract.number]


async def test_a_resolution_without_resuming_contact_silences_even_if_the_dispute_was_missed(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    old = contract.revised()
    dispute = contract.disputed()
    await scene.receives(contract.resolved(dispute.clarification_id, contact_may_resume=False))
    await scene.receives(old)
    assert await on_the_next_list(scene) == []


# --- pauses and payments


async def test_a_pause_that_a_newer_revision_does_not_list_ends(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    await scene.receives(contract.paused(YESTERDAY))
    assert await on_the_next_list(scene) == []
    contract.pauses = []
    await receives_republished(scene, contract.revised())
    assert await on_the_next_list(scene) == [contract.number]


async def test_a_pause_that_is_newer_than_a_revision_that_arrives_later_stays(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    old = contract.revised()
    await scene.receives(contract.paused(YESTERDAY))
    await scene.receives(old)
    assert await on_the_next_list(scene) == []


def with_payments(contract: Contract, payment: PaymentReceived, *, is_reversed: bool = False) -> ContractRevised:
    """Return a revision that lists this payment."""
    fields = {name: getattr(payment, name) for name in ("payment_id", "amount", "paid_on")}
    known = KnownPayment(**fields, business_date=payment.as_of, reversed=is_reversed)
    return contract.revised().model_copy(update={"payments": (known,)})


async def test_a_missed_payment_withdraws_and_holds_off_from_the_day_on_which_it_arrived(
    scene: Scene,
) -> None:
    [contract] = await scene.contracts(1)
    today = await scene.built()
    contract.as_of = YESTERDAY
    payment = contract.paid()
    contract.as_of = DAY
    await receives_republished(scene, with_payments(contract, payment))
    assert await scene.withdrawals(today) == [(contract.number, "payment")]
    for days, expected in ((1, []), (2, [contract.number])):
        day = DAY + timedelta(days=days)
        await scene.portfolio(business_date=day)
        assert await scene.listed(await scene.built(day)) == expected, days


@pytest.mark.parametrize("payment_was_received", [True, False])
async def test_a_missed_reversal_ends_the_holdoff(scene: Scene, payment_was_received: bool) -> None:
    [contract] = await scene.contracts(1)
    payment = contract.paid()
    if payment_was_received:
        await scene.receives(payment)
        assert await on_the_next_list(scene) == []
    contract.payment_reversed(payment)
    await receives_republished(scene, with_payments(contract, payment, is_reversed=True))
    assert await on_the_next_list(scene) == [contract.number]


# --- placements and promises


async def test_a_placement_that_arrives_after_its_recall_adds_its_dates_and_stays_recalled(scene: Scene) -> None:
    """A collection whose dates are not known yet counts as in force today."""
    [contract] = await scene.contracts(1)
    starts_on, ends_on = TOMORROW, TOMORROW + timedelta(days=9)
    placement = Placement(contract.contract_id, uuid.uuid4(), PlacementKind.COLLECTION, starts_on, ends_on)
    late = placement.placed()
    await scene.receives(placement.recall_requested())
    assert await on_the_next_list(scene) == []
    await receives_republished(scene, late)
    [row] = await scene.rows("SELECT state, version, starts_on, ends_on FROM placement")
    assert tuple(row) == ("recall_pending", 2, starts_on, ends_on)
    assert await on_the_next_list(scene) == [contract.number]


@pytest.mark.parametrize("lowest_version", [0, EPOCH])
async def test_republished_events_of_a_promise_that_is_over_withdraw_nothing(scene: Scene, lowest_version: int) -> None:
    [contract] = await scene.contracts(1)
    promise = Promise(contract.contract_id, silent_until=TOMORROW)
    made, kept = promise.made(), promise.kept()
    await scene.receives(made, kept)
    today = await scene.built()
    for event in (kept, made):
        version = lowest_version + event.version - made.version
        await receives_republished(scene, event.model_copy(update={"version": version}))
    assert await scene.listed(today) == [contract.number]


async def test_a_missed_promise_withdraws_when_it_is_republished(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    today = await scene.built()
    await receives_republished(scene, Promise(contract.contract_id).made())
    assert await scene.withdrawals(today) == [(contract.number, "promise")]


async def test_republished_events_of_placements_that_are_over_withdraw_nothing(scene: Scene) -> None:
    """The agency has the contract for the second time. Another agency collected it, and no longer does."""
    [contract] = await scene.contracts(1)
    agency_id = uuid.uuid4()
    first, collection = (
        Placement(contract.contract_id, agency_id),
        Placement(contract.contract_id, uuid.uuid4(), PlacementKind.COLLECTION),
    )
    over = [first.placed(), first.recall_requested(), first.recalled()]
    over += [collection.placed(), collection.recalled()]
    await scene.receives(*over, Placement(contract.contract_id, agency_id).placed())
    today = await scene.built(campaign_id=await scene.campaign(agency_id=agency_id))
    for event in over:
        await receives_republished(scene, event)
    assert await scene.listed(today) == [contract.number]


async def test_missed_placements_and_recalls_withdraw_when_they_are_republished(scene: Scene) -> None:
    recalled, collected = await scene.contracts(2)
    agency_id = uuid.uuid4()
    placement = Placement(recalled.contract_id, agency_id)
    await scene.receives(placement.placed(), Placement(collected.contract_id, agency_id).placed())
    today = await scene.built(campaign_id=await scene.campaign(agency_id=agency_id))
    await receives_republished(scene, placement.recall_requested())
    await receives_republished(scene, Placement(collected.contract_id, uuid.uuid4(), PlacementKind.COLLECTION).placed())
    assert await scene.withdrawals(today) == [
        (recalled.number, "recall"),
        (collected.number, "no_longer_eligible"),
    ]
