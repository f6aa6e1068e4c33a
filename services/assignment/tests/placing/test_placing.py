"""Which agency gets which contract, and the events that are published about it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from assignment.commissions import payments
from assignment.handlers import consumer
from placing_scene import DAY, Contract, Json, Scene
from recobro_events import UnappliableEvent
from recobro_events.contracts import agency
from recobro_events.contracts.assignment import ContractPlaced, PlacementRecallRequested
from recobro_events.contracts.portfolio import ApproachStep, AttemptMade, ClarificationOutcome, ContractState, Stage
from recobro_events.testing import apply_records, published, record_of


async def test_a_registered_contract_is_placed_and_the_placement_is_published(scene: Scene) -> None:
    contract, agency_id, placement = await scene.placed()
    assert (placement["contract_id"], placement["agency_id"]) == (str(contract.contract_id), agency_id)
    assert (placement["kind"], placement["state"], placement["version"]) == ("dialing", "active", 1)
    assert (placement["starts_on"], placement["ends_on"]) == (str(DAY), None)

    [placed] = await published(scene.database, ContractPlaced)
    assert (placed.placement_id, placed.version, placed.starts_on) == (UUID(placement["placement_id"]), 1, DAY)
    assert (placed.contract_id, placed.agency_id) == (contract.contract_id, UUID(agency_id))
    assert placed.rule_id == UUID(placement["rule_id"])
    [started] = await scene.agency_events(agency_id)
    assert started == agency.PlacementStarted(
        agency_id=UUID(agency_id),
        contract_id=contract.contract_id,
        placement_id=placed.placement_id,
        kind=placed.kind,
        contract_number=contract.number,
        starts_on=DAY,
        as_of=DAY,
        stage="early",
        days_past_due=20,
        overdue_balance=Decimal("1500.00"),
        total_balance=Decimal("5000.00"),
        currency="MXN",
    )


CONDITIONS: list[tuple[Json, dict[str, Any], bool]] = [
    ({}, {}, True),
    ({"stages": ["late"]}, {}, False),
    ({"stages": ["early", "late"]}, {}, True),
    ({"min_overdue": "1499.99"}, {}, True),
    ({"min_overdue": "1500.00"}, {}, False),
    ({"segments": ["chronic"]}, {}, False),
    ({"segments": ["chronic"]}, {"segment": "chronic"}, True),
    ({"steps": ["reminder"]}, {}, False),
    ({"steps": ["reminder"]}, {"step": ApproachStep.DIRECT_CONTACT}, False),
    ({"steps": ["reminder", "direct_contact"]}, {"step": ApproachStep.DIRECT_CONTACT}, True),
    ({"states": ["Jalisco"]}, {"region": "JAL"}, True),
    ({"states": ["jalisco"]}, {"region": "Sonora"}, False),
    ({"states": ["Jalisco"]}, {}, False),
    ({"states": ["Texas"]}, {"region": "Texas"}, True),
    ({"products": ["card"]}, {"product": "card"}, True),
    ({"products": ["card"]}, {"product": "loan"}, False),
    ({}, {"state": ContractState.RETURNED}, False),
    ({"stages": ["early"], "products": ["card"]}, {"product": "loan"}, False),
]


@pytest.mark.parametrize(("when", "changes", "holds"), CONDITIONS)
async def test_a_rule_places_contracts_that_meet_all_its_conditions(
    scene: Scene, when: Json, changes: dict[str, Any], holds: bool
) -> None:
    await scene.rule(await scene.agency("dialing"), **when)
    await scene.contracts(1, **changes)
    assert len(await scene.placements()) == holds


def attempt(contract_id: UUID, attempts: int, episode: int = 1) -> AttemptMade:
    return AttemptMade(
        contract_id=contract_id,
        attempt_id=uuid4(),
        channel="call",
        outcome="no_answer",
        right_party=False,
        made_at=datetime.now(UTC),
        business_date=datetime.now(UTC).date(),
        episode=episode,
        attempts=attempts,
    )


async def test_an_agency_collects_only_after_the_creditors_own_people_have_tried(scene: Scene) -> None:
    agency_id = await scene.agency("collection", "dialing")
    await scene.rule(agency_id, kind="collection", internal_attempts_min=2)
    await scene.rule(agency_id, kind="dialing")
    [contract] = await scene.contracts(1, episode=1)
    assert [p["kind"] for p in await scene.placements()] == ["dialing"]
    await scene.receives(attempt(contract.contract_id, 1))
    assert [p["kind"] for p in await scene.placements()] == ["dialing"]
    await scene.receives(attempt(contract.contract_id, 2))
    await scene.receives(attempt(contract.contract_id, 1))
    assert [p["kind"] for p in await scene.placements()] == ["collection", "dialing"]


async def test_attempts_of_an_episode_that_is_over_count_no_more(scene: Scene) -> None:
    await scene.rule(await scene.agency("collection"), kind="collection", internal_attempts_min=2)
    [contract] = await scene.contracts(1, episode=2)
    await scene.receives(attempt(contract.contract_id, 7, episode=1))
    assert await scene.placements() == []
    await scene.receives(attempt(contract.contract_id, 2, episode=2))
    assert len(await scene.placements()) == 1


async def test_a_rule_of_portfolios_places_only_their_contracts(scene: Scene) -> None:
    other = await scene.portfolio(uuid4())
    await scene.rule(await scene.agency("dialing"), portfolio_ids=[str(other)])
    await scene.contracts(1)
    [theirs] = await scene.contracts(1, portfolio_id=other)
    assert [p["contract_id"] for p in await scene.placements()] == [str(theirs.contract_id)]


async def test_a_contract_that_changes_its_segment_is_placed_or_recalled_as_the_rules_say(scene: Scene) -> None:
    await scene.rule(await scene.agency("dialing"), segments=["chronic", "own_kind"])
    [contract] = await scene.contracts(1)
    assert await scene.placements() == []
    before = contract.segmented("slow_payer")
    await scene.receives(contract.segmented("own_kind"))
    await scene.receives(before)  # arrives late, and is older
    assert [placement["state"] for placement in await scene.placements()] == ["active"]
    await scene.receives(contract.segmented(None))
    assert [placement["state"] for placement in await scene.placements()] == ["recall_pending"]


async def test_a_contract_that_climbs_to_another_step_is_recalled_from_an_agency_for_gentler_ones(scene: Scene) -> None:
    await scene.rule(await scene.agency("dialing"), steps=["reminder"])
    [contract] = await scene.contracts(1)
    await scene.receives(contract.escalated(ApproachStep.REMINDER))
    assert [placement["state"] for placement in await scene.placements()] == ["active"]
    await scene.receives(contract.escalated(ApproachStep.DIRECT_CONTACT))
    assert [placement["state"] for placement in await scene.placements()] == ["recall_pending"]


async def test_the_rule_with_the_smaller_priority_decides(scene: Scene) -> None:
    first, second, third = [await scene.agency("dialing") for _ in range(3)]
    await scene.rule(second, priority=2)
    await scene.rule(first, priority=1, stages=["late"])
    await scene.rule(third, priority=3)
    await scene.contracts(1, stage=Stage.EARLY)
    await scene.contracts(1, stage=Stage.LATE)
    assert sorted(p["agency_id"] for p in await scene.placements()) == sorted([first, second])


async def test_a_contract_has_one_agency_for_each_kind(scene: Scene) -> None:
    agency_id = await scene.agency("dialing", "collection", "visits")
    for kind in ("visits", "dialing", "collection"):
        await scene.rule(agency_id, kind=kind)
        await scene.rule(agency_id, kind=kind, priority=2)
    [contract] = await scene.contracts(1)
    await scene.receives(contract.revised())
    assert [p["kind"] for p in await scene.placements()] == ["collection", "dialing", "visits"]
    assert len({event.event_id for event in await published(scene.database, ContractPlaced)}) == 3


async def test_only_agencies_with_a_service_contract_in_force_take_part(scene: Scene) -> None:
    over = await scene.agency("dialing", ends_on=str(DAY - timedelta(days=1)))
    future = await scene.agency("dialing", starts_on=str(DAY + timedelta(days=1)))
    other_kind = await scene.agency("visits")
    last_day = await scene.agency("dialing", ends_on=str(DAY))
    await scene.rule(over, future, other_kind, await scene.agency(), last_day)
    await scene.contracts(20)
    placements = await scene.placements()
    assert [p["agency_id"] for p in placements] == [last_day] * 20
    assert {p["ends_on"] for p in placements} == {str(DAY)}


async def test_a_run_counts_contracts_that_no_agency_can_take(scene: Scene) -> None:
    await scene.rule(await scene.agency(), stages=["early"])
    await scene.contracts(3)
    await scene.contracts(2, stage=Stage.CURRENT)
    assert await scene.run() == {
        "as_of": None,
        "placed": 0,
        "recalled": 0,
        "recalls_final": 0,
        "ended": 0,
        "unplaced": 3,
        "taken_back": 0,
    }


async def test_events_before_a_placement_may_arrive_in_any_order(scene: Scene) -> None:
    """A stage, a dispute and a payment arrive for an unknown contract, and its older registration last."""
    agency_id = await scene.agency("dialing")
    await scene.rule(agency_id, stages=["late"])
    contract = scene.contract()
    registered, paid, disputed = contract.registered(), contract.paid(), contract.disputed()
    staged = contract.staged(Stage.LATE)
    await scene.receives(staged)
    await scene.receives(disputed)
    await scene.receives(paid)
    assert await scene.placements() == []
    await scene.receives(registered)
    assert len(await scene.placements()) == 1
    started, dispute, *silences = await scene.agency_events(agency_id)
    assert isinstance(started, agency.PlacementStarted)
    assert (started.stage, started.overdue_balance, started.contract_number) == ("late", Decimal("1400.00"), "C-0001")
    assert isinstance(dispute, agency.ClarificationOpened), "the agency must not work on a disputed contract"
    assert sorted(event.reason for event in silences if isinstance(event, agency.ContactSilenced)) == [
        "clarification",
        "payment",
    ]


async def test_outdated_events_neither_place_nor_recall(scene: Scene) -> None:
    await scene.rule(await scene.agency("dialing"), stages=["early"])
    contract = scene.contract()
    early, late = contract.registered(), contract.staged(Stage.LATE)
    await scene.receives(late)
    await scene.receives(early)
    assert await scene.placements() == []
    back = contract.staged(Stage.EARLY)
    await scene.receives(back)
    await scene.receives(late)
    assert [p["state"] for p in await scene.placements()] == ["active"]


async def test_a_redelivered_event_changes_nothing(scene: Scene) -> None:
    await scene.rule(await scene.agency("dialing"))
    record = record_of(scene.contract().registered())
    await apply_records(scene.database, consumer, [record])
    before = await scene.outbox_ids()
    await apply_records(scene.database, consumer, [record, record])
    assert await scene.outbox_ids() == before


async def test_events_applied_again_after_a_restore_give_the_same_placement_and_events(scene: Scene) -> None:
    await scene.rule(await scene.agency("dialing"), min_overdue="100.00")
    contract = scene.contract()
    records = [record_of(contract.registered()), record_of(contract.paid("1450.00"))]
    rounds = []
    for _ in range(2):
        await apply_records(scene.database, consumer, records)
        rounds.append((await scene.outbox_ids(), [p["placement_id"] for p in await scene.placements()]))
        async with scene.database.transaction() as tx:
            for table in ("inbox", "placement", "contract", "outbox_bulk", "silence", "payment", "commission_payment"):
                await tx.execute(f"DELETE FROM {table}")
            await tx.execute("DELETE FROM outbox_events WHERE type <> 'assignment.agency-changed.v1'")
            await tx.execute("DELETE FROM outbox_agencies WHERE type <> 'agency.agency-registered.v1'")
    assert rounds[0] == rounds[1]
    assert len(rounds[0][0]) == 2 + 2 + 2 + 2, "agency, placement and recall, each twice; payment and silence"


async def test_a_placement_stays_as_long_as_any_rule_of_the_kind_holds(scene: Scene) -> None:
    _, agency_id, placement = await scene.placed()
    await scene.rule(await scene.agency("dialing"), priority=0)
    assert (await scene.run())["recalled"] == 0
    await scene.post(f"/v1/placement-rules/{placement['rule_id']}/end", expect=200)
    assert (await scene.run())["recalled"] == 0
    assert [(p["agency_id"], p["state"]) for p in await scene.placements()] == [(agency_id, "active")]


async def test_a_run_recalls_a_contract_for_which_no_rule_of_the_kind_holds(scene: Scene) -> None:
    _, _, placement = await scene.placed("dialing", "visits")
    await scene.rule(placement["agency_id"], kind="visits", stages=["legal"])
    await scene.post(f"/v1/placement-rules/{placement['rule_id']}/end", expect=200)
    outcome = await scene.run()
    assert (outcome["placed"], outcome["recalled"], outcome["unplaced"]) == (0, 1, 0)
    assert (await scene.run())["recalled"] == 0
    [recalled] = await scene.placements()
    assert (recalled["state"], recalled["reason"]) == ("recall_pending", "no_longer_eligible")


def paid_in_full(contract: Contract) -> list[Any]:
    payment = contract.paid("5000.00")
    return [payment, contract.closed(ContractState.SETTLED)]


def paused_and_current(contract: Contract) -> list[Any]:
    contract.stage = Stage.CURRENT
    return [contract.paused(DAY - timedelta(days=9))]


def upheld(contract: Contract) -> list[Any]:
    opened = contract.disputed()
    return [opened, contract.resolved(opened.clarification_id, ClarificationOutcome.UPHELD, overdue="50.00")]


RECALLS: dict[str, tuple[str, Any]] = {
    "settled": ("paid_in_full", paid_in_full),
    "nothing overdue": ("paid_in_full", lambda c: [c.paid("1500.00", days=20)]),
    "below the minimum": ("no_longer_eligible", lambda c: [c.paid("1400.00")]),
    "stage not of the rule": ("no_longer_eligible", lambda c: [c.staged(Stage.LEGAL)]),
    "closed": ("closed", lambda c: [c.closed(ContractState.WITHDRAWN)]),
    "closed by a snapshot": ("closed", lambda c: [c.revised(state=ContractState.RETURNED)]),
    "upheld dispute": ("no_longer_eligible", upheld),
    "pause": ("no_longer_eligible", paused_and_current),
}


@pytest.mark.parametrize("cause", RECALLS)
async def test_an_event_recalls_a_contract_for_which_no_rule_holds(scene: Scene, cause: str) -> None:
    reason, events_of = RECALLS[cause]
    contract, agency_id, placement = await scene.placed()
    await scene.receives(*events_of(contract))
    recalled = await scene.the_placement()
    assert (recalled["state"], recalled["reason"], recalled["version"]) == ("recall_pending", reason, 2)
    assert recalled["final_on"] == str(DAY + timedelta(days=2))
    [requested] = await published(scene.database, PlacementRecallRequested)
    assert (requested.placement_id, requested.version, requested.reason) == (UUID(placement["placement_id"]), 2, reason)
    assert requested.final_on == DAY + timedelta(days=2)
    to_agency = (await scene.agency_events(agency_id))[-1]
    assert isinstance(to_agency, agency.PlacementRecallRequested)
    assert (to_agency.placement_id, to_agency.reason, to_agency.final_on) == (
        requested.placement_id,
        reason,
        requested.final_on,
    )


async def test_an_open_dispute_recalls_nothing_and_is_published_to_the_agency(scene: Scene) -> None:
    contract, agency_id, _ = await scene.placed()
    other = await scene.agency("dialing")
    dispute = contract.disputed()
    await scene.receives(dispute)
    assert (await scene.the_placement())["state"] == "active"
    await scene.receives(contract.resolved(dispute.clarification_id))
    _, opened, _, resolved, _ = await scene.agency_events(agency_id)
    assert isinstance(opened, agency.ClarificationOpened)
    assert isinstance(resolved, agency.ClarificationResolved)
    assert opened.clarification_id == resolved.clarification_id == dispute.clarification_id
    assert (resolved.contact_may_resume, resolved.still_open) == (True, 0)
    assert await scene.agency_events(other) == []


async def test_a_contract_that_owes_again_after_its_final_recall_is_placed_again(scene: Scene) -> None:
    contract, _, first = await scene.placed()
    payment = contract.paid("1500.00")
    await scene.receives(payment)
    await scene.day(DAY + timedelta(days=3))
    assert (await scene.the_placement())["state"] == "recalled"
    await scene.receives(contract.payment_reversed(payment))
    old, new = await scene.placements()
    assert (old["state"], new["state"]) == ("recalled", "active")
    assert old["placement_id"] == first["placement_id"] != new["placement_id"]
    assert new["starts_on"] == str(DAY + timedelta(days=3))


async def test_events_of_one_batch_reach_the_agency_in_order(scene: Scene) -> None:
    agency_id = await scene.agency("dialing")
    await scene.rule(agency_id, min_overdue="100.00")
    contract = scene.contract()
    dispute_first = [contract.registered(), contract.disputed(), contract.paid("10.00"), contract.paid("1490.00")]
    await scene.receives(*dispute_first)
    assert await scene.agency_event_types(agency_id) == [
        "PlacementStarted",
        "ClarificationOpened",
        "PaymentReceived",
        "PaymentReceived",
        "PlacementRecallRequested",
    ]


async def test_an_agency_receives_the_cause_before_the_placement_that_follows_from_it(scene: Scene) -> None:
    """The agency visits already. After a reversal it gets the contract for dialing as well."""
    agency_id = await scene.agency("dialing", "visits")
    await scene.rule(agency_id, kind="visits")
    await scene.rule(agency_id, kind="dialing", min_overdue="1000.00")
    contract = scene.contract(overdue=Decimal("1050.00"))
    payment = contract.paid("100.00")
    await scene.receives(contract.registered())
    await scene.receives(contract.payment_reversed(payment))
    assert await scene.agency_event_types(agency_id) == ["PlacementStarted", "PaymentReversed", "PlacementStarted"]


async def test_a_transaction_that_fails_leaves_neither_placement_nor_event(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scene.rule(await scene.agency("dialing"))
    before = await scene.outbox_ids()
    good, bad = scene.contract().registered(), scene.contract().paid()

    async def fail(*_: Any) -> None:
        raise LookupError

    monkeypatch.setattr(payments, "keep", fail)
    with pytest.raises(UnappliableEvent):
        await scene.receives(good, bad)
    assert await scene.placements() == []
    assert await scene.outbox_ids() == before
    assert await scene.rows("SELECT FROM contract") == []
