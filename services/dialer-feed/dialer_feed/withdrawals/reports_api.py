"""HTTP route by which operators read what dialers have reported, such as the reports that wait for a person."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from chassis import OutputModel, Page, PageQuery, ReadConnection, Router, page, reads
from chassis.audit import reads_in_bulk

from dialer_feed.withdrawals import queries

router = Router(prefix="/v1", tags=["dialers"])


class DialerReport(OutputModel):
    """``call_id`` is null for a withdrawal by hand. ``effective`` false: it changed nothing, and a person decides.

    ``actor`` says who reported it: subject, client, agency, delegate, token and request.
    """

    report_id: UUID
    list_id: UUID
    contract_id: UUID
    agency_id: UUID | None
    reason: str
    contact_ids: tuple[UUID, ...]
    call_id: str | None
    detail: str | None
    reported_by: str
    effective: bool
    reported_at: datetime
    actor: dict[str, Any] | None


class PaymentClaim(OutputModel):
    """A debtor has stated to a dialer that the debt is paid. ``effective`` is false if the agency lacked the contract.

    ``paid`` says whether a payment of the contract has arrived on the day of the claim or later, and still holds.
    ``list_id`` is null for a call without a list, ``call_id`` for a withdrawal by hand.
    """

    claim_id: UUID
    contract_id: UUID
    contract_number: str | None
    agency_id: UUID | None
    list_id: UUID | None
    call_id: str | None
    detail: str | None
    claimed_on: date
    reported_by: str
    reported_at: datetime
    effective: bool
    paid: bool
    actor: dict[str, Any] | None


@router.get("/dialer-reports", dependencies=[reads("dialer-feed"), reads_in_bulk()])
async def list_reports(
    query: PageQuery, reader: ReadConnection, effective: bool | None = None, contract_id: UUID | None = None
) -> Page[DialerReport]:
    """List what dialers have reported. With ``effective=false`` the reports that a person decides on."""
    rows = await reader.fetch(queries.REPORTS[query.order], effective, contract_id, query.after(UUID), query.limit + 1)
    return page(rows, query, key=lambda row: (row["report_id"],))


@router.get("/payment-claims", dependencies=[reads("dialer-feed"), reads_in_bulk()])
async def list_payment_claims(
    query: PageQuery,
    reader: ReadConnection,
    paid: bool | None = None,
    contract_id: UUID | None = None,
    agency_id: UUID | None = None,
) -> Page[PaymentClaim]:
    """List debtors' statements that they have paid. With ``paid=false`` those whose payment has not arrived."""
    filters = (paid, contract_id, agency_id)
    rows = await reader.fetch(queries.PAYMENT_CLAIMS[query.order], *filters, query.after(UUID), query.limit + 1)
    return page(rows, query, key=lambda row: (row["claim_id"],))
