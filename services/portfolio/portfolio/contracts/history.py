"""Reading the history of a contract."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from chassis import ContractUnknown, OutputModel, Page, PageQuery, Reader, page
from recobro_events import Row

from portfolio.contracts import queries
from portfolio.ledger.actors import ActorOfChange


class HistoryItem(OutputModel):
    at: datetime
    business_date: date
    kind: str
    summary: str
    data: dict[str, Any]
    actor: ActorOfChange


_ABOUT_NOBODYS_WORK = frozenset(
    {"registered", "revised", "incomplete", "withdrawn", "closed", "paused", "resumed", "clarification_opened"}
)
"""Kinds of lines that every agency with the contract sees."""
_WITH_AMOUNTS = frozenset(
    {
        *("stage_changed", "payment_received", "payment_reversed", "clarification_resolved"),
        *("promise_kept", "promise_partly_kept", "promise_broken", "promise_reopened", "promise_cancelled"),
        *("agreement_reached", "agreement_broken", "agreement_fulfilled"),
    }
)
"""Kinds of lines that an agency sees once it may know what is owed."""


async def read(
    reader: Reader,
    contract_id: UUID,
    query: PageQuery,
    wanted: Sequence[str] | None,
    agency_id: UUID | None = None,
) -> Page[HistoryItem]:
    """Return a page of a contract's history: the lines of the ``wanted`` kinds, or all.

    Raises ``ContractUnknown``, also for an agency that does not have the contract.
    """
    shows_balance = await reader.fetchval(queries.SHOWS_BALANCE, contract_id, agency_id)
    if shows_balance is None:
        raise ContractUnknown()
    kinds = [*_ABOUT_NOBODYS_WORK, *(_WITH_AMOUNTS if shows_balance else ())]
    agency = None if agency_id is None else str(agency_id)
    rows: list[Row] = await reader.fetch(
        queries.HISTORY[query.order], contract_id, query.after_number(), query.limit + 1, agency, kinds, wanted
    )
    return page(rows, query, key=lambda row: (row["history_id"],))
