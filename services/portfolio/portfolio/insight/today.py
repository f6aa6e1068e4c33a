"""What a person looks at first in the morning: figures of the day, and whether the day's jobs are done."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from uuid import UUID

from chassis import Reader, clock
from chassis.figures import DayFigure, DayJob, address
from recobro_events import Row

from portfolio.insight import queries

SOON_DAYS = 5
"""A deadline is soon when at most so many days are left, and when it has passed."""
_LAST_RUN = {
    "running": "the last run is under way",
    "done": "the last run is done",
    "stopped": "the last run was stopped",
    "failed": "the last run failed",
}


async def figures(reader: Reader, portfolio_id: UUID | None, day: date | None) -> list[DayFigure]:
    """Return the figures of each portfolio, by name, and of all together where an item has no portfolio."""
    rows = await reader.fetch(queries.TODAY, portfolio_id, day, clock.now(), SOON_DAYS + 1)
    found = [figure for row in rows for figure in _of_portfolio(row)]
    if portfolio_id is None:
        reports = await reader.fetchval(queries.OPEN_REPORTS)
        found.append(DayFigure(figure="reports.open", count=reports, items=address("/v1/reports", state="open")))
    return found


def _of_portfolio(row: Row) -> Iterator[DayFigure]:
    portfolio_id, day = row["portfolio_id"], row["day"]
    deadlines = {
        "open": None,
        "due_soon": day + timedelta(days=SOON_DAYS + 1),
        "past_deadline": day,
    }
    for status in ("received", "reading", "needs_confirmation", "loading", "loaded", "failed"):
        finished_on = row["clock_day"] if status in ("loaded", "failed") else None
        items = address("/v1/files", portfolio_id=portfolio_id, status=status, finished_on=finished_on)
        yield _figure(row, f"files.{status}", row["clock_day"], row[status], items)
    for name, before in deadlines.items():
        items = address("/v1/clarifications", portfolio_id=portfolio_id, state="open", deadline_before=before)
        yield _figure(row, f"clarifications.{name}", day, row[name], items)
    items = address("/v1/contracts", portfolio_id=portfolio_id, undecided=True)
    yield _figure(row, "contracts.undecided", day, row["undecided"], items)
    items = address("/v1/unidentified-payments", portfolio_id=portfolio_id, state="open")
    yield _figure(row, "payments.unidentified", day, row["unidentified"], items)
    items = address("/v1/no-debt-letters", portfolio_id=portfolio_id, to_deliver=True)
    yield _figure(row, "letters.to_deliver", day, row["letters"], items)


def _figure(row: Row, name: str, day: date, count: int, items: str) -> DayFigure:
    return DayFigure(figure=name, portfolio_id=row["portfolio_id"], day=day, count=count, items=items)


async def jobs(
    reader: Reader, portfolio_id: UUID | None, day: date | None, say: Callable[[str], str] = str
) -> list[DayJob]:
    """Return the staging of each portfolio up to the day, by default up to today in the portfolio's zone.

    ``say`` says what is behind a state in the language of the person who reads it.
    """
    rows = await reader.fetch(queries.JOBS, portfolio_id, day, clock.now())
    return [
        DayJob(
            job="staging",
            of=row["portfolio_id"],
            name=row["name"],
            day=row["day"],
            state=row["state"],
            detail="; ".join(map(say, _staged(row))),
            at=row["at"],
        )
        for row in rows
    ]


def _staged(row: Row) -> Iterator[str]:
    yield f"staged up to {row['staged_to']}"
    if row["run_state"]:
        yield _LAST_RUN[row["run_state"]]
