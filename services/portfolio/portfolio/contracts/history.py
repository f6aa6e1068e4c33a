"""Reading the history of a contract."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from chassis import ContractUnknown, Day, FieldError, Invalid, OutputModel, Page, PageQuery, Reader, ShortText, page
from chassis.languages import Locale
from fastapi import Query
from recobro_events import Row

from portfolio.contracts import queries
from portfolio.contracts.telling import Telling
from portfolio.ledger.actors import ActorOfChange

MOST_KINDS = 100
"""The most kinds of lines that a request for a history may name."""


class HistoryItem(OutputModel):
    """A line. ``at`` is when it was recorded here, and the order of lines.

    ``happened_at`` is when it happened, where another service has stated that: the beginning of a call or of a visit,
    for instance. ``summary`` is the line in words, in the language of Accept-Language; programs read ``kind`` and
    ``data``. ``actor`` made the request, or is the agent, visitor or dialer that the line names.
    """

    at: datetime
    happened_at: datetime | None
    business_date: date
    kind: str
    summary: str
    data: dict[str, Any]
    actor: ActorOfChange


@dataclass(frozen=True)
class HistoryFilter:
    """Which lines of a history are wanted; all are optional."""

    kind: Annotated[
        list[ShortText] | None, Query(max_length=MOST_KINDS, description="Only these kinds of lines; may be repeated")
    ] = None
    first: Annotated[Day | None, Query(alias="from", description="The first business date of the lines")] = None
    last: Annotated[Day | None, Query(alias="to", description="The last business date of the lines")] = None
    actor: Annotated[
        ShortText | None,
        Query(description="Only what this subject of a token, agent, visitor or dialer did. Agencies find nothing"),
    ] = None


_HAPPENED_AT: Mapping[str, str] = {
    "attempt": "made_at",
    "call": "started_at",
    "visit": "started_at",
    "wrongful_call": "called_at",
    "listed": "published_at",
    "list_withdrawn": "withdrawn_at",
    "withdrawal_acknowledged": "acknowledged_at",
}
"""The fact of a kind of line that says when it happened."""
_ABOUT_NOBODYS_WORK = frozenset(
    {
        "registered",
        "revised",
        "incomplete",
        "withdrawn",
        "returned",
        "closed",
        "paused",
        "resumed",
        "clarification_opened",
    }
)
"""Kinds of lines that every agency with the contract sees."""
_WITH_AMOUNTS = frozenset(
    {
        *("stage_changed", "payment_received", "payment_reversed", "clarification_resolved"),
        *("charge_taken", "charge_reversed"),
        *("promise_kept", "promise_partly_kept", "promise_broken", "promise_reopened", "promise_cancelled"),
        *("agreement_reached", "agreement_broken", "agreement_fulfilled", "agreement_cancelled", "agreement_settled"),
    }
)
"""Kinds of lines that an agency sees once it may know what is owed."""


async def read(
    reader: Reader,
    contract_id: UUID,
    query: PageQuery,
    wanted: HistoryFilter,
    locale: Locale,
    agency_id: UUID | None = None,
) -> Page[Any]:
    """Return a page of a contract's history, worded in the language of ``locale``.

    Raises ``ContractUnknown``, also for an agency that does not have the contract.
    """
    if wanted.first and wanted.last and wanted.last < wanted.first:
        raise Invalid("The period ends before it begins.", errors=[FieldError("/query/to", "must not lie before from")])
    told_to = await reader.fetchrow(queries.TOLD_TO, contract_id, agency_id)
    if told_to is None:
        raise ContractUnknown()
    kinds = [*_ABOUT_NOBODYS_WORK, *(_WITH_AMOUNTS if told_to["shows_balance"] else ())]
    rows: list[Row] = await reader.fetch(
        queries.HISTORY[query.order],
        *(contract_id, query.after_number(), query.limit + 1),
        *(None if agency_id is None else str(agency_id), kinds),
        *(wanted.kind, wanted.first, wanted.last, wanted.actor),
    )
    shown = page(rows, query, key=lambda row: (row["history_id"],))
    telling = Telling(locale, told_to["currency"], ZoneInfo(told_to["timezone"]))
    return Page(items=[_item(row, telling) for row in shown["items"]], next_cursor=shown["next_cursor"])


def _item(row: Row, telling: Telling) -> HistoryItem:
    kind, data = row["kind"], row["data"]
    moment = data.get(_HAPPENED_AT.get(kind, ""))
    return HistoryItem(
        at=row["at"],
        happened_at=moment and datetime.fromisoformat(moment),
        business_date=row["business_date"],
        kind=kind,
        summary=telling.line(kind, data, row["summary"]),
        data=data,
        actor=row["actor"],
    )
