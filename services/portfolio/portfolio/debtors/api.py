"""Debtors' statuses, contact points and addresses over HTTP."""

from typing import Annotated
from uuid import UUID

from chassis import Page, PageQuery, ReadConnection, Router, WriteTransaction, reads, writes
from chassis.audit import reads_in_bulk
from fastapi import Depends

from portfolio.debtors import address_reviews, attempts, contact_points, parties, statuses
from portfolio.debtors.address_reviews import AddressReview, ReviewFilter
from portfolio.debtors.attempts import Attempt, EnteredAttempt
from portfolio.debtors.contact_points import ContactPatch, ContactPoint, NewContactPoint
from portfolio.debtors.parties import NewParty, Parties, PartyPatch, PartyView, Removal, Removed
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


@router.post("/contracts/{contract_id}/parties", status_code=201, dependencies=_WRITES)
async def add_party(contract_id: UUID, new: NewParty, tx: WriteTransaction) -> PartyView:
    """Add somebody besides the debtor, such as a guarantor, with phones and e-mails."""
    return await parties.add(tx, contract_id, new)


@router.get("/contracts/{contract_id}/parties", dependencies=_READS)
async def list_parties(contract_id: UUID, connection: ReadConnection) -> Parties:
    """List the people besides the debtor, and who of them may be contacted."""
    return await parties.listed(connection, contract_id)


@router.get("/parties/{party_id}", dependencies=_READS)
async def read_party(party_id: UUID, connection: ReadConnection) -> PartyView:
    """Read somebody besides the debtor."""
    return await parties.read(connection, party_id)


@router.patch("/parties/{party_id}", dependencies=_WRITES)
async def change_party(party_id: UUID, change: PartyPatch, tx: WriteTransaction) -> PartyView:
    """Correct role, name, tax id, language, phones and e-mails of somebody besides the debtor."""
    return await parties.patch(tx, party_id, change)


@router.post("/parties/{party_id}/removal", status_code=201, dependencies=_WRITES)
async def remove_party(party_id: UUID, removal: Removal, tx: WriteTransaction) -> Removed:
    """Remove somebody besides the debtor. Name, tax id, phones and e-mails are erased everywhere."""
    return await parties.remove(tx, party_id, removal)


@router.post("/contracts/{contract_id}/attempts", status_code=201, dependencies=_WRITES)
async def add_attempt(contract_id: UUID, new: EnteredAttempt, tx: WriteTransaction) -> Attempt:
    """Record that one of the creditor's own people tried to reach the debtor. It counts for the caps of contact."""
    return await attempts.enter(tx, contract_id, new)


@router.get("/contracts/{contract_id}/attempts", dependencies=[*_READS, reads_in_bulk()])
async def list_attempts(contract_id: UUID, query: PageQuery, connection: ReadConnection) -> Page[Attempt]:
    """List the attempts of the creditor's own people, with their notes."""
    return await attempts.listed(connection, contract_id, query)


@router.get("/address-reviews", dependencies=[*_READS, reads_in_bulk()])
async def list_address_reviews(
    wanted: Annotated[ReviewFilter, Depends()], query: PageQuery, connection: ReadConnection
) -> Page[AddressReview]:
    """List the addresses of open contracts that somebody has to look at, in the order in which they became known.

    ``issue=unchecked`` are those given at the door, ``issue=wrong_address`` those that a visitor found wrong.
    """
    return await address_reviews.listed(connection, wanted, query)
