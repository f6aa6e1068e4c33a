"""The search for contracts."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from chassis import OutputModel, Page, PageQuery, Reader, ShortText, page
from fastapi import Query
from recobro_events import Money
from recobro_events.contracts.portfolio import ContractState, Stage

from portfolio.contracts import queries
from portfolio.projection.placements import shows_balance_to, worked_by
from portfolio.tabular.cells import spelling_of

_PHONE_PUNCTUATION = re.compile(r"[\s().+\-/]+")
_FEWEST_PHONE_DIGITS = 4
MOST_IDS = 100
"""The most contracts that a search may name by their ids."""
_COMBINING_MARKS = re.compile("[\u0300-\u036f]")


@dataclass(frozen=True)
class ContractFilter:
    """The filter of a search. A contract must match every given field.

    ``q`` is a part of the name or of a phone, or the beginning of the tax id.
    """

    portfolio_id: UUID | None = None
    number: ShortText | None = None
    stage: Stage | None = None
    state: ContractState | None = None
    incomplete: bool | None = None
    undecided: Annotated[bool | None, Query(description="Whether a file set it aside and nobody has decided yet")] = (
        None
    )
    contract_id: Annotated[
        list[UUID] | None, Query(max_length=MOST_IDS, description="May be repeated, for several contracts at once")
    ] = None
    q: Annotated[
        ShortText | None, Query(description="Part of the name or of a phone, or the beginning of the tax id")
    ] = None


class ContractItem(OutputModel):
    """A contract that was found. An agency for visits sees no balance before the debtor has attended."""

    contract_id: UUID
    portfolio_id: UUID
    contract_number: str
    debtor_id: UUID
    debtor_name: str
    product: str | None
    state: ContractState
    stage: Stage
    incomplete: bool
    undecided: bool
    as_of: date
    days_past_due: int
    overdue_balance: Money | None
    total_balance: Money | None
    oldest_due_on: date | None
    currency: str


async def find(
    reader: Reader, wanted: ContractFilter, query: PageQuery, agency_id: UUID | None = None
) -> Page[ContractItem]:
    """Return a page of matching contracts, by portfolio and contract number. An agency finds only its own."""
    arguments: list[Any] = []

    def given(value: Any) -> str:
        arguments.append(value)
        return f"${len(arguments)}"

    exact = {name: getattr(wanted, name) for name in ("portfolio_id", "stage", "state", "incomplete")}
    shows_balance = "true" if agency_id is None else shows_balance_to(given(agency_id))
    conditions = [f"contract.{column} = {given(value)}" for column, value in exact.items() if value is not None]
    if wanted.number is not None:
        conditions.append(f"contract_number = {given(spelling_of(wanted.number))}")
    if wanted.contract_id is not None:
        conditions.append(f"contract.contract_id = ANY({given(wanted.contract_id)}::uuid[])")
    if wanted.undecided is not None:
        conditions.append(f"(undecided_by IS NOT NULL) = {given(wanted.undecided)}")
    if agency_id is not None:
        conditions.append(worked_by(given(agency_id)))
    if wanted.q is not None:
        # An agency may not try out tax ids.
        conditions.append(_matching(wanted.q, given, with_tax_id=agency_id is None))
    if (after := query.after(UUID, str)) is not None:
        conditions.append(f"(contract.portfolio_id, contract_number) > ({given(after[0])}, {given(after[1])})")
    sql = queries.LIST.format(
        shows_balance=shows_balance, conditions=" AND ".join(conditions or ["true"]), limit=given(query.limit + 1)
    )
    rows = await reader.fetch(sql, *arguments)
    return page(rows, query, key=lambda row: (row["portfolio_id"], row["contract_number"]))


def _matching(q: str, given: Any, *, with_tax_id: bool) -> str:
    """SQL: the name holds every word of ``q``, or a phone holds its digits, or the tax id starts with it."""
    folded = _COMBINING_MARKS.sub("", unicodedata.normalize("NFKD", q)).lower()
    words = [f"search_name LIKE {given(f'%{_escaped(word)}%')}" for word in folded.split()]
    # A text of combining marks alone has no word.
    ways = ["(" + " AND ".join(words or ["false"]) + ")"]
    if with_tax_id:
        ways.append(f"upper(tax_id) LIKE {given(_escaped(q.upper()) + '%')}")
    digits = _PHONE_PUNCTUATION.sub("", q)
    if digits.isascii() and digits.isdigit() and len(digits) >= _FEWEST_PHONE_DIGITS:
        phones = "SELECT contract_id FROM contact_point WHERE kind = 'phone' AND current AND value LIKE"
        ways.append(f"contract.contract_id IN ({phones} {given(f'%{digits}%')})")
    return "(" + " OR ".join(ways) + ")"


def _escaped(text: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", text)
