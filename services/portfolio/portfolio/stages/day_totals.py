"""What happened on a day in each portfolio, in totals."""

from datetime import date
from typing import Annotated
from uuid import UUID

from chassis import OutputModel, Reader
from pydantic import Field

from portfolio.stages import queries

Total = Annotated[str, Field(examples=["1234.50"])]


class DayTotals(OutputModel):
    """The totals of one portfolio on a day.

    Payments count on the business date on which they arrived, also those that are reversed by now; reversals on the
    bank's day; clarifications on the business date on which they were opened, and on the portfolio's local date on
    which they were resolved.
    """

    portfolio_id: UUID
    name: str
    currency: str
    payments: int
    paid: Total
    reversals: int
    reversed: Total
    clarifications_opened: int
    clarifications_resolved: int


async def of(reader: Reader, day: date, portfolio_id: UUID | None) -> list[DayTotals]:
    """Return the day's totals of one portfolio or of all, by name."""
    return [DayTotals.model_validate(dict(row)) for row in await reader.fetch(queries.DAY_TOTALS, day, portfolio_id)]
