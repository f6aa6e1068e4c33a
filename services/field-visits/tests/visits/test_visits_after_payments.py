"""A payment silences visits for its days; its reversal restores the visits of later days that it had cancelled."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import httpx
import pytest
from field_visits.handlers import consumer
from recobro_events import Event, envelope_of
from recobro_events.contracts.dialer_feed import PaymentClaimed
from recobro_events.contracts.field_visits import VisitReinstated
from recobro_events.contracts.portfolio import ContractState, DebtorStatus, LastPayment, Stage, StageCause
from recobro_events.testing import apply_records, published, record_of
from visits_scene import DAY, Contract, Scene, a_placement

TOMORROW, LATER = DAY + timedelta(days=1), DAY + timedelta(days=9)


def refused(answer: httpx.Response) -> tuple[int, str, str]:
    body = answer.json()
    return answer.status_code, str(body["type"]).rpartition(":")[2], body["reason"]


# --- the days without contact


@pytest.mark.parametrize(("portfolio_days", "silent_days"), [(None, 3), (5, 5), (1, 1)])
async def test_no_visit_is_ordered_for_the_days_without_contact_after_a_payment(
    scene: Scene, portfolio_days: int | None, silent_days: int
) -> None:
    contract = await scene.known_contract()
    await scene.receives(scene.portfolio_state(payment_holdoff_days=portfolio_days))
    await scene.receives(contract.paid("1.00"))
    for days in (0, silent_days - 1):
        answer = await scene.order(contract, DAY + timedelta(days=days))
        assert refused(answer) == (409, "payment", "payment")
    assert (await scene.order(contract, DAY + timedelta(days=silent_days))).status_code == 201


async def test_the_days_without_contact_count_from_the_day_that_the_portfolio_fixed(scene: Scene) -> None:
    contract = await scene.known_contract()
    await scene.receives(contract.paid(holdoff_from=TOMORROW))
    assert refused(await scene.order(contract, DAY + timedelta(days=3))) == (409, "payment", "payment")
    assert (await scene.order(contract, DAY + timedelta(days=4))).status_code == 201


async def test_no_file_ends_the_silence_of_a_payment(scene: Scene) -> None:
    contract = await scene.known_contract()
    await scene.receives(contract.paid())
    await scene.receives(contract.revised())
    assert refused(await scene.order(contract)) == (409, "payment", "payment")


async def test_figures_that_wait_for_a_decision_and_payments_that_files_do_not_know_silence_visits(
    scene: Scene,
) -> None:
    contract = await scene.known_contract()
    await scene.receives(contract.revised(undecided=True))
    assert refused(await scene.order(contract)) == (409, "unknown-state", "unknown_state")
    await scene.receives(contract.revised(undecided=False, payment_silent_until=TOMORROW))
    assert refused(await scene.order(contract, TOMORROW)) == (409, "payment", "payment")
    assert (await scene.order(contract, DAY + timedelta(days=2))).status_code == 201


def revised_after_payment(contract: Contract) -> Event:
    last = LastPayment(payment_id=uuid.uuid4(), paid_on=DAY, business_date=DAY)
    revised = contract.revised(overdue=Decimal("0.00"), state=ContractState.SETTLED, stage=Stage.CURRENT)
    return revised.model_copy(update={"last_payment": last})


_PAID: dict[str, Callable[[Contract], Event]] = {
    "in a file": lambda contract: contract.paid_by_file(),
    "the change of stage first": lambda contract: contract.staged(
        Stage.CURRENT, cause=StageCause.PAYMENT, overdue=Decimal("0.00"), state=ContractState.SETTLED
    ),
    "a revision first": revised_after_payment,
}


@pytest.mark.parametrize("how", _PAID)
async def test_a_payment_cancels_as_payment_whichever_event_tells_of_it(scene: Scene, how: str) -> None:
    contract = await scene.known_contract()
    visit = await scene.ordered(contract)
    await scene.receives(_PAID[how](contract))
    assert await scene.state_and_reason(visit) == ("cancelled", "payment")


async def test_a_visit_ordered_after_a_payment_stands_when_the_change_of_stage_arrives_late(scene: Scene) -> None:
    contract = await scene.known_contract()
    payment = contract.paid("4000.00")
    late = record_of(contract.staged(Stage.EARLY, cause=StageCause.PAYMENT))
    await scene.receives(payment)
    visit = await scene.ordered(contract, DAY + timedelta(days=3))
    await apply_records(scene.database, consumer, [late])
    assert await scene.state_and_reason(visit) == ("ordered", None)


@pytest.mark.parametrize("effective", [True, False])
async def test_a_payment_that_the_debtor_claims_silences_visits_as_long_as_a_payment(
    scene: Scene, effective: bool
) -> None:
    """The days count from the business date, or from the day of the claim where that is later."""
    contract = await scene.known_contract()
    claim = PaymentClaimed(contract_id=contract.contract_id, effective=effective)
    record = record_of(claim)
    first = max(DAY, envelope_of(record.headers).occurred_at.astimezone(ZoneInfo("America/Mexico_City")).date())
    within, beyond = first + timedelta(days=2), first + timedelta(days=3)
    await scene.receives(scene.portfolio_state(business_date=first))
    visits = [await scene.ordered(contract, day) for day in (within, beyond)]
    await apply_records(scene.database, consumer, [record])
    expected = ("cancelled", "payment") if effective else ("ordered", None)
    assert [await scene.state_and_reason(visit) for visit in visits] == [expected, ("ordered", None)]
    again = await scene.order(contract, first)
    assert refused(again) == (409, "payment", "payment") if effective else again.status_code == 201


# --- reversals


async def test_a_reversal_orders_again_the_visits_of_later_days_that_its_payment_cancelled(scene: Scene) -> None:
    agency_id = uuid.uuid4()
    contract = await scene.known_contract(a_placement(agency_id))
    today, tomorrow = await scene.ordered_days(contract, 2)
    by_hand = await scene.ordered(contract, LATER)
    await scene.post(f"/v1/visits/{by_hand}/cancellation", {"reason": "rain"})
    payment = contract.paid(str(contract.overdue))
    await scene.receives(payment)
    reversal = contract.payment_reversed(payment)
    await scene.receives(reversal)
    assert await scene.state_and_reason(today) == ("cancelled", "payment")
    assert await scene.state_and_reason(tomorrow) == ("ordered", None)
    assert await scene.state_and_reason(by_hand) == ("cancelled", "operator")
    [event] = await published(scene.database, VisitReinstated)
    assert (str(event.visit_id), event.visit_on, event.agency_id) == (tomorrow, TOMORROW, agency_id)
    assert (event.visitor, event.address_id) == ("Óscar Peña", contract.addresses[0].address_id)


async def test_the_bank_may_have_reversed_later_than_the_business_date(scene: Scene) -> None:
    contract = await scene.known_contract()
    tomorrow, later = await scene.ordered(contract, TOMORROW), await scene.ordered(contract, LATER)
    payment = contract.paid()
    await scene.receives(payment)
    await scene.receives(contract.payment_reversed(payment, reversed_on=TOMORROW))
    assert await scene.state_and_reason(tomorrow) == ("cancelled", "payment")
    assert await scene.state_and_reason(later) == ("ordered", None)


async def test_a_payment_of_a_file_and_one_heard_of_late_are_reversed_alike(scene: Scene) -> None:
    """The change of stage cancels the second contract's visit before the payment itself arrives."""
    by_file, late = await scene.known_contract(), await scene.known_contract()
    visits = [await scene.ordered(contract, LATER) for contract in (by_file, late)]
    stated = by_file.paid_by_file()
    payment = late.paid(str(late.overdue))
    staged = late.staged(Stage.CURRENT, overdue=Decimal("0.00"))
    await scene.receives(stated, staged)
    assert [await scene.state_and_reason(visit) for visit in visits] == [
        ("cancelled", "payment"),
        ("cancelled", "nothing_overdue"),
    ]
    await scene.receives(payment.model_copy(update={"received_at": payment.received_at - timedelta(hours=1)}))
    late.change(stage=Stage.LATE)
    await scene.receives(by_file.payment_reversed(stated.file_payments[0]), late.payment_reversed(payment))
    assert [await scene.state_and_reason(visit) for visit in visits] == [("ordered", None)] * 2


async def test_a_visit_stands_again_when_every_payment_that_would_have_cancelled_it_is_reversed(scene: Scene) -> None:
    contract = await scene.known_contract()
    visit = await scene.ordered(contract, LATER)
    first, second = contract.paid(), contract.paid()
    await scene.receives(first, second)
    await scene.receives(contract.payment_reversed(first))
    assert await scene.state_and_reason(visit) == ("cancelled", "payment")
    await scene.receives(contract.payment_reversed(second))
    assert await scene.state_and_reason(visit) == ("ordered", None)


async def test_a_visit_stays_cancelled_while_the_contract_has_another_visit_on_that_day(scene: Scene) -> None:
    contract = await scene.known_contract()
    first = await scene.ordered(contract, LATER)
    payment = contract.paid()
    await scene.receives(payment)
    second = await scene.ordered(contract, LATER)
    await scene.receives(contract.payment_reversed(payment))
    assert await scene.state_and_reason(first) == ("cancelled", "payment")
    assert await scene.state_and_reason(second) == ("ordered", None)


_SILENCES: dict[str, Callable[[Contract], Event]] = {
    "dispute": lambda contract: contract.disputed(),
    "death": lambda contract: contract.reported(DebtorStatus.DECEASED),
    "unlocatable": lambda contract: contract.reported(DebtorStatus.UNLOCATABLE),
    "promise": lambda contract: contract.promised(LATER),
    "pause": lambda contract: contract.paused(LATER),
}


@pytest.mark.parametrize("silence", _SILENCES)
async def test_a_visit_stays_cancelled_while_something_else_silences_its_day(scene: Scene, silence: str) -> None:
    contract = await scene.known_contract()
    visit = await scene.ordered(contract, LATER)
    payment = contract.paid()
    await scene.receives(payment)
    await scene.receives(_SILENCES[silence](contract))
    await scene.receives(contract.payment_reversed(payment))
    assert await scene.state_and_reason(visit) == ("cancelled", "payment")
    assert await published(scene.database, VisitReinstated) == []


async def test_the_visit_of_an_agency_that_lost_the_contract_stays_cancelled(scene: Scene) -> None:
    placement = a_placement(uuid.uuid4())
    contract = await scene.known_contract(placement)
    visit = await scene.ordered(contract, LATER)
    payment = contract.paid()
    await scene.receives(payment)
    await scene.receives(contract.recall_requested(placement))
    await scene.receives(contract.payment_reversed(payment))
    assert await scene.state_and_reason(visit) == ("cancelled", "payment")
