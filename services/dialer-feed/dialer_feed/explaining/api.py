"""HTTP routes that show lists to people, and explain them."""

from typing import Annotated
from uuid import UUID

from chassis import (
    CurrentPrincipal,
    Day,
    Invalid,
    Page,
    PageQuery,
    ReadConnection,
    Router,
    page,
    reads,
)
from chassis.audit import reads_in_bulk
from fastapi import Query
from recobro_events.contracts.dialer_feed import WithdrawalReason

from dialer_feed.explaining.comparing import Difference, Side, compare
from dialer_feed.explaining.previewing import Preview, preview
from dialer_feed.explaining.reasons import Explanation, explain
from dialer_feed.explaining.showing import ContractOnList, EntryStatus, SortedBy, contracts_of

router = Router(prefix="/v1", tags=["lists"])
_Number = Annotated[str | None, Query(min_length=1, max_length=100)]


@router.get("/lists/{list_id}/contracts", dependencies=[reads("dialer-feed", agency=True), reads_in_bulk()])
async def list_contracts_of_list(
    list_id: UUID,
    query: PageQuery,
    reader: ReadConnection,
    who: CurrentPrincipal,
    sorted_by: SortedBy = SortedBy.CONTRACT_NUMBER,
    status: EntryStatus | None = None,
    contract_number: _Number = None,
    reason: WithdrawalReason | None = None,
) -> Page[ContractOnList]:
    """List the contracts of a published list, those that have left it included. ``order`` turns ``sorted_by``.

    An agency reads its own lists while they are live; a contract that has left has no name for it.
    """
    rows = await contracts_of(reader, list_id, who, query, sorted_by, status, contract_number, reason)
    return page(rows, query, key=lambda row: (row[sorted_by], row["contract_id"]))


@router.get("/lists/{list_id}/explanations", dependencies=[reads("dialer-feed")])
async def explain_contract(
    list_id: UUID,
    reader: ReadConnection,
    who: CurrentPrincipal,
    contract_id: UUID | None = None,
    contract_number: _Number = None,
) -> Explanation:
    """Explain why a contract is on a list or not: every rule in its order, with the facts behind it."""
    if (contract_id is None) == (contract_number is None):
        raise Invalid("Give either contract_id or contract_number.", code="contract-not-named")
    return await explain(reader, list_id, who, contract_id, contract_number)


@router.get("/lists/{list_id}/difference", dependencies=[reads("dialer-feed"), reads_in_bulk()])
async def compare_lists(
    list_id: UUID,
    query: PageQuery,
    reader: ReadConnection,
    who: CurrentPrincipal,
    other: Annotated[UUID, Query(alias="with", description="The list to compare with")],
    side: Side = Side.ADDED,
) -> Difference:
    """Compare two published lists: what this one has and the other has not, or the other way round."""
    return await compare(reader, list_id, other, side, who, query)


@router.get("/campaigns/{campaign_id}/preview", tags=["campaigns"], dependencies=[reads("dialer-feed")])
async def preview_list(campaign_id: UUID, business_date: Day, reader: ReadConnection) -> Preview:
    """Count what the campaign's list of a day would hold, by what is known now, and what keeps the others off."""
    return await preview(reader, campaign_id, business_date)
