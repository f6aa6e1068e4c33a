"""What visits reached: by agency, by visitor, by day."""

from datetime import date
from typing import Any, Literal
from uuid import UUID

from chassis import OutputModel, Page, Reader
from chassis.figures import DayFigure, address
from chassis.periods import Period, share

from field_visits.insight import queries
from field_visits.visits.rules import State

By = Literal["agency", "visitor", "day"]


class VisitFigures(OutputModel):
    """The visits of a period by agency, visitor or day; the other two are null, and ``agency_id`` for our own visits.

    ``made`` visits have a result; the debtor was ``met``, else a ``third_party`` or ``nobody``. ``refused`` and
    ``promises`` are outcomes. ``met_rate`` is met / made, ``refusal_rate`` refused / met, ``promise_rate`` promises /
    met. ``items`` lists the visits.
    """

    agency_id: UUID | None = None
    visitor: str | None = None
    day: date | None = None
    visits: int
    made: int
    met: int
    third_party: int
    nobody: int
    refused: int
    promises: int
    cancelled: int
    met_rate: float | None
    refusal_rate: float | None
    promise_rate: float | None
    items: str


async def compared(
    reader: Reader, by: By, wanted: Period, agency_id: UUID | None, *, is_agency: bool
) -> Page[VisitFigures]:
    """Return the figures of a period, at most 5,000 rows. An agency sees its own visits."""
    first, last = wanted.ending(await reader.fetchval(queries.LAST_DAY, agency_id))
    found = []
    for row in await reader.fetch(queries.VISITS[by], first, last, agency_id):
        key = row["key"]
        given: dict[str, Any] = {"from_": first, "to": last, "agency_id": None if is_agency else agency_id}
        given |= {"from_": key, "to": key} if by == "day" else {"agency_id" if by == "agency" else by: key}
        if by == "agency":
            given |= {"inside": True if key is None else None, "agency_id": None if is_agency else key}
        counts = {name: row[name] for name in row.keys() if name != "key"}  # noqa: SIM118 - a record is no dict
        found.append(
            VisitFigures(
                **{"agency_id" if by == "agency" else by: key},
                **counts,
                met_rate=share(row["met"], row["made"]),
                refusal_rate=share(row["refused"], row["met"]),
                promise_rate=share(row["promises"], row["met"]),
                items=address("/v1/visits", **given),
            )
        )
    return Page(items=found, next_cursor=None)


async def figures(reader: Reader, day: date | None) -> list[DayFigure]:
    """Return the visits of the day by state. The day is by default the latest business date."""
    day = day or await reader.fetchval(queries.BUSINESS_DATE)
    if day is None:
        return []
    known = {row["state"]: row["visits"] for row in await reader.fetch(queries.STATES, day)}
    return [
        DayFigure(
            figure=f"visits.{state}",
            day=day,
            count=known.get(state, 0),
            items=address("/v1/visits", day=day, state=state),
        )
        for state in State
    ]
