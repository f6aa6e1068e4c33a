"""The lists of a day as an operations room watches them, and whether each campaign has its list."""

from collections.abc import Callable
from datetime import date, datetime
from uuid import UUID

from chassis import OutputModel, Reader, clock
from chassis.figures import DayFigure, DayJob, address

from dialer_feed.insight import queries


class WatchedList(OutputModel):
    """A published list. ``withdrawn`` entries have left it; a dialer has acknowledged ``acknowledged`` of them.

    The 99th percentiles count from the fact that withdrew an entry, and are null where nothing was measured. The lists'
    withdrawals are at ``withdrawals``, the wrongful calls at ``calls``.
    """

    list_id: UUID
    campaign_id: UUID
    campaign: str
    agency_id: UUID | None
    business_date: date
    published_at: datetime
    live_until: datetime
    live: bool
    entries: int
    withdrawn: int
    acknowledged: int
    p99_seconds_to_list: float | None
    p99_seconds_to_acknowledgement: float | None
    wrongful_calls: int
    withdrawals: str
    calls: str


async def watched(reader: Reader, day: date | None, agency_id: UUID | None) -> list[WatchedList]:
    """Return the lists that are live, or those of the day, by campaign. An agency sees its own."""
    return [
        WatchedList(
            **dict(row),
            withdrawals=f"/v1/lists/{row['list_id']}/withdrawals",
            calls=address("/v1/calls", list_id=row["list_id"], wrongful=True),
        )
        for row in await reader.fetch(queries.LISTS, day, agency_id)
    ]


async def jobs(reader: Reader, day: date | None, say: Callable[[str], str] = str) -> list[DayJob]:
    """Return the list of each campaign for the day, by default the latest today of the campaign's portfolios.

    ``say`` says why a list failed in the language of the person who reads it.
    """
    return [
        DayJob(
            job="list",
            of=row["campaign_id"],
            name=row["name"],
            day=row["day"],
            state=row["state"],
            detail=row["error_detail"] and say(row["error_detail"]),
            at=row["at"],
        )
        for row in await reader.fetch(queries.JOBS, day, clock.now())
    ]


async def figures(reader: Reader, day: date | None) -> list[DayFigure]:
    """Return the calls of the day and their breaches. The day is by default the latest business date."""
    day = day or await reader.fetchval(queries.BUSINESS_DATE)
    if day is None:
        return []
    row = await reader.fetchrow(queries.CALLS_OF_DAY, day)
    assert row is not None
    items: dict[str, dict[str, object]] = {
        "calls": {},
        "connected": {"connected": True},
        "right_party": {"right_party": True},
        "promises": {"disposition": "promise"},
        "wrongful": {"wrongful": True},
        "breached": {"breached": True},
    }
    return [
        DayFigure(
            figure=f"calls.{name}", day=day, count=row[name], items=address("/v1/calls", from_=day, to=day, **more)
        )
        for name, more in items.items()
    ]
