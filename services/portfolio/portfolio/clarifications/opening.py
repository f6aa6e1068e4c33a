"""Opens clarifications. Contact about a contract stops until each of its clarifications is resolved."""

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

import jurisdictions
from chassis import Conflict, Count, FieldError, InputModel, Invalid, ShortText, Text
from pydantic import Field
from recobro_events import Row, Transaction
from recobro_events.contracts.portfolio import ClarificationOpened, StageCause

from portfolio.clarifications import queries
from portfolio.clarifications.reading import Clarification
from portfolio.ledger import limits
from portfolio.ledger.changes import Change, record_each
from portfolio.ledger.fact_identities import clarification_id_of
from portfolio.ledger.history import Line
from portfolio.ledger.locking import lock_contract


class OpenedBy(StrEnum):
    DEBTOR = "debtor"
    AGENT = "agent"
    VISITOR = "visitor"
    CREDITOR = "creditor"


OPENED_BY_DIALER = "dialer"


class NewClarification(InputModel):
    """``instalments`` holds the numbers of the disputed instalments; none means all. The silence covers the contract.

    ``again``: this is another dispute than the open one with the same reason. ``clarification_id`` is for one that is
    entered again after a restore: the id that its first entry had.
    """

    reason: ShortText
    detail: Text | None = None
    opened_by: OpenedBy
    instalments: list[Count] = Field(default_factory=list, max_length=1000)
    again: bool = False
    clarification_id: UUID | None = None


class ClarificationExists(Conflict):
    code = "clarification-exists"
    detail = (
        "An open clarification of this contract has the same reason and covers these instalments. If this is another"
        ' dispute, send it with "again": true.'
    )


class ClarificationKnown(Conflict):
    code = "clarification-known"
    detail = "There is a clarification with this id already."


class TooManyClarifications(Conflict):
    code = "too-many-clarifications"
    detail = f"{limits.SILENCING_CLARIFICATIONS} clarifications stop contact about this contract. Resolve one first."


class Request(NamedTuple):
    """A dispute of a contract. In a consumer ``received`` is the id of the event that reported the dispute.

    ``entered_id`` is the id of a dispute that is entered again.
    """

    contract_id: UUID
    reason: str
    detail: str | None
    opened_by: str
    received: UUID | None = None
    entered_id: UUID | None = None


async def open_one(tx: Transaction, contract_id: UUID, new: NewClarification) -> Clarification:
    """Open a clarification; several different ones may be open at once.

    Raises ``ContractUnknown``, ``ClarificationExists``, ``ClarificationKnown``, ``TooManyClarifications``, and
    ``Invalid`` for an unknown instalment.
    """
    await lock_contract(tx, contract_id, staging_cause=StageCause.CATCH_UP)
    disputed = sorted(set(new.instalments))
    check_instalments("/instalments/{}", new.instalments, await tx.fetch(queries.INSTALMENTS, contract_id))
    for row in await tx.fetch(queries.SILENCING, [contract_id]):
        if row["silencing"] >= limits.SILENCING_CLARIFICATIONS:
            raise TooManyClarifications()
    if new.clarification_id is not None and await tx.fetchval(queries.CONTRACT_OF, new.clarification_id) is not None:
        raise ClarificationKnown(extra={"clarification_id": new.clarification_id})
    same = await tx.fetchval(queries.SAME, contract_id, new.reason, disputed)
    if same is not None and not new.again:
        raise ClarificationExists(extra={"clarification_id": same})
    request = Request(contract_id, new.reason, new.detail, new.opened_by, entered_id=new.clarification_id)
    [opened] = await _open(tx, [request], disputed)
    return Clarification.of(opened)


async def open_requested(tx: Transaction, requests: Sequence[Request]) -> None:
    """Open a clarification for each request. No contract may occur twice; the contracts' rows are locked.

    A request is ignored while a clarification of the whole contract with the same reason is open, and while the
    contract has as many as it may have: contact about it has stopped already.
    """
    contract_ids = [request.contract_id for request in requests]
    rows = await tx.fetch(queries.DISPUTED, contract_ids, [request.reason for request in requests])
    disputed = {row["contract_id"] for row in rows}
    silencing = {row["contract_id"]: row["silencing"] for row in await tx.fetch(queries.SILENCING, contract_ids)}
    new = [
        one
        for one in requests
        if one.contract_id not in disputed and silencing.get(one.contract_id, 0) < limits.SILENCING_CLARIFICATIONS
    ]
    if new:
        await _open(tx, new)


async def _open(tx: Transaction, requests: Sequence[Request], instalments: Collection[int] = ()) -> Sequence[Row]:
    settings = await tx.fetch(queries.SETTINGS, [request.contract_id for request in requests])
    settings_of = {row["contract_id"]: row for row in settings}
    days = [settings_of[request.contract_id]["opened_on"] for request in requests]
    profiles = [jurisdictions.profile(settings_of[request.contract_id]["jurisdiction"]) for request in requests]
    deadlines = list(map(jurisdictions.clarification_deadline, profiles, days))
    near = list(map(jurisdictions.clarification_warning, profiles, deadlines))
    contract_ids, reasons, details, openers, received, given = (list(column) for column in zip(*requests, strict=True))
    made = map(clarification_id_of, contract_ids, received)
    ids = [entered_id or new_id for entered_id, new_id in zip(given, made, strict=True)]
    opened = await tx.fetch(
        queries.OPEN, contract_ids, reasons, details, openers, list(instalments), days, deadlines, near, ids
    )
    caused_by = dict(zip(contract_ids, received, strict=True))
    changes = [Change(partial(_event, row), _line(row), caused_by[row["contract_id"]]) for row in opened]
    await record_each(tx, StageCause.CATCH_UP, changes)
    return opened


def _event(row: Row, fields: Mapping[str, Any]) -> ClarificationOpened:
    return ClarificationOpened(
        **fields,
        clarification_id=row["clarification_id"],
        reason=row["reason"],
        opened_by=row["opened_by"],
        instalments=tuple(row["instalments"]),
        deadline_on=row["deadline_on"],
    )


def check_instalments(pointer: str, numbers: Sequence[int], instalments: Sequence[Row]) -> None:
    known = {row["number"] for row in instalments}
    errors = [
        FieldError(pointer.format(position), "is not an instalment of this contract")
        for position, number in enumerate(numbers)
        if number not in known
    ]
    if errors:
        raise Invalid("The contract does not have these instalments.", errors=errors)


def _line(row: Row) -> Line:
    data = {"clarification_id": row["clarification_id"], "opened_by": row["opened_by"], "reason": row["reason"]}
    summary = f"opened by {row['opened_by']}, deadline {row['deadline_on']}"
    return Line(row["contract_id"], "clarification_opened", summary, data | {"instalments": row["instalments"]})
