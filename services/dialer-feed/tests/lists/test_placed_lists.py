"""An agency's lists hold the contracts that are placed with it for dialing, and no recalled contract."""

import uuid
from datetime import date, timedelta
from uuid import UUID

import pytest
from dialing_agencies import Placement
from dialing_contracts import PHONES, Phone
from dialing_scene import DAY, Contract, Scene
from recobro_events.contracts.assignment import PlacementKind

AGENCY, OTHER = uuid.uuid4(), uuid.uuid4()
TOMORROW, YESTERDAY = DAY + timedelta(days=1), DAY - timedelta(days=1)


async def placed(scene: Scene, contract: Contract, agency_id: UUID = AGENCY, **changes: object) -> Placement:
    placement = Placement(contract.contract_id, agency_id, **changes)  # type: ignore[arg-type]
    await scene.receives(placement.placed())
    return placement


async def list_of(scene: Scene, agency_id: UUID | None, day: date = DAY) -> UUID:
    return await scene.built(day, await scene.campaign(agency_id=agency_id))


async def test_an_agencys_list_holds_the_contracts_placed_with_it_for_dialing(scene: Scene) -> None:
    ours, others, to_visit, unplaced = await scene.contracts(4)
    await placed(scene, ours)
    await placed(scene, others, OTHER)
    await placed(scene, to_visit, kind=PlacementKind.VISITS)

    assert await scene.listed(await list_of(scene, AGENCY)) == [ours.number]
    assert await scene.listed(await list_of(scene, OTHER)) == [others.number]
    inside = await scene.listed(await list_of(scene, None))
    assert inside == [ours.number, others.number, to_visit.number, unplaced.number]


@pytest.mark.parametrize(
    ("starts_on", "ends_on", "listed"),
    [
        (DAY, None, True),
        (DAY, DAY, True),
        (YESTERDAY, TOMORROW, True),
        (TOMORROW, None, False),
        (YESTERDAY, YESTERDAY, False),
    ],
)
async def test_a_placement_counts_from_its_first_to_its_last_day(
    scene: Scene, starts_on: date, ends_on: date | None, listed: bool
) -> None:
    [contract] = await scene.contracts(1)
    await placed(scene, contract, starts_on=starts_on, ends_on=ends_on)
    assert await scene.listed(await list_of(scene, AGENCY)) == ([contract.number] if listed else [])


async def test_a_placement_that_arrives_before_its_contract_counts(scene: Scene) -> None:
    contract = scene.contract()
    await placed(scene, contract)
    await scene.receives(contract.registered())
    assert await scene.listed(await list_of(scene, AGENCY)) == [contract.number]


@pytest.mark.parametrize("taken_back", ["recall_requested", "recalled", "ended"])
async def test_a_recall_takes_the_contract_off_that_agencys_lists_only(scene: Scene, taken_back: str) -> None:
    recalled, kept = await scene.contracts(2)
    placement = await placed(scene, recalled)
    await placed(scene, kept)
    await placed(scene, recalled, OTHER)
    ours, others, inside = [await list_of(scene, agency) for agency in (AGENCY, OTHER, None)]

    await scene.receives(getattr(placement, taken_back)())

    assert await scene.withdrawals(ours) == [(recalled.number, "recall")]
    assert await scene.listed(ours) == [kept.number]
    assert await scene.listed(others) == [recalled.number]
    assert await scene.listed(inside) == [recalled.number, kept.number]
    [event] = await scene.withdrawn_events()
    assert (event.list_id, event.agency_id, event.reason) == (ours, AGENCY, "recall")
    assert await scene.listed(await list_of(scene, AGENCY)) == [kept.number]


async def test_a_recall_of_a_placement_for_visits_withdraws_nothing(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    await placed(scene, contract)
    visits = await placed(scene, contract, kind=PlacementKind.VISITS)
    list_id = await list_of(scene, AGENCY)
    await scene.receives(visits.recall_requested())
    assert await scene.listed(list_id) == [contract.number]


async def test_a_reinstated_placement_counts_from_the_next_list_on(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    placement = await placed(scene, contract)
    list_id = await list_of(scene, AGENCY)
    await scene.receives(placement.recall_requested())
    await scene.receives(placement.reinstated())
    assert await scene.listed(list_id) == [], "today's list is never refilled"
    assert await scene.listed(await list_of(scene, AGENCY)) == [contract.number]


@pytest.mark.parametrize("known", [True, False])
async def test_a_placement_that_arrives_after_its_recall_does_not_become_active(scene: Scene, known: bool) -> None:
    """Placements travel on the bulk lane, recalls on another, so a recall may arrive first."""
    contract = scene.contract()
    if known:
        await scene.receives(contract.registered())
    placement = Placement(contract.contract_id, AGENCY)
    late = placement.placed()
    await scene.receives(placement.recall_requested())
    await scene.receives(late)
    if not known:
        await scene.receives(contract.registered())

    assert await scene.listed(await list_of(scene, AGENCY)) == []
    [row] = await scene.rows("SELECT state, version FROM placement")
    assert (row["state"], row["version"]) == ("recall_pending", 2)
    await scene.receives(placement.reinstated())
    assert await scene.listed(await list_of(scene, AGENCY)) == [contract.number]


async def test_an_overtaken_recall_still_withdraws_but_does_not_end_the_placement(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    placement = Placement(contract.contract_id, AGENCY)
    first, recall, again = placement.placed(), placement.recall_requested(), placement.reinstated()
    await scene.receives(first)
    await scene.receives(again)
    list_id = await list_of(scene, AGENCY)
    await scene.receives(recall)
    assert await scene.withdrawals(list_id) == [(contract.number, "recall")]
    assert await scene.listed(await list_of(scene, AGENCY)) == [contract.number]


async def test_from_the_day_on_which_an_agency_collects_nobody_dials(scene: Scene) -> None:
    handed_over, kept = await scene.contracts(2)
    await placed(scene, handed_over)
    ours, inside = await list_of(scene, AGENCY), await list_of(scene, None)

    collection = await placed(scene, handed_over, OTHER, kind=PlacementKind.COLLECTION)

    for list_id in (ours, inside):
        assert await scene.withdrawals(list_id) == [(handed_over.number, "no_longer_eligible")]
    await scene.receives(collection.recall_requested())
    assert await scene.listed(await list_of(scene, None)) == [kept.number], "the recall is not final yet"
    assert await scene.listed(await list_of(scene, AGENCY)) == []
    await scene.receives(collection.recalled())
    assert await scene.listed(await list_of(scene, None)) == [handed_over.number, kept.number]
    assert await scene.listed(await list_of(scene, AGENCY)) == [handed_over.number]


async def test_placing_for_dialing_or_visits_withdraws_nothing(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    list_id = await list_of(scene, None)
    dialing = await placed(scene, contract)
    await placed(scene, contract, kind=PlacementKind.VISITS)
    await scene.receives(dialing.recall_requested(), dialing.reinstated())
    assert await scene.listed(list_id) == [contract.number]


async def test_a_collection_withdraws_nothing_before_its_first_day(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    list_id = await list_of(scene, None)
    await placed(scene, contract, kind=PlacementKind.COLLECTION, starts_on=TOMORROW)
    assert await scene.listed(list_id) == [contract.number]
    await scene.portfolio(business_date=TOMORROW)
    assert await scene.listed(await list_of(scene, None, TOMORROW)) == []


async def test_a_collection_whose_recall_arrives_first_silences_until_the_recall_is_final(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    collection = Placement(contract.contract_id, OTHER, PlacementKind.COLLECTION)
    collection.placed()
    await scene.receives(collection.recall_requested())
    assert await scene.listed(await list_of(scene, None)) == []
    await scene.receives(collection.recalled())
    assert await scene.listed(await list_of(scene, None)) == [contract.number]


async def test_a_placement_past_its_last_day_withdraws_as_recalled_at_the_next_event(scene: Scene) -> None:
    """The placement's last day has passed, but its end has not arrived. The contract's next event withdraws."""
    over, other = await scene.contracts(2)
    for contract in (over, other):
        await placed(scene, contract, ends_on=DAY)
    list_id = await list_of(scene, AGENCY)
    await scene.portfolio(business_date=TOMORROW)
    await scene.receives(over.revised(phones=[Phone(value) for value in PHONES]))
    assert await scene.withdrawals(list_id) == [(over.number, "recall")]


async def test_a_contract_placed_and_recalled_in_one_batch_is_not_listed(scene: Scene) -> None:
    first, second = await scene.contracts(2)
    one, other = Placement(first.contract_id, AGENCY), Placement(second.contract_id, AGENCY)
    await scene.receives(one.placed(), one.recall_requested(), other.placed())
    assert await scene.listed(await list_of(scene, AGENCY)) == [second.number]


async def test_a_recall_during_a_build_leaves_no_entry(scene: Scene) -> None:
    recalled, kept = await scene.contracts(2)
    placement = await placed(scene, recalled)
    await placed(scene, kept)
    list_id = await scene.requested(campaign_id=await scene.campaign(agency_id=AGENCY))
    await scene.receives(placement.recall_requested())
    await scene.advance()
    assert await scene.listed(list_id) == [kept.number]
    assert await scene.withdrawn_events() == []


@pytest.mark.parametrize(
    ("recalled_for", "reason"),
    [
        ("paid_in_full", "payment"),
        ("deceased", "deceased"),
        ("represented", "represented"),
        ("no_longer_eligible", "recall"),
        ("creditor", "recall"),
    ],
)
async def test_a_recall_that_overtakes_its_cause_withdraws_for_that_cause(
    scene: Scene, recalled_for: str, reason: str
) -> None:
    [contract] = await scene.contracts(1)
    placement = await placed(scene, contract)
    ours = await list_of(scene, AGENCY)
    await scene.receives(placement.recall_requested(reason=recalled_for))
    assert await scene.withdrawals(ours) == [(contract.number, reason)]
