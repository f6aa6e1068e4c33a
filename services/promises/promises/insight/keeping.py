"""How many promises were kept: by agency, agent, segment, the week in which they were due, the way they were made."""

from datetime import date, timedelta
from typing import Any, Literal
from uuid import UUID

from chassis import Forbidden, OutputModel, Page, Reader, clock
from chassis.figures import DayFigure, address
from chassis.periods import Period, share
from recobro_events import MoneyTotal, Row
from recobro_events.contracts.promises import PromiseState

from promises.insight import queries

By = Literal["agency", "agent", "segment", "week", "made_in"]
OfWhom = Literal["agent", "agency", "segment"]
_OPERATORS_ALONE = frozenset({"agent", "segment"})
_UNKNOWN = "unknown"


class KeptRate(OutputModel):
    """The promises that were due in a period, by agency, agent, segment, week or way; the other four are null.

    ``agency_id`` is null for promises taken inside, ``agent`` for those that an event made,
    ``segment`` where it was not known when the promise was made. ``week`` is its Monday.
    ``promises`` counts all, also those that are open or were cancelled. ``kept_rate`` is kept / (kept + partly_kept +
    broken), ``paid_rate`` is paid / promised of the same promises. ``items`` lists the promises of all states.
    """

    agency_id: UUID | None = None
    agent: str | None = None
    segment: str | None = None
    week: date | None = None
    made_in: str | None = None
    currency: str
    promises: int
    open: int
    kept: int
    partly_kept: int
    broken: int
    cancelled: int
    promised: MoneyTotal
    paid: MoneyTotal
    kept_rate: float | None
    paid_rate: float | None
    items: str


async def rates(
    reader: Reader, by: By, wanted: Period, portfolio_id: UUID | None, agency_id: UUID | None, *, is_agency: bool
) -> Page[KeptRate]:
    """Return the rates, at most 5,000 rows. An agency sees its own promises, and not by agent, segment or portfolio."""
    if is_agency and (by in _OPERATORS_ALONE or portfolio_id is not None):
        raise Forbidden("Only operators see who made promises, and of which portfolio.", code="operators-only")
    today = clock.now().date()
    first, last = wanted.ending(await reader.fetchval(queries.LAST_DUE_DAY, agency_id, today) or today)
    sql = queries.outcomes(by, of_portfolio=portfolio_id is not None)
    filters: list[Any] = [first, last, agency_id] + ([portfolio_id] if portfolio_id else [])
    given = {"due_from": first, "due_to": last, "portfolio_id": portfolio_id}
    if agency_id is not None and not is_agency:
        given["agency_id"] = agency_id
    return Page(items=[_rate(by, row, given) for row in await reader.fetch(sql, *filters)], next_cursor=None)


def _rate(by: By, row: Row, given: dict[str, Any]) -> KeptRate:
    decided = row["kept"] + row["partly_kept"] + row["broken"]
    key = row["key"]
    column = "agency_id" if by == "agency" else by
    filters = dict(given) | {column: key}
    if by == "agency" and key is None:
        filters = dict(given) | {"inside": True}
    if by == "segment" and key is None:
        filters = dict(given) | {"segment": _UNKNOWN}
    if by == "week":
        filters = dict(given) | {
            "due_from": max(key, given["due_from"]),
            "due_to": min(key + timedelta(days=6), given["due_to"]),
        }
    return KeptRate(
        **{column: key},
        **{name: row[name] for name in ("currency", "promises", "open", "kept", "partly_kept", "broken", "cancelled")},
        promised=row["promised"],
        paid=row["paid"],
        kept_rate=share(row["kept"], decided),
        paid_rate=share(float(row["paid"]), float(row["promised"])),
        items=address("/v1/promises", currency=row["currency"], **filters),
    )


async def figures(reader: Reader, day: date | None) -> list[DayFigure]:
    """Return the promises that are due on the day by state, and the open ones that were due before it."""
    day = day or await reader.fetchval(queries.BUSINESS_DATE)
    if day is None:
        return []
    due = {row["state"]: row for row in await reader.fetch(queries.DUE, day)}
    late = await reader.fetchrow(queries.LATE, day)
    found = [
        _figure(
            f"promises.due.{state}", day, due.get(state), address("/v1/promises", due_from=day, due_to=day, state=state)
        )
        for state in PromiseState
    ]
    before = address("/v1/promises", due_to=day - timedelta(days=1), state=PromiseState.OPEN)
    return [*found, _figure("promises.open_after_due_day", day, late, before)]


def _figure(name: str, day: date, row: Row | None, items: str) -> DayFigure:
    if row is None or not row["promises"]:
        return DayFigure(figure=name, day=day, count=0, items=items)
    currency = row["currency"] if row["amount"] is not None else None
    return DayFigure(figure=name, day=day, count=row["promises"], amount=row["amount"], currency=currency, items=items)
