"""Phones and e-mails are added, verified, found wrong or refused.

Wrong numbers and opt-outs belong to the debtor. They apply to the same phone or e-mail on every contract of the debtor,
and of all debtors who are the same person, and to contact points that are added later. What was stated is kept with the
debtor of whom it was stated.
"""

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from functools import partial
from typing import Annotated, Any, NamedTuple
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
    deliverable_email,
)
from pydantic import Field, model_validator
from recobro_events import Row, Transaction, cut_into_waves
from recobro_events.contracts.portfolio import (
    ContactChange,
    ContactKind,
    ContactPointChanged,
    PartyChange,
    StageCause,
)

from portfolio.debtors import contact_points_queries as queries
from portfolio.debtors import opt_outs, party_changes, party_queries
from portfolio.debtors.party_changes import ChangeOfParty
from portfolio.debtors.rules import Medium, provenance_permitted
from portfolio.ledger import history, limits
from portfolio.ledger.changes import Change, record_each
from portfolio.ledger.erased import refuse_erased
from portfolio.ledger.history import Line
from portfolio.ledger.identities import contact_id_of
from portfolio.ledger.locking import lock_contract, lock_contracts


class NewContactPoint(InputModel):
    """``provenance`` is the giver of the contact data, such as creditor, debtor, joint_obligor, guarantor."""

    kind: ContactKind
    value: ShortText
    provenance: Annotated[ShortText, Field(max_length=limits.PROVENANCE_CHARACTERS)]


class PatchChange(StrEnum):
    VERIFIED = "verified"
    INVALID = "invalid"
    OPTED_OUT = "opted_out"
    OPT_OUT_WITHDRAWN = "opt_out_withdrawn"


class ContactPatch(InputModel):
    """``medium`` is allowed with ``opted_out`` and ``opt_out_withdrawn``. Without a medium every medium is meant.

    ``opt_out_withdrawn`` takes back an opt-out that was entered by mistake. It needs a ``reason``.
    """

    change: PatchChange
    medium: Medium | None = None
    reason: ShortText | None = None

    @model_validator(mode="after")
    def _fields_of_the_change(self) -> "ContactPatch":
        if self.medium is not None and self.change not in (PatchChange.OPTED_OUT, PatchChange.OPT_OUT_WITHDRAWN):
            raise ValueError("medium is allowed with opted_out and opt_out_withdrawn only")
        if (self.reason is not None) != (self.change is PatchChange.OPT_OUT_WITHDRAWN):
            raise ValueError("opt_out_withdrawn needs a reason, and no other change takes one")
        return self


class ContactPoint(OutputModel):
    """A phone or an e-mail of a contract.

    ``opted_out`` means that the debtor refuses every medium; ``refused_media`` names single ones. ``usable`` means that
    the contact point may be used to reach the debtor. ``permitted`` means that the jurisdiction accepts the provenance.
    ``party_id`` is set where it is a party's own, and not the debtor's.
    """

    contact_id: UUID
    contract_id: UUID
    party_id: UUID | None = None
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


class TooManyContactPoints(Conflict):
    code = "too-many-contact-points"
    detail = f"The contract has {limits.CONTACTS_BEFORE_ADDING} contact points. No more can be added."


class Finding(NamedTuple):
    """A change of a contact point. In a consumer ``received`` is the id of the event that reported the change."""

    contract_id: UUID
    contact_id: UUID
    change: ContactChange | PatchChange
    medium: Medium | None = None
    received: UUID | None = None
    reason: str | None = None


class Found(NamedTuple):
    """A phone or e-mail that somebody gave. In a consumer ``received`` is the id of the event that reported it."""

    contract_id: UUID
    kind: ContactKind
    value: str
    provenance: str
    received: UUID | None = None


async def add(tx: Transaction, contract_id: UUID, new: NewContactPoint) -> ContactPoint:
    """Add a contact point. The debtor's marks on the same phone or e-mail elsewhere hold for the new one too.

    Raises ``ContractUnknown``, ``PersonErased``, ``ContactPointKnown``, ``TooManyContactPoints``, and ``Invalid`` when
    the value is not a phone or e-mail.
    """
    contract = await lock_contract(tx, contract_id, staging_cause=StageCause.CATCH_UP)
    refuse_erased(contract)
    value = normal_form(new.kind, new.value, contract["jurisdiction"])
    if value is None:
        raise Invalid(f"This is not a valid {new.kind}.", errors=[FieldError("/value", f"is not a valid {new.kind}")])
    added = await add_found(tx, [Found(contract_id, new.kind, value, new.provenance)])
    if contract_id not in added:
        known = await tx.fetchval(queries.KNOWN, contract_id, new.kind, value)
        if known is None:
            raise TooManyContactPoints()
        raise ContactPointKnown(extra={"contact_id": known})
    return await read(tx, added[contract_id])


async def add_found(tx: Transaction, found: Sequence[Found]) -> Mapping[UUID, UUID]:
    """Add these phones and e-mails and publish them. Returns the new contact points by contract.

    No contract may occur twice, and the contracts are locked. A value that is not a phone or e-mail, or is known
    already, changes nothing, and neither does one of a contract whose data were erased. A contract that is full gets a
    line of history instead. A contact point is stored but not
    usable when the jurisdiction does not accept its provenance.
    """
    rows = await tx.fetch(queries.PLACES, [one.contract_id for one in found])
    place_of = {row["contract_id"]: row for row in rows}
    found = [one for one in found if one.contract_id in place_of]
    new: list[tuple[UUID, UUID, ContactKind, str, str, bool]] = []
    zones: list[str | None] = []
    for one in found:
        jurisdiction = place_of[one.contract_id]["jurisdiction"]
        value = normal_form(one.kind, one.value, jurisdiction)
        if value is not None:
            contact_id = contact_id_of(one.contract_id, one.kind, value)
            rule = jurisdictions.profile(jurisdiction).contact_data_sources
            permitted = not rule.exists or provenance_permitted(rule.value or (), one.provenance)
            provenance = one.provenance[: limits.PROVENANCE_CHARACTERS]
            new.append((contact_id, one.contract_id, one.kind, value, provenance, permitted))
            zones.append(_zone(place_of[one.contract_id], one.kind, value))
    if not new:
        return {}
    given = (*zip(*new, strict=True), limits.CONTACTS_BEFORE_ADDING)
    full = await tx.fetch(queries.FULL, *given)
    await history.record(tx, [_refused(row["contract_id"], TooManyContactPoints.detail) for row in full])
    await opt_outs.recall(tx, [(contract_id, kind, value) for _, contract_id, kind, value, *_ in new])
    points = await tx.fetch(queries.ADD, *given, zones)
    received = {one.contract_id: one.received for one in found}
    findings = [
        Finding(point["contract_id"], point["contact_id"], ContactChange.ADDED, None, received[point["contract_id"]])
        for point in points
    ]
    await _record(tx, points, findings)
    return {point["contract_id"]: point["contact_id"] for point in points}


def _zone(place: Row, kind: ContactKind, value: str) -> str | None:
    """The zone of the contract's address, else of the phone's area code."""
    code = place["jurisdiction"]
    address = jurisdictions.places_of_address(code, place["state"], place["postal_code"], place["city"])
    phone = jurisdictions.places_of_phone(code, value) if kind is ContactKind.PHONE else ()
    return next((plausible.timezone for plausible in (*address, *phone)), None)


def _refused(contract_id: UUID, reason: str) -> Line:
    return Line(contract_id, "contact_data_refused", reason, {})


async def within_limits(tx: Transaction, visits: Mapping[UUID, UUID]) -> set[UUID]:
    """Return the contracts, by their visits, that get what the visit has found. The others get a line of history.

    The lines of what was found are written already, so a visit that finds too much is seen in them.
    """
    refused: dict[UUID, str] = {}
    for row in await tx.fetch(queries.FOUND, list(visits.keys()), list(visits.values())):
        if row["of_visit"] > limits.CONTACTS_FOUND_BY_VISIT:
            refused[row["contract_id"]] = f"More than {limits.CONTACTS_FOUND_BY_VISIT} contact points of one visit."
        elif row["of_day"] > limits.CONTACTS_FOUND_A_DAY:
            refused[row["contract_id"]] = f"More than {limits.CONTACTS_FOUND_A_DAY} contact points found on one day."
    await history.record(tx, [_refused(contract_id, reason) for contract_id, reason in refused.items()])
    return visits.keys() - refused.keys()


async def patch(tx: Transaction, contact_id: UUID, wanted: ContactPatch) -> ContactPoint:
    """Change a contact point. A change that is known already has no effect. Raises ``ContactPointUnknown``."""
    contract_id = await tx.fetchval(queries.CONTRACT_OF, contact_id)
    if contract_id is None:
        raise ContactPointUnknown()
    await lock_contracts(tx, [], with_debtors_of=[contract_id, *await party_changes.lock_numbers(tx, [contact_id])])
    await change(tx, [Finding(contract_id, contact_id, wanted.change, wanted.medium, reason=wanted.reason)])
    return await read(tx, contact_id)


async def change(tx: Transaction, findings: Sequence[Finding]) -> None:
    """Apply these findings to all contracts of their people, and publish the changes.

    A mark on a party's number holds in all contracts of the creditor whose parties have it. The rows of all these
    people and of all their contracts are locked. Raises ``ContactPointUnknown`` when a contract does not have the
    contact point. Nothing is known of the number of a removed party or an erased person, so nothing is changed.
    """
    findings = await _with_same_numbers(tx, findings)
    rows = await tx.fetch(queries.HELD_BY, [finding.contact_id for finding in findings])
    held = {row["contact_id"]: row for row in rows}
    points = {(row["contract_id"], row["contact_id"]) for row in rows}
    missing = {one.contract_id for one in findings if (one.contract_id, one.contact_id) not in points}
    erased = {row["contract_id"] for row in await tx.fetch(queries.ERASED, list(missing))} if missing else set()
    if missing - erased:
        raise ContactPointUnknown()
    findings = [
        one for one in findings if (one.contract_id, one.contact_id) in points and held[one.contact_id]["value"]
    ]
    for wave in cut_into_waves(findings, key=lambda finding: held[finding.contact_id]["person"]):
        reported = [held[finding.contact_id] for finding in wave]
        columns = [[point[name] for point in reported] for name in ("debtor_id", "kind", "value")]
        changes = [finding.change for finding in wave]
        await tx.execute(queries.KEEP_MARKS, *columns, changes, [finding.medium for finding in wave])
        if PatchChange.OPT_OUT_WITHDRAWN in changes:
            taken_back = [
                p
                for p, change in zip(zip(*columns, strict=True), changes, strict=True)
                if change == PatchChange.OPT_OUT_WITHDRAWN
            ]
            await opt_outs.forget(tx, *zip(*taken_back, strict=True))
        verified = [finding.contact_id for finding in wave if finding.change == PatchChange.VERIFIED]
        by_person = {point["person"]: finding for point, finding in zip(reported, wave, strict=True)}
        changed = await tx.fetch(queries.SPREAD_MARKS, *columns, verified)
        await _record(tx, changed, [by_person[point["person"]] for point in changed])
        parties = await tx.fetch(party_queries.SPREAD_MARKS, *columns, verified)
        await _record_parties(tx, [(point, by_person[point["person"]]) for point in parties])


async def _with_same_numbers(tx: Transaction, findings: Sequence[Finding]) -> Sequence[Finding]:
    rows = await tx.fetch(party_queries.SAME_NUMBERS, [finding.contact_id for finding in findings])
    by_contact = {finding.contact_id: finding for finding in findings}
    others = [
        by_contact[row["of_contact_id"]]._replace(contract_id=row["contract_id"], contact_id=row["contact_id"])
        for row in rows
        if row["contact_id"] not in by_contact
    ]
    return [*findings, *others]


async def _record_parties(tx: Transaction, points: Sequence[tuple[Row, Finding]]) -> None:
    await party_changes.record(
        tx,
        [
            ChangeOfParty(
                point["contract_id"],
                point["party_id"],
                PartyChange.CONTACT_CHANGED,
                _said_of(point, finding),
                finding.received,
            )
            for point, finding in points
            if point["current"]
        ],
    )


async def spread(tx: Transaction, debtor_ids: Collection[UUID], reason: str) -> None:
    """After debtors were linked or unlinked, let the marks of each reach its person, and publish what changes.

    The rows of the people and of all their contracts are locked.
    """
    changed = await tx.fetch(queries.SPREAD_MARKS, list(debtor_ids), None, None, [])
    for wave in cut_into_waves(changed, key=lambda point: point["contract_id"]):
        await _record(tx, wave, [_of_link(point, reason) for point in wave])
    parties = await tx.fetch(party_queries.SPREAD_MARKS, list(debtor_ids), None, None, [])
    await _record_parties(tx, [(point, _of_link(point, reason)) for point in parties])


def _of_link(point: Row, reason: str) -> Finding:
    """The change that a link or its end made, in the words of the events."""
    refused = ContactChange.OPTED_OUT if point["opted_out"] or point["media"] else ContactChange.ADDED
    change = ContactChange.INVALID if point["invalid"] else refused
    return Finding(point["contract_id"], point["contact_id"], change, reason=reason)


async def _record(tx: Transaction, points: Sequence[Row], findings: Sequence[Finding]) -> None:
    """Record the finding of each point; no contract may occur twice. Each point takes the version of its event."""
    changes = [
        Change(partial(_event, point, finding), _line(point, finding), finding.received)
        for point, finding in zip(points, findings, strict=True)
    ]
    positions = await record_each(tx, StageCause.CATCH_UP, changes)
    if points:
        versions = [positions[point["contract_id"]]["version"] for point in points]
        await tx.execute(queries.SET_VERSIONS, [point["contact_id"] for point in points], versions)


def _published(change: ContactChange | PatchChange) -> ContactChange:
    """A withdrawn opt-out is published as ``added``, for the number counts again as one that nobody has refused.

    Services that run an earlier release refuse an event with a change that they do not know. All of them act on
    ``usable``, and the change only names a reason where a number may not be used.
    """
    return ContactChange.ADDED if change is PatchChange.OPT_OUT_WITHDRAWN else ContactChange(change)


def _event(point: Row, finding: Finding, fields: Mapping[str, Any]) -> ContactPointChanged:
    return ContactPointChanged(
        **fields,
        contact_id=point["contact_id"],
        contact_version=fields["version"],
        kind=point["kind"],
        value=point["value"],
        change=_published(finding.change),
        usable=point["usable"],
        medium=None if finding.change is PatchChange.OPT_OUT_WITHDRAWN else finding.medium,
        provenance=point["provenance"],
        timezone=point["timezone"],
        refused_media=("all",) if point["opted_out"] else tuple(point["media"]),
        verified=point["verified"],
    )


def _said_of(point: Row, finding: Finding) -> dict[str, Any]:
    data = {"contact_id": point["contact_id"], "change": finding.change, "medium": finding.medium}
    return data if finding.reason is None else data | {"reason": finding.reason}


def _line(point: Row, finding: Finding) -> Line:
    data = _said_of(point, finding)
    summary = f"{point['kind']} {finding.change.replace('_', ' ')}"
    return Line(point["contract_id"], "contact_point_changed", summary, data)


def normal_form(kind: ContactKind, value: str, jurisdiction: str) -> str | None:
    """Return the phone in E.164, or the e-mail in lower case; None when the value is neither."""
    if kind is ContactKind.PHONE:
        return jurisdictions.dialable_phone(value, jurisdiction)
    return deliverable_email(value)


async def read(reader: Reader, contact_id: UUID) -> ContactPoint:
    """Return the contact point. Raises ``ContactPointUnknown``."""
    row = await reader.fetchrow(queries.READ, contact_id)
    if row is None:
        raise ContactPointUnknown()
    return ContactPoint(**{name: row[name] for name in ContactPoint.model_fields})
