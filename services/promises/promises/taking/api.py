"""Promises over HTTP: taking one, reading, calling off."""

from datetime import date, datetime
from uuid import UUID

from chassis import (
    Amount,
    Conflict,
    CurrentPrincipal,
    Day,
    InputModel,
    NotFound,
    OutputModel,
    Page,
    PageQuery,
    ReadConnection,
    Reader,
    Router,
    Text,
    WriteTransaction,
    page,
    reads,
    writes,
)
from recobro_events import Money
from recobro_events.contracts.promises import MadeIn, PromiseState

from promises.outcomes.judging import judge
from promises.taking import making, queries

router = Router(prefix="/v1", tags=["promises"])


class PromiseUnknown(NotFound):
    code = "promise-unknown"
    detail = "There is no promise with this id."


class PromiseEnded(Conflict):
    code = "promise-not-open"
    detail = "Only an open promise can be called off."


class InstalmentOfPlan(Conflict):
    code = "instalment-of-plan"
    detail = "This promise is an instalment of a plan: call off the plan."


class NewPromise(InputModel):
    """``agency_id`` is needed where ``made_in`` is ``agency``; an agency's own token says it by itself."""

    contract_id: UUID
    amount: Amount
    due_on: Day
    made_in: MadeIn
    agency_id: UUID | None = None


class Cancellation(InputModel):
    reason: Text


class Promise(OutputModel):
    """``paid`` is what counts for it so far. While it is open the debtor is left alone up to ``silent_until``,
    inclusive, which is also the last day on which a payment for it may have been made."""

    promise_id: UUID
    contract_id: UUID
    agreement_id: UUID | None
    agency_id: UUID | None
    state: PromiseState
    version: int
    amount: Money
    paid: Money
    currency: str
    made_on: date
    made_in: MadeIn
    due_on: date
    silent_until: date
    cancellation_reason: str | None
    created_at: datetime


async def _read(reader: Reader, promise_id: UUID, agency_id: UUID | None) -> Promise:
    row = await queries.promise(reader, promise_id, agency_id)
    if row is None:
        raise PromiseUnknown()
    return Promise(**row)


@router.post("/promises", status_code=201, dependencies=[writes("promises", agency=True)])
async def make_promise(new: NewPromise, tx: WriteTransaction, who: CurrentPrincipal) -> Promise:
    """Take a promise to pay; it is made on the contract's business date.

    A payment of that day counts for it, also one that is known already: it may be answered as kept.
    """
    made = making.maker(who, new.made_in, new.agency_id)
    contract = await making.open_contract(tx, new.contract_id, who)
    making.refuse_more_than_owed(contract, new.amount, "/amount")
    parts = [making.Part(new.due_on, new.amount, "")]
    await making.refuse_misfits(tx, contract, parts)
    [row] = await making.write(tx, contract, made, parts)
    await judge(tx, {new.contract_id: None})
    return await _read(tx, row["promise_id"], None)


@router.get("/promises", dependencies=[reads("promises", agency=True)])
async def list_promises(
    query: PageQuery,
    reader: ReadConnection,
    who: CurrentPrincipal,
    contract_id: UUID | None = None,
    state: PromiseState | None = None,
) -> Page[Promise]:
    """Promises in the order in which they were made; an agency's token sees those that it took."""
    after = query.after(UUID)
    rows = await queries.promises(reader, contract_id, state, after, who.agency_id, query.limit + 1)
    return page(rows, query, key=lambda row: (row["promise_id"],))


@router.get("/promises/{promise_id}", dependencies=[reads("promises", agency=True)])
async def read_promise(promise_id: UUID, reader: ReadConnection, who: CurrentPrincipal) -> Promise:
    """One promise as it stands."""
    return await _read(reader, promise_id, who.agency_id)


@router.post("/promises/{promise_id}/cancellation", status_code=201, dependencies=[writes("promises", agency=True)])
async def cancel_promise(
    promise_id: UUID, cancellation: Cancellation, tx: WriteTransaction, who: CurrentPrincipal
) -> Promise:
    """Call off an open promise, for good. What counted for it counts for the contract's other promises again."""
    promise = await _read(tx, promise_id, who.agency_id)
    await making.lock_for_cancelling(tx, promise.contract_id, who)
    promise = await _read(tx, promise_id, who.agency_id)
    if promise.state is not PromiseState.OPEN:
        raise PromiseEnded()
    if promise.agreement_id is not None:
        raise InstalmentOfPlan()
    await judge(tx, {promise.contract_id: None}, cancel={promise_id: cancellation.reason})
    return await _read(tx, promise_id, who.agency_id)
