"""What an operator does with a person: notes, the outcome, another time, and the question to a supervisor."""

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from chassis import Conflict, FieldError, InputModel, Invalid, Moment, Principal, Text, clock
from recobro_events import Row, Transaction

from portfolio import metrics
from portfolio.debtors import attempts
from portfolio.debtors.attempts import AttemptOutcome, NewAttempt
from portfolio.desk import items, items_queries, queries
from portfolio.desk.items import DeskItem, ItemState
from portfolio.ledger import history

LATEST = timedelta(days=90)
RELEASED_FOR = timedelta(minutes=30)
MOST_NOTES = 50


class NewNote(InputModel):
    """For colleagues. Events and the history do not have it."""

    note: Text


class Outcome(NewAttempt):
    """How the call or message ended. It is an attempt on each contract of the item, and the caps count it once.

    The person is given again on the next day, or at ``again_at``.
    """

    again_at: Moment | None = None


class Rescheduling(InputModel):
    """Nobody gets the person before ``again_at``, at most 90 days ahead."""

    again_at: Moment
    reason: Text | None = None


class Escalation(InputModel):
    reason: Text


class Verdict(StrEnum):
    BACK = "back"
    DONE = "done"


class EscalationDecision(InputModel):
    """``back``: the person may be given at once. ``done``: on the next day at the earliest, or at ``again_at``."""

    decision: Verdict
    note: Text | None = None
    again_at: Moment | None = None


class ItemEnded(Conflict):
    code = "desk-item-ended"
    detail = "This item has ended. Ask for the next person."


class NotEscalated(Conflict):
    code = "not-escalated"
    detail = "This item does not wait for a supervisor."


class TooManyNotes(Conflict):
    code = "too-many-notes"
    detail = f"This item has {MOST_NOTES} notes. No more can be added."


async def note(tx: Transaction, who: Principal, item_id: UUID, new: NewNote) -> DeskItem:
    """Keep a note about the person. Raises ``ItemUnknown``, ``OfAnotherOperator``, ``TooManyNotes``."""
    row = items.refuse_others(who, await tx.fetchrow(items_queries.LOCK_ITEM, item_id))
    if await tx.fetchval(items_queries.COUNT_NOTES, item_id) >= MOST_NOTES:
        raise TooManyNotes()
    await tx.execute(items_queries.ADD_NOTE, row["person_id"], item_id, new.note)
    return await items.shown(tx, row)


async def finish(tx: Transaction, who: Principal, item_id: UUID, outcome: Outcome) -> DeskItem:
    """Enter how the attempt ended, on every contract of the item. What has happened is kept, silence or not.

    Raises ``ItemUnknown``, ``OfAnotherOperator``, ``ItemEnded``, and what ``attempts.add`` raises.
    """
    row = await _given(tx, who, item_id)
    again_at = _checked(outcome.again_at)
    made = NewAttempt.model_validate(outcome.model_dump(exclude={"again_at"}))
    # The first is what the caps count: the most valuable one.
    ids = [one["contract_id"] for one in await tx.fetch(queries.CONTRACTS, row["contract_ids"])]
    first = await attempts.add_for_all(tx, ids, made)
    ended = await _end(tx, row, ItemState.WORKED, outcome=outcome.outcome, right_party=first.right_party)
    await tx.execute(items_queries.REST, row["person_id"], again_at or await _tomorrow(tx, row))
    return await items.shown(tx, ended)


async def reschedule(tx: Transaction, who: Principal, item_id: UUID, new: Rescheduling) -> DeskItem:
    """Let the person rest. Raises ``ItemUnknown``, ``OfAnotherOperator``, ``ItemEnded``, ``Invalid``."""
    row = await _given(tx, who, item_id)
    again_at = _checked(new.again_at)
    await tx.execute(items_queries.REST, row["person_id"], again_at)
    await history.record_each(
        tx,
        row["contract_ids"],
        "desk_rescheduled",
        f"not before {new.again_at}",
        {"again_at": new.again_at.isoformat()},
    )
    return await items.shown(tx, await _end(tx, row, ItemState.RESCHEDULED, reason=new.reason))


async def escalate(tx: Transaction, who: Principal, item_id: UUID, new: Escalation) -> DeskItem:
    """Ask a supervisor. Nobody gets the person until then. Raises as ``reschedule``."""
    row = await _given(tx, who, item_id)
    await history.record_each(tx, row["contract_ids"], "desk_escalated", "waits for a supervisor", {})
    return await items.shown(tx, await _end(tx, row, ItemState.ESCALATED, reason=new.reason))


async def release(tx: Transaction, who: Principal, item_id: UUID) -> DeskItem:
    """Give the person back. The worklist gives others first. Raises as ``reschedule``."""
    row = await _given(tx, who, item_id)
    await tx.execute(items_queries.REST, row["person_id"], clock.now() + RELEASED_FOR)
    return await items.shown(tx, await _end(tx, row, ItemState.RELEASED))


async def decide(tx: Transaction, who: Principal, item_id: UUID, new: EscalationDecision) -> DeskItem:
    """Decide about a person who was escalated. Raises ``SupervisorNeeded``, ``ItemUnknown``, ``NotEscalated``."""
    if not items.supervises(who):
        raise items.SupervisorNeeded()
    row = items.refuse_others(who, await tx.fetchrow(items_queries.LOCK_ITEM, item_id))
    if row["state"] != ItemState.ESCALATED:
        raise NotEscalated()
    again_at = _checked(new.again_at)
    decided = await tx.fetchrow(items_queries.DECIDE, item_id, new.decision, clock.now())
    assert decided is not None
    if new.note is not None:
        await tx.execute(items_queries.ADD_NOTE, row["person_id"], item_id, new.note)
    if again_at is not None or new.decision is Verdict.DONE:
        await tx.execute(items_queries.REST, row["person_id"], again_at or await _tomorrow(tx, row))
    await history.record_each(
        tx, row["contract_ids"], "desk_decided", f"a supervisor decided: {new.decision}", {"decision": new.decision}
    )
    return await items.shown(tx, decided)


async def _given(tx: Transaction, who: Principal, item_id: UUID) -> Row:
    """The item, which its operator has. After its 30 minutes too, while nobody has asked for another person."""
    row = items.refuse_others(who, await tx.fetchrow(items_queries.LOCK_ITEM, item_id))
    if row["state"] != ItemState.GIVEN:
        raise ItemEnded()
    return row


async def _end(
    tx: Transaction,
    row: Row,
    state: ItemState,
    *,
    outcome: AttemptOutcome | None = None,
    right_party: bool | None = None,
    reason: str | None = None,
) -> Row:
    ended = await tx.fetchrow(items_queries.END, row["item_id"], state, clock.now(), outcome, right_party, reason)
    assert ended is not None
    tx.after_commit(lambda: metrics.DESK_ITEMS.labels(state).inc())
    return ended


def _checked(again_at: datetime | None) -> datetime | None:
    now = clock.now()
    if again_at is not None and not now < again_at <= now + LATEST:
        raise Invalid(
            "The person cannot be given then.",
            errors=[FieldError("/again_at", "must lie ahead, and at most 90 days")],
        )
    return again_at


async def _tomorrow(tx: Transaction, row: Row) -> datetime:
    found: datetime = await tx.fetchval(items_queries.TOMORROW, row["contract_ids"][0], clock.now())
    return found
