"""Reading the recorded calls."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from chassis import Day, FieldError, Invalid, OutputModel, Page, PageQuery, Reader, ShortText, page
from fastapi import Query
from recobro_events.contracts.dialer_feed import CallDirection, Disposition

from dialer_feed.calls import queries
from dialer_feed.lists.phones import CONNECTED


class RecordedCall(OutputModel):
    """A call as its dialer reported it, and what it broke. ``dialer_id`` reported it.

    ``agency_id`` is null for a call from inside, ``list_id`` for one without a list. ``business_date`` is the day on
    which the call counts. ``phone`` is the number that was called. ``overtaken``: it began by a permit in force
    (``permit_id``), after a withdrawal that the dialer had not yet acknowledged. ``silence`` is the reason why a
    wrongful or overtaken call was forbidden. Only operators see ``phone`` and ``silence``; an agency sees
    ``contract_number`` for calls of its lists.
    """

    call_id: str
    agency_id: UUID | None
    list_id: UUID | None
    contract_id: UUID
    contract_number: str | None
    contact_id: UUID
    phone: str | None
    agent: str
    business_date: date
    started_at: datetime
    duration_seconds: int
    disposition: Disposition
    direction: CallDirection
    manual: bool
    unlisted: bool
    right_party: bool
    wrongful: bool
    overtaken: bool
    permit_id: UUID | None
    silence: str | None
    breaches: tuple[str, ...]
    dialer_id: str
    reported_at: datetime


@dataclass(frozen=True)
class CallFilter:
    """The filter of the list. A call must match every given field. ``first`` and ``last`` are business dates."""

    list_id: UUID | None = None
    contract_id: UUID | None = None
    agency_id: UUID | None = None
    agent: ShortText | None = None
    disposition: Disposition | None = None
    connected: Annotated[bool | None, Query(description="Whether somebody answered")] = None
    right_party: Annotated[bool | None, Query(description="Whether the debtor answered")] = None
    wrongful: Annotated[bool | None, Query(description="Whether the contract was silent")] = None
    overtaken: Annotated[bool | None, Query(description="Whether a withdrawal had overtaken the call's permit")] = None
    breached: Annotated[bool | None, Query(description="Whether it broke a rule of hours or frequency")] = None
    first: Annotated[Day | None, Query(alias="from", description="The first business date")] = None
    last: Annotated[Day | None, Query(alias="to", description="The last business date, included")] = None


async def listed(reader: Reader, wanted: CallFilter, query: PageQuery, agency_id: UUID | None) -> Page[RecordedCall]:
    """Return a page of matching calls in the order in which they were reported. An agency finds only its own."""
    if wanted.first is not None and wanted.last is not None and wanted.last < wanted.first:
        raise Invalid("The period ends before it begins.", errors=[FieldError("/query/to", "must not lie before from")])
    arguments: list[Any] = []

    def given(value: Any) -> str:
        arguments.append(value)
        return f"${len(arguments)}"

    conditions = [
        f"call.{column} {comparison} {given(value)}"
        for column, comparison, value in (
            ("list_id", "=", wanted.list_id),
            ("contract_id", "=", wanted.contract_id),
            ("dialed_for", "=", wanted.agency_id),
            ("dialed_for", "=", agency_id),
            ("agent", "=", wanted.agent),
            ("disposition", "=", wanted.disposition),
            ("right_party", "=", wanted.right_party),
            ("wrongful", "=", wanted.wrongful),
            ("overtaken", "=", wanted.overtaken),
            ("business_date", ">=", wanted.first),
            ("business_date", "<=", wanted.last),
        )
        if value is not None
    ]
    if wanted.connected is not None:
        conditions.append(f"({CONNECTED}) = {given(wanted.connected)}")
    if wanted.breached is not None:
        conditions.append(f"(call.breaches <> '{{}}') = {given(wanted.breached)}")
    if (after := query.after(datetime, UUID, str)) is not None:
        beyond = ">" if query.order == "asc" else "<"
        conditions.append(f"{queries.CALL_ORDER} {beyond} ({', '.join(given(value) for value in after)})")
    sql = queries.calls(conditions, query.order, given(query.limit + 1), for_operator=agency_id is None)
    rows = await reader.fetch(sql, *arguments)
    shown = page(rows, query, key=lambda row: (row["reported_at"].isoformat(), row["dialed_for"], row["call_id"]))
    return Page(items=[RecordedCall(**item) for item in shown["items"]], next_cursor=shown["next_cursor"])
