"""Disputes: contact about the contract stops until each of them is resolved."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, NamedTuple
from uuid import UUID

import jurisdictions
from chassis import Conflict, Count, FieldError, InputModel, Invalid, NotFound, OutputModel, Reader, ShortText, Text
from pydantic import Field
from recobro_events import Money, Row, Transaction
from recobro_events.contracts.portfolio import (
    ClarificationOpened,
    ClarificationOutcome,
    ClarificationResolved,
    ContractRevised,
    StageCause,
)

from portfolio.history import Line, remember
from portfolio.identities import clarification_id_of
from portfolio.locking import lock_contract
from portfolio.payments import close_if_settled
from portfolio.positions import NO_CAUSE, position_of, publish_whole, reapply_payments, reposition
from portfolio.rules import CORRECTING_OUTCOMES, LARGEST_BALANCE, resolution_allowed

_OPEN = """
INSERT INTO clarification (clarification_id, contract_id, reason, detail, opened_by, instalments, opened_on,
    deadline_on)
SELECT clarification_id, contract_id, reason, detail, opened_by, $5::integer[], opened_on, deadline_on
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $6::date[], $7::date[], $8::uuid[])
    AS told (contract_id, reason, detail, opened_by, opened_on, deadline_on, clarification_id)
RETURNING *
"""
_READ = "SELECT * FROM clarification WHERE clarification_id = $1"
_RESOLVE = """
UPDATE clarification
SET state = $2, resolved_at = clock_timestamp(), resolution_detail = $3, contact_may_resume = $4
WHERE clarification_id = $1
"""
_INSTALMENTS = "SELECT number, due_on, amount FROM instalment WHERE contract_id = $1"
_CORRECT = """
UPDATE instalment SET amount = told.amount, unpaid = least(unpaid, told.amount)
FROM unnest($2::integer[], $3::numeric[]) AS told (number, amount)
WHERE instalment.contract_id = $1 AND instalment.number = told.number
"""
_STILL_OPEN = """
SELECT clarification_id FROM clarification
WHERE contract_id = $1 AND clarification_id <> $2 AND (state = 'open' OR NOT contact_may_resume)
ORDER BY clarification_id
"""
_SETTINGS = """
SELECT contract_id, jurisdiction, coalesce(portfolio.business_date, contract.as_of) AS opened_on
FROM contract JOIN portfolio USING (portfolio_id) WHERE contract_id = ANY($1::uuid[])
"""


class OpenedBy(StrEnum):
    DEBTOR = "debtor"
    AGENT = "agent"
    VISITOR = "visitor"
    CREDITOR = "creditor"


class NewClarification(InputModel):
    """``instalments``: the numbers of those that are disputed; the silence covers the whole contract all the same."""

    reason: ShortText
    detail: Text | None = None
    opened_by: OpenedBy
    instalments: list[Count] = Field(default_factory=list, max_length=1000)


class Correction(InputModel):
    """What the creditor is owed for an instalment after all: instead of the amount it had stated, payments aside."""

    instalment: Count
    amount: Annotated[Money, Field(ge=0)]


class NewResolution(InputModel):
    """``corrections`` are needed for ``upheld`` and ``partly_upheld``, and for nothing else."""

    outcome: ClarificationOutcome
    detail: Text | None = None
    corrections: list[Correction] = Field(default_factory=list, max_length=1000)


class Clarification(OutputModel):
    """``contact_may_resume`` is null while it is open."""

    clarification_id: UUID
    contract_id: UUID
    state: str
    reason: str
    detail: str | None
    opened_by: str
    instalments: list[int]
    opened_at: datetime
    opened_on: date
    deadline_on: date
    resolved_at: datetime | None
    resolution_detail: str | None
    contact_may_resume: bool | None


class Resolution(OutputModel):
    """``still_open``: the other clarifications of the contract that keep it silent."""

    clarification_id: UUID
    contract_id: UUID
    outcome: ClarificationOutcome
    contact_may_resume: bool
    still_open: list[UUID]
    overdue_balance: Money
    total_balance: Money


class ClarificationUnknown(NotFound):
    code = "clarification-unknown"
    detail = "There is no clarification with this id."


class ClarificationResolvedAlready(Conflict):
    code = "clarification-resolved"
    detail = "This clarification has been resolved."


class Request(NamedTuple):
    """Who disputes which contract, and why."""

    contract_id: UUID
    reason: str
    detail: str | None
    opened_by: str


async def open_one(tx: Transaction, contract_id: UUID, new: NewClarification) -> Clarification:
    """Open a clarification; several may be open. ``ContractUnknown``, ``Invalid`` for an unknown instalment."""
    await lock_contract(tx, contract_id)
    disputed = sorted(set(new.instalments))
    _check_numbers("/instalments/{}", new.instalments, await tx.fetch(_INSTALMENTS, contract_id))
    [opened] = await open_many(tx, [Request(contract_id, new.reason, new.detail, new.opened_by)], disputed)
    return _clarification(opened)


async def open_many(
    tx: Transaction,
    requests: Sequence[Request],
    instalments: Collection[int] = (),
    received: Mapping[UUID, UUID] = NO_CAUSE,
) -> Sequence[Row]:
    """Open a clarification on each of these contracts, no contract twice, and tell everyone. Their rows are locked."""
    about = {
        row["contract_id"]: row for row in await tx.fetch(_SETTINGS, [request.contract_id for request in requests])
    }
    days = [about[request.contract_id]["opened_on"] for request in requests]
    deadlines = [
        jurisdictions.clarification_deadline(jurisdictions.profile(about[request.contract_id]["jurisdiction"]), day)
        for request, day in zip(requests, days, strict=True)
    ]
    contract_ids, reasons, details, openers = (list(column) for column in zip(*requests, strict=True))
    ids = [clarification_id_of(contract_id, received.get(contract_id)) for contract_id in contract_ids]
    opened = await tx.fetch(_OPEN, contract_ids, reasons, details, openers, list(instalments), days, deadlines, ids)
    positions = {
        row["contract_id"]: row
        for row in await reposition(tx, contract_ids, cause=StageCause.DAILY_RUN, events_to_follow=1, received=received)
    }
    for row in opened:
        event = ClarificationOpened(
            **position_of(positions[row["contract_id"]]),
            clarification_id=row["clarification_id"],
            reason=row["reason"],
            opened_by=row["opened_by"],
            instalments=tuple(row["instalments"]),
            deadline_on=row["deadline_on"],
        )
        tx.publish(event, cause=received.get(row["contract_id"]))
    await remember(tx, [_opened_line(row) for row in opened])
    return opened


async def resolve(tx: Transaction, clarification_id: UUID, new: NewResolution) -> Resolution:
    """End a clarification, and apply the corrected amounts.

    After ``rejected`` where the jurisdiction wants the verification sent first, contact stays stopped and the same
    clarification may be resolved again, as ``verified``. ``ClarificationUnknown``, ``ClarificationResolvedAlready``,
    ``Invalid``.
    """
    contract_id = await tx.fetchval(
        "SELECT contract_id FROM clarification WHERE clarification_id = $1", clarification_id
    )
    if contract_id is None:
        raise ClarificationUnknown()
    contract = await lock_contract(tx, contract_id)
    known = await tx.fetchrow(_READ, clarification_id)
    if known is None or not resolution_allowed(known["state"], known["contact_may_resume"], new.outcome):
        raise ClarificationResolvedAlready()
    await _correct(tx, contract_id, new)
    may_resume = new.outcome is not ClarificationOutcome.REJECTED or (
        jurisdictions.contact_may_resume_after_rejection(jurisdictions.profile(contract["jurisdiction"]))
    )
    await tx.execute(_RESOLVE, clarification_id, new.outcome, new.detail, may_resume)
    still_open = [row["clarification_id"] for row in await tx.fetch(_STILL_OPEN, contract_id, clarification_id)]
    [position] = await reposition(tx, [contract_id], cause=StageCause.REVISION, events_to_follow=1)
    tx.publish(
        ClarificationResolved(
            **position_of(position),
            clarification_id=clarification_id,
            outcome=new.outcome,
            contact_may_resume=may_resume,
            still_open=tuple(still_open),
        )
    )
    story = [_resolved_line(contract_id, clarification_id, new)]
    await remember(tx, story + await close_if_settled(tx, position))
    if new.corrections:
        await publish_whole(tx, [contract_id], ContractRevised)
    return Resolution(
        clarification_id=clarification_id,
        contract_id=contract_id,
        outcome=new.outcome,
        contact_may_resume=may_resume,
        still_open=still_open,
        overdue_balance=position["overdue_balance"],
        total_balance=position["total_balance"],
    )


async def read(reader: Reader, clarification_id: UUID) -> Clarification:
    """``ClarificationUnknown``."""
    row = await reader.fetchrow(_READ, clarification_id)
    if row is None:
        raise ClarificationUnknown()
    return _clarification(row)


async def _correct(tx: Transaction, contract_id: UUID, new: NewResolution) -> None:
    """Replace the amounts of the corrected instalments and apply the payments again."""
    if (new.outcome in CORRECTING_OUTCOMES) != bool(new.corrections):
        raise Invalid(
            "Corrections belong to upheld and partly_upheld, and these need them.",
            errors=[FieldError("/corrections", f"do not go with the outcome {new.outcome}, as they are")],
        )
    if not new.corrections:
        return
    numbers = [correction.instalment for correction in new.corrections]
    instalments = await tx.fetch(_INSTALMENTS, contract_id)
    _check_numbers("/corrections/{}/instalment", numbers, instalments)
    if len(set(numbers)) < len(numbers):
        raise Invalid("An instalment is corrected twice.", errors=[FieldError("/corrections", "one per instalment")])
    corrected = {correction.instalment: correction.amount for correction in new.corrections}
    total: Decimal = sum((corrected.get(row["number"], row["amount"]) for row in instalments), Decimal(0))
    if total > LARGEST_BALANCE:
        raise Invalid("The contract would owe too much.", errors=[FieldError("/corrections", "amounts too large")])
    await tx.execute(_CORRECT, contract_id, list(corrected.keys()), list(corrected.values()))
    await reapply_payments(tx, [contract_id])


def _check_numbers(pointer: str, numbers: Sequence[int], instalments: Sequence[Row]) -> None:
    known = {row["number"] for row in instalments}
    errors = [
        FieldError(pointer.format(position), "the contract has no instalment with this number")
        for position, number in enumerate(numbers)
        if number not in known
    ]
    if errors:
        raise Invalid("The contract does not have these instalments.", errors=errors)


def _clarification(row: Row) -> Clarification:
    return Clarification(**{name: row[name] for name in Clarification.model_fields})


def _opened_line(row: Row) -> Line:
    what = {"clarification_id": row["clarification_id"], "opened_by": row["opened_by"], "reason": row["reason"]}
    summary = f"opened by {row['opened_by']}, to be answered by {row['deadline_on']}"
    return Line(row["contract_id"], "clarification_opened", summary, what | {"instalments": row["instalments"]})


def _resolved_line(contract_id: UUID, clarification_id: UUID, new: NewResolution) -> Line:
    corrections = [{"instalment": line.instalment, "amount": f"{line.amount:.2f}"} for line in new.corrections]
    what = {"clarification_id": clarification_id, "outcome": new.outcome, "corrections": corrections}
    return Line(contract_id, "clarification_resolved", f"outcome {new.outcome}", what)
