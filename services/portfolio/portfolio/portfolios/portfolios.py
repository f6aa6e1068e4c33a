"""What a creditor hands over: its business date, and whether it can be listed.

Every change of ``state`` or ``staged_to`` is published, under the lock of the portfolio's row. Payments and loading
share that row (FOR SHARE): whoever locks it alone does so for a moment only.
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
    detail = "There is no such portfolio."


class NewPortfolio(InputModel):
    creditor_id: UUID
    name: ShortText
    product: ShortText | None = None
    currency: Currency = "MXN"
    jurisdiction: Annotated[str, Field(max_length=10, examples=["MX"])] = "MX"


class Portfolio(OutputModel):
    """``business_date`` is null before the first file; every contract is staged up to ``staged_to``."""

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
    """Create a portfolio and tell everyone; it counts its days in its jurisdiction's time zone."""
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
    """``PortfolioUnknown`` when there is none."""
    row = await reader.fetchrow(queries.PORTFOLIO, portfolio_id)
    if row is None:
        raise PortfolioUnknown()
    return Portfolio.model_validate(dict(row))


async def listed(reader: Reader, query: PageQuery, creditor_id: UUID | None) -> Page[Any]:
    after = query.after(UUID)
    rows = await reader.fetch(queries.PORTFOLIOS, after, creditor_id, query.limit + 1)
    return page(rows, query, key=lambda row: (row["portfolio_id"],))


async def today(reader: Reader, portfolio_id: UUID) -> date:
    """The wall clock's date in the portfolio's time zone; ``PortfolioUnknown`` when there is none."""
    day: date | None = await reader.fetchval(queries.TODAY, portfolio_id)
    if day is None:
        raise PortfolioUnknown()
    return day


async def locked(tx: Transaction, portfolio_id: UUID) -> Row:
    """The portfolio's row, held alone until the end of the transaction; ``PortfolioUnknown`` when there is none."""
    row = await tx.fetchrow(queries.LOCKED, portfolio_id)
    if row is None:
        raise PortfolioUnknown()
    return row


async def held_business_date(tx: Transaction, portfolio_id: UUID) -> date:
    """The business date, which does not move before the end of the transaction. The portfolio has had a file."""
    day: date | None = await tx.fetchval(queries.BUSINESS_DATE, portfolio_id)
    if day is None:
        raise LookupError(f"portfolio {portfolio_id} has no business date yet")
    return day


async def publish_state(tx: Transaction, portfolio_id: UUID) -> None:
    """Tell everyone how the portfolio stands now. The caller has locked its row."""
    row = await tx.fetchrow(queries.STATE_TO_PUBLISH, portfolio_id)
    assert row is not None
    tx.publish(PortfolioStateChanged.model_validate(dict(row)))


async def say_state_again(tx: Transaction, portfolio_id: UUID) -> None:
    """Tell once more, to ``tx.audience``, what was told last; nothing has changed."""
    row = await tx.fetchrow(queries.STATE_AS_IT_IS, portfolio_id)
    assert row is not None
    tx.publish(PortfolioStateChanged.model_validate(dict(row)))
