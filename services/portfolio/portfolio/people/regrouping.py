"""Gives debtors another person, and lets what was stated of each reach the others, or stay with it alone."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from recobro_events import Row, Transaction
from recobro_events.contracts.portfolio import StageCause

from portfolio.debtors import contact_points, statuses
from portfolio.debtors import queries as debtor_queries
from portfolio.ledger import history
from portfolio.ledger.changes import record_whole
from portfolio.ledger.history import Line
from portfolio.people import convenience, queries
from portfolio.people.rules import names_of_person, person_id_of

BY_TAX_ID = "tax_id"
BY_DECISION = "decision"
_LINKED, _UNLINKED = "person_linked", "person_unlinked"


class Membership(NamedTuple):
    """The debtor is of this person from now on, by ``linked_by``; None: linked to nobody. ``reason`` is for people."""

    debtor_id: UUID
    person_id: UUID | None
    linked_by: str | None
    reason: str


async def joined(
    tx: Transaction, creditor_id: UUID, groups: Sequence[Sequence[Row]], linked_by: str, reason: str
) -> list[Membership]:
    """Make one person of the debtors of each group, and return what is to be changed. No debtor occurs twice.

    A group has all debtors of its people, in the order in which they became customers. The person who was there first
    goes on; the others become this one.
    """
    people = await _people_of(tx, creditor_id, groups)
    merged = [
        (member["person_id"], person_id)
        for group, person_id in zip(groups, people, strict=True)
        for member in group
        if member["person_id"] not in (None, person_id)
    ]
    if merged:
        await tx.execute(queries.MOVE_UNLINKS, *zip(*dict.fromkeys(merged), strict=True))
    return [
        Membership(member["debtor_id"], person_id, member["linked_by"] or linked_by, reason)
        for group, person_id in zip(groups, people, strict=True)
        for member in group
        if member["person_id"] != person_id
    ]


async def _people_of(tx: Transaction, creditor_id: UUID, groups: Sequence[Sequence[Row]]) -> list[UUID]:
    """The person whom each group becomes: the first one that it has, or a new one."""
    known = [next((one["person_id"] for one in group if one["person_id"] is not None), None) for group in groups]
    ids = [
        [person_id_of(creditor_id, name) for name in names_of_person([one["debtor_id"] for one in group])]
        for group in groups
    ]
    new = [names for names, person_id in zip(ids, known, strict=True) if person_id is None]
    rows = await tx.fetch(queries.TAKEN, [one for names in new for one in names]) if new else []
    taken = {row["person_id"] for row in rows}
    people = [
        person_id or next(one for one in names if one not in taken) for names, person_id in zip(ids, known, strict=True)
    ]
    await tx.execute(queries.ADD, [one for one, was in zip(people, known, strict=True) if was is None], creditor_id)
    return people


async def regroup(tx: Transaction, changes: Sequence[Membership]) -> None:
    """Apply these changes, and publish them. No debtor occurs twice.

    The rows of the people, of all their debtors and contracts are locked.
    """
    debtor_ids = [change.debtor_id for change in changes]
    former = await tx.fetch(queries.MEMBERS, debtor_ids)
    await tx.execute(
        queries.SET,
        debtor_ids,
        [change.person_id for change in changes],
        [change.linked_by for change in changes],
    )
    # Those who are left, and those who are joined, may gain or lose a silence too.
    touched = [member["debtor_id"] for member in former] + debtor_ids
    await statuses.spread(tx, touched, "people")
    await contact_points.spread(tx, touched, "people")
    await convenience.spread(tx, touched)
    change_of = {change.debtor_id: change for change in changes}
    contracts = await tx.fetch(debtor_queries.CONTRACTS, debtor_ids)
    await record_whole(tx, StageCause.CATCH_UP, [row["contract_id"] for row in contracts])
    person_of = {member["debtor_id"]: member["person_id"] for member in former}
    await history.record(
        tx, [_line(row["contract_id"], change_of[row["debtor_id"]], person_of[row["debtor_id"]]) for row in contracts]
    )


def _line(contract_id: UUID, change: Membership, former: UUID | None) -> Line:
    data = {"person_id": change.person_id, "former_person_id": former, "reason": change.reason}
    if change.person_id is None:
        return Line(contract_id, _UNLINKED, f"the customer is linked to nobody: {change.reason}", data)
    return Line(contract_id, _LINKED, f"the customer is linked as one person: {change.reason}", data)
