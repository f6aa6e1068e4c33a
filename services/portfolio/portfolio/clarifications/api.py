"""Clarifications over HTTP."""

from typing import Annotated
from uuid import UUID

from chassis import Page, PageQuery, ReadConnection, Router, WriteTransaction, reads, writes
from chassis.audit import reads_in_bulk
from fastapi import Depends

from portfolio.clarifications import opening, reading, resolving
from portfolio.clarifications.opening import NewClarification
from portfolio.clarifications.reading import Clarification, ClarificationFilter, ClarificationItem
from portfolio.clarifications.resolving import NewResolution, Resolution

router = Router(prefix="/v1", tags=["contracts"])
_READS = [reads("portfolio")]
_WRITES = [writes("portfolio")]


@router.post("/contracts/{contract_id}/clarifications", status_code=201, dependencies=_WRITES)
async def open_clarification(contract_id: UUID, new: NewClarification, tx: WriteTransaction) -> Clarification:
    """Open a clarification of a disputed debt. Contact about the contract stops now."""
    return await opening.open_one(tx, contract_id, new)


@router.get("/clarifications", dependencies=[*_READS, reads_in_bulk()])
async def list_clarifications(
    wanted: Annotated[ClarificationFilter, Depends()], query: PageQuery, connection: ReadConnection
) -> Page[ClarificationItem]:
    """List the clarifications of all contracts in the order in which they were opened."""
    return await reading.listed(connection, wanted, query)


@router.get("/clarifications/{clarification_id}", dependencies=_READS)
async def read_clarification(clarification_id: UUID, connection: ReadConnection) -> Clarification:
    """Read a clarification."""
    return await reading.read(connection, clarification_id)


@router.post("/clarifications/{clarification_id}/resolution", status_code=201, dependencies=_WRITES)
async def resolve_clarification(clarification_id: UUID, new: NewResolution, tx: WriteTransaction) -> Resolution:
    """Resolve a clarification, with the corrected amounts where the debtor was right."""
    return await resolving.resolve(tx, clarification_id, new)
