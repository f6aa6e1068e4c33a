"""Reading payments, and the instalments that each of them paid."""

from datetime import date, datetime
from uuid import UUID

from chassis import ContractUnknown, NotFound, OutputModel, Page, PageQuery, Reader, page
from recobro_events import Money

from portfolio.ledger.actors import ActorOfChange
from portfolio.payments import queries


class Allocation(OutputModel):
    instalment: int
    due_on: date
    amount: Money


class Payment(OutputModel):
    """The days without contact count from ``holdoff_from``. ``reversed_on`` is the bank's day of the reversal."""

    payment_id: UUID
    contract_id: UUID
    amount: Money
    currency: str
    paid_on: date
    received_at: datetime
    business_date: date
    holdoff_from: date
    channel: str
    reference: str | None
    credit: Money
    reversed_at: datetime | None
    reversed_on: date | None
    reversal_reason: str | None
    allocations: list[Allocation]
    received_by: ActorOfChange
    reversed_by: ActorOfChange


class PaymentUnknown(NotFound):
    code = "payment-unknown"
    detail = "There is no payment with this id."


async def read(reader: Reader, payment_id: UUID) -> Payment:
    """Return a payment with its allocations. Raises ``PaymentUnknown``."""
    row = await reader.fetchrow(queries.READ, payment_id)
    if row is None:
        raise PaymentUnknown()
    return Payment.model_validate(dict(row))


class PaymentItem(OutputModel):
    payment_id: UUID
    amount: Money
    paid_on: date
    received_at: datetime
    business_date: date
    holdoff_from: date
    channel: str
    reference: str | None
    credit: Money
    reversed_at: datetime | None
    reversed_on: date | None


async def of_contract(reader: Reader, contract_id: UUID, query: PageQuery) -> Page[PaymentItem]:
    """Return a page of a contract's payments in the order of arrival. Raises ``ContractUnknown``."""
    after = query.after_number()
    rows = await reader.fetch(queries.PAYMENTS[query.order], contract_id, after, query.limit + 1)
    if not rows and not await reader.fetchval(queries.CONTRACT_EXISTS, contract_id):
        raise ContractUnknown()
    return page(rows, query, key=lambda row: (row["sequence"],))
