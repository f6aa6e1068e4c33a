"""Disputes: contact about the contract stops until each of them is resolved."""

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

import jurisdictions
from chassis import Count, FieldError, InputModel, Invalid, ShortText, Text
from pydantic import Field
from recobro_events import Row, Transaction
from recobro_events.contracts.portfolio import (
    ClarificationOpened,
    StageCause,
)

from portfolio.clarifications import queries
from portfolio.clarifications.reading import Clarification
from portfolio.ledger.history import Line, remember
from portfolio.ledger.identities import clarification_id_of
from portfolio.ledger.locking import lock_contract
from portfolio.ledger.positions import NO_CAUSE, position_of, reposition


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
    check_instalments("/instalments/{}", new.instalments, await tx.fetch(queries.INSTALMENTS, contract_id))
    [opened] = await open_many(tx, [Request(contract_id, new.reason, new.detail, new.opened_by)], disputed)
    return Clarification.of(opened)


async def open_many(
    tx: Transaction,
    requests: Sequence[Request],
    instalments: Collection[int] = (),
    received: Mapping[UUID, UUID] = NO_CAUSE,
) -> Sequence[Row]:
    """Open a clarification on each of these contracts, no contract twice, and tell everyone. Their rows are locked."""
    settings = await tx.fetch(queries.SETTINGS, [request.contract_id for request in requests])
    about = {row["contract_id"]: row for row in settings}
    days = [about[request.contract_id]["opened_on"] for request in requests]
    deadlines = [
        jurisdictions.clarification_deadline(jurisdictions.profile(about[request.contract_id]["jurisdiction"]), day)
        for request, day in zip(requests, days, strict=True)
    ]
    contract_ids, reasons, details, openers = (list(column) for column in zip(*requests, strict=True))
    ids = [clarification_id_of(contract_id, received.get(contract_id)) for contract_id in contract_ids]
    opened = await tx.fetch(
        queries.OPEN, contract_ids, reasons, details, openers, list(instalments), days, deadlines, ids
    )
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


def check_instalments(pointer: str, numbers: Sequence[int], instalments: Sequence[Row]) -> None:
    known = {row["number"] for row in instalments}
    errors = [
        FieldError(pointer.format(position), "the contract has no instalment with this number")
        for position, number in enumerate(numbers)
        if number not in known
    ]
    if errors:
        raise Invalid("The contract does not have these instalments.", errors=errors)


def _opened_line(row: Row) -> Line:
    what = {"clarification_id": row["clarification_id"], "opened_by": row["opened_by"], "reason": row["reason"]}
    summary = f"opened by {row['opened_by']}, to be answered by {row['deadline_on']}"
    return Line(row["contract_id"], "clarification_opened", summary, what | {"instalments": row["instalments"]})
