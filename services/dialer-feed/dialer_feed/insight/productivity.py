"""What calls have brought: attempts, conversations, promises and money, by who called, what about, and when."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from chassis import FieldError, Invalid, OutputModel, Reader, page
from chassis.figures import address
from chassis.paging import PageRequest
from chassis.periods import Period
from pydantic import Field
from recobro_events import MoneyTotal

from dialer_feed.calls.rules import DIALED_FROM_INSIDE
from dialer_feed.insight import productivity_queries as queries
from dialer_feed.insight.queries import LAST_DAY_OF_CALLS

By = Literal["agent", "product", "contract", "campaign", "agency", "hour", "day"]
MOST_DAYS = 92
ATTRIBUTION = (
    "A payment counts for the last right-party call about its contract, on the day of the payment or in the"
    " {days} days before it. A promise counts for the last right-party call of the day on which it was made."
    " Reversed payments count for nothing. Each counts once, over all agencies."
)


class Produced(OutputModel):
    """The calls of one agent, product, contract, campaign, agency, hour or day, in one currency.

    ``attempts`` are outbound calls, also those whose result has not come. ``connected``: somebody answered.
    ``right_party``: the debtor did. ``promises`` are the calls that ended in one; ``kept`` and ``amount_promised`` are
    of the promises that are registered. ``recovered`` is what was paid ``within_days`` after a call. ``talk_seconds``
    are those of connected calls. ``agency_id`` is null for calls from inside. ``hour`` is that of the portfolio's zone.
    ``items`` lists the calls, in all currencies; null where no filter of ``/v1/calls`` does.
    """

    agency_id: UUID | None = None
    agent: str | None = None
    product: str | None = None
    contract_id: UUID | None = None
    contract_number: str | None = None
    campaign_id: UUID | None = None
    campaign: str | None = None
    hour: int | None = None
    day: date | None = None
    currency: str | None
    attempts: int
    connected: int
    right_party: int
    promises: int
    kept: int
    amount_promised: MoneyTotal
    recovered: MoneyTotal
    talk_seconds: int
    within_days: int
    items: str | None


class Productivity(OutputModel):
    """A page of rows. ``attribution`` says for which call a payment and a promise count."""

    first: Annotated[date, Field(serialization_alias="from")]
    last: Annotated[date, Field(serialization_alias="to")]
    attribution: str
    items: tuple[Produced, ...]
    next_cursor: str | None


async def produced(
    reader: Reader, by: By, wanted: Period, within_days: int, agency_id: UUID | None, query: PageRequest
) -> dict[str, object]:
    """Return a page of rows in the order of what they are about. The period has at most 92 days."""
    first, last = wanted.ending(await reader.fetchval(LAST_DAY_OF_CALLS))
    if (last - first).days >= MOST_DAYS:
        detail = f"A period has at most {MOST_DAYS} days."
        raise Invalid(detail, errors=[FieldError("/query/from", "lies too far before to")])
    sql = queries.PRODUCTIVITY[by, query.order]
    rows = await reader.fetch(sql, first, last, agency_id, within_days, query.after(str), query.limit + 1)
    found = page(rows, query, key=lambda row: (row["key"],))
    items = [_row(dict(row), within_days, _address(by, row, first, last, agency_id)) for row in found["items"]]
    stated = ATTRIBUTION.format(days=within_days)
    return {"first": first, "last": last, "attribution": stated, "items": items, "next_cursor": found["next_cursor"]}


def _address(by: By, row: Mapping[str, Any], first: date, last: date, agency_id: UUID | None) -> str | None:
    """The calls of a row. What has no result yet is not among them."""
    if by in ("product", "campaign", "hour"):
        return None
    day = row.get("day")
    wanted = {"agency_id": row.get("dialed_for") or agency_id, "agent": row.get("agent") or None}
    return address("/v1/calls", **wanted, contract_id=row.get("contract_id"), from_=day or first, to=day or last)


def _row(row: dict[str, Any], within_days: int, items: str | None) -> Produced:
    dialed_for = row.get("dialed_for")
    fields = {name: value for name, value in row.items() if name not in ("key", "dialed_for")}
    return Produced(
        **fields,
        agency_id=None if dialed_for == DIALED_FROM_INSIDE else dialed_for,
        within_days=within_days,
        items=items,
    )
