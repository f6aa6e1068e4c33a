"""Reading attempts, permits and refusals as they are kept."""

from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID

from chassis import FieldError, Invalid, NotFound, OutputModel, Page, PageQuery, Reader, clock, page

from dialer_feed.permits import attempts_queries, queries
from dialer_feed.permits.attempting import PermitState

AttemptState = Literal["waiting", "overdue", "ended"]
_DEFAULT_DAYS = 31
_MOST_DAYS = 366


class KeptAttempt(OutputModel):
    """An attempt as it is kept. ``ended_at`` is when its result was reported; null while there is none.

    ``permit_id`` is the permit by which it was made; ``permit`` says why the permit that it named does not count.
    """

    attempt_id: str
    agency_id: UUID | None
    list_id: UUID | None
    contract_id: UUID
    contract_number: str | None
    agent: str | None
    manual: bool
    business_date: date
    started_at: datetime
    permit_id: UUID | None
    permit: PermitState
    dialer_id: str
    reported_at: datetime
    ended_at: datetime | None


class KeptPermit(OutputModel):
    """A permit (``granted``), or a refusal with its ``reason``.

    ``attempts`` are the contacts with the person within 7 days that were known then, of ``most_attempts``. Everything
    that the other services had acknowledged at ``heard_at`` had been applied. ``attempt_id`` names the attempt that has
    used the permit. ``phone`` is the number if the contract does not have it. ``campaign_id`` is null where the
    creditor's own people asked from the desk; ``attempt_id`` is then that of portfolio.
    """

    permit_id: UUID
    granted: bool
    reason: str | None
    asked_at: datetime
    expires_at: datetime | None
    agency_id: UUID | None
    campaign_id: UUID | None
    list_id: UUID | None
    contract_id: UUID
    contract_number: str | None
    phone: str | None
    caller_id: str | None
    business_date: date | None
    callable_until: datetime | None
    attempts: int | None
    most_attempts: int | None
    heard_at: datetime | None
    asked_by: str
    attempt_id: str | None


class RefusedOfList(OutputModel):
    reason: str
    refusals: int


class PermitsOfList(OutputModel):
    """How often dialers of a list have asked, and the answers. ``overdue`` attempts have had no result for 4 h.

    ``waiting`` counts all attempts without a result, those that are overdue included.
    """

    granted: int
    refused: tuple[RefusedOfList, ...]
    attempts: int
    waiting: int
    overdue: int
    overtaken_calls: int


class PermitUnknown(NotFound):
    code = "permit-unknown"
    detail = "There is no such permit."


async def attempts(
    reader: Reader,
    state: AttemptState | None,
    list_id: UUID | None,
    contract_id: UUID | None,
    agency_id: UUID | None,
    query: PageQuery,
    of_client: UUID | None,
) -> Page[KeptAttempt]:
    """Return a page of attempts in the order of their starts. An agency finds only its own."""
    sql = attempts_queries.PAGE[state or "", query.order]
    after = query.after(datetime, UUID, str) or (None, None, None)
    rows = await reader.fetch(sql, list_id, contract_id, agency_id, of_client, *after, query.limit + 1)
    shown = page(rows, query, key=lambda row: (row["started_at"].isoformat(), row["dialed_for"], row["attempt_id"]))
    return Page(items=[KeptAttempt(**item) for item in shown["items"]], next_cursor=shown["next_cursor"])


async def permits(
    reader: Reader,
    list_id: UUID | None,
    contract_id: UUID | None,
    granted: bool | None,
    reason: str | None,
    first: date | None,
    last: date | None,
    query: PageQuery,
) -> Page[KeptPermit]:
    """Return a page of permits and refusals of a period, by default the last 31 days (UTC), in their order."""
    last = last or clock.now().date()
    first = first or last - timedelta(days=_DEFAULT_DAYS - 1)
    if not timedelta(0) <= last - first < timedelta(days=_MOST_DAYS):
        detail = f"The period must have 1 to {_MOST_DAYS} days."
        raise Invalid(detail, errors=[FieldError("/query/to", "must lie within a year of from")])
    rows = await reader.fetch(
        queries.PAGE[query.order],
        first,
        last + timedelta(days=1),
        list_id,
        contract_id,
        granted,
        reason,
        query.after(UUID),
        query.limit + 1,
    )
    shown = page(rows, query, key=lambda row: (row["permit_id"],))
    return Page(items=[KeptPermit(**item) for item in shown["items"]], next_cursor=shown["next_cursor"])


async def permit(reader: Reader, permit_id: UUID) -> KeptPermit:
    """Return one permit or refusal. ``PermitUnknown`` if there is none."""
    row = await reader.fetchrow(queries.ONE, permit_id)
    if row is None:
        raise PermitUnknown()
    return KeptPermit(**row)


async def of_list(reader: Reader, list_id: UUID, day: date) -> PermitsOfList:
    """Count the answers to dialers of the list of this day."""
    rows = await reader.fetch(queries.COUNTS, list_id, day - timedelta(days=1))
    attempts = await reader.fetchrow(attempts_queries.COUNTS, list_id)
    assert attempts is not None
    outcomes = {row["outcome"]: row["permits"] for row in rows}
    granted = outcomes.pop("granted", 0)
    refused = tuple(RefusedOfList(reason=reason, refusals=count) for reason, count in outcomes.items())
    return PermitsOfList(granted=granted, refused=refused, **dict(attempts))
