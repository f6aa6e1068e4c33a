"""Judging promises of any number of contracts: ``rules`` decides, and this module writes and publishes the changes.

The caller has locked the contracts' rows. The day to judge on is read under that lock, so it is never older than the
day of an earlier judgement. Judging again changes nothing and publishes nothing.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from recobro_events import Event, Row, Transaction, sorted_unique
from recobro_events.contracts.portfolio import ContractState, DebtorStatus
from recobro_events.contracts.promises import (
    AgreementBroken,
    AgreementCancelled,
    AgreementFulfilled,
    AgreementKind,
    AgreementReopened,
    PromiseBroken,
    PromiseCancelled,
    PromiseEvent,
    PromiseKept,
    PromisePartlyKept,
    PromiseReopened,
    PromiseState,
)

from promises.outcomes import queries, rules
from promises.outcomes.counting import Payment, Promise
from promises.outcomes.plans import AgreementState

CHUNK_CONTRACTS = 1_000

Causes = Mapping[UUID, Event | None]
"""The contracts to judge, each with the event that is being applied; None where no event is the cause."""

_NOTHING_TO_CANCEL: Mapping[UUID, str] = {}
_EVENTS: Mapping[PromiseState, type[PromiseEvent]] = {
    PromiseState.KEPT: PromiseKept,
    PromiseState.PARTLY_KEPT: PromisePartlyKept,
    PromiseState.BROKEN: PromiseBroken,
    PromiseState.OPEN: PromiseReopened,
}
_AGREEMENT_EVENTS: Mapping[AgreementState, type[AgreementBroken | AgreementFulfilled | AgreementReopened]] = {
    AgreementState.BROKEN: AgreementBroken,
    AgreementState.FULFILLED: AgreementFulfilled,
    AgreementState.OPEN: AgreementReopened,
}


async def judge(
    tx: Transaction, causes: Causes, cancel: Mapping[UUID, str] = _NOTHING_TO_CANCEL
) -> Counter[PromiseState]:
    """Judge all promises of these contracts, each on its contract's day. Return how many came into each state.

    ``cancel`` names promises of these contracts to cancel first, with the reason of each.
    """
    changed: Counter[PromiseState] = Counter()
    contract_ids = sorted_unique(causes)
    for start in range(0, len(contract_ids), CHUNK_CONTRACTS):
        changed += await _judge_chunk(tx, contract_ids[start : start + CHUNK_CONTRACTS], causes, cancel)
    return changed


async def _judge_chunk(
    tx: Transaction, contract_ids: Sequence[UUID], causes: Causes, cancel: Mapping[UUID, str]
) -> Counter[PromiseState]:
    known = {row["promise_id"]: row for row in await tx.fetch(queries.PROMISES, contract_ids)}
    if not known:
        return Counter()
    agreed: dict[UUID, Row] = {}
    if any(row["agreement_id"] for row in known.values()):
        agreed = {row["agreement_id"]: row for row in await tx.fetch(queries.AGREEMENTS, contract_ids)}
    verdict = _Verdict(tx, known, agreed)
    for contract_id, case in await _cases(tx, known, agreed, cancel):
        outcome = rules.judge(case)
        verdict.on_promises(contract_id, outcome.promises, causes[contract_id])
        verdict.on_agreements(contract_id, outcome.agreements, case.ended, causes[contract_id])
    await verdict.save()
    return verdict.changed


class _Verdict:
    """The differences from the stored state. Each is published at once; ``save`` writes them."""

    def __init__(self, tx: Transaction, known: Mapping[UUID, Row], agreed: Mapping[UUID, Row]) -> None:
        self.changed: Counter[PromiseState] = Counter()
        self._tx = tx
        self._known = known
        self._agreed = agreed
        self._promises: list[tuple[Any, ...]] = []
        self._agreements: list[tuple[Any, ...]] = []

    def on_promises(self, contract_id: UUID, promises: Sequence[Promise], cause: Event | None) -> None:
        for promise in promises:
            before = self._known[promise.promise_id]
            if (promise.state, promise.paid) == (before["state"], before["paid"]):
                continue
            version = before["version"] + 1
            self._promises.append(
                (promise.promise_id, promise.state, promise.paid, version, promise.cancellation_reason)
            )
            if promise.state != before["state"]:
                self.changed[promise.state] += 1
                self._tx.publish(event_of(contract_id, promise, before["currency"], version), cause=cause)

    def on_agreements(
        self, contract_id: UUID, agreements: Mapping[UUID, AgreementState], ended: str | None, cause: Event | None
    ) -> None:
        for agreement_id, state in sorted(agreements.items()):
            before = self._agreed[agreement_id]
            if state == before["state"]:
                continue
            version = before["version"] + 1
            reason = ended if state is AgreementState.CANCELLED else None
            self._agreements.append((agreement_id, state, version, reason))
            if reason is not None and before["kind"] != AgreementKind.PLAN:
                cancelled = AgreementCancelled(
                    contract_id=contract_id, agreement_id=agreement_id, version=version, reason=reason
                )
                self._tx.publish(cancelled, cause=cause)
            if event_type := _AGREEMENT_EVENTS.get(state):
                event = event_type(contract_id=contract_id, agreement_id=agreement_id, version=version)
                self._tx.publish(event, cause=cause)

    async def save(self) -> None:
        if self._promises:
            await self._tx.execute(queries.SAVE_PROMISES, *zip(*self._promises, strict=True))
        if self._agreements:
            await self._tx.execute(queries.SAVE_AGREEMENTS, *zip(*self._agreements, strict=True))


async def _cases(
    tx: Transaction, known: Mapping[UUID, Row], agreed: Mapping[UUID, Row], cancel: Mapping[UUID, str]
) -> Iterator[tuple[UUID, rules.Case]]:
    """Return a case for each contract that has promises, by contract."""
    promises: dict[UUID, list[Promise]] = defaultdict(list)
    before = {agreement_id: frozenset(row["paid_before"]) for agreement_id, row in agreed.items()}
    for row in known.values():
        paid_before = before.get(row["agreement_id"], frozenset())
        promises[row["contract_id"]].append(replace(promise_of(row), paid_before=paid_before))
    agreements: dict[UUID, dict[UUID, AgreementState]] = defaultdict(dict)
    for row in agreed.values():
        agreements[row["contract_id"]][row["agreement_id"]] = AgreementState(row["state"])
    since = {contract_id: min(promise.made_on for promise in theirs) for contract_id, theirs in promises.items()}
    payments: dict[UUID, list[Payment]] = defaultdict(list)
    for row in await tx.fetch(queries.PAYMENTS, list(since), list(since.values())):
        payments[row["contract_id"]].append(Payment(row["payment_id"], row["paid_on"], row["amount"]))
    contracts = {row["contract_id"]: row for row in await tx.fetch(queries.CONTRACTS, list(promises))}
    return (
        (contract_id, _case(contracts[contract_id], theirs, payments[contract_id], agreements[contract_id], cancel))
        for contract_id, theirs in sorted(promises.items())
    )


def _case(
    contract: Row,
    promises: Sequence[Promise],
    payments: Sequence[Payment],
    agreements: Mapping[UUID, AgreementState],
    cancel: Mapping[UUID, str],
) -> rules.Case:
    state = ContractState(contract["state"]) if contract["state"] else None
    return rules.Case(
        day=contract["day"],
        promises=promises,
        payments=payments,
        agreements=agreements,
        superseded=frozenset(sorted(agreements)[:-1]),
        ended=rules.why_ended(state, DebtorStatus(contract["status"])),
        cancel=cancel,
    )


def promise_of(row: Row) -> Promise:
    """Return the promise that this row holds."""
    return Promise(
        promise_id=row["promise_id"],
        made_on=row["made_on"],
        due_on=row["due_on"],
        silent_until=row["silent_until"],
        amount=row["amount"],
        paid=row["paid"],
        state=PromiseState(row["state"]),
        agreement_id=row["agreement_id"],
        tolerance=row["tolerance"],
    )


def event_of(contract_id: UUID, promise: Promise, currency: str, version: int) -> PromiseEvent:
    """Return the event for the promise's current state."""
    fields = {
        "contract_id": contract_id,
        "promise_id": promise.promise_id,
        "version": version,
        "due_on": promise.due_on,
        "silent_until": promise.silent_until,
        "promised": promise.amount,
        "paid": promise.paid,
        "currency": currency,
        "agreement_id": promise.agreement_id,
    }
    if promise.state is PromiseState.CANCELLED:
        return PromiseCancelled(**fields, reason=promise.cancellation_reason)
    return _EVENTS[promise.state](**fields)
