"""Links customers by themselves, after a file: those with one checked tax id whose names and kinds agree.

Nothing is linked against what a person has said. A link ends by itself when a file states another tax id, unless a
silence would end with it: then a person decides.
"""

from collections.abc import Collection, Sequence
from itertools import groupby
from uuid import UUID

from recobro_events import Row, Transaction

from portfolio.ledger.locking import lock_contracts
from portfolio.people import queries
from portfolio.people.regrouping import BY_TAX_ID, Membership, joined, regroup
from portfolio.people.rules import MOST_CUSTOMERS, Customer, people_among, reasons_against

_SAME = "equal tax id, kind and name"
_CHANGED = "a file states another tax id"


async def link(tx: Transaction, creditor_id: UUID, contract_ids: Collection[UUID]) -> None:
    """Link the customers of these contracts with those of the creditor who are the same people, and end old links.

    What is found is looked at again when its rows are locked.
    """
    if leaving := [row for row in await _leaving(tx, contract_ids) if not row["leaves"] or not row["silent"]]:
        await lock_contracts(tx, (), with_people=[row["debtor_id"] for row in leaving])
        await _leave(tx, contract_ids)
    tax_ids = [
        row["tax_id"] for row in await tx.fetch(queries.SHARED_TAX_IDS, contract_ids, creditor_id, MOST_CUSTOMERS)
    ]
    if tax_ids and (found := await _people(tx, creditor_id, tax_ids)):
        together = [customer.debtor_id for group in found for customer in group]
        await lock_contracts(tx, (), with_people=together)
        await _join(tx, creditor_id, tax_ids, set(together))


async def _leaving(tx: Transaction, contract_ids: Collection[UUID]) -> list[Row]:
    """The debtors whom only a former tax id links. If that is so of all of a person, the first one stays."""
    leaving: list[Row] = []
    members = await tx.fetch(queries.LINKED_BY_TAX_ID, list(contract_ids))
    for _, of_person in groupby(members, key=lambda row: row["person_id"]):
        person = list(of_person)
        alone = [row for row in person if not row["shares"]]
        leaving += alone[1:] if len(alone) == len(person) else alone
    return leaving


async def _leave(tx: Transaction, contract_ids: Collection[UUID]) -> None:
    leaving = await _leaving(tx, contract_ids)
    waiting = [row["debtor_id"] for row in leaving if row["silent"]]
    await tx.execute(queries.SET_LEAVES, waiting, [True] * len(waiting))
    await regroup(tx, [Membership(row["debtor_id"], None, None, _CHANGED) for row in leaving if not row["silent"]])


async def _people(tx: Transaction, creditor_id: UUID, tax_ids: Sequence[str]) -> list[list[Customer]]:
    rows = await tx.fetch(queries.CUSTOMERS, [creditor_id] * len(tax_ids), tax_ids, MOST_CUSTOMERS + 1)
    found = []
    for tax_id, of_tax_id in groupby(rows, key=lambda row: str(row["tax_id"])):
        held = list(of_tax_id)
        customers = [customer_of(row) for row in held]
        if not reasons_against(tax_id, customers, held[0]["total"]):
            found += people_among(tax_id, customers)
    return found


def customer_of(row: Row) -> Customer:
    """The customer of a row of ``queries.CUSTOMERS``."""
    return Customer(
        debtor_id=row["debtor_id"],
        person_id=row["person_id"],
        names=row["names"],
        kinds=row["kinds"],
        tax_ids=frozenset((code, tax_id) for code, tax_id in row["tax_ids"]),
        unlinked_from=frozenset(row["unlinked_from"]),
    )


async def _join(tx: Transaction, creditor_id: UUID, tax_ids: Sequence[str], locked: Collection[UUID]) -> None:
    """Link the people whom these tax ids show, as far as their rows are locked.

    Whoever came in between is linked by the file that brought them. A person may be found by two tax ids: then each has
    its turn.
    """
    while True:
        groups, touched, again = list[list[UUID]](), set[UUID](), False
        for customers in await _people(tx, creditor_id, tax_ids):
            people = {customer.person for customer in customers if customer.debtor_id in locked}
            again = again or bool(people & touched)
            if len(people) > 1 and not people & touched:
                groups.append(list(people))
                touched |= people
        groups = await _not_unlinked(tx, groups)
        if not groups:
            return
        members = await tx.fetch(queries.MEMBERS, [person for group in groups for person in group])
        group_of = {person: n for n, group in enumerate(groups) for person in group}
        of_groups: list[list[Row]] = [[] for _ in groups]
        for member in members:
            of_groups[group_of[member["person"]]].append(member)
        await regroup(tx, await joined(tx, creditor_id, of_groups, BY_TAX_ID, _SAME))
        if not again:
            return


async def _not_unlinked(tx: Transaction, groups: Sequence[list[UUID]]) -> list[list[UUID]]:
    """The groups of people of whom no person has said that one is not the other."""
    if not groups:
        return []
    people = [person for group in groups for person in group]
    places = [n for n, group in enumerate(groups) for _ in group]
    unlinked = {row["n"] for row in await tx.fetch(queries.UNLINKED_AMONG, people, places, None)}
    return [group for n, group in enumerate(groups) if n not in unlinked]
