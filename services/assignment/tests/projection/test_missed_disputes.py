"""Which disputes an agency is told of that gets a contract, when something of them was missed."""

import pytest
from placing_scene import Scene

EPOCH = 1 << 40
"""The lowest version after a restore."""


async def is_told_as_disputed(scene: Scene) -> bool:
    """Whether an agency that gets the contract now hears of a dispute with it."""
    agency_id = await scene.agency("dialing")
    await scene.rule(agency_id, stages=["early"])
    assert (await scene.run())["placed"] == 1
    started, *disputes = await scene.heard_types(agency_id)
    assert (started, set(disputes)) in (("PlacementStarted", set()), ("PlacementStarted", {"ClarificationOpened"}))
    return bool(disputes)


@pytest.mark.parametrize("said_by", ["whole", "another's resolution"])
async def test_a_dispute_whose_end_was_missed_ends_with_newer_news_that_do_not_list_it(
    scene: Scene, said_by: str
) -> None:
    [contract] = await scene.contracts(1)
    dispute, other = contract.disputed(), contract.disputed()
    await scene.receives(dispute, other)
    contract.resolved(dispute.clarification_id)
    if said_by == "whole":
        contract.resolved(other.clarification_id)
        await scene.receives(contract.revised())
    else:
        await scene.receives(contract.resolved(other.clarification_id))
    assert not await is_told_as_disputed(scene)


async def test_a_dispute_that_is_newer_than_the_whole_which_comes_after_it_stays(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    old = contract.revised()
    await scene.receives(contract.disputed())
    await scene.receives(old)
    assert await is_told_as_disputed(scene)


@pytest.mark.parametrize("said_by", ["whole", "another's resolution"])
async def test_a_dispute_that_newer_news_list_stays(scene: Scene, said_by: str) -> None:
    [contract] = await scene.contracts(1)
    dispute, other = contract.disputed(), contract.disputed()
    await scene.receives(dispute, other)
    resolution = contract.resolved(other.clarification_id)
    if said_by == "whole":
        await scene.receives(contract.revised())
    else:
        await scene.receives(resolution)
    assert await is_told_as_disputed(scene)


@pytest.mark.parametrize("decided_on", [None, "it", "another"])
async def test_after_a_restore_a_dispute_ends_only_when_somebody_decides(scene: Scene, decided_on: str | None) -> None:
    """The restored portfolio may have lost it: that it does not list it says nothing."""
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
    assert await is_told_as_disputed(scene) == (decided_on is None)


async def test_a_dispute_that_the_restored_portfolio_has_listed_ends_like_any_other(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    dispute = contract.disputed()
    await scene.receives(dispute)
    contract.change(version=EPOCH)
    await scene.receives(contract.revised())
    contract.resolved(dispute.clarification_id)
    await scene.receives(contract.revised())
    assert not await is_told_as_disputed(scene)


@pytest.mark.parametrize("opening_was_heard", [True, False])
async def test_a_dispute_whose_contact_may_not_resume_stays(scene: Scene, opening_was_heard: bool) -> None:
    [contract] = await scene.contracts(1)
    old = contract.revised()
    dispute = contract.disputed()
    if opening_was_heard:
        await scene.receives(dispute)
    rejected = contract.resolved(dispute.clarification_id).model_copy(update={"contact_may_resume": False})
    await scene.receives(rejected)
    await scene.receives(old)
    assert await is_told_as_disputed(scene)


async def test_a_dispute_whose_contact_could_not_resume_ends_when_it_is_listed_no_more(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    dispute = contract.disputed()
    rejected = contract.resolved(dispute.clarification_id).model_copy(update={"contact_may_resume": False})
    await scene.receives(dispute, rejected)
    await scene.receives(contract.revised())
    assert not await is_told_as_disputed(scene)
