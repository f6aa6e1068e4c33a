"""Customers with one tax id who are not linked by themselves. A person decides; nothing is linked until then."""

from collections.abc import Iterable, Sequence
from itertools import combinations, groupby
from uuid import UUID

from chassis import OutputModel, Page, PageQuery, Reader, page
from chassis.paging import Order
from recobro_events import Row
from recobro_events.contracts.portfolio import DebtorStatus

from portfolio.people import queries
from portfolio.people.linking import customer_of
from portfolio.people.people import HeldContract
from portfolio.people.rules import Customer, Why, reasons_against, reasons_between

MOST_SHOWN = 20


class CandidateCustomer(OutputModel):
    """``person_id`` is the id for links and unlinks: equal for customers who are linked already."""

    debtor_id: UUID
    debtor_number: str | None
    person_id: UUID
    status: DebtorStatus
    contracts: list[HeldContract]


class Candidate(OutputModel):
    """Customers with one tax id who may be one person.

    ``why`` says why they are not linked by themselves, or with ``tax_id_changed`` that one of them is linked still.
    ``customers_total`` counts them, and the first of them are shown.
    """

    creditor_id: UUID
    tax_id: str
    why: list[Why]
    customers_total: int
    customers: list[CandidateCustomer]


async def found(reader: Reader, query: PageQuery, creditor_id: UUID | None) -> Page[Candidate]:
    """Return a page of candidates, by creditor and tax id."""
    after = query.after(UUID, str) or (None, None)
    arguments = (creditor_id, *after, query.limit + 1)
    waiting = {
        (row["creditor_id"], row["tax_id"]) for row in await reader.fetch(queries.CANDIDATES[query.order], *arguments)
    }
    leaving = {
        (row["creditor_id"], row["tax_id"]) for row in await reader.fetch(queries.LEAVING[query.order], *arguments)
    }
    turned = query.order is Order.DESC
    keys = sorted(waiting | leaving, reverse=turned)[: query.limit + 1]
    rows = await reader.fetch(queries.CUSTOMERS, *(zip(*keys, strict=True) if keys else ((), ())), MOST_SHOWN)
    items = [
        _candidate(of_key, leaves=key in leaving)
        for key, of_key in ((key, list(of_key)) for key, of_key in groupby(rows, key=_key))
    ]
    if turned:
        items.reverse()
    return page(items, query, key=lambda item: (item.creditor_id, item.tax_id))


def _key(row: Row) -> tuple[UUID, str]:
    return row["creditor_id"], row["tax_id"]


def _candidate(rows: Sequence[Row], *, leaves: bool) -> Candidate:
    creditor_id, tax_id = _key(rows[0])
    customers = [customer_of(row) for row in rows]
    why = reasons_against(tax_id, customers, rows[0]["total"]) | _between(tax_id, customers)
    if leaves:
        why.add(Why.TAX_ID_CHANGED)
    return Candidate(
        creditor_id=creditor_id,
        tax_id=tax_id,
        why=sorted(why, key=list(Why).index),
        customers_total=rows[0]["total"],
        customers=[
            CandidateCustomer(
                debtor_id=row["debtor_id"],
                debtor_number=row["debtor_number"],
                person_id=customer.person,
                status=row["status"],
                contracts=row["contracts"][:MOST_SHOWN],
            )
            for row, customer in zip(rows, customers, strict=True)
        ],
    )


def _between(tax_id: str, customers: Iterable[Customer]) -> set[Why]:
    pairs = ((one, other) for one, other in combinations(customers, 2) if one.person != other.person)
    return {why for one, other in pairs for why in reasons_between(tax_id, one, other)}
