"""Republished events repair what was missed, and have no effect a second time."""

import uuid
from datetime import timedelta

import pytest
from field_visits.handlers import consumer
from recobro_events import AUDIENCE, EVERYONE, Event
from recobro_events.testing import apply_records, record_of
from visits_scene import DAY, Contract, Scene, a_placement

TOMORROW, YESTERDAY = DAY + timedelta(days=1), DAY - timedelta(days=1)
EPOCH = 1 << 40
"""The lowest version after a restore."""


async def receives_republished(scene: Scene, event: Event) -> None:
    """Apply the event as a republished one."""
    record = record_of(event)
    headers = {**record.headers, AUDIENCE: EVERYONE}
    await apply_records(scene.database, consumer, [record._replace(headers=headers)])


async def may_be_visited(scene: Scene, contract: Contract) -> bool:
    return (await scene.order(contract)).status_code == 201


# --- disputes


@pytest.mark.parametrize("newer_event", ["whole", "another's resolution"])
async def test_a_dispute_whose_resolution_was_missed_ends_with_a_newer_event_that_does_not_list_it(
    scene: Scene, newer_event: str
) -> None:
    contract = await scene.known_contract()
    dispute, other = contract.disputed(), contract.disputed()
    await scene.receives(dispute, other)
    contract.resolved(dispute.clarification_id)
    if newer_event == "whole":
        contract.resolved(other.clarification_id)
        await receives_republished(scene, contract.revised())
    else:
        await scene.receives(contract.resolved(other.clarification_id))
    assert await may_be_visited(scene, contract)


async def test_a_dispute_stays_when_an_older_event_about_the_whole_contract_arrives_late(scene: Scene) -> None:
    contract = await scene.known_contract()
    old = contract.revised()
    await scene.receives(contract.disputed())
    await scene.receives(old)
    assert not await may_be_visited(scene, contract)


@pytest.mark.parametrize("newer_event", ["whole", "another's resolution"])
async def test_a_dispute_that_a_newer_event_lists_stays(scene: Scene, newer_event: str) -> None:
    contract = await scene.known_contract()
    dispute, other = contract.disputed(), contract.disputed()
    await scene.receives(dispute, other)
    resolution = contract.resolved(other.clarification_id)
    if newer_event == "whole":
        await receives_republished(scene, contract.revised())
    else:
        await scene.receives(resolution)
    assert not await may_be_visited(scene, contract)


@pytest.mark.parametrize("decided_on", ["it", "another"])
async def test_after_a_restore_a_dispute_ends_only_by_a_decision(scene: Scene, decided_on: str) -> None:
    """A restored portfolio that does not list a dispute may have lost it, so the dispute stays."""
    contract = await scene.known_contract()
    dispute = contract.disputed()
    await scene.receives(dispute)
    contract.disputes, contract.version = [], EPOCH
    await receives_republished(scene, contract.revised())
    assert not await may_be_visited(scene, contract)
    if decided_on == "it":
        await scene.receives(contract.resolved(dispute.clarification_id))
    else:
        other = contract.disputed()
        await scene.receives(other, contract.resolved(other.clarification_id))
    assert await may_be_visited(scene, contract)


async def test_a_dispute_that_the_restored_portfolio_lists_ends_like_any_other(scene: Scene) -> None:
    contract = await scene.known_contract()
    dispute = contract.disputed()
    await scene.receives(dispute)
    contract.version = EPOCH
    await receives_republished(scene, contract.revised())
    contract.resolved(dispute.clarification_id)
    await receives_republished(scene, contract.revised())
    assert await may_be_visited(scene, contract)


async def test_a_dispute_after_which_contact_may_not_resume_stays_until_it_may(scene: Scene) -> None:
    contract = await scene.known_contract()
    dispute = contract.disputed()
    await scene.receives(dispute, contract.resolved(dispute.clarification_id, contact_may_resume=False))
    assert not await may_be_visited(scene, contract)
    contract.disputes = [dispute.clarification_id]
    await receives_republished(scene, contract.revised())
    assert not await may_be_visited(scene, contract)
    contract.resolved(dispute.clarification_id)
    await receives_republished(scene, contract.revised())
    assert await may_be_visited(scene, contract)


async def test_a_resolution_after_which_contact_may_not_resume_holds_though_the_opening_was_missed(
    scene: Scene,
) -> None:
    contract = await scene.known_contract()
    old = contract.revised()
    dispute = contract.disputed()
    await scene.receives(contract.resolved(dispute.clarification_id, contact_may_resume=False))
    await scene.receives(old)
    assert not await may_be_visited(scene, contract)


# --- pauses, placements and promises


async def test_a_pause_ends_with_a_newer_event_about_the_whole_contract_that_does_not_list_it(scene: Scene) -> None:
    contract = await scene.known_contract()
    await scene.receives(contract.paused(YESTERDAY))
    assert not await may_be_visited(scene, contract)
    contract.pauses = []
    await receives_republished(scene, contract.revised())
    assert await may_be_visited(scene, contract)


async def test_a_pause_stays_when_an_older_event_about_the_whole_contract_arrives_late(scene: Scene) -> None:
    contract = await scene.known_contract()
    old = contract.revised()
    await scene.receives(contract.paused(YESTERDAY))
    await scene.receives(old)
    assert not await may_be_visited(scene, contract)


async def test_a_placement_that_arrives_after_its_recall_adds_its_dates_and_stays_inactive(scene: Scene) -> None:
    contract = await scene.known_contract()
    placement = a_placement(uuid.uuid4(), ends_on=TOMORROW)
    late = contract.placed(placement)
    await scene.receives(contract.recall_requested(placement))
    await receives_republished(scene, late)
    [row] = await scene.rows("SELECT active, version, starts_on, ends_on FROM placement")
    assert tuple(row) == (False, 2, placement.starts_on, placement.ends_on)
    assert (await scene.order(contract, agency_id=placement.agency_id)).status_code == 404


@pytest.mark.parametrize("lowest_version", [0, EPOCH])
async def test_a_republished_promise_that_is_over_cancels_nothing(scene: Scene, lowest_version: int) -> None:
    contract = await scene.known_contract()
    made = contract.promised(TOMORROW)
    over = contract.broke(made)
    await scene.receives(made, over)
    visit = await scene.ordered(contract)
    for event in (over, made):
        version = lowest_version + event.version - made.version
        await receives_republished(scene, event.model_copy(update={"version": version}))
    assert await scene.state_and_reason(visit) == ("ordered", None)


async def test_a_missed_promise_cancels_the_visits_that_it_covers_when_it_is_republished(scene: Scene) -> None:
    contract = await scene.known_contract()
    covered, later = await scene.ordered(contract), await scene.ordered(contract, TOMORROW)
    await receives_republished(scene, contract.promised(DAY))
    assert await scene.state_and_reason(covered) == ("cancelled", "promise")
    assert await scene.state_and_reason(later) == ("ordered", None)
