"""Promises as the API shows them."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from chassis import Day, Forbidden, NotFound, OutputModel, Page, PageQuery, Reader, ShortText, page
from fastapi import Query
from recobro_events import Money
from recobro_events.contracts.promises import MadeIn, PromiseState

from promises.taking import queries


class PromiseUnknown(NotFound):
    code = "promise-unknown"
    detail = "There is no promise with this id."


class Promise(OutputModel):
    """``paid`` is the amount that counts for the promise so far. While the promise is open, nobody contacts the debtor
    up to and including ``silent_until``. It is also the last day on which a payment counts for the promise.
    ``party_id`` is the party that made it; null: the debtor."""

    promise_id: UUID
    contract_id: UUID
    agreement_id: UUID | None
    agency_id: UUID | None
    party_id: UUID | None
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
    agency_id: Annotated[UUID | None, Query(description="Only those that this agency took")] = None
    inside: Annotated[bool | None, Query(description="Whether no agency took it")] = None
    made_in: MadeIn | None = None
    currency: ShortText | None = None
    agent: Annotated[ShortText | None, Query(description="Only those that this person entered; for operators")] = None
    portfolio_id: Annotated[UUID | None, Query(description="For operators")] = None
    segment: Annotated[ShortText | None, Query(description="The contract's segment, or unknown; for operators")] = None


async def read(reader: Reader, promise_id: UUID, agency_id: UUID | None) -> Promise:
    """Return the promise. ``PromiseUnknown`` when there is none, or it is another agency's."""
    row = await reader.fetchrow(queries.PROMISE, promise_id, agency_id)
    if row is None:
        raise PromiseUnknown()
    return Promise(**row)


async def listed(reader: Reader, wanted: PromiseFilter, query: PageQuery, agency_id: UUID | None) -> Page[Promise]:
    """Return a page of matching promises in the order in which they were made. An agency finds those that it took.

    Raises ``Forbidden`` if an agency asks who made them, or for a portfolio.
    """
    for_operators = (wanted.agent, wanted.portfolio_id, wanted.segment)
    if agency_id is not None and any(each is not None for each in for_operators):
        raise Forbidden("Only operators see who made promises, and of which portfolio.", code="operators-only")
    # Both must hold: an agency that names another one finds nothing.
    is_foreign = agency_id is not None and wanted.agency_id not in (None, agency_id)
    arguments: list[Any] = [wanted.contract_id, wanted.state, wanted.due_from, wanted.due_to, query.after(UUID)]
    arguments += [agency_id, 0 if is_foreign else query.limit + 1]
    arguments += [wanted.currency, wanted.inside, wanted.made_in]
    sql = queries.PROMISES[query.order].format(for_operators="" if agency_id else queries.FOR_OPERATORS)
    if agency_id is None:
        arguments += [wanted.agent, wanted.portfolio_id, wanted.agency_id, wanted.segment]
    return page(await reader.fetch(sql, *arguments), query, key=lambda row: (row["promise_id"],))
