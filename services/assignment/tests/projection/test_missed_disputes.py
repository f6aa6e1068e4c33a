"""The disputes that an agency receives with a contract after assignment has missed events about them."""

import pytest
from placing_scene import Scene

EPOCH = 1 << 40
"""The lowest version after a restore."""


async def agency_receives_dispute(scene: Scene) -> bool:
    """Place the contract, and return whether the agency receives a dispute with it."""
    agency_id = await scene.agency("dialing")
    await scene.rule(agency_id, stages=["early"])
    assert (await scene.run())["placed"] == 1
    started, *disputes = await scene.agency_event_types(agency_id)
    assert (started, set(disputes)) in (("PlacementStarted", set()), ("PlacementStarted", {"ClarificationOpened"}))
    return bool(disputes)


@pytest.mark.parametrize("newer_event", ["whole", "another's resolution"])
async def test_a_dispute_whose_resolution_was_missed_ends_with_a_newer_event_that_does_not_list_it(
    scene: Scene, newer_event: str
) -> None:
    [contract] = await scene.contracts(1)
    dispute, other = contract.disputed(), contract.disputed()
    await scene.receives(dispute, other)
    contract.resolved(dispute.clarification_id)
    if newer_event == "whole":
        contract.resolved(other.clarification_id)
        await scene.receives(contract.revised())
    else:
        await scene.receives(contract.resolved(other.clarification_id))
    assert not await agency_receives_dispute(scene)


async def test_a_dispute_stays_when_an_older_event_about_the_whole_contract_arrives_late(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    old = contract.revised()
    await scene.receives(contract.disputed())
    await scene.receives(old)
    assert await agency_receives_dispute(scene)


@pytest.mark.parametrize("newer_event", ["whole", "another's resolution"])
async def test_a_dispute_that_a_newer_event_lists_stays(scene: Scene, newer_event: str) -> None:
    [contract] = await scene.contracts(1)
    dispute, other = contract.disputed(), contract.disputed()
    await scene.receives(dispute, other)
    resolution = contract.resolved(other.clarification_id)
    if newer_event == "whole":
        await scene.receives(contract.revised())
    else:
        await scene.receives(resolution)
    assert await agency_receives_dispute(scene)


@pytest.mark.parametrize("decided_on", [None, "it", "another"])
async def test_after_a_restore_a_dispute_ends_only_by_a_decision(scene: Scene, decided_on: str | None) -> None:
    """A restored portfolio that does not list a dispute may have lost it, so the dispute stays."""
    [contract] = await scene.contracts(1)
    dispute = contract.disputed()
    await scene.receives(dispute)
    contract.change(version=EPOCH, disputes=[])
    await scene.receives(contract.revised())
    if decided_on == "it":
        contract.disputes.append(dispute.clarification_id)
        await scene.receives(contract.resolved(dispute.clarification_id))
    elif decided_on == "another":
        other = contract.disputed()
        await scene.receives(other, contract.resolved(other.clarification_id))
    assert await agency_receives_dispute(scene) == (decided_on is None)


async def test_a_dispute_that_the_restored_portfolio_lists_ends_like_any_other(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    dispute = contract.disputed()
    await scene.receives(dispute)
    contract.change(version=EPOCH)
    await scene.receives(contract.revised())
    contract.resolved(dispute.clarification_id)
    await scene.receives(contract.revised())
    assert not await agency_receives_dispute(scene)


@pytest.mark.parametrize("opening_received", [True, False])
async def test_a_dispute_after_which_contact_may_not_resume_stays(scene: Scene, opening_received: bool) -> None:
    [contract] = await scene.contracts(1)
    old = contract.revised()
    dispute = contract.disputed()
    if opening_received:
        await scene.receives(dispute)
    rejected = contract.resolved(dispute.clarification_id).model_copy(update={"contact_may_resume": False})
    await scene.receives(rejected)
    await scene.receives(old)
    assert await agency_receives_dispute(scene)


async def test_a_dispute_after_which_contact_may_not_resume_ends_when_a_newer_event_does_not_list_it(
    scene: Scene,
) -> None:
    [contract] = await scene.contracts(1)
    dispute = contract.disputed()
    rejected = contract.resolved(dispute.clarification_id).model_copy(update={"contact_may_resume": False})
    await scene.receives(dispute, rejected)
    await scene.receives(contract.revised())
    assert not await agency_receives_dispute(scene)
