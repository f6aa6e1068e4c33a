"""Republishes every promise and agreement in its current state: for a service that missed events, or for all after a
restore."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

from recobro_events import Row, Source, Transaction
from recobro_events.contracts.promises import (
    AgreedInstalment,
    AgreementBroken,
    AgreementCancelled,
    AgreementFulfilled,
    AgreementReached,
    PromiseEvent,
    PromiseState,
)

from promises.agreements import queries as agreements
from promises.agreements.settling import settled_event
from promises.agreements.stating import proposal_event
from promises.outcomes.judging import event_of, promise_of
from promises.outcomes.plans import AgreementState
from promises.taking.making import made_event

CHUNK_CONTRACTS = 200
_BEFORE_ALL = UUID(int=0)
_HAS = "EXISTS (SELECT FROM {table} WHERE {table}.contract_id = contract.contract_id)"
_NEXT = f"""
SELECT contract_id FROM contract
WHERE contract_id > $1 AND ({" OR ".join(_HAS.format(table=name) for name in ("promise", "agreement", "proposal"))})
ORDER BY contract_id LIMIT $2 FOR SHARE
"""
_PROMISES = "SELECT * FROM promise WHERE contract_id = ANY ($1::uuid[]) ORDER BY contract_id, promise_id"

AgreementEvent = AgreementReached | AgreementBroken | AgreementFulfilled | AgreementCancelled


async def republish(tx: Transaction, after: str) -> str | None:
    """Republish the promises and agreements of the next contracts by id after ``after``.

    Return the last id; None at the end.
    """
    rows = await tx.fetch(_NEXT, UUID(after) if after else _BEFORE_ALL, CHUNK_CONTRACTS)
    if not rows:
        return None
    contract_ids = [row["contract_id"] for row in rows]
    for row in await tx.fetch(_PROMISES, contract_ids):
        tx.publish(*_events(row))
    for row in await tx.fetch(agreements.OF_CONTRACTS, contract_ids):
        if row["settled_on"] is not None:
            tx.publish(settled_event(row))
        tx.publish(*_agreement_events(row))
    for row in await tx.fetch(agreements.PROPOSALS_OF, contract_ids):
        tx.publish(proposal_event(row))
    return str(contract_ids[-1])


def _events(row: Row) -> Iterator[PromiseEvent]:
    """Return the events of one promise. An open promise has ``PromiseMade`` alone, any other its state's event first.

    In that case ``PromiseMade`` has the lowest version of its epoch, so no reader takes the promise to be open.
    """
    made = made_event(row)
    if row["state"] == PromiseState.OPEN:
        yield made
        return
    promise = replace(promise_of(row), cancellation_reason=row["cancellation_reason"])
    yield event_of(row["contract_id"], promise, row["currency"], row["version"])
    yield made.model_copy(update={"version": row["version"] >> 40 << 40})


def _agreement_events(row: Row) -> Iterator[AgreementEvent]:
    """Return the events of one agreement in the same order as those of a promise. ``AgreementSettled`` states one that
    is settled."""
    ids = {"contract_id": row["contract_id"], "agreement_id": row["agreement_id"]}
    version = row["version"]
    if row["state"] != AgreementState.OPEN:
        match AgreementState(row["state"]):
            case AgreementState.BROKEN:
                yield AgreementBroken(**ids, version=version)
            case AgreementState.FULFILLED if row["settled_on"] is None:
                yield AgreementFulfilled(**ids, version=version)
            case AgreementState.CANCELLED:
                yield AgreementCancelled(**ids, version=version, reason=row["cancellation_reason"] or "cancelled")
        version = version >> 40 << 40
    yield AgreementReached(
        **ids,
        version=version,
        kind=row["kind"],
        schedule=tuple(AgreedInstalment(**part) for part in row["schedule"]),
        discount=row["discount"],
        currency=row["currency"],
        settles_in_full=row["settles_in_full"],
        made_on=row["made_on"],
        paid_before=tuple(row["paid_before"]),
    )


SOURCE = Source(republish, versions={"promise": ["version"], "agreement": ["version"], "proposal": ["version"]})
