"""The events that cancel visits, and concurrent orders and silencing events."""

import asyncio
import uuid
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from field_visits.handlers import consumer
from recobro_events import Event, envelope_of
from recobro_events.contracts.assignment import PlacementKind
from recobro_events.contracts.field_visits import VisitCancelled
from recobro_events.contracts.portfolio import ContractState, DebtorStatus, PaymentReceived, Stage
from recobro_events.testing import apply_records, published, record_of
from visits_scene import DAY, Contract, Scene, a_placement, blocked_on_a_lock

TOMORROW = DAY + timedelta(days=1)


async def test_a_payment_of_any_amount_cancels_every_open_visit_of_the_contract(scene: Scene) -> None:
    contract, other = await scene.known_contract(), await scene.known_contract()
    visits = [await scene.ordered(contract), await scene.ordered(contract, TOMORROW)]
    untouched = await scene.ordered(other)
    payment = record_of(contract.paid("0.01"))
    await apply_records(scene.database, consumer, [payment])
    assert [await scene.state_and_reason(visit) for visit in visits] == [("cancelled", "payment")] * 2
    assert await scene.state_and_reason(untouched) == ("ordered", None)
    events = await published(scene.database, VisitCancelled)
    assert [str(event.visit_id) for event in events] == sorted(visits)
    assert {event.reason for event in events} == {"payment"}
    await apply_records(scene.database, consumer, [payment])
    assert len(await published(scene.database, VisitCancelled)) == 2, "a redelivered event publishes nothing"


async def test_a_payment_leaves_ended_visits_unchanged(scene: Scene) -> None:
    contract = await scene.known_contract()
    done, cancelled = await scene.ordered_days(contract, 2)
    await scene.result(done)
    await scene.post(f"/v1/visits/{cancelled}/cancellation", {"reason": "rain"})
    await scene.receives(contract.paid())
    assert await scene.state_and_reason(done) == ("done", None)
    assert await scene.state_and_reason(cancelled) == ("cancelled", "operator")


async def test_a_routed_visit_is_cancelled_too(scene: Scene) -> None:
    contract = await scene.known_contract()
    visit = await scene.ordered(contract)
    async with scene.database.transaction() as tx:
        await tx.execute("UPDATE visit SET state = 'routed'")
    await scene.receives(contract.disputed())
    assert await scene.state_and_reason(visit) == ("cancelled", "clarification")


_FACTS: dict[str, tuple[Callable[[Contract], Event], str]] = {
    "clarification": (lambda contract: contract.disputed(), "clarification"),
    "death": (lambda contract: contract.reported(DebtorStatus.DECEASED), "deceased"),
    "representation": (lambda contract: contract.reported(DebtorStatus.REPRESENTED), "represented"),
    "unlocatable": (lambda contract: contract.reported(DebtorStatus.UNLOCATABLE), "unlocatable"),
    "closing": (lambda contract: contract.closed(), "closed"),
    "pause": (lambda contract: contract.paused(DAY - timedelta(days=3)), "paused"),
    "promise": (lambda contract: contract.promised(DAY), "promise"),
    "revision, nothing overdue": (lambda contract: contract.revised(overdue=Decimal("0.00")), "nothing_overdue"),
    "revision, withdrawn": (lambda contract: contract.revised(state=ContractState.WITHDRAWN), "closed"),
    "revision, deceased": (
        lambda contract: contract.revised(status=DebtorStatus.DECEASED, status_version=1),
        "deceased",
    ),
    "moved to a deceased debtor whose status changed less often": (
        lambda contract: contract.revised(debtor_id=uuid.uuid4(), status=DebtorStatus.DECEASED, status_version=-1),
        "deceased",
    ),
    "revision, disputed": (lambda contract: contract.revised(disputes=[uuid.uuid4()]), "clarification"),
    "stage": (lambda contract: contract.staged(Stage.CURRENT, overdue=Decimal("0.00")), "nothing_overdue"),
}


@pytest.mark.parametrize("fact", _FACTS)
async def test_an_event_that_silences_the_contract_cancels_the_visit(scene: Scene, fact: str) -> None:
    contract = await scene.known_contract()
    visit = await scene.ordered(contract)
    event_of, reason = _FACTS[fact]
    await scene.receives(event_of(contract))
    assert await scene.state_and_reason(visit) == ("cancelled", reason)
    [event] = await published(scene.database, VisitCancelled)
    assert (event.contract_id, event.reason) == (contract.contract_id, reason)


async def test_events_that_silence_nothing_leave_the_visit(scene: Scene) -> None:
    contract = await scene.known_contract()
    visit = await scene.ordered(contract)
    promise = contract.promised(DAY - timedelta(days=1))
    await scene.receives(promise, contract.paused(TOMORROW), contract.reported(DebtorStatus.INSOLVENT))
    await scene.receives(contract.staged(Stage.LEGAL), contract.revised(overdue=Decimal("0.01")))
    assert await scene.state_and_reason(visit) == ("ordered", None)


async def test_a_promise_cancels_only_the_visits_up_to_the_end_of_its_silence(scene: Scene) -> None:
    contract = await scene.known_contract()
    early, late = await scene.ordered(contract, TOMORROW), await scene.ordered(contract, DAY + timedelta(days=9))
    promise = contract.promised(DAY + timedelta(days=8))
    await scene.receives(promise)
    assert await scene.state_and_reason(early) == ("cancelled", "promise")
    assert await scene.state_and_reason(late) == ("ordered", None)
    await scene.receives(contract.broke(promise))
    again = await scene.ordered(contract, TOMORROW)
    await scene.receives(contract.reopened(promise))
    assert await scene.state_and_reason(again) == ("cancelled", "promise")


async def test_a_pause_cancels_only_the_visits_that_it_covers(scene: Scene) -> None:
    contract = await scene.known_contract()
    visits = [await scene.ordered(contract, DAY + timedelta(days=n)) for n in range(4)]
    await scene.receives(contract.paused(TOMORROW, DAY + timedelta(days=2)))
    assert [(await scene.state_and_reason(visit))[0] for visit in visits] == [
        "ordered",
        "cancelled",
        "cancelled",
        "ordered",
    ]


@pytest.mark.parametrize("end", ["recall_requested", "recalled", "ended"])
async def test_the_end_of_a_placement_cancels_the_visits_ordered_under_it(scene: Scene, end: str) -> None:
    placement = a_placement(uuid.uuid4())
    dialing = a_placement(uuid.uuid4(), kind=PlacementKind.DIALING)
    contract = await scene.known_contract()
    inside = await scene.ordered(contract)
    await scene.receives(contract.placed(placement), contract.placed(dialing))
    visit = await scene.ordered(contract, TOMORROW, agency_id=placement.agency_id)
    await scene.receives(contract.recall_requested(dialing))
    assert await scene.state_and_reason(visit) == ("ordered", None), "a recall for dialing does not concern visits"
    await scene.receives(getattr(contract, end)(placement))
    assert await scene.state_and_reason(visit) == ("cancelled", "recall")
    assert await scene.state_and_reason(inside) == ("ordered", None), "an operator ordered it before the placement"
    assert (await scene.order(contract, agency_id=placement.agency_id)).status_code == 404
    await scene.receives(contract.reinstated(placement))
    assert await scene.state_and_reason(visit) == ("cancelled", "recall"), "a cancelled visit stays cancelled"
    assert (await scene.order(contract, TOMORROW, agency_id=placement.agency_id)).status_code == 201


# --- events in any order


async def test_an_outdated_payment_cancels_the_visit_but_does_not_change_the_balance(scene: Scene) -> None:
    contract = await scene.known_contract()
    old = contract.paid("100.00")
    newer = contract.revised(overdue=Decimal("77.00"))
    await scene.receives(newer)
    visit = await scene.ordered(contract)
    await scene.receives(old)
    assert await scene.state_and_reason(visit) == ("cancelled", "payment")
    [row] = await scene.rows("SELECT overdue_balance FROM contract")
    assert row["overdue_balance"] == Decimal("77.00")


async def test_a_payment_may_arrive_before_the_registration(scene: Scene) -> None:
    contract = scene.contract()
    registration = contract.registered()
    await scene.receives(contract.paid("21.09"))
    await scene.receives(registration)
    [row] = await scene.rows("SELECT overdue_balance, name FROM contract")
    assert (row["overdue_balance"], row["name"]) == (Decimal("4300.00"), contract.name)
    assert (await scene.order(contract, DAY + timedelta(days=2))).json()["reason"] == "payment"
    assert (await scene.order(contract, DAY + timedelta(days=3))).status_code == 201


async def test_silences_that_arrive_before_the_registration_hold(scene: Scene) -> None:
    for silence, code in (("disputed", "clarification"), ("deceased", "deceased"), ("promised", "promise")):
        contract = scene.contract()
        registration = contract.registered()
        events: dict[str, Event] = {
            "disputed": contract.disputed(),
            "deceased": contract.reported(DebtorStatus.DECEASED),
            "promised": contract.promised(DAY),
        }
        await scene.receives(events[silence])
        await scene.receives(registration)
        assert (await scene.order(contract)).json()["type"].endswith(code)


async def test_a_recall_may_arrive_before_its_placement_and_a_placement_before_its_contract(scene: Scene) -> None:
    recalled, placed = a_placement(uuid.uuid4()), a_placement(uuid.uuid4())
    contract = scene.contract()
    first = contract.placed(recalled)
    await scene.receives(contract.recall_requested(recalled))
    await scene.receives(first, contract.placed(placed))
    await scene.receives(contract.registered())
    assert (await scene.order(contract, agency_id=recalled.agency_id)).status_code == 404
    assert (await scene.order(contract, agency_id=placed.agency_id)).status_code == 201


async def test_outdated_promises_pauses_and_addresses_do_not_come_back(scene: Scene) -> None:
    contract = scene.contract()
    old, new = contract.registered(), contract.revised(name="Another name", addresses=[])
    promise, pause = contract.promised(DAY), contract.paused(DAY - timedelta(days=9))
    await scene.receives(new, contract.broke(promise), contract.resumed(pause, DAY - timedelta(days=8)))
    await scene.receives(promise, pause)
    await scene.receives(old)
    [row] = await scene.rows("SELECT name FROM contract")
    assert row["name"] == "Another name"
    assert (await scene.order(contract)).json()["type"].endswith("no-address")


async def test_a_batch_that_fails_cancels_nothing(scene: Scene) -> None:
    contract = await scene.known_contract()
    visit = await scene.ordered(contract)
    payment = _received(contract.paid())

    async def apply_and_fail() -> None:
        async with scene.database.transaction("field-visits.events") as tx:
            await consumer.handlers[PaymentReceived]([payment], tx)
            raise RuntimeError("the process was killed")

    with pytest.raises(RuntimeError):
        await apply_and_fail()
    assert await scene.state_and_reason(visit) == ("ordered", None)
    assert await published(scene.database, VisitCancelled) == []


def _received(payment: PaymentReceived) -> PaymentReceived:
    return PaymentReceived.received(payment.body(), envelope_of(record_of(payment).headers))


# --- concurrent transactions


async def test_an_order_waits_for_a_payment_that_is_being_applied(scene: Scene) -> None:
    contract = await scene.known_contract()
    async with scene.database.transaction("field-visits.events") as tx:
        received = _received(contract.paid(str(contract.overdue)))
        assert consumer.lock_hook is not None
        await consumer.lock_hook(tx, [received])
        order = asyncio.create_task(scene.order(contract))
        await blocked_on_a_lock(scene, "FOR UPDATE")
        await consumer.handlers[PaymentReceived]([received], tx)
    answer = await order
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:recobro:problem:payment")


async def test_a_payment_waits_for_an_order_that_is_being_stored_and_cancels_the_visit(scene: Scene) -> None:
    contract = await scene.known_contract()
    async with scene.database.transaction() as tx:
        await tx.execute("SELECT FROM contract WHERE contract_id = $1 FOR UPDATE", contract.contract_id)
        payment = asyncio.create_task(scene.receives(contract.paid()))
        await blocked_on_a_lock(scene, "INSERT INTO contract")
        visit_id = await tx.fetchval(
            "INSERT INTO visit (contract_id, visitor, visit_on, address_id, ordered_by)"
            " VALUES ($1, 'v', $2, $3, 'o') RETURNING visit_id",
            contract.contract_id,
            DAY,
            contract.addresses[0].address_id,
        )
    await payment
    assert await scene.state_and_reason(str(visit_id)) == ("cancelled", "payment")


async def test_an_attendance_waits_for_a_payment_that_is_being_applied(scene: Scene) -> None:
    contract = await scene.known_contract()
    visit = await scene.ordered(contract)
    async with scene.database.transaction("field-visits.events") as tx:
        received = _received(contract.paid())
        assert consumer.lock_hook is not None
        await consumer.lock_hook(tx, [received])
        attendance = asyncio.create_task(scene.attend(visit))
        await blocked_on_a_lock(scene, "FOR UPDATE")
        await consumer.handlers[PaymentReceived]([received], tx)
    answer = await attendance
    assert (answer.status_code, answer.json()["reason"]) == (409, "payment")
