"""Creditors, who hand portfolios over."""

import re
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from chassis import InputModel, NotFound, OutputModel, Page, PageQuery, Reader, ShortText, page
from chassis.letterheads import Letterhead
from pydantic import AfterValidator, Field
from recobro_events import Transaction
from recobro_events.contracts.portfolio import CreditorKind

from portfolio.portfolios import queries


class CreditorUnknown(NotFound):
    code = "creditor-unknown"
    detail = "There is no creditor with this id."


_COUNTRY = re.compile("[A-Z]{2}", re.ASCII)


def _country(code: str) -> str:
    if not _COUNTRY.fullmatch(code):
        raise ValueError("must be two capital letters such as MX")
    return code


class NewCreditor(InputModel):
    name: ShortText
    kind: CreditorKind
    country: Annotated[
        str,
        AfterValidator(_country),
        Field(
            examples=["MX"], description="ISO 3166-1 alpha-2", json_schema_extra={"pattern": f"^{_COUNTRY.pattern}$"}
        ),
    ]


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
    rows = await reader.fetch(queries.CREDITORS[query.order], after, query.limit + 1)
    return page(rows, query, key=lambda row: (row["creditor_id"],))
