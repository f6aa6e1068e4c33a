"""The rules without I/O, by examples and, for any promises and payments, against a simple model."""

import random
import uuid
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from promise_scene import DAY, day
from promises.outcomes import counting, plans, rules
from promises.outcomes.counting import Payment, Promise
from promises.outcomes.plans import AgreementState
from promises.outcomes.rules import Case
from recobro_events.contracts.portfolio import ContractState, DebtorStatus
from recobro_events.contracts.promises import PromiseState

PLAN = uuid.UUID(int=77)
IDS = st.integers(1, 10_000).map(lambda n: uuid.UUID(int=n))
CENTS = st.integers(1, 6).map(Decimal)


def promised(amount: str, due: int, made: int = 0, agreement_id: UUID | None = None) -> Promise:
    due_on = day(due)
    return Promise(
        promise_id=uuid.uuid4(),
        made_on=day(made),
        due_on=due_on,
        silent_until=counting.silent_until(due_on),
        amount=Decimal(amount),
        agreement_id=agreement_id,
    )


def paid(amount: str, on: int) -> Payment:
    return Payment(uuid.uuid4(), day(on), Decimal(amount))


def judged(at: int, promises: Sequence[Promise], payments: Sequence[Payment] = ()) -> list[tuple[str, str]]:
    case = Case(day(at), promises, payments)
    return [(promise.state.value, f"{promise.paid:.2f}") for promise in rules.judge(case).promises]


@st.composite
def promises(draw: st.DrawFn) -> Promise:
    made = draw(st.integers(0, 20))
    due_on = day(made + draw(st.integers(0, 12)))
    return Promise(draw(IDS), day(made), due_on, counting.silent_until(due_on), draw(CENTS))


PAYMENTS = st.lists(
    st.builds(Payment, IDS, st.integers(-3, 36).map(day), CENTS), max_size=6, unique_by=lambda p: p.payment_id
)
PROMISES = st.lists(promises(), min_size=1, max_size=6, unique_by=lambda promise: promise.promise_id)
DAYS = st.integers(0, 40).map(day)


def most_that_can_count(made: Sequence[Promise], payments: Sequence[Payment]) -> int:
    """Return the greatest matching of paid to promised cents, found cent by cent with augmenting paths."""
    paid_cents = [payment for payment in payments for _ in range(int(payment.amount))]
    promised_cents = [promise for promise in made for _ in range(int(promise.amount))]
    taken_by: dict[int, int] = {}

    def find_place(cent: int, tried: set[int]) -> bool:
        for place, payment in enumerate(paid_cents):
            if place in tried or not promised_cents[cent].takes(payment):
                continue
            tried.add(place)
            if place not in taken_by or find_place(taken_by[place], tried):
                taken_by[place] = cent
                return True
        return False

    return sum(find_place(cent, set()) for cent in range(len(promised_cents)))


@given(PROMISES, PAYMENTS)
def test_each_cent_counts_once_in_time_and_as_much_as_possible_counts(
    made: list[Promise], payments: list[Payment]
) -> None:
    counted = counting.count_payments(made, payments)
    for promise in made:
        in_time = sum(p.amount for p in payments if promise.made_on <= p.paid_on <= promise.due_on + timedelta(days=2))
        assert 0 <= counted[promise.promise_id] <= min(promise.amount, in_time)
    assert sum(counted.values()) == most_that_can_count(made, payments)


@given(PROMISES, PAYMENTS, DAYS, st.randoms(use_true_random=False))
def test_the_order_in_which_facts_arrive_has_no_influence(
    made: list[Promise], payments: list[Payment], today: date, chance: random.Random
) -> None:
    expected = rules.judge(Case(today, made, payments))
    mixed_promises, mixed_payments = list(made), list(payments)
    chance.shuffle(mixed_promises)
    chance.shuffle(mixed_payments)
    assert rules.judge(Case(today, mixed_promises, mixed_payments)) == expected


@given(PROMISES, PAYMENTS, DAYS)
def test_judging_again_changes_nothing(made: list[Promise], payments: list[Payment], today: date) -> None:
    once = rules.judge(Case(today, made, payments))
    assert rules.judge(Case(today, once.promises, payments)) == once


@given(PROMISES, PAYMENTS, DAYS, st.integers(0, 30))
def test_time_alone_changes_only_open_promises(
    made: list[Promise], payments: list[Payment], today: date, later: int
) -> None:
    before = rules.judge(Case(today, made, payments)).promises
    after = rules.judge(Case(today + timedelta(days=later), made, payments)).promises
    for was, became in zip(before, after, strict=True):
        assert became.paid == was.paid
        assert became.state is was.state or was.state is PromiseState.OPEN
        assert became.state is not PromiseState.KEPT or was.state is PromiseState.KEPT


@given(PROMISES, PAYMENTS, DAYS)
def test_one_more_payment_never_lowers_what_is_paid(made: list[Promise], payments: list[Payment], today: date) -> None:
    """More payments never count less for the earliest promise, nor for all promises together."""
    if not payments:
        return
    fewer = rules.judge(Case(today, made, payments[1:])).promises
    more = rules.judge(Case(today, made, payments)).promises
    assert more[0].paid >= fewer[0].paid
    assert sum(promise.paid for promise in more) >= sum(promise.paid for promise in fewer)


@pytest.mark.parametrize(
    ("at", "payments", "expected"),
    [
        (5, [], ("open", "0.00")),
        (7, [], ("open", "0.00")),
        (8, [], ("broken", "0.00")),
        (8, [("40.00", 3)], ("partly_kept", "40.00")),
        (5, [("40.00", 3)], ("open", "40.00")),
        (0, [("100.00", 0)], ("kept", "100.00")),
        (8, [("60.00", 1), ("60.00", 2)], ("kept", "100.00")),
        (8, [("100.00", 7)], ("kept", "100.00")),
        (8, [("100.00", 8)], ("broken", "0.00")),
        (8, [("100.00", -1)], ("broken", "0.00")),
        (8, [("99.99", 5)], ("partly_kept", "99.99")),
    ],
)
def test_a_promise_of_100_due_on_day_5_is_decided_by_payments_and_day(
    at: int, payments: list[tuple[str, int]], expected: tuple[str, str]
) -> None:
    assert judged(at, [promised("100.00", due=5)], [paid(*payment) for payment in payments]) == [expected]


def test_payments_count_first_for_the_promise_due_first() -> None:
    early, late = promised("100.00", due=5), promised("100.00", due=10)
    assert judged(4, [late, early], [paid("150.00", 3)]) == [("kept", "100.00"), ("open", "50.00")]


def test_a_payment_too_old_for_one_promise_counts_for_another() -> None:
    first, second = promised("100.00", due=9, made=4), promised("100.00", due=10, made=0)
    assert judged(9, [first, second], [paid("100.00", 2), paid("100.00", 5)]) == [
        ("kept", "100.00"),
        ("kept", "100.00"),
    ]


def plan(*schedule: tuple[int, str]) -> list[Promise]:
    return [promised(amount, due, agreement_id=PLAN) for due, amount in schedule]


def ended(
    at: int,
    instalments: Sequence[Promise],
    payments: Sequence[Payment] = (),
    now: AgreementState = AgreementState.OPEN,
    because: str | None = None,
) -> tuple[AgreementState, list[str]]:
    case = Case(day(at), instalments, payments, {PLAN: now}, ended=because)
    outcome = rules.judge(case)
    return outcome.agreements[PLAN], [promise.state for promise in outcome.promises]


def test_a_lost_instalment_breaks_the_plan_and_cancels_the_rest() -> None:
    instalments = plan((5, "100.00"), (20, "100.00"), (35, "100.00"))
    assert ended(8, instalments, [paid("10.00", 3)]) == ("broken", ["partly_kept", "cancelled", "cancelled"])
    assert ended(7, instalments, [paid("10.00", 3)]) == ("open", ["open", "open", "open"])
    assert ended(30, instalments, [paid("300.00", 3)]) == ("fulfilled", ["kept", "kept", "kept"])


def test_payments_of_a_cancelled_instalment_count_for_another_promise() -> None:
    lost, rest = plan((5, "100.00"), (20, "100.00"))
    other = promised("80.00", due=25)
    case = Case(day(8), [lost, rest, other], [paid("80.00", 8)], {PLAN: AgreementState.OPEN})
    outcome = rules.judge(case)
    states = [(promise.state.value, int(promise.paid)) for promise in outcome.promises]
    assert states == [("broken", 0), ("cancelled", 0), ("kept", 80)]
    assert outcome.promises[1].cancellation_reason == plans.PLAN_BROKEN


def test_a_broken_plan_lives_again_unless_another_plan_has_replaced_it() -> None:
    lost, rest = plan((5, "100.00"), (20, "100.00"))
    late = [paid("100.00", 6)]
    assert ended(8, [lost, rest], late, AgreementState.BROKEN) == ("open", ["kept", "open"])
    replaced = Case(day(8), [lost], late, {PLAN: AgreementState.BROKEN}, superseded={PLAN})
    assert rules.judge(replaced).agreements == {PLAN: "broken"}


def test_instalments_after_a_lost_one_were_never_asked_for() -> None:
    """The outcome is that of a watch that saw every day, though here several days have passed at once."""
    instalments = plan((5, "100.00"), (20, "100.00"), (35, "100.00"))
    for now in (AgreementState.OPEN, AgreementState.BROKEN, AgreementState.FULFILLED):
        assert ended(30, instalments, [paid("100.00", 18)], now) == ("broken", ["broken", "cancelled", "cancelled"])


def test_an_open_instalment_of_a_cancelled_plan_is_cancelled() -> None:
    now = AgreementState.CANCELLED
    assert ended(8, plan((20, "100.00")), [], now) == (now, ["cancelled"])


def test_a_fulfilled_plan_reopens_or_breaks_with_its_instalments() -> None:
    instalments = plan((5, "100.00"), (20, "100.00"))
    assert ended(8, instalments, [paid("100.00", 3)], AgreementState.FULFILLED) == ("open", ["kept", "open"])
    assert ended(8, instalments, [], AgreementState.FULFILLED) == ("broken", ["broken", "cancelled"])


def test_closing_the_contract_cancels_a_plan_unless_it_is_fulfilled() -> None:
    instalments = plan((5, "100.00"), (20, "100.00"))
    because = rules.CONTRACT_CLOSED
    assert ended(4, instalments, [paid("100.00", 3)], because=because) == ("cancelled", ["kept", "cancelled"])
    assert ended(4, instalments, [paid("200.00", 3)], because=because) == ("fulfilled", ["kept", "kept"])


@pytest.mark.parametrize(
    ("state", "status", "why"),
    [
        (ContractState.OPEN, DebtorStatus.ACTIVE, None),
        (ContractState.SETTLED, DebtorStatus.INSOLVENT, None),
        (None, DebtorStatus.REPRESENTED, None),
        (ContractState.RETURNED, DebtorStatus.ACTIVE, "contract_closed"),
        (ContractState.WITHDRAWN, DebtorStatus.ACTIVE, "contract_closed"),
        (ContractState.WRITTEN_OFF, DebtorStatus.ACTIVE, "contract_closed"),
        (ContractState.OPEN, DebtorStatus.DECEASED, "debtor_deceased"),
    ],
)
def test_closed_contracts_and_deceased_debtors_end_promises_with_a_reason(
    state: ContractState | None, status: DebtorStatus, why: str | None
) -> None:
    assert rules.why_ended(state, status) == why


def test_days_of_grace_follow_the_due_day() -> None:
    assert counting.silent_until(DAY) == day(2)
