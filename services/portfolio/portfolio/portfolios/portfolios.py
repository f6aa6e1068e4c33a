"""Portfolios: their business date, and the state that decides whether their contracts can go on lists.

Every change of ``state`` or ``staged_to`` is published under the lock of the portfolio's row. Payments and loading lock
the row FOR SHARE, so an exclusive lock (FOR UPDATE) must be held only for a moment.
"""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import jurisdictions
from chassis import FieldError, InputModel, Invalid, NotFound, OutputModel, Page, PageQuery, Reader, ShortText, page
from pydantic import Field
from recobro_events import Currency, Row, Transaction
from recobro_events.contracts.portfolio import PortfolioState, PortfolioStateChanged

from portfolio.portfolios import creditors, queries


class PortfolioUnknown(NotFound):
    code = "portfolio-unknown"
    detail = "There is no portfolio with this id."


class NewPortfolio(InputModel):
    creditor_id: UUID
    name: ShortText
    product: ShortText | None = None
    currency: Currency = "MXN"
    jurisdiction: Annotated[str, Field(max_length=10, examples=["MX"])] = "MX"


class Portfolio(OutputModel):
    """``business_date`` is null before the first file. Every contract is staged up to ``staged_to``."""

    portfolio_id: UUID
    creditor_id: UUID
    name: str
    product: str | None
    currency: str
    jurisdiction: str
    timezone: str
    state: PortfolioState
    business_date: date | None
    staged_to: date | None
    created_at: datetime


async def add(tx: Transaction, new: NewPortfolio) -> Portfolio:
    """Create a portfolio and publish it. Its days are days in the time zone of its jurisdiction."""
    await creditors.find(tx, new.creditor_id)
    try:
        timezone = jurisdictions.default_timezone(new.jurisdiction)
    except jurisdictions.UnknownJurisdiction as unknown:
        raise Invalid(str(unknown), errors=[FieldError("/jurisdiction", str(unknown))]) from unknown
    row = await tx.fetchrow(
        queries.ADD_PORTFOLIO, new.creditor_id, new.name, new.product, new.currency, new.jurisdiction, timezone
    )
    assert row is not None
    await publish_state(tx, row["portfolio_id"])
    return Portfolio.model_validate(dict(row))


async def find(reader: Reader, portfolio_id: UUID) -> Portfolio:
    """Return the portfolio. Raises ``PortfolioUnknown``."""
    row = await reader.fetchrow(queries.PORTFOLIO, portfolio_id)
    if row is None:
        raise PortfolioUnknown()
    return Portfolio.model_validate(dict(row))


async def listed(reader: Reader, query: PageQuery, creditor_id: UUID | None) -> Page[Any]:
    after = query.after(UUID)
    rows = await reader.fetch(queries.PORTFOLIOS, after, creditor_id, query.limit + 1)
    return page(rows, query, key=lambda row: (row["portfolio_id"],))


async def today(reader: Reader, portfolio_id: UUID) -> date:
    """Return the wall clock's date in the portfolio's time zone. Raises ``PortfolioUnknown``."""
    day: date | None = await reader.fetchval(queries.TODAY, portfolio_id)
    if day is None:
        raise PortfolioUnknown()
    return day


async def locked(tx: Transaction, portfolio_id: UUID) -> Row:
    """Lock the portfolio's row exclusively until the end of the transaction. Raises ``PortfolioUnknown``."""
    row = await tx.fetchrow(queries.LOCKED, portfolio_id)
    if row is None:
        raise PortfolioUnknown()
    return row


async def held_business_date(tx: Transaction, portfolio_id: UUID) -> date:
    """Return the business date and keep it from moving until the end of the transaction.

    The portfolio must have had a file.
    """
    day: date | None = await tx.fetchval(queries.BUSINESS_DATE, portfolio_id)
    if day is None:
        raise LookupError(f"portfolio {portfolio_id} has no business date yet")
    return day


async def publish_state(tx: Transaction, portfolio_id: UUID) -> None:
    """Publish the state of the portfolio. The caller has locked its row."""
    row = await tx.fetchrow(queries.STATE_TO_PUBLISH, portfolio_id)
    assert row is not None
    tx.publish(PortfolioStateChanged.model_validate(dict(row)))


async def republish_state(tx: Transaction, portfolio_id: UUID) -> None:
    """Republish the state of the portfolio to ``tx.audience``. Nothing has changed."""
    row = await tx.fetchrow(queries.CURRENT_STATE, portfolio_id)
    assert row is not None
    tx.publish(PortfolioStateChanged.model_validate(dict(row)))
