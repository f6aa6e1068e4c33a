"""The search for contracts."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from chassis import OutputModel, Page, PageQuery, Reader, ShortText, page
from chassis.paging import Order
from fastapi import Query
from recobro_events import Money
from recobro_events.contracts.portfolio import ContractState, Stage

from portfolio.contracts import queries
from portfolio.contracts import searching_queries as searching
from portfolio.projection.placements import shows_balance_to, worked_by
from portfolio.tabular.cells import spelling_of

_PHONE_PUNCTUATION = re.compile(r"[\s().+\-/]+")
MOST_IDS = 100
"""The most contracts that a search may name by their ids."""
_COMMON = 2_000
"""When ``q`` finds more contracts, to fetch and sort these takes longer than to walk the list."""
_BETWEEN_WORDS = re.compile(r"[\s.,;/-]+")
_COMBINING_MARKS = re.compile("[\u0300-\u036f]")


@dataclass(frozen=True)
class ContractFilter:
    """The filter of a search. A contract must match every given field.

    ``q`` is the beginning of each word of the name, of the contract number, the customer number or the tax id, or the
    end of a phone.
    """

    portfolio_id: UUID | None = None
    number: ShortText | None = None
    stage: Stage | None = None
    state: ContractState | None = None
    incomplete: bool | None = None
    undecided: Annotated[bool | None, Query(description="Whether a file set it aside and nobody has decided yet")] = (
        None
    )
    due_within: Annotated[
        int | None,
        Query(ge=0, le=90, description="An unpaid instalment falls due from the business date to so many days later"),
    ] = None
    contract_id: Annotated[
        list[UUID] | None, Query(max_length=MOST_IDS, description="May be repeated, for several contracts at once")
    ] = None
    q: Annotated[
        ShortText | None,
        Query(
            description="The beginning of words of the name, of the contract number, the customer number or the tax "
            "id, or the last digits of a phone, at least 4",
            examples=["peña mar"],
        ),
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
    if wanted.due_within is not None:
        conditions.append(queries.FALLS_DUE.format(days=given(wanted.due_within)))
    if wanted.contract_id is not None:
        conditions.append(f"contract.contract_id = ANY({given(wanted.contract_id)}::uuid[])")
    if wanted.undecided is not None:
        conditions.append(f"(undecided_by IS NOT NULL) = {given(wanted.undecided)}")
    if agency_id is not None:
        conditions.append(worked_by(given(agency_id)))
    if wanted.q is not None:
        # An agency may not try out tax ids.
        conditions.append(await _matching(reader, wanted.q, given, with_tax_id=agency_id is None))
    if (after := query.after(UUID, str)) is not None:
        beyond = ">" if query.order is Order.ASC else "<"
        conditions.append(f"(contract.portfolio_id, contract_number) {beyond} ({given(after[0])}, {given(after[1])})")
    sql = queries.LIST.format(
        shows_balance=shows_balance,
        conditions=" AND ".join(conditions or ["true"]),
        order=query.order,
        limit=given(query.limit + 1),
    )
    rows = await reader.fetch(sql, *arguments)
    return page(rows, query, key=lambda row: (row["portfolio_id"], row["contract_number"]))


async def _matching(reader: Reader, q: str, given: Any, *, with_tax_id: bool) -> str:
    """SQL: the contract is one of those that ``q`` may mean."""
    number = spelling_of(q)
    digits = _PHONE_PUNCTUATION.sub("", q)
    is_phone = digits.isascii() and digits.isdigit() and len(digits) >= searching.LEAST_CHARACTERS
    texts = (
        _words_of(q, number) or None,
        digits if is_phone else None,
        *((q, number) if with_tax_id else (None, None)),
    )
    found = await reader.fetch(searching.FIRST_FOUND, *texts, _COMMON + 1)
    if len(found) <= _COMMON:
        return f"contract.contract_id = ANY({given([row['contract_id'] for row in found])}::uuid[])"
    # IS TRUE lets the planner walk the list in its order until the page is full, and look each contract up.
    return f"(contract.contract_id IN ({searching.found_by(*map(given, texts))})) IS TRUE"


def _words_of(q: str, number: str) -> str:
    """A tsquery: the name holds every word of ``q``, or the contract number begins with all of it."""
    folded = _COMBINING_MARKS.sub("", unicodedata.normalize("NFKD", q)).lower()
    words = " & ".join(map(_beginning, filter(None, _BETWEEN_WORDS.split(folded))))
    return " | ".join(term for term in (words, number and _beginning(number.lower())) if term)


def _beginning(word: str) -> str:
    """A term of a tsquery: a word that begins so. A single character is a word by itself, such as an initial."""
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + ("':*" if len(word) > 1 else "'")
