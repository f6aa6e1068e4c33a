"""Payments that a bank's file has brought and that belong to no contract yet, as people see them."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from chassis import Amount, Day, NotFound, OutputModel, Page, PageQuery, Reader, ShortText, page
from fastapi import Query
from recobro_events import Money

from portfolio.ledger.actors import ActorOfChange
from portfolio.payments import unidentified_queries as queries


class UnidentifiedState(StrEnum):
    """``open``: some of the money waits. ``reversed``: the bank has taken the money back."""

    OPEN = "open"
    ALLOCATED = "allocated"
    RETURNED = "returned"
    REVERSED = "reversed"


class UnidentifiedBecause(StrEnum):
    """Why the contract is not known: nothing that the bank states names one (``unknown``), or what it states names
    several (``several``)."""

    UNKNOWN = "unknown"
    SEVERAL = "several"


class PartAllocated(OutputModel):
    """A part of the money, which was booked as the payment ``payment_id``. A reversed one has given the money back."""

    payment_id: UUID
    contract_id: UUID
    contract_number: str
    amount: Money
    received_at: datetime
    reversed_at: datetime | None


class UnidentifiedPayment(OutputModel):
    """``amount`` = ``remaining`` + ``returned`` + the allocations that are not reversed, until the bank reverses it.

    ``contract_number``, ``payment_reference``, ``virtual_account``, ``concept`` and ``payer`` are what the bank's file
    says. ``concept`` and ``payer`` are deleted 30 days after nothing of the money waits any more.
    """

    unidentified_id: UUID
    portfolio_id: UUID
    file_id: UUID
    row_number: int
    amount: Money
    remaining: Money
    returned: Money
    currency: str
    state: UnidentifiedState
    why: UnidentifiedBecause
    paid_on: date
    channel: str
    reference: str
    contract_number: str | None
    payment_reference: str | None
    virtual_account: str | None
    concept: str | None
    payer: str | None
    received_at: datetime
    ended_at: datetime | None
    return_reason: str | None
    returned_by: ActorOfChange
    reversed_on: date | None
    allocations: list[PartAllocated]


class UnidentifiedUnknown(NotFound):
    code = "unidentified-payment-unknown"
    detail = "There is no unidentified payment with this id."


@dataclass(frozen=True)
class Wanted:
    """Which unidentified payments are listed."""

    portfolio_id: UUID | None = None
    state: UnidentifiedState | None = None
    file_id: Annotated[UUID | None, Query(description="Only those of this payment file")] = None
    amount_from: Amount | None = None
    amount_to: Amount | None = None
    paid_from: Day | None = None
    paid_to: Day | None = None
    q: Annotated[
        ShortText | None,
        Query(description="The beginning of the bank's reference, or a part of what the bank says of the payer"),
    ] = None


async def read(reader: Reader, unidentified_id: UUID) -> UnidentifiedPayment:
    """Return an unidentified payment with its allocations. Raises ``UnidentifiedUnknown``."""
    row = await reader.fetchrow(queries.READ, unidentified_id)
    if row is None:
        raise UnidentifiedUnknown()
    return UnidentifiedPayment.model_validate(dict(row))


async def listed(reader: Reader, wanted: Wanted, query: PageQuery) -> Page[UnidentifiedPayment]:
    """Return a page of unidentified payments in the order of arrival."""
    filters = (
        *(wanted.portfolio_id, wanted.state, wanted.file_id, wanted.amount_from, wanted.amount_to),
        *(wanted.paid_from, wanted.paid_to, wanted.q),
    )
    rows = await reader.fetch(queries.LISTED[query.order], *filters, query.after_number(), query.limit + 1)
    return page(rows, query, key=lambda row: (row["sequence"],))
