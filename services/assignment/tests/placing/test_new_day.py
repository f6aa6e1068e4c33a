"""A new business date arrives before or after the positions of that day."""

from datetime import timedelta
from decimal import Decimal

import pytest
from placing_scene import DAY, Contract, Scene
from recobro_events.contracts.agency import PlacementStarted
from recobro_events.contracts.portfolio import Stage

MORNING = DAY + timedelta(days=3)
"""The first day after the days of grace of a recall on ``DAY``."""


async def recalled_from_the_first(scene: Scene) -> tuple[Contract, list[str]]:
    """A contract that an operator recalled on ``DAY``, and two agencies, the first of which had it."""
    agencies = [await scene.agency("dialing"), await scene.agency("dialing")]
    await scene.rule(*agencies, stages=["early", "late"], min_overdue="100.00")
    [contract] = await scene.contracts(1, next_change_on=MORNING)
    placement = await scene.the_placement()
    await scene.post(f"/v1/placements/{placement['placement_id']}/recall", {"reason": "creditor"})
    return contract, sorted(agencies, key=lambda agency_id: agency_id != placement["agency_id"])


async def states(scene: Scene) -> list[tuple[str, str]]:
    return [(placement["agency_id"], placement["state"]) for placement in await scene.placements()]


@pytest.mark.parametrize("day_first", [True, False])
async def test_a_contract_that_leaves_the_rule_this_morning_goes_to_no_other_agency(
    scene: Scene, day_first: bool
) -> None:
    contract, [first, second] = await recalled_from_the_first(scene)
    moved = scene.portfolio_state(scene.portfolio_id, business_date=MORNING)
    staged = contract.staged(Stage.LEGAL, as_of=MORNING, days=91, next_change_on=None)
    for event in (moved, staged) if day_first else (staged, moved):
        await scene.receives(event)
        assert await states(scene) == [(first, "recalled")]
    assert await scene.agency_events(second) == []


@pytest.mark.parametrize("day_first", [True, False])
async def test_a_contract_is_placed_anew_with_the_position_of_this_morning(scene: Scene, day_first: bool) -> None:
    contract, [first, second] = await recalled_from_the_first(scene)
    moved = scene.portfolio_state(scene.portfolio_id, business_date=MORNING)
    contract.change(overdue=Decimal("2500.00"), days=31, next_change_on=MORNING + timedelta(days=60))
    staged = contract.staged(Stage.LATE, as_of=MORNING)
    for event in (moved, staged) if day_first else (staged, moved):
        await scene.receives(event)
    assert await states(scene) == [(first, "recalled"), (second, "active")]
    [started] = await scene.agency_events(second)
    assert isinstance(started, PlacementStarted)
    assert (started.as_of, started.stage, started.overdue_balance) == (MORNING, Stage.LATE, Decimal("2500.00"))


async def test_a_position_that_still_holds_is_placed_at_once_on_the_new_day(scene: Scene) -> None:
    contract, [first, second] = await recalled_from_the_first(scene)
    await scene.receives(contract.revised(next_change_on=MORNING + timedelta(days=1)))
    await scene.day(MORNING)
    assert await states(scene) == [(first, "recalled"), (second, "active")]


async def test_a_run_leaves_contracts_whose_position_of_the_day_is_under_way(scene: Scene) -> None:
    [contract, _] = await scene.contracts(2, next_change_on=MORNING)
    await scene.receives(contract.revised(next_change_on=None))
    await scene.day(MORNING)
    await scene.rule(await scene.agency("dialing"))
    outcome = await scene.run(as_of=str(MORNING))
    assert (outcome["placed"], outcome["unplaced"]) == (1, 0)
    assert [placement["contract_id"] for placement in await scene.placements()] == [str(contract.contract_id)]
