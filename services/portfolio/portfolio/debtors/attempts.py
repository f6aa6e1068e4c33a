"""Attempts of the creditor's own people to reach a debtor, before an agency collects.

A call counts for the limits of call frequency, the ladder and the segments as a dialer's call does. Calls and messages
together decide placement rules that wait for attempts. What the debtor said beside the outcome is entered by the routes
of promises, disputes, statuses and contact points.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Self
from uuid import UUID

from chassis import (
    Conflict,
    ContractUnknown,
    FieldError,
    InputModel,
    Invalid,
    Moment,
    OutputModel,
    Page,
    PageQuery,
    Reader,
    Text,
    clock,
    page,
)
from pydantic import model_validator
from recobro_events import Transaction
from recobro_events.contracts.portfolio import AttemptMade, StageCause

from portfolio.debtors import attempts_queries as queries
from portfolio.ledger import history
from portfolio.ledger.actors import ActorOfChange
from portfolio.ledger.history import Line
from portfolio.ledger.locking import lock_contract, lock_for_changes
from portfolio.strategy import judging

ENTERED_WITHIN = timedelta(days=7)
"""An attempt is entered at most so long after it was made. The caps count attempts of seven days."""
_CLOCKS_DIFFER = timedelta(minutes=5)
MOST_A_DAY = 50
"""Attempts of one contract on one business date. More are a program's mistake."""


class Channel(StrEnum):
    CALL = "call"
    MESSAGE = "message"


class AttemptOutcome(StrEnum):
    """How an attempt ended. ``sent`` and ``answered`` are a message's, the others a call's."""

    RIGHT_PARTY = "right_party"
    REFUSED = "refused"
    THIRD_PARTY = "third_party"
    WRONG_NUMBER = "wrong_number"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    VOICEMAIL = "voicemail"
    FAILED = "failed"
    SENT = "sent"
    ANSWERED = "answered"


_OF_MESSAGES = frozenset({AttemptOutcome.SENT, AttemptOutcome.ANSWERED})
_WITH_THE_DEBTOR = frozenset({AttemptOutcome.RIGHT_PARTY, AttemptOutcome.REFUSED, AttemptOutcome.ANSWERED})


class NewAttempt(InputModel):
    """``made_at`` is now by default. ``note`` is for colleagues; events and history do not have it.

    ``permit_id``: the permit of dialer-feed by which the call was made. It is kept as it is given.
    """

    channel: Channel
    outcome: AttemptOutcome
    made_at: Moment | None = None
    permit_id: UUID | None = None
    note: Text | None = None


class EnteredAttempt(NewAttempt):
    """An attempt that is entered again after a restore states the ``attempt_id`` and ``same_as`` that it had."""

    attempt_id: UUID | None = None
    same_as: UUID | None = None

    @model_validator(mode="after")
    def _is_entered_again(self) -> Self:
        if self.same_as is not None and self.attempt_id is None:
            raise ValueError("must have an attempt_id where it has same_as")
        return self


class Attempt(OutputModel):
    """``business_date`` is the day on which the attempt counts. ``right_party``: the debtor was reached."""

    attempt_id: UUID
    contract_id: UUID
    channel: Channel
    outcome: AttemptOutcome
    right_party: bool
    made_at: datetime
    business_date: date
    note: str | None
    permit_id: UUID | None
    recorded_at: datetime
    actor: ActorOfChange


class TooManyAttempts(Conflict):
    code = "too-many-attempts"
    detail = f"{MOST_A_DAY} attempts of this contract are entered for this day. No more can be added."


class AttemptKnown(Conflict):
    code = "attempt-known"
    detail = "There is an attempt with this id already."


async def enter(tx: Transaction, contract_id: UUID, new: EnteredAttempt) -> Attempt:
    """Record an attempt as ``add`` does. Raises also ``AttemptKnown``."""
    made = NewAttempt.model_validate(new.model_dump(exclude={"attempt_id", "same_as"}))
    return await add(tx, contract_id, made, same_as=new.same_as, attempt_id=new.attempt_id)


async def add_for_all(tx: Transaction, contract_ids: Sequence[UUID], new: NewAttempt) -> Attempt:
    """Record one call or message about several contracts of a person. Returns the attempt on the first contract.

    Each contract has its attempt. Those after the first name the first one, so that caps count them once; only the
    first has the note and the permit. Raises as ``add``.
    """
    await lock_for_changes(tx, contract_ids)
    first = await add(tx, contract_ids[0], new)
    for contract_id in contract_ids[1:]:
        await add(tx, contract_id, new.model_copy(update={"note": None, "permit_id": None}), same_as=first.attempt_id)
    return first


async def add(
    tx: Transaction,
    contract_id: UUID,
    new: NewAttempt,
    *,
    same_as: UUID | None = None,
    attempt_id: UUID | None = None,
) -> Attempt:
    """Record an attempt and publish it. A silenced contract's too: what has happened is kept.

    ``attempt_id`` is the id of an attempt that is entered again, however long ago it was made. Services that have its
    event know it by this id, and count it once.

    Raises ``ContractUnknown``, ``AttemptKnown``, ``TooManyAttempts``, and ``Invalid`` for an outcome of the other
    channel, a permit of a message, or a time that is ahead or more than 7 days ago.
    """
    if (new.outcome in _OF_MESSAGES) != (new.channel is Channel.MESSAGE):
        raise Invalid(
            "The outcome is not one of this channel.",
            errors=[FieldError("/outcome", "sent and answered are outcomes of a message, the others of a call")],
        )
    if new.permit_id is not None and new.channel is Channel.MESSAGE:
        raise Invalid("Only a call has a permit.", errors=[FieldError("/permit_id", "belongs to a call")])
    now = clock.now()
    made_at = new.made_at or now
    is_old = made_at < now - ENTERED_WITHIN and attempt_id is None
    if is_old or made_at > now + _CLOCKS_DIFFER:
        raise Invalid(
            "An attempt is entered within 7 days.",
            errors=[FieldError("/made_at", "must lie within the last 7 days, and not ahead")],
        )
    await lock_contract(tx, contract_id, staging_cause=StageCause.CATCH_UP)
    if attempt_id is not None and await tx.fetchval(queries.ATTEMPT_EXISTS, attempt_id):
        raise AttemptKnown(extra={"attempt_id": attempt_id})
    right_party = new.outcome in _WITH_THE_DEBTOR
    about = (contract_id, new.channel, new.outcome, right_party, made_at, new.note)
    added = await tx.fetchrow(queries.ADD_ATTEMPT, *about, MOST_A_DAY, same_as, new.permit_id, attempt_id)
    if added is None:
        raise TooManyAttempts()
    row = dict(added)
    tx.publish(AttemptMade(**{name: row[name] for name in AttemptMade.model_fields if name in row}))
    await history.record(tx, [_line(row)])
    if new.channel is Channel.CALL:
        await judging.keep_own_call(tx, contract_id, made_at, new.outcome, right_party=right_party)
    return Attempt.model_validate(row)


def _line(row: Mapping[str, Any]) -> Line:
    data = {name: row[name] for name in ("attempt_id", "channel", "outcome")}
    data |= {"permit_id": row["permit_id"]} if row["permit_id"] else {}
    data["made_at"] = row["made_at"].isoformat()
    return Line(row["contract_id"], "attempt", f"{row['channel']}: {row['outcome']}", data)


async def listed(reader: Reader, contract_id: UUID, query: PageQuery) -> Page[Any]:
    """Return a page of the contract's attempts in the order of entry. Raises ``ContractUnknown``."""
    if not await reader.fetchval(queries.CONTRACT_EXISTS, contract_id):
        raise ContractUnknown()
    rows = await reader.fetch(queries.ATTEMPTS[query.order], contract_id, query.after(UUID), query.limit + 1)
    return page(rows, query, key=lambda row: (row["attempt_id"],))
