"""Creditors, who hand portfolios over."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from chassis import InputModel, NotFound, OutputModel, Page, PageQuery, Reader, ShortText, page
from chassis.letterheads import Letterhead
from pydantic import Field
from recobro_events import Transaction
from recobro_events.contracts.portfolio import CreditorKind

from portfolio.portfolios import queries


class CreditorUnknown(NotFound):
    code = "creditor-unknown"
    detail = "There is no creditor with this id."


class NewCreditor(InputModel):
    name: ShortText
    kind: CreditorKind
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$", examples=["MX"], description="ISO 3166-1 alpha-2")]


class Creditor(OutputModel):
    """``letterhead`` is what letters say of the creditor."""

    creditor_id: UUID
    name: str
    kind: CreditorKind
    country: str
    letterhead: Letterhead
    created_at: datetime


async def add(tx: Transaction, new: NewCreditor) -> Creditor:
    row = await tx.fetchrow(queries.ADD_CREDITOR, new.name, new.kind, new.country)
    assert row is not None
    return Creditor.model_validate(dict(row))


async def find(reader: Reader, creditor_id: UUID) -> Creditor:
    """Return the creditor. Raises ``CreditorUnknown``."""
    row = await reader.fetchrow(queries.CREDITOR, creditor_id)
    if row is None:
        raise CreditorUnknown()
    return Creditor.model_validate(dict(row))


async def listed(reader: Reader, query: PageQuery) -> Page[Any]:
    after = query.after(UUID)
    rows = await reader.fetch(queries.CREDITORS, after, query.limit + 1)
    return page(rows, query, key=lambda row: (row["creditor_id"],))
