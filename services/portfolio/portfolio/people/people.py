"""Reading a person, and a person's word on who is the same person and who is not."""

from datetime import datetime
from uuid import UUID

from chassis import Conflict, ContractUnknown, InputModel, OutputModel, Reader, ShortText
from pydantic import Field
from recobro_events import Row, Transaction
from recobro_events.contracts.portfolio import DebtorStatus

from portfolio.ledger import history
from portfolio.ledger.actors import ActorOfChange
from portfolio.ledger.locking import lock_contracts
from portfolio.people import queries
from portfolio.people.finding import PersonUnknown, person_of
from portfolio.people.regrouping import BY_DECISION, Membership, joined, regroup


class PersonDecision(InputModel):
    """``contract_id`` is any contract of the customer who is, or is not, this person."""

    contract_id: UUID
    reason: ShortText


class HeldContract(OutputModel):
    contract_id: UUID
    contract_number: str
    portfolio_id: UUID
    debtor_name: str


class Member(OutputModel):
    """A customer who is this person. ``own_status`` was reported of this customer, ``status`` holds for the person.

    ``linked_by`` is ``tax_id`` or ``decision``; null: nobody else is this person. ``leaves``: a file states another tax
    id, and the link stays until a person decides, because a silence would end with it.
    """

    debtor_id: UUID
    debtor_number: str | None
    linked_by: str | None
    status: DebtorStatus
    own_status: DebtorStatus
    leaves: bool
    contracts: list[HeldContract]


class Unlinked(OutputModel):
    """A contract of which a person has said that it is not this person's."""

    contract_id: UUID
    contract_number: str
    reason: str
    at: datetime
    actor: ActorOfChange


class Person(OutputModel):
    """A person who is one customer of a creditor, or several. Who is linked to nobody has the id of the debtor."""

    person_id: UUID
    creditor_id: UUID
    customers: list[Member]
    unlinked: list[Unlinked] = Field(default=[])


async def read(reader: Reader, any_id: UUID) -> Person:
    """Return the person with this id, or whom the debtor with this id is. Raises ``PersonUnknown``."""
    person_id = await person_of(reader, any_id)
    rows = await reader.fetch(queries.VIEW, person_id)
    if not rows:
        raise PersonUnknown()
    unlinked = await reader.fetch(queries.UNLINKED, person_id)
    return Person(
        person_id=person_id,
        creditor_id=rows[0]["creditor_id"],
        customers=[Member(**{name: row[name] for name in Member.model_fields}) for row in rows],
        unlinked=[Unlinked(**dict(row)) for row in unlinked],
    )


async def link(tx: Transaction, any_id: UUID, decision: PersonDecision) -> Person:
    """Make the contract's customer, and all who are the same person, this person.

    Raises ``PersonUnknown``, ``ContractUnknown``, and ``Conflict`` when they are one already or may not be.
    """
    person_id, customer = await _locked(tx, any_id, decision.contract_id)
    if customer["person"] == person_id:
        raise Conflict("The contract's customer is this person already.", code="linked-already")
    people = [person_id, customer["person"]]
    if unlinked := await tx.fetchrow(queries.UNLINKED_AMONG, people, [0, 0], customer["debtor_id"]):
        number = unlinked["contract_number"]
        detail = f"Contract {number} was unlinked from one of these people. Link that contract first."
        raise Conflict(detail, code="people-unlinked")
    await tx.execute(queries.FORGET_UNLINKS, customer["debtor_id"], person_id)
    members = await tx.fetch(queries.MEMBERS, people)
    await regroup(tx, await joined(tx, customer["creditor_id"], [members], BY_DECISION, decision.reason))
    await tx.execute(queries.SET_LINKED_BY, customer["debtor_id"], BY_DECISION)
    return await read(tx, customer["debtor_id"])


async def unlink(tx: Transaction, any_id: UUID, decision: PersonDecision) -> Person:
    """Say that the contract's customer is not this person, now and after later files. Returns the person.

    Raises ``PersonUnknown``, ``ContractUnknown``, and ``Conflict`` when the customer is the whole person or was
    unlinked before.
    """
    person_id, customer = await _locked(tx, any_id, decision.contract_id)
    members = await tx.fetch(queries.MEMBERS, [person_id])
    changes = []
    if customer["person"] == person_id:
        if len(members) == 1:
            raise Conflict("The contract's customer is all of this person.", code="only-customer")
        changes = [Membership(customer["debtor_id"], None, None, decision.reason)]
    elif members[0]["person_id"] is None:
        # A word on somebody who is linked to nobody needs a person of whom it is said.
        changes = await joined(
            tx, customer["creditor_id"], [members], BY_DECISION, "another customer is not this person"
        )
        person_id = changes[0].person_id or person_id
    unlinked = await tx.fetch(queries.UNLINK, customer["debtor_id"], person_id, decision.reason)
    if not unlinked:
        raise Conflict("The contract was unlinked from this person before.", code="unlinked-already")
    if changes:
        await regroup(tx, changes)
    if customer["person"] != person_id:
        data = {"person_id": person_id, "reason": decision.reason}
        summary = f"the customer is another person: {decision.reason}"
        await history.record_each(tx, [row["contract_id"] for row in unlinked], "person_unlinked", summary, data)
    return await read(tx, person_id)


async def _locked(tx: Transaction, any_id: UUID, contract_id: UUID) -> tuple[UUID, Row]:
    """Lock both people. Returns the person and the contract's debtor."""
    await person_of(tx, any_id)
    await lock_contracts(tx, [contract_id], with_debtors_of=[contract_id], with_people=[any_id])
    customer = await tx.fetchrow(queries.DEBTOR_OF, contract_id)
    if customer is None:
        raise ContractUnknown()
    person_id = await person_of(tx, any_id)
    creditor_id = await tx.fetchval(queries.CREDITOR_OF, person_id)
    if creditor_id != customer["creditor_id"]:
        raise Conflict("The contract is another creditor's.", code="of-another-creditor")
    return person_id, customer
