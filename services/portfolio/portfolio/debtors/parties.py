"""Parties: the people besides the debtor. They are added, corrected and removed, each with its own phones and e-mails.

A party learns nothing of the debt. Whether somebody may be contacted is the rule of the jurisdiction's profile. What is
said of a number, wrong or refused, belongs to the number: it holds wherever a party of the creditor has it, and also
where the debtor of the contract does.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import jurisdictions
from chassis import (
    Conflict,
    ContractUnknown,
    Distinct,
    FieldError,
    InputModel,
    Invalid,
    NotFound,
    OutputModel,
    Reader,
    ShortText,
    Written,
)
from pydantic import Field, model_validator
from recobro_events import Row, Transaction
from recobro_events.contracts.portfolio import ContactKind, DebtorStatus, PartyChange, PartyRole, StageCause

from portfolio.debtors import opt_outs
from portfolio.debtors import party_queries as queries
from portfolio.debtors.contact_points import normal_form
from portfolio.debtors.party_changes import ChangeOfParty, record
from portfolio.debtors.rules import provenance_permitted
from portfolio.ledger import limits
from portfolio.ledger.actors import ActorOfChange
from portfolio.ledger.erased import refuse_erased
from portfolio.ledger.identities import party_contact_id_of, party_id_of
from portfolio.ledger.locking import lock_contract

PartyText = Annotated[ShortText, Field(max_length=limits.PARTY_CHARACTERS)]
Language = Annotated[
    str,
    Written("[a-z]{2}(-[A-Z]{2})?", "must be the code of a language such as es or pt-BR"),
    Field(examples=["es", "pt-BR"]),
]


class NewPartyContact(InputModel):
    """``provenance`` is the giver of the phone or e-mail, such as creditor, debtor or guarantor."""

    kind: ContactKind
    value: PartyText
    provenance: Annotated[ShortText, Field(max_length=limits.PROVENANCE_CHARACTERS)] = "creditor"


Contacts = Distinct[Annotated[tuple[NewPartyContact, ...], Field(max_length=limits.CONTACTS_OF_PARTY)]]


class NewParty(InputModel):
    """Somebody besides the debtor. ``language`` is the one in which to speak with the party, such as ``es``."""

    role: PartyRole
    name: PartyText
    tax_id: Annotated[ShortText, Field(max_length=40)] | None = None
    language: Language | None = None
    contact_points: Contacts = ()


class PartyPatch(InputModel):
    """A correction. Absent fields stay; ``contact_points`` are all that the party has from now on.

    Null takes the tax id or the language away.
    """

    role: PartyRole | None = None
    name: PartyText | None = None
    tax_id: Annotated[ShortText, Field(max_length=40)] | None = None
    language: Language | None = None
    contact_points: Contacts | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> "PartyPatch":
        if not self.model_fields_set:
            raise ValueError("must name at least one field")
        if any(getattr(self, name) is None for name in self.model_fields_set - {"tax_id", "language"}):
            raise ValueError("role, name and contact_points cannot be null")
        return self


class PartyContact(OutputModel):
    """A phone or e-mail of a party. ``usable``: it may be used, if the party may be contacted."""

    contact_id: UUID
    kind: ContactKind
    value: str
    provenance: str
    timezone: str | None
    dialable: bool
    verified: bool
    invalid: bool
    opted_out: bool
    refused_media: list[str]
    permitted: bool
    usable: bool


class PartyView(OutputModel):
    """Somebody besides the debtor. ``contactable``: the jurisdiction lets the party be contacted now.

    ``tax_id_kind`` and ``tax_id_problem`` are those of a debtor's tax id. A party without a name is not contactable.
    """

    party_id: UUID
    contract_id: UUID
    role: PartyRole
    name: str | None
    tax_id: str | None
    tax_id_kind: str | None
    tax_id_problem: str | None
    language: str | None
    contactable: bool
    contact_points: list[PartyContact]
    known_since: datetime
    actor: ActorOfChange


class Parties(OutputModel):
    """All parties of a contract; at most ten."""

    items: list[PartyView]


class Removal(InputModel):
    """``reason`` stands in the history, so it names nobody."""

    reason: ShortText


class Removed(OutputModel):
    party_id: UUID
    contract_id: UUID


class PartyUnknown(NotFound):
    code = "party-unknown"
    detail = "There is no party with this id."


class PartyKnown(Conflict):
    code = "party-known"
    detail = "The contract has this party in this role already."


class TooManyParties(Conflict):
    code = "too-many-parties"
    detail = f"The contract has {limits.PARTIES} parties. No more can be added."


async def add(tx: Transaction, contract_id: UUID, new: NewParty) -> PartyView:
    """Add a party.

    Raises ``ContractUnknown``, ``PersonErased``, ``PartyKnown``, ``TooManyParties``, and ``Invalid`` for a bad value.

    The same name or tax id in the same role is the same party.
    """
    await tx.execute(queries.SHARE_NUMBERS, [contract_id])
    contract = await lock_contract(tx, contract_id, staging_cause=StageCause.CATCH_UP)
    refuse_erased(contract)
    party_id = party_id_of(contract_id, new.role, new.name)
    if await _others(tx, contract_id, None, new.role, party_id, new.tax_id) >= limits.PARTIES:
        raise TooManyParties()
    await tx.execute(queries.PUT, party_id, contract_id, new.role, new.name, new.tax_id, new.language)
    await _put_points(tx, contract, party_id, new.contact_points)
    await record(tx, [ChangeOfParty(contract_id, party_id, PartyChange.ADDED, {})])
    return await read(tx, party_id)


async def patch(tx: Transaction, party_id: UUID, change: PartyPatch) -> PartyView:
    """Correct a party. A correction that changes nothing has no effect.

    Raises ``PartyUnknown``, ``PartyKnown``, and ``Invalid`` for a bad value.
    """
    contract = await _locked(tx, party_id)
    known = await read(tx, party_id)
    before = {name: getattr(known, name) for name in ("role", "name", "tax_id", "language")}
    after = before | change.model_dump(exclude_unset=True, exclude={"contact_points"})
    if after != before:
        same = party_id_of(contract["contract_id"], after["role"], after["name"] or "")
        await _others(tx, contract["contract_id"], party_id, after["role"], same, after["tax_id"])
        await tx.execute(queries.PUT, party_id, contract["contract_id"], *after.values())
    if change.contact_points is not None:
        await _put_points(tx, contract, party_id, change.contact_points)
    corrected = await read(tx, party_id)
    if _facts(corrected) != _facts(known):
        fields = {"fields": sorted(change.model_fields_set)}
        await record(tx, [ChangeOfParty(contract["contract_id"], party_id, PartyChange.CORRECTED, fields)])
    return await read(tx, party_id)


def _facts(party: PartyView) -> PartyView:
    return party.model_copy(update={"actor": None})


async def remove(tx: Transaction, party_id: UUID, removal: Removal) -> Removed:
    """Remove a party and erase its name, tax id, phones and e-mails. Raises ``PartyUnknown``.

    The marks of its numbers stay, so that a number that is given again stays refused.
    """
    contract = await _locked(tx, party_id)
    await tx.execute(queries.REMEMBER_MARKS, [contract["contract_id"]])
    await tx.execute(queries.REMOVE, party_id)
    reason = {"reason": removal.reason}
    await record(tx, [ChangeOfParty(contract["contract_id"], party_id, PartyChange.REMOVED, reason)])
    return Removed(party_id=party_id, contract_id=contract["contract_id"])


async def _locked(tx: Transaction, party_id: UUID) -> Row:
    contract_id = await tx.fetchval(queries.CONTRACT_OF, party_id)
    if contract_id is None:
        raise PartyUnknown()
    await tx.execute(queries.SHARE_NUMBERS, [contract_id])
    return await lock_contract(tx, contract_id, staging_cause=StageCause.CATCH_UP)


async def _others(
    tx: Transaction, contract_id: UUID, of: UUID | None, role: PartyRole, party_id: UUID, tax_id: str | None
) -> int:
    """Return how many other parties the contract has. Raises ``PartyKnown`` if one of them is the same."""
    row = await tx.fetchrow(queries.LIKE, contract_id, of, role, party_id, tax_id)
    assert row is not None
    if row["known"] is not None:
        raise PartyKnown(extra={"party_id": row["known"]})
    return int(row["parties"])


async def _put_points(tx: Transaction, contract: Row, party_id: UUID, contacts: Sequence[NewPartyContact]) -> None:
    code = contract["jurisdiction"]
    rule = jurisdictions.profile(code).contact_data_sources
    points: dict[UUID, tuple[Any, ...]] = {}
    errors = []
    for place, contact in enumerate(contacts):
        value = normal_form(contact.kind, contact.value, code)
        if value is None:
            errors.append(FieldError(f"/contact_points/{place}/value", f"is not a valid {contact.kind}"))
            continue
        places = jurisdictions.places_of_phone(code, value) if contact.kind is ContactKind.PHONE else ()
        zone = places[0].timezone if places else None
        permitted = not rule.exists or provenance_permitted(rule.value or (), contact.provenance)
        contact_id = party_contact_id_of(party_id, contact.kind, value)
        points.setdefault(contact_id, (contact_id, contact.kind, value, contact.provenance, permitted, zone))
    if errors:
        raise Invalid("This is not a valid phone or e-mail.", errors=errors)
    await opt_outs.recall(tx, [(contract["contract_id"], point[1], point[2]) for point in points.values()])
    await tx.execute(queries.PUT_POINTS, party_id, *(zip(*points.values(), strict=True) if points else ((),) * 6))
    await tx.execute(queries.RETIRE_POINTS, party_id, list(points))
    await tx.execute(queries.REMEMBER_MARKS, [contract["contract_id"]])


async def read(reader: Reader, party_id: UUID) -> PartyView:
    """Return the party. Raises ``PartyUnknown``."""
    row = await reader.fetchrow(queries.READ, party_id)
    if row is None:
        raise PartyUnknown()
    return shown(row["party"], row["jurisdiction"], DebtorStatus(row["status"]))


async def listed(reader: Reader, contract_id: UUID) -> Parties:
    """Return all parties of the contract, by role. Raises ``ContractUnknown``."""
    rows = await reader.fetch(queries.OF_CONTRACT, contract_id)
    if not rows and not await reader.fetchval(queries.KNOWN_CONTRACT, contract_id):
        raise ContractUnknown()
    return Parties(items=[shown(row["party"], row["jurisdiction"], DebtorStatus(row["status"])) for row in rows])


def shown(party: dict[str, Any], jurisdiction: str, status: DebtorStatus) -> PartyView:
    """Return the stored party with what its jurisdiction says of it."""
    tax_id = party["tax_id"]
    kind, problem = (None, None) if tax_id is None else jurisdictions.tax_id_mark(jurisdiction, tax_id)
    rules, represented = jurisdictions.profile(jurisdiction), status is DebtorStatus.REPRESENTED
    contactable = jurisdictions.may_be_contacted(rules, party["role"], represented=represented)
    return PartyView.model_validate(
        party
        | {"tax_id_kind": kind, "tax_id_problem": problem}
        | {"contactable": contactable and party["name"] is not None}
    )
