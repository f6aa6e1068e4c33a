"""Pauses of a person, a portfolio or a postal code: each pauses every contract of its scope, also one that comes later.

A contract of the scope has a row of its own for the pause, which its events carry. The first contracts get it in the
request, the others in the background (``pausing``). While a pause changes, the portfolios of the scope are locked, so
that a file brings its contracts either before, and they are paused then, or afterwards, and it pauses them itself.
"""

import uuid
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from chassis import (
    Conflict,
    Day,
    FieldError,
    InputModel,
    Invalid,
    NotFound,
    OutputModel,
    Page,
    PageQuery,
    Reader,
    Text,
    Written,
    page,
)
from pydantic import model_validator
from recobro_events import Transaction

from portfolio.ledger import limits
from portfolio.ledger.actors import ActorOfChange
from portfolio.portfolios import portfolios
from portfolio.portfolios.creditors import CreditorUnknown
from portfolio.portfolios.queries import LOCK_PORTFOLIOS_OF
from portfolio.stages import pausing, scopes_queries
from portfolio.stages.pauses import PauseEnd, PauseEnded, PauseKnown, PauseUnknown, last_day

Kind = Literal["person", "portfolio", "postal_code"]


class Scope(InputModel):
    """What is paused: a person, a portfolio, or a postal code for the contracts of a creditor.

    A contract belongs to a postal code when one of its addresses does. ``country`` is that of the address.
    """

    person_id: UUID | None = None
    portfolio_id: UUID | None = None
    creditor_id: UUID | None = None
    country: Annotated[str, Written("[A-Z]{2}", "must be a code of two letters, such as MX")] | None = None
    postal_code: Annotated[str, Written("[0-9A-Za-z][0-9A-Za-z -]{1,11}", "must be a postal code")] | None = None

    @model_validator(mode="after")
    def _is_one(self) -> "Scope":
        of_code = (self.creditor_id, self.country, self.postal_code)
        given = [self.person_id is not None, self.portfolio_id is not None, any(one is not None for one in of_code)]
        if given.count(True) != 1 or (given[2] and None in of_code):
            raise ValueError("must have person_id, or portfolio_id, or creditor_id, country and postal_code")
        return self


class NewScopedPause(InputModel):
    """The first and the last paused day. Without ``ends_on`` the pause lasts until somebody ends it.

    ``pause_id`` is for one that is entered again after a restore: the id that its first entry had.
    """

    scope: Scope
    reason: Text
    starts_on: Day
    ends_on: Day | None = None
    pause_id: UUID | None = None


class ScopedPause(OutputModel):
    """``contracts`` have the pause so far, and ``applied`` says that all of the scope have it as it is now.

    A pause that ends before it starts was called off.
    """

    pause_id: UUID
    kind: Kind
    creditor_id: UUID
    person_id: UUID | None
    portfolio_id: UUID | None
    country: str | None
    postal_code: str | None
    reason: str
    starts_on: date
    ends_on: date | None
    contracts: int
    applied: bool
    created_at: datetime
    created_by: ActorOfChange


class ScopeUnknown(NotFound):
    code = "person-unknown"
    detail = "There is no person, and no debtor, with this id."


class ScopedPauseOverlaps(Conflict):
    code = "pause-overlap"
    detail = "It is paused on some of these days already."


class TooManyScopedPauses(Conflict):
    code = "too-many-pauses"
    detail = f"It has had {limits.PAUSES_OF_SCOPE} pauses. No more can be added."


async def start(tx: Transaction, new: NewScopedPause) -> ScopedPause:
    """Pause all contracts of a scope. Paused days in the past restage them at once.

    Raises ``PortfolioUnknown``, ``ScopeUnknown``, ``CreditorUnknown``, ``PauseKnown``, ``ScopedPauseOverlaps``,
    ``TooManyScopedPauses``, and ``Invalid`` for a pause that would end before it starts.
    """
    if new.ends_on is not None and new.ends_on < new.starts_on:
        raise Invalid("The pause would end before it starts.", errors=[FieldError("/ends_on", "is before starts_on")])
    scope_id = await _locked_scope(tx, new.scope)
    if new.pause_id is not None and await tx.fetchval(scopes_queries.PAUSE, new.pause_id) is not None:
        raise PauseKnown(extra={"pause_id": new.pause_id})
    if (other := await tx.fetchval(scopes_queries.OVERLAPPING, scope_id, new.starts_on, new.ends_on)) is not None:
        raise ScopedPauseOverlaps(extra={"pause_id": other})
    if await tx.fetchval(scopes_queries.COUNT, scope_id) >= limits.PAUSES_OF_SCOPE:
        raise TooManyScopedPauses()
    given = (scope_id, new.reason, new.starts_on, new.ends_on, new.pause_id)
    pause_id: UUID = await tx.fetchval(scopes_queries.START, *given)
    await pausing.apply_chunk(tx, pause_id)
    return await read(tx, pause_id)


async def _locked_scope(tx: Transaction, scope: Scope) -> UUID:
    """The scope's row, locked, with the portfolios whose contracts it may have."""
    key: tuple[Any, ...]
    if scope.portfolio_id is not None:
        portfolio = await portfolios.locked(tx, scope.portfolio_id)
        kind, creditor_id, key = "portfolio", portfolio["creditor_id"], (None, scope.portfolio_id, None, None)
    elif scope.person_id is not None:
        creditor_id = await tx.fetchval(scopes_queries.CREDITOR_OF_PERSON, scope.person_id)
        if creditor_id is None:
            raise ScopeUnknown()
        kind, key = "person", (scope.person_id, None, None, None)
    else:
        creditor_id = scope.creditor_id
        if not await tx.fetchval(scopes_queries.CREDITOR_EXISTS, creditor_id):
            raise CreditorUnknown()
        assert scope.postal_code is not None
        kind, key = "postal_code", (None, None, scope.country, scope.postal_code.replace(" ", "").upper())
    if kind != "portfolio":
        await tx.execute(LOCK_PORTFOLIOS_OF, creditor_id)
    scope_id = uuid.uuid5(creditor_id, "/".join(str(part) for part in (kind, *key) if part is not None))
    await tx.execute(scopes_queries.ADD_SCOPE, scope_id, kind, creditor_id, *key)
    await tx.execute(scopes_queries.LOCK_SCOPE, scope_id)
    return scope_id


async def end(tx: Transaction, pause_id: UUID, new: PauseEnd) -> ScopedPause:
    """Give a pause its last day, by default the latest business date of its portfolios. It never becomes longer.

    Raises ``PauseUnknown``, ``PauseEnded`` when the last day is past, and ``Invalid`` for a day outside the pause.
    """
    scope = await tx.fetchrow(scopes_queries.SCOPE_OF, pause_id)
    if scope is None:
        raise PauseUnknown()
    if scope["portfolio_id"] is not None:
        await portfolios.locked(tx, scope["portfolio_id"])
    else:
        await tx.execute(LOCK_PORTFOLIOS_OF, scope["creditor_id"])
    await tx.execute(scopes_queries.LOCK_SCOPE, scope["scope_id"])
    pause = await tx.fetchrow(scopes_queries.PAUSE, pause_id)
    assert pause is not None
    today = await tx.fetchval(scopes_queries.TODAY, scope["creditor_id"], scope["portfolio_id"])
    today = today or pause["starts_on"] - timedelta(days=1)
    if pause["ends_on"] is not None and pause["ends_on"] < max(today, pause["starts_on"]):
        raise PauseEnded()
    await tx.execute(scopes_queries.END, pause_id, last_day(pause, new.ends_on, today))
    await pausing.apply_chunk(tx, pause_id)
    return await read(tx, pause_id)


async def read(reader: Reader, pause_id: UUID) -> ScopedPause:
    """Raises ``PauseUnknown``."""
    row = await reader.fetchrow(scopes_queries.ONE, pause_id)
    if row is None:
        raise PauseUnknown()
    return ScopedPause.model_validate(dict(row))


async def listed(reader: Reader, creditor_id: UUID | None, portfolio_id: UUID | None, query: PageQuery) -> Page[Any]:
    """Return a page of pauses of scopes in the order of entry, of a creditor or as a portfolio may have them."""
    statement = scopes_queries.LISTED[query.order]
    rows = await reader.fetch(statement, creditor_id, portfolio_id, query.after(UUID), query.limit + 1)
    return page(rows, query, key=lambda row: (row["pause_id"],))
