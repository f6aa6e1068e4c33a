"""Creditors and portfolios over HTTP."""

from typing import Annotated
from uuid import UUID

from chassis import Page, PageQuery, ReadConnection, Router, WriteTransaction, reads, writes
from chassis.letterheads import Letterhead
from fastapi import Query

from portfolio.portfolios import creditors, portfolios
from portfolio.portfolios.creditors import Creditor, NewCreditor
from portfolio.portfolios.portfolios import NewPortfolio, Portfolio, PortfolioSettings

router = Router(prefix="/v1", tags=["portfolios"])


@router.post("/creditors", status_code=201, dependencies=[writes("portfolio")])
async def add_creditor(new: NewCreditor, tx: WriteTransaction) -> Creditor:
    """Register a creditor."""
    return await creditors.add(tx, new)


@router.get("/creditors", dependencies=[reads("portfolio")])
async def list_creditors(connection: ReadConnection, query: PageQuery) -> Page[Creditor]:
    """List creditors, the oldest first."""
    return await creditors.listed(connection, query)


@router.get("/creditors/{creditor_id}", dependencies=[reads("portfolio")])
async def read_creditor(creditor_id: UUID, connection: ReadConnection) -> Creditor:
    """Read a creditor."""
    return await creditors.find(connection, creditor_id)


@router.patch("/creditors/{creditor_id}", dependencies=[writes("portfolio")])
async def change_creditor(creditor_id: UUID, letterhead: Letterhead, tx: WriteTransaction) -> Creditor:
    """Change what letters say of a creditor: names, address, phones, where to complain, where and how to pay."""
    return await portfolios.change_creditor(tx, creditor_id, letterhead)


@router.post("/portfolios", status_code=201, dependencies=[writes("portfolio")])
async def add_portfolio(new: NewPortfolio, tx: WriteTransaction) -> Portfolio:
    """Create a portfolio. Its first file sets the business date."""
    return await portfolios.add(tx, new)


@router.get("/portfolios", dependencies=[reads("portfolio")])
async def list_portfolios(
    connection: ReadConnection,
    query: PageQuery,
    creditor_id: UUID | None = None,
    returned: Annotated[bool | None, Query(description="Whether the creditor has taken the portfolio back")] = None,
) -> Page[Portfolio]:
    """List portfolios, the oldest first."""
    return await portfolios.listed(connection, query, creditor_id, returned)


@router.get("/portfolios/{portfolio_id}", dependencies=[reads("portfolio")])
async def read_portfolio(portfolio_id: UUID, connection: ReadConnection) -> Portfolio:
    """Read a portfolio."""
    return await portfolios.find(connection, portfolio_id)


@router.patch("/portfolios/{portfolio_id}", dependencies=[writes("portfolio")])
async def change_portfolio(portfolio_id: UUID, settings: PortfolioSettings, tx: WriteTransaction) -> Portfolio:
    """Change what a portfolio decides about its files, payments and promises."""
    return await portfolios.change(tx, portfolio_id, settings)
