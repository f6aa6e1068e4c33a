"""Debtors' statuses and contact points over HTTP."""

from uuid import UUID

from chassis import ReadConnection, Router, WriteTransaction, reads, writes

from portfolio.debtors import contact_points, statuses
from portfolio.debtors.contact_points import ContactPatch, ContactPoint, NewContactPoint
from portfolio.debtors.statuses import DebtorStatusOutcome, NewDebtorStatus

router = Router(prefix="/v1", tags=["contracts"])
_READS = [reads("portfolio")]
_WRITES = [writes("portfolio")]


@router.post("/contracts/{contract_id}/debtor-status", status_code=201, dependencies=_WRITES)
async def set_debtor_status(contract_id: UUID, new: NewDebtorStatus, tx: WriteTransaction) -> DebtorStatusOutcome:
    """Set the status of the debtor, for every contract of the debtor."""
    return await statuses.set_status(tx, contract_id, new)


@router.post("/contracts/{contract_id}/contact-points", status_code=201, dependencies=_WRITES)
async def add_contact_point(contract_id: UUID, new: NewContactPoint, tx: WriteTransaction) -> ContactPoint:
    """Add a phone or an e-mail."""
    return await contact_points.add(tx, contract_id, new)


@router.get("/contact-points/{contact_id}", dependencies=_READS)
async def read_contact_point(contact_id: UUID, connection: ReadConnection) -> ContactPoint:
    """Read a phone or an e-mail."""
    return await contact_points.read(connection, contact_id)


@router.patch("/contact-points/{contact_id}", dependencies=_WRITES)
async def change_contact_point(contact_id: UUID, change: ContactPatch, tx: WriteTransaction) -> ContactPoint:
    """Mark a contact point as verified, wrong or refused. Wrong and refused hold for every contract of the debtor."""
    return await contact_points.patch(tx, contact_id, change)
