"""Phones and e-mails: added, verified, found wrong, refused.

Wrong numbers and opt-outs belong to the debtor: they reach every contract of theirs with the same phone or e-mail, and
contact points that are added later.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

import jurisdictions
from chassis import (
    Conflict,
    FieldError,
    InputModel,
    Invalid,
    NotFound,
    OutputModel,
    Reader,
    ShortText,
    email_to_write_to,
)
from pydantic import model_validator
from recobro_events import Transaction
from recobro_events.contracts.portfolio import ContactChange, ContactKind, ContactPointChanged, StageCause

from portfolio.debtors import contact_points_queries as queries
from portfolio.debtors.rules import Medium, provenance_permitted
from portfolio.ledger.history import Line, remember
from portfolio.ledger.identities import contact_id_of
from portfolio.ledger.locking import lock_contract, lock_contracts
from portfolio.ledger.positions import position_of, reposition
from portfolio.ledger.rules import turns


class NewContactPoint(InputModel):
    """``provenance``: who gave it, such as creditor, debtor, joint_obligor, guarantor."""

    kind: ContactKind
    value: ShortText
    provenance: ShortText


class PatchChange(StrEnum):
    VERIFIED = "verified"
    INVALID = "invalid"
    OPTED_OUT = "opted_out"


class ContactPatch(InputModel):
    """``medium`` goes with ``opted_out``; without it the debtor refuses this contact point through any medium."""

    change: PatchChange
    medium: Medium | None = None

    @model_validator(mode="after")
    def _medium_goes_with_opting_out(self) -> "ContactPatch":
        if self.medium is not None and self.change is not PatchChange.OPTED_OUT:
            raise ValueError("medium goes with opted_out only")
        return self


class ContactPoint(OutputModel):
    """``opted_out``: from every medium; ``refused_media``: from these. ``usable``: may be used to reach the debtor.

    ``permitted``: the jurisdiction allows contact data from whoever gave it.
    """

    contact_id: UUID
    contract_id: UUID
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


class ContactPointUnknown(NotFound):
    code = "contact-point-unknown"
    detail = "There is no contact point with this id."


class ContactPointKnown(Conflict):
    code = "contact-point-known"
    detail = "The contract has this contact point already."


class Change(NamedTuple):
    """What was found out about a contact point of a contract; ``received`` is the event that said so, in a consumer."""

    contract_id: UUID
    contact_id: UUID
    change: ContactChange
    medium: Medium | None = None
    received: UUID | None = None


class Found(NamedTuple):
    """A phone or e-mail that somebody gave; ``received`` is the event that said so, in a consumer."""

    contract_id: UUID
    kind: ContactKind
    value: str
    provenance: str
    received: UUID | None = None


async def add(tx: Transaction, contract_id: UUID, new: NewContactPoint) -> ContactPoint:
    """Add a contact point. What the debtor has said about the same phone or e-mail elsewhere holds for it too.

    ``ContractUnknown``, ``ContactPointKnown``, ``Invalid`` when it can be no phone or e-mail.
    """
    contract = await lock_contract(tx, contract_id)
    value = _normal_form(new.kind, new.value, contract["jurisdiction"])
    if value is None:
        raise Invalid("Nobody can be reached there.", errors=[FieldError("/value", f"is no valid {new.kind}")])
    added = await add_found(tx, [Found(contract_id, new.kind, value, new.provenance)])
    if contract_id not in added:
        known = await tx.fetchval(queries.KNOWN, contract_id, new.kind, value)
        raise ContactPointKnown(extra={"contact_id": known})
    return await read(tx, added[contract_id])


async def add_found(tx: Transaction, found: Sequence[Found]) -> Mapping[UUID, UUID]:
    """Add these, each of another contract, and tell everyone; the new contact points by contract.

    What can be no phone or e-mail, or is known already, changes nothing. One that the jurisdiction does not accept from
    whoever gave it is kept, and not usable. The contracts are locked.
    """
    rows = await tx.fetch(queries.JURISDICTIONS, [one.contract_id for one in found])
    jurisdiction_of = {row["contract_id"]: row["jurisdiction"] for row in rows}
    new: list[tuple[UUID, UUID, ContactKind, str, str, bool]] = []
    for one in found:
        jurisdiction = jurisdiction_of[one.contract_id]
        value = _normal_form(one.kind, one.value, jurisdiction)
        if value is not None:
            contact_id = contact_id_of(one.contract_id, one.kind, value)
            rule = jurisdictions.profile(jurisdiction).contact_data_sources
            permitted = not rule.exists or provenance_permitted(rule.value or (), one.provenance)
            new.append((contact_id, one.contract_id, one.kind, value, one.provenance, permitted))
    if not new:
        return {}
    added = {row["contract_id"]: row["contact_id"] for row in await tx.fetch(queries.ADD, *zip(*new, strict=True))}
    told = {
        one.contract_id: Change(one.contract_id, added[one.contract_id], ContactChange.ADDED, received=one.received)
        for one in found
        if one.contract_id in added
    }
    await _publish(tx, told, list(added.values()))
    return added


async def patch(tx: Transaction, contact_id: UUID, wanted: ContactPatch) -> ContactPoint:
    """Note what was found out about a contact point; nothing happens when it is known. ``ContactPointUnknown``."""
    contract_id = await tx.fetchval("SELECT contract_id FROM contact_point WHERE contact_id = $1", contact_id)
    if contract_id is None:
        raise ContactPointUnknown()
    await lock_contracts(tx, [contract_id], with_debtors_of=[contract_id])
    await change(tx, [Change(contract_id, contact_id, ContactChange(wanted.change), wanted.medium)])
    return await read(tx, contact_id)


async def change(tx: Transaction, changes: Sequence[Change]) -> None:
    """Apply these findings to all contracts of their debtors, and tell everyone what is new.

    The rows of the debtors and of all their contracts are locked. ``ContactPointUnknown`` when a contract does not have
    the contact point.
    """
    held = {row["contact_id"]: row for row in await tx.fetch(queries.HELD_BY, [told.contact_id for told in changes])}
    if any(told.contact_id not in held or held[told.contact_id]["contract_id"] != told.contract_id for told in changes):
        raise ContactPointUnknown()
    for turn in turns(changes, key=lambda told: held[told.contact_id]["debtor_id"]):
        points = [held[told.contact_id] for told in turn]
        by_debtor = {point["debtor_id"]: told for point, told in zip(points, turn, strict=True)}
        changed = await tx.fetch(
            queries.CHANGE,
            [point["debtor_id"] for point in points],
            [point["kind"] for point in points],
            [point["value"] for point in points],
            [told.contact_id for told in turn],
            [told.change for told in turn],
            [told.medium for told in turn],
        )
        if changed:
            by_contract = {row["contract_id"]: by_debtor[row["debtor_id"]] for row in changed}
            await _publish(tx, by_contract, [row["contact_id"] for row in changed])


async def _publish(tx: Transaction, told: Mapping[UUID, Change], contact_ids: Sequence[UUID]) -> None:
    """One ContactPointChanged for each of these contact points, no two of one contract."""
    received = {contract_id: one.received for contract_id, one in told.items() if one.received is not None}
    rows = await reposition(tx, told.keys(), cause=StageCause.DAILY_RUN, events_to_follow=1, received=received)
    positions = {row["contract_id"]: row for row in rows}
    story: list[Line] = []
    for point in await tx.fetch(queries.SET_VERSIONS, contact_ids):
        contract_id, one = point["contract_id"], told[point["contract_id"]]
        event = ContactPointChanged(
            **position_of(positions[contract_id]),
            contact_id=point["contact_id"],
            contact_version=point["version"],
            kind=point["kind"],
            value=point["value"],
            change=one.change,
            usable=point["usable"],
            medium=one.medium,
            provenance=point["provenance"],
            timezone=point["timezone"],
        )
        tx.publish(event, cause=one.received)
        what = {"contact_id": point["contact_id"], "change": one.change, "medium": one.medium}
        story.append(
            Line(contract_id, "contact_point_changed", f"{point['kind']} {one.change.replace('_', ' ')}", what)
        )
    await remember(tx, story)


def _normal_form(kind: ContactKind, value: str, jurisdiction: str) -> str | None:
    """The phone in E.164, the e-mail in lower case; None when nobody can be reached there."""
    if kind is ContactKind.PHONE:
        return jurisdictions.dialable_phone(value, jurisdiction)
    return email_to_write_to(value)


async def read(reader: Reader, contact_id: UUID) -> ContactPoint:
    """``ContactPointUnknown``."""
    row = await reader.fetchrow(queries.READ, contact_id)
    if row is None:
        raise ContactPointUnknown()
    return ContactPoint(**{name: row[name] for name in ContactPoint.model_fields})
