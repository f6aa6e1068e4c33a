"""Agencies and their service contracts over HTTP."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from chassis import (
    Conflict,
    CurrentPrincipal,
    Email,
    InputModel,
    Page,
    PageQuery,
    ReadConnection,
    Router,
    ServiceDatabase,
    ShortText,
    WholeParameter,
    WriteTransaction,
    page,
    reads,
    writes,
)
from chassis.letterheads import Letterhead, given
from fastapi import Query, Request
from recobro_events.contracts.agency import AgencyRegistered

from assignment.agencies import queries, service_contracts
from assignment.agencies.events import AgencyEvents, read_events
from assignment.agencies.publishing import changed
from assignment.agencies.reading import Agency, AgencyUnknown, expect_agency
from assignment.agencies.service_contracts import NewServiceContract, ServiceContract

router = Router(prefix="/v1", tags=["agencies"])


MAX_AGENCIES = 1_000
"""Each agency has a topic of its own in the event log."""


class TooManyAgencies(Conflict):
    code = "too-many-agencies"
    detail = f"There are {MAX_AGENCIES:,} agencies already."


class NewAgency(InputModel):
    name: ShortText
    email: Email | None = None


@router.post("/agencies", status_code=201, dependencies=[writes("assignment")])
async def create_agency(new: NewAgency, tx: WriteTransaction) -> Agency:
    """Register an agency and publish the first event on its own topic. There are at most 1,000 agencies."""
    if await tx.fetchval(queries.COUNT_AGENCIES) >= MAX_AGENCIES:
        raise TooManyAgencies()
    [row] = await tx.fetch(queries.CREATE_AGENCY, new.name, new.email)
    tx.publish(AgencyRegistered(agency_id=row["agency_id"]), changed(row))
    return Agency(**row)


@router.patch("/agencies/{agency_id}", dependencies=[writes("assignment")])
async def change_agency(agency_id: UUID, letterhead: Letterhead, tx: WriteTransaction) -> Agency:
    """Change what letters say of an agency: its legal name, address and phones, and where to complain."""
    row = await tx.fetchrow(queries.CHANGE_AGENCY, agency_id, given(letterhead))
    if row is None:
        raise AgencyUnknown()
    tx.publish(changed(row))
    return Agency(**row)


@router.get("/agencies", dependencies=[reads("assignment")])
async def list_agencies(query: PageQuery, reader: ReadConnection) -> Page[Agency]:
    """List agencies, oldest first."""
    after = query.after(datetime, UUID) or (None, None)
    rows = await reader.fetch(queries.AGENCIES[query.order], *after, query.limit + 1)
    return page(rows, query, key=lambda row: (row["created_at"].isoformat(), row["agency_id"]))


@router.get("/agencies/{agency_id}", dependencies=[reads("assignment", agency=True)])
async def read_agency(agency_id: UUID, reader: ReadConnection, who: CurrentPrincipal) -> Agency:
    """Read an agency."""
    return await expect_agency(reader, agency_id, who)


@router.post("/agencies/{agency_id}/service-contracts", status_code=201, dependencies=[writes("assignment")])
async def create_service_contract(agency_id: UUID, new: NewServiceContract, tx: WriteTransaction) -> ServiceContract:
    """Create a service contract. An agency has at most one service contract for a kind of work on any day."""
    return await service_contracts.create(tx, agency_id, new)


@router.get("/agencies/{agency_id}/service-contracts", dependencies=[reads("assignment")])
async def list_service_contracts(
    agency_id: UUID, query: PageQuery, reader: ReadConnection, who: CurrentPrincipal
) -> Page[ServiceContract]:
    """List the agency's service contracts, oldest first."""
    await expect_agency(reader, agency_id, who)
    after = query.after(datetime, UUID) or (None, None)
    rows = await reader.fetch(queries.SERVICE_CONTRACTS[query.order], agency_id, *after, query.limit + 1)
    return page(rows, query, key=lambda row: (row["created_at"].isoformat(), row["service_contract_id"]))


@router.get("/agencies/{agency_id}/events", dependencies=[reads("assignment", agency=True)])
async def list_events(
    agency_id: UUID,
    request: Request,
    database: ServiceDatabase,
    who: CurrentPrincipal,
    after: Annotated[str | None, Query(max_length=100, description="The `next_position` of the answer before")] = None,
    wait: Annotated[WholeParameter, Query(le=60)] = 0,
    limit: Annotated[WholeParameter, Query(ge=1, le=1000)] = 100,
) -> AgencyEvents:
    """Return the events of the agency's stream after a position, in order; without one, from the first that is kept.

    ``wait`` is how many seconds to wait for the first event. Events are kept for 14 days.
    """
    async with database.connection() as connection:
        await expect_agency(connection, agency_id, who)
    return await read_events(database, agency_id, after, limit, wait, request.app.state.stopping)
