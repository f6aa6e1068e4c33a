"""Promises as the API shows them."""

from datetime import date, datetime
from uuid import UUID

from chassis import NotFound, OutputModel, Reader
from recobro_events import Money
from recobro_events.contracts.promises import MadeIn, PromiseState

from promises.taking import queries


class PromiseUnknown(NotFound):
    code = "promise-unknown"
    detail = "There is no promise with this id."


class Promise(OutputModel):
    """``paid`` is the amount that counts for the promise so far. While the promise is open, nobody contacts the debtor
    up to and including ``silent_until``. It is also the last day on which a payment counts for the promise."""

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


async def read(reader: Reader, promise_id: UUID, agency_id: UUID | None) -> Promise:
    """Return the promise. ``PromiseUnknown`` when there is none, or it is another agency's."""
    row = await reader.fetchrow(queries.PROMISE, promise_id, agency_id)
    if row is None:
        raise PromiseUnknown()
    return Promise(**row)
