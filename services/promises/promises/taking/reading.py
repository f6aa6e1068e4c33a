"""Promises as the API shows them."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from chassis import Day, NotFound, OutputModel, Reader
from fastapi import Query
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


@dataclass(frozen=True)
class PromiseFilter:
    """The filter of the list. A promise must match every given field."""

    contract_id: UUID | None = None
    state: PromiseState | None = None
    due_from: Annotated[Day | None, Query(description="Only those due on this day or later")] = None
    due_to: Annotated[Day | None, Query(description="Only those due on this day or earlier")] = None


async def read(reader: Reader, promise_id: UUID, agency_id: UUID | None) -> Promise:
    """Return the promise. ``PromiseUnknown`` when there is none, or it is another agency's."""
    row = await reader.fetchrow(queries.PROMISE, promise_id, agency_id)
    if row is None:
        raise PromiseUnknown()
    return Promise(**row)
