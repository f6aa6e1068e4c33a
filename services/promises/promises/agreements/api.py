"""HTTP routes for plans. A plan is a schedule of promises that is kept or broken as a whole."""

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

from promises.agreements import queries
from promises.agreements.cancelling import cancel
from promises.agreements.reaching import NewAgreement, reach
from promises.agreements.reading import Agreement, read, shown
from promises.outcomes.plans import AgreementState
from promises.taking.cancelling import Cancellation

router = Router(prefix="/v1", tags=["agreements"])


@router.post("/agreements", status_code=201, dependencies=[writes("promises", agency=True)])
async def reach_agreement(new: NewAgreement, tx: WriteTransaction, who: CurrentPrincipal) -> Agreement:
    """Agree on a plan of 2 to 60 instalments. Each instalment is a promise. A contract has at most one open plan."""
    return await reach(tx, who, new)


@router.get("/agreements", dependencies=[reads("promises", agency=True)])
async def list_agreements(
    query: PageQuery,
    reader: ReadConnection,
    who: CurrentPrincipal,
    contract_id: UUID | None = None,
    state: AgreementState | None = None,
) -> Page[Agreement]:
    """List plans in the order in which they were reached. An agency's token lists the agency's own plans only."""
    filters = (contract_id, state, query.after(UUID), who.agency_id)
    rows = await reader.fetch(queries.AGREEMENTS[query.order], *filters, query.limit + 1)
    return page(await shown(reader, rows), query, key=lambda agreement: (agreement.agreement_id,))


@router.get("/agreements/{agreement_id}", dependencies=[reads("promises", agency=True)])
async def read_agreement(agreement_id: UUID, reader: ReadConnection, who: CurrentPrincipal) -> Agreement:
    """Return one plan in its current state, with its instalments."""
    return await read(reader, agreement_id, who)


@router.post("/agreements/{agreement_id}/cancellation", status_code=201, dependencies=[writes("promises", agency=True)])
async def cancel_agreement(
    agreement_id: UUID, cancellation: Cancellation, tx: WriteTransaction, who: CurrentPrincipal
) -> Agreement:
    """Cancel an open plan and its open instalments. This is final."""
    return await cancel(tx, who, agreement_id, cancellation)
