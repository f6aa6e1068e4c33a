"""Promises as they are shown."""

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


async def read(reader: Reader, promise_id: UUID, agency_id: UUID | None) -> Promise:
    """``PromiseUnknown``, also for another agency's."""
    row = await reader.fetchrow(queries.PROMISE, promise_id, agency_id)
    if row is None:
        raise PromiseUnknown()
    return Promise(**row)
