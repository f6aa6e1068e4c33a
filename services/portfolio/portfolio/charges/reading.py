"""Reading the charges of a contract."""

from datetime import date, datetime
from uuid import UUID

from chassis import ContractUnknown, OutputModel, Page, PageQuery, Reader, page
from recobro_events import Money
from recobro_events.contracts.portfolio import ChargeKind

from portfolio.charges import queries
from portfolio.ledger.actors import ActorOfChange


class Charge(OutputModel):
    """A charge. ``instalment`` is the one that it was added to. ``in_file``: a file's amounts have counted it."""

    charge_id: UUID
    contract_id: UUID
    kind: ChargeKind
    amount: Money
    charged_on: date
    reason: str
    reference: str | None
    instalment: int | None
    business_date: date
    received_at: datetime
    in_file: bool
    received_by: ActorOfChange
    reversed_at: datetime | None
    reversed_on: date | None
    reversal_reason: str | None
    reversed_by: ActorOfChange


async def of_contract(reader: Reader, contract_id: UUID, query: PageQuery) -> Page[Charge]:
    """Return a page of a contract's charges in the order of arrival. Raises ``ContractUnknown``."""
    rows = await reader.fetch(queries.CHARGES[query.order], contract_id, query.after_number(), query.limit + 1)
    if not rows and not await reader.fetchval(queries.CONTRACT_EXISTS, contract_id):
        raise ContractUnknown()
    return page(rows, query, key=lambda row: (row["sequence"],))
