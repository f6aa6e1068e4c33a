"""Cancelling a promise. This is final."""

from uuid import UUID

from chassis import Conflict, InputModel, Principal, Text, clock
from chassis.transactions import act_for_service
from projections import contracts
from recobro_events import Transaction
from recobro_events.contracts.promises import PromiseState

from promises.outcomes.judging import judge
from promises.taking import queries
from promises.taking.reading import Promise, read


class NotPlaced(Conflict):
    code = "not-placed"
    detail = "The contract is no longer placed with your agency."


class PromiseEnded(Conflict):
    code = "promise-not-open"
    detail = "Only an open promise can be cancelled."


class InstalmentOfPlan(Conflict):
    code = "instalment-of-plan"
    detail = "This promise is an instalment of a plan. Cancel the plan instead."


class Cancellation(InputModel):
    reason: Text


async def cancel(tx: Transaction, who: Principal, promise_id: UUID, cancellation: Cancellation) -> Promise:
    """Cancel an open promise. Its payments may then count for the contract's other promises."""
    promise = await read(tx, promise_id, who.agency_id)
    await act_for_service(tx)
    await lock_contract(tx, promise.contract_id, who)
    promise = await read(tx, promise_id, who.agency_id)
    if promise.state is not PromiseState.OPEN:
        raise PromiseEnded()
    if promise.agreement_id is not None:
        raise InstalmentOfPlan()
    await judge(tx, {promise.contract_id: None}, cancel={promise_id: cancellation.reason})
    return await read(tx, promise_id, who.agency_id)


async def lock_contract(tx: Transaction, contract_id: UUID, who: Principal) -> None:
    """Lock the contract before a promise or plan of it is cancelled. ``NotPlaced`` for an agency that has lost it."""
    await contracts.lock(tx, [contract_id])
    if (
        who.agency_id is not None
        and await tx.fetchrow(queries.CONTRACT, contract_id, who.agency_id, clock.now()) is None
    ):
        raise NotPlaced()
