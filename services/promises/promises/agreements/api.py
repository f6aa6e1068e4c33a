"""HTTP routes for agreements: plans, settlements, restructures and forgiveness, from proposal to end."""

from typing import Annotated
from uuid import UUID

from chassis import (
    CurrentPrincipal,
    Page,
    PageQuery,
    ReadConnection,
    Router,
    WriteTransaction,
    page,
    reads,
    writes,
)
from fastapi import Query
from recobro_events.contracts.promises import AgreementKind

from promises.agreements import queries
from promises.agreements.cancelling import cancel
from promises.agreements.deciding import Acceptance, accept, approve, refuse
from promises.agreements.proposing import propose
from promises.agreements.reaching import reach
from promises.agreements.reading import Agreement, Standing, read, shown
from promises.agreements.terms import NewAgreement
from promises.taking.cancelling import Cancellation

router = Router(prefix="/v1", tags=["agreements"])


@router.post("/agreements", status_code=201, dependencies=[writes("promises", agency=True)])
async def reach_agreement(new: NewAgreement, tx: WriteTransaction, who: CurrentPrincipal) -> Agreement:
    """Agree on a plan of 2 to 60 instalments, or propose a settlement, a restructure or forgiveness.

    A plan is in force at once. Anything else is ``proposed`` until a second person has approved it and the debtor has
    accepted it, as far as either is needed. Each instalment of an agreement in force is a promise. A contract has at
    most one agreement that has not ended.
    """
    return await (reach if new.kind is AgreementKind.PLAN else propose)(tx, who, new)


@router.get("/agreements", dependencies=[reads("promises", agency=True)])
async def list_agreements(
    query: PageQuery,
    reader: ReadConnection,
    who: CurrentPrincipal,
    contract_id: UUID | None = None,
    state: Standing | None = None,
    kind: AgreementKind | None = None,
    undecided: Annotated[
        bool | None, Query(description="true: those that a second person has to approve or refuse; false: all others")
    ] = None,
) -> Page[Agreement]:
    """List agreements and proposals in the order in which they were made. An agency's token lists the agency's own."""
    filters = (contract_id, state, query.after(UUID), who.agency_id)
    sql = queries.AGREEMENTS[query.order, who.agency_id is not None]
    rows = await reader.fetch(sql, *filters, query.limit + 1, kind, undecided)
    return page(await shown(reader, rows), query, key=lambda agreement: (agreement.agreement_id,))


@router.get("/agreements/{agreement_id}", dependencies=[reads("promises", agency=True)])
async def read_agreement(agreement_id: UUID, reader: ReadConnection, who: CurrentPrincipal) -> Agreement:
    """Return one agreement in its current state, with its instalments."""
    return await read(reader, agreement_id, who)


@router.post("/agreements/{agreement_id}/cancellation", status_code=201, dependencies=[writes("promises", agency=True)])
async def cancel_agreement(
    agreement_id: UUID, cancellation: Cancellation, tx: WriteTransaction, who: CurrentPrincipal
) -> Agreement:
    """Cancel a proposal, or an agreement in force with its open instalments. This is final."""
    return await cancel(tx, who, agreement_id, cancellation)


@router.post("/agreements/{agreement_id}/approval", status_code=201, dependencies=[writes("promises")])
async def approve_agreement(agreement_id: UUID, tx: WriteTransaction, who: CurrentPrincipal) -> Agreement:
    """Approve what another person has proposed. It is in force now if the debtor has accepted it already."""
    return await approve(tx, who, agreement_id)


@router.post("/agreements/{agreement_id}/refusal", status_code=201, dependencies=[writes("promises")])
async def refuse_agreement(
    agreement_id: UUID, refusal: Cancellation, tx: WriteTransaction, who: CurrentPrincipal
) -> Agreement:
    """Refuse what another person has proposed. This is final, and the agreement says why."""
    return await refuse(tx, who, agreement_id, refusal)


@router.post("/agreements/{agreement_id}/acceptance", status_code=201, dependencies=[writes("promises", agency=True)])
async def accept_agreement(
    agreement_id: UUID, acceptance: Acceptance, tx: WriteTransaction, who: CurrentPrincipal
) -> Agreement:
    """Record that the debtor has accepted, and by what. The agreement is in force if nobody has to approve it any
    more."""
    return await accept(tx, who, agreement_id, acceptance)
