"""When a promise is kept, partly kept or broken. No I/O. ``counting`` and ``plans`` hold the rest of the rules.

Every decision about a contract follows from its promises, its payments and the day, in whichever order these became
known. Only a cancellation is final, and a broken plan after which another plan was reached.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from uuid import UUID

from recobro_events.contracts.portfolio import ContractState, DebtorStatus
from recobro_events.contracts.promises import PromiseState

from promises.outcomes.counting import Payment, Promise, count_payments, in_order
from promises.outcomes.plans import CANCELS_INSTALMENTS, LOST, PLAN_BROKEN, AgreementState, agreement_state

CONTRACT_CLOSED = "contract_closed"
DEBTOR_DECEASED = "debtor_deceased"

_CLOSED_UNPAID = frozenset({ContractState.RETURNED, ContractState.WITHDRAWN, ContractState.WRITTEN_OFF})


def state_on(day: date, promise: Promise, paid: Decimal) -> PromiseState:
    """Return the state of a promise on a day when ``paid`` counts for it."""
    if paid > 0 and paid >= promise.amount - promise.tolerance:
        return PromiseState.KEPT
    if day <= promise.silent_until:
        return PromiseState.OPEN
    return PromiseState.PARTLY_KEPT if paid > 0 else PromiseState.BROKEN


def why_ended(state: ContractState | None, status: DebtorStatus) -> str | None:
    """Return why no promise of a contract may stay open, or None. A settled contract gives no reason: it was paid."""
    if status is DebtorStatus.DECEASED:
        return DEBTOR_DECEASED
    return CONTRACT_CLOSED if state in _CLOSED_UNPAID else None


@dataclass(frozen=True, slots=True)
class Case:
    """All facts that decide about one contract's promises on ``day``.

    ``promises`` are the promises not cancelled before, and those that broken plans have cancelled. ``superseded`` names
    plans after which another plan was reached: such a plan does not live again when it is broken. ``ended`` is the
    reason why no promise may stay open, or None. ``cancel`` names promises to cancel now, with the reason of each.
    """

    day: date
    promises: Sequence[Promise]
    payments: Sequence[Payment] = ()
    agreements: Mapping[UUID, AgreementState] = field(default_factory=dict)
    superseded: Set[UUID] = frozenset()
    ended: str | None = None
    cancel: Mapping[UUID, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Every promise of the case, in the order in which payments count for them, and the state of every agreement."""

    promises: Sequence[Promise]
    agreements: Mapping[UUID, AgreementState]


def judge(case: Case) -> Outcome:
    """Return the state of every promise and agreement of a contract on the day.

    A plan that broke is judged anew with the instalments that it cancelled, because a payment in time may have become
    known since. The payments of a cancelled promise count for the other promises. So these are judged again until no
    further promise is cancelled.
    """
    agreements = {
        agreement_id: AgreementState.OPEN
        if now is AgreementState.BROKEN and agreement_id not in case.superseded
        else now
        for agreement_id, now in case.agreements.items()
    }
    live = list(case.promises)
    gone: list[Promise] = []
    reasons = dict(case.cancel)
    while True:
        gone += [promise.cancelled(reasons[promise.promise_id]) for promise in live if promise.promise_id in reasons]
        live = [promise for promise in live if promise.promise_id not in reasons]
        counted = count_payments(live, case.payments)
        live = [_judged(promise, counted[promise.promise_id], case.day) for promise in live]
        for agreement_id, now in agreements.items():
            instalments = {promise.state for promise in live if promise.agreement_id == agreement_id}
            agreements[agreement_id] = agreement_state(now, instalments, case.ended)
        lost = _first_lost(live)
        reasons = {
            promise.promise_id: reason
            for promise in live
            if (reason := _why_cancelled(promise, case, agreements, lost))
        }
        if not reasons:
            return Outcome(in_order([*live, *gone]), agreements)


def _judged(promise: Promise, paid: Decimal, day: date) -> Promise:
    return replace(promise, paid=paid, state=state_on(day, promise, paid), cancellation_reason=None)


def _first_lost(promises: Iterable[Promise]) -> dict[UUID, date]:
    """Return for each plan the first due day of an instalment that was not paid in time."""
    lost: dict[UUID, date] = {}
    for promise in promises:
        if promise.agreement_id is not None and promise.state in LOST:
            lost[promise.agreement_id] = min(promise.due_on, lost.get(promise.agreement_id, promise.due_on))
    return lost


def _why_cancelled(
    promise: Promise, case: Case, agreements: Mapping[UUID, AgreementState], lost: Mapping[UUID, date]
) -> str | None:
    """Return why the promise is cancelled, or None.

    What falls due after the first lost instalment of a plan was never asked for, whatever became known of it first.
    """
    plan = promise.agreement_id
    if plan is not None and promise.due_on > lost.get(plan, date.max):
        return PLAN_BROKEN
    if promise.state is not PromiseState.OPEN:
        return None
    return case.ended or (CANCELS_INSTALMENTS.get(agreements[plan]) if plan is not None else None)
