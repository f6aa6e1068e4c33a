"""Agencies and agents side by side: what their calls reached and broke."""

from datetime import date
from typing import Literal
from uuid import UUID

from chassis import OutputModel, Page, Reader
from chassis.figures import address
from chassis.periods import Period, share

from dialer_feed.calls.rules import DIALED_FROM_INSIDE
from dialer_feed.insight import queries

By = Literal["agency", "agent", "day"]


class CallFigures(OutputModel):
    """The calls of a period by agency, agent or day; ``agency_id`` is null for calls from inside.

    ``connect_rate`` is connected / calls: somebody answered. ``right_party_rate`` is right_party / connected: the
    answer came from the debtor. ``promise_rate`` is promises / right_party. ``items`` lists the calls.
    """

    agency_id: UUID | None
    agent: str | None
    day: date | None
    calls: int
    connected: int
    right_party: int
    promises: int
    wrongful: int
    breached: int
    seconds: int
    connect_rate: float | None
    right_party_rate: float | None
    promise_rate: float | None
    items: str


async def compared(reader: Reader, by: By, wanted: Period, agency_id: UUID | None) -> Page[CallFigures]:
    """Return the figures of the period, at most 5,000 rows. An agency sees its own."""
    first, last = wanted.ending(await reader.fetchval(queries.LAST_DAY_OF_CALLS))
    found = []
    for row in await reader.fetch(queries.CALLS[by], first, last, agency_id):
        day, dialed_for, agent = row.get("business_date"), row.get("dialed_for"), row.get("agent")
        found.append(
            CallFigures(
                agency_id=None if dialed_for == DIALED_FROM_INSIDE else dialed_for,
                agent=agent,
                day=day,
                **{name: row[name] for name in ("calls", "connected", "right_party", "promises", "wrongful")},
                breached=row["breached"],
                seconds=row["seconds"],
                connect_rate=share(row["connected"], row["calls"]),
                right_party_rate=share(row["right_party"], row["connected"]),
                promise_rate=share(row["promises"], row["right_party"]),
                items=address(
                    "/v1/calls", agency_id=dialed_for or agency_id, agent=agent, from_=day or first, to=day or last
                ),
            )
        )
    return Page(items=found, next_cursor=None)
