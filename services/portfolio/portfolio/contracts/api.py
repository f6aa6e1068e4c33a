"""Contracts over HTTP: the search, the whole contract and its history."""

from typing import Annotated
from uuid import UUID

from chassis import CurrentPrincipal, Day, Page, PageQuery, ReadConnection, Router, reads
from chassis.audit import reads_in_bulk
from chassis.languages import Locale, ReaderLocale
from fastapi import Depends, Response

from portfolio.contracts import days, history, search, view
from portfolio.contracts.days import StageOnDay
from portfolio.contracts.history import HistoryFilter, HistoryItem
from portfolio.contracts.search import ContractFilter, ContractItem
from portfolio.contracts.view import ContractView

router = Router(prefix="/v1", tags=["contracts"])
_AGENCIES_READ = [reads("portfolio", agency=True)]


@router.get("/contracts", dependencies=[*_AGENCIES_READ, reads_in_bulk()])
async def find_contracts(
    wanted: Annotated[ContractFilter, Depends()],
    query: PageQuery,
    connection: ReadConnection,
    who: CurrentPrincipal,
) -> Page[ContractItem]:
    """List contracts by portfolio and contract number. An agency finds only contracts that are placed with it."""
    return await search.find(connection, wanted, query, who.agency_id)


@router.get("/contracts/{contract_id}", dependencies=_AGENCIES_READ)
async def read_contract(contract_id: UUID, connection: ReadConnection, who: CurrentPrincipal) -> ContractView:
    """Read the whole contract as of its portfolio's business date. An agency sees only its own placements."""
    return await view.read(connection, contract_id, who.agency_id)


@router.get("/contracts/{contract_id}/stage", dependencies=[reads("portfolio")])
async def read_stage(contract_id: UUID, connection: ReadConnection, on: Day | None = None) -> StageOnDay:
    """Read in which stage the contract was when a day closed, and why: by default the business date.

    The answer is the position of that day, as the events of the day state it. ``known_now`` is what is known now about
    the day. Both differ when a payment, a reversal, a pause or bands were entered later for it.
    """
    return await days.read(connection, contract_id, on)


@router.get("/contracts/{contract_id}/history", dependencies=_AGENCIES_READ)
async def read_history(
    contract_id: UUID,
    wanted: Annotated[HistoryFilter, Depends()],
    query: PageQuery,
    connection: ReadConnection,
    who: CurrentPrincipal,
    locale: ReaderLocale,
    response: Response,
) -> Page[HistoryItem]:
    """Read the history of the contract in the reader's language. An agency does not see what concerns other agencies.

    It is the whole life of the contract over all services, in the order in which the portfolio came to know it.
    """
    reader = locale or Locale()
    response.headers["Content-Language"] = reader.language
    response.headers["Vary"] = "Accept-Language"
    return await history.read(connection, contract_id, query, wanted, reader, who.agency_id)
