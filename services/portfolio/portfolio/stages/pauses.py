"""Pauses: days on which the delinquency clock stands still."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from chassis import Conflict, Day, FieldError, InputModel, Invalid, NotFound, OutputModel, Text
from recobro_events import Row, Transaction
from recobro_events.contracts.portfolio import ContractPaused, ContractResumed, ContractState, Stage, StageCause

from portfolio.ledger import limits
from portfolio.ledger.changes import record
from portfolio.ledger.history import Line
from portfolio.ledger.locking import lock_contract
from portfolio.stages import queries


class NewPause(InputModel):
    """The first and the last paused day. Without ``ends_on`` the pause lasts until somebody ends it.

    ``pause_id`` is for one that is entered again after a restore: the id that its first entry had.
    """

    reason: Text
    starts_on: Day
    ends_on: Day | None = None
    pause_id: UUID | None = None


class PauseEnd(InputModel):
    """The last paused day, by default the business date. Without a day, a pause that has not begun is called off."""

    ends_on: Day | None = None


class PauseOutcome(OutputModel):
    """The pause, and the contract's position with it. A pause that ends before it starts was called off."""

    pause_id: UUID
    contract_id: UUID
    reason: str
    starts_on: date
    ends_on: date | None
    created_at: datetime
    stage: Stage
    days_past_due: int


class PauseUnknown(NotFound):
    code = "pause-unknown"
    detail = "There is no pause with this id."


class PauseOverlaps(Conflict):
    code = "pause-overlap"
    detail = "The contract is paused on some of these days already."


class PauseEnded(Conflict):
    code = "pause-ended"
    detail = "This pause has ended already."


class PauseOfScope(Conflict):
    code = "pause-of-scope"
    detail = "This pause is one of a person, a portfolio or a postal code. End that one."


class PauseKnown(Conflict):
    code = "pause-known"
    detail = "There is a pause with this id already."


class TooManyPauses(Conflict):
    code = "too-many-pauses"
    detail = f"The contract has had {limits.PAUSES} pauses. No more can be added."


class ContractIsClosed(Conflict):
    code = "contract-closed"
    detail = "The contract is closed."


async def start(tx: Transaction, contract_id: UUID, new: NewPause) -> PauseOutcome:
    """Pause a contract. Paused days in the past restage the contract at once.

    Raises ``ContractUnknown``, ``ContractIsClosed``, ``PauseKnown``, ``PauseOverlaps``, ``TooManyPauses``, and
    ``Invalid`` for a pause that would end before it starts.
    """
    contract = await lock_contract(tx, contract_id)
    if new.pause_id is not None and await tx.fetchval(queries.CONTRACT_OF_PAUSE, new.pause_id) is not None:
        raise PauseKnown(extra={"pause_id": new.pause_id})
    if new.ends_on is not None and new.ends_on < new.starts_on:
        raise Invalid("The pause would end before it starts.", errors=[FieldError("/ends_on", "is before starts_on")])
    if contract["state"] != ContractState.OPEN:
        raise ContractIsClosed()
    if overlapping := await tx.fetchrow(queries.OVERLAPPING_PAUSE, contract_id, new.starts_on, new.ends_on):
        raise PauseOverlaps(extra={"pause_id": overlapping["pause_id"]})
    if await tx.fetchval(queries.COUNT_PAUSES, contract_id) >= limits.PAUSES:
        raise TooManyPauses()
    pause = await tx.fetchrow(queries.START_PAUSE, contract_id, new.reason, new.starts_on, new.ends_on, new.pause_id)
    return await _publish_change(tx, pause, ContractPaused, "paused")


async def end(tx: Transaction, pause_id: UUID, new: PauseEnd) -> PauseOutcome:
    """Give a pause its last day. A pause can become shorter, never longer. The day before ``starts_on`` calls it off.

    Raises ``PauseUnknown``, ``PauseOfScope``, ``PauseEnded`` when the last day is past, and ``Invalid`` for a day
    outside the pause.
    """
    contract_id = await tx.fetchval(queries.CONTRACT_OF_PAUSE, pause_id)
    if contract_id is None:
        raise PauseUnknown()
    contract = await lock_contract(tx, contract_id)
    pause = await tx.fetchrow(queries.PAUSE, pause_id)
    assert pause is not None
    if pause["scoped_pause_id"] is not None:
        raise PauseOfScope(extra={"scoped_pause_id": pause["scoped_pause_id"]})
    if pause["ends_on"] is not None and pause["ends_on"] < max(contract["business_date"], pause["starts_on"]):
        raise PauseEnded()
    ended = await tx.fetchrow(queries.END_PAUSE, pause_id, last_day(pause, new.ends_on, contract["business_date"]))
    return await _publish_change(tx, ended, ContractResumed, "resumed")


def last_day(pause: Row, wanted: date | None, business_date: date) -> date:
    never: date = pause["starts_on"] - timedelta(days=1)
    if wanted is None:
        return max(never, business_date)
    if wanted < never or (pause["ends_on"] is not None and wanted > pause["ends_on"]):
        bounds = f"must not be before {never}"
        if pause["ends_on"] is not None:
            bounds += f" or after {pause['ends_on']}"
        raise Invalid("The new end is outside the pause.", errors=[FieldError("/ends_on", bounds)])
    return wanted


async def _publish_change(
    tx: Transaction, pause: Row | None, event_type: type[ContractPaused] | type[ContractResumed], kind: str
) -> PauseOutcome:
    """Restage the contract and publish the event. The pause takes the version of its event."""
    assert pause is not None
    days: dict[str, Any] = {name: pause[name] for name in ("pause_id", "starts_on", "ends_on")}
    summary = f"{kind}: {pause['starts_on']} to {pause['ends_on'] or 'open end'}"
    position = await record(
        tx,
        StageCause.PAUSE,
        lambda fields: event_type(**fields, **days, pause_version=fields["version"]),
        Line(pause["contract_id"], kind, summary, days | {"reason": pause["reason"]}),
    )
    await tx.execute(queries.SET_PAUSE_VERSION, pause["pause_id"], position["version"])
    known = {name: pause[name] for name in PauseOutcome.model_fields if name not in {"stage", "days_past_due"}}
    return PauseOutcome(**known, stage=position["stage"], days_past_due=position["days_past_due"])
