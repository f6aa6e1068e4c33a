"""Reading who is with which operator, what may be worked, and what operators achieved."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from chassis import Forbidden, NotFound, OutputModel, Page, PageQuery, Principal, Reader, ShortText, clock, page
from chassis.second_person import roles_of
from recobro_events import Money, MoneyTotal, Row
from recobro_events.contracts.portfolio import ApproachStep, Stage

from portfolio.debtors.attempts import AttemptOutcome
from portfolio.desk import items_queries, queries
from portfolio.ladder.conditions import Allows
from portfolio.ledger.actors import ActorOfChange

SUPERVISOR = "supervisor"


class ItemState(StrEnum):
    """``given``: with the operator. ``worked``: an outcome is entered. ``expired``: the 30 minutes were over.

    ``escalated`` waits for a supervisor, and is ``decided`` then. ``released``: the operator gave the person back.
    ``taken_back``: a silence took the person back.
    """

    GIVEN = "given"
    WORKED = "worked"
    RESCHEDULED = "rescheduled"
    ESCALATED = "escalated"
    DECIDED = "decided"
    RELEASED = "released"
    EXPIRED = "expired"
    TAKEN_BACK = "taken_back"


class DeskContract(OutputModel):
    """A contract of the item. ``silences`` are the reasons why it must not be worked now; empty: it may.

    ``expected_value`` is ``overdue_balance`` × ``cure_rate``: the share of the contracts of its segment and age that
    are current again. ``cure_rate_of`` is of how many contracts; null: too few are known, and the usual rate of the age
    stands. ``allows`` is what the contract's step allows; at one that allows neither calls nor messages nobody works.
    """

    contract_id: UUID
    contract_number: str
    portfolio_id: UUID
    debtor_name: str
    stage: Stage
    step: ApproachStep | None
    allows: Allows
    segment: str | None
    debt_age_days: int | None
    overdue_balance: Money
    total_balance: Money
    currency: str
    cure_rate: Decimal
    cure_rate_of: int | None
    expected_value: Money
    silences: list[str]


class DeskNote(OutputModel):
    note: str
    noted_at: datetime
    actor: ActorOfChange


class ItemHead(OutputModel):
    """An item in a list."""

    item_id: UUID
    worklist_id: UUID
    person_id: UUID
    operator: str
    state: ItemState
    expected_value: MoneyTotal
    given_at: datetime
    until: datetime
    ended_at: datetime | None
    outcome: AttemptOutcome | None
    reason: str | None
    decision: str | None


class DeskItem(ItemHead):
    """A person with an operator. Until ``until`` nobody else gets the person.

    A given item of which no contract may be worked any more is ``taken_back``. ``notes`` are the latest 20 of
    colleagues.
    """

    decided_by: ActorOfChange
    contracts: list[DeskContract]
    notes: list[DeskNote]


class Productivity(OutputModel):
    """What an operator did with the items that were given in the period.

    ``contacts``: the debtor was reached. ``minutes_an_item`` is the mean of items that were worked to an end. ``paid``
    counts items with an outcome of whose contracts money arrived from then to seven days after.
    """

    operator: str
    items: int
    attempts: int
    contacts: int
    rescheduled: int
    escalated: int
    released: int
    expired: int
    taken_back: int
    minutes_an_item: float | None
    paid: int


@dataclass(frozen=True)
class ItemFilter:
    """The filter of the list. An item must match every given field."""

    operator: ShortText | None = None
    state: ItemState | None = None
    worklist_id: UUID | None = None


class ItemUnknown(NotFound):
    code = "desk-item-unknown"
    detail = "There is no item of the desk with this id."


class OfAnotherOperator(Forbidden):
    code = "of-another-operator"
    detail = "Another operator has this person. A supervisor may see and end it."


class SupervisorNeeded(Forbidden):
    code = "supervisor-needed"
    detail = "Only a supervisor may decide this."


def supervises(who: Principal) -> bool:
    return SUPERVISOR in roles_of(who)


def refuse_others(who: Principal, row: Row | None) -> Row:
    """The item, if it is the caller's own or the caller supervises. Raises ``ItemUnknown``, ``OfAnotherOperator``."""
    if row is None:
        raise ItemUnknown()
    if row["operator"] != who.actor and not supervises(who):
        raise OfAnotherOperator()
    return row


async def read(reader: Reader, who: Principal, item_id: UUID) -> DeskItem:
    """Return an item as it stands now. Raises ``ItemUnknown``, ``OfAnotherOperator``."""
    return await shown(reader, refuse_others(who, await reader.fetchrow(items_queries.ITEM, item_id)))


async def shown(reader: Reader, row: Row) -> DeskItem:
    """The item with its contracts as they stand now."""
    found = await reader.fetch(queries.CONTRACTS, row["contract_ids"])
    contracts = [DeskContract.model_validate({**one, "allows": one["allows"] or {}}) for one in found]
    notes = await reader.fetch(items_queries.NOTES, row["person_id"], row["contract_ids"])
    fields = {name: row[name] for name in DeskItem.model_fields if name not in ("contracts", "notes", "state")}
    return DeskItem(
        **fields,
        state=_state(row, any(not one.silences for one in contracts)),
        contracts=contracts,
        notes=[DeskNote.model_validate(dict(note)) for note in notes],
    )


def _state(row: Row, workable: bool) -> ItemState:
    if row["state"] != ItemState.GIVEN:
        return ItemState(row["state"])
    if row["until"] <= clock.now():
        return ItemState.EXPIRED
    return ItemState.GIVEN if workable else ItemState.TAKEN_BACK


async def listed(reader: Reader, who: Principal, wanted: ItemFilter, query: PageQuery) -> Page[Any]:
    """Return a page of items in the order of giving: all for a supervisor, else one's own."""
    operator = wanted.operator if supervises(who) else who.actor
    if wanted.operator not in (None, operator):
        raise OfAnotherOperator()
    statement = items_queries.ITEMS[query.order]
    rows = await reader.fetch(statement, operator, wanted.state, wanted.worklist_id, query.after(UUID), query.limit + 1)
    return page(rows, query, key=lambda row: (row["item_id"],))


async def productivity(reader: Reader, who: Principal, first: date, last: date) -> list[Productivity]:
    """Return what each operator did, or one's own figures for who is no supervisor. Days are UTC days."""
    rows = await reader.fetch(items_queries.PRODUCTIVITY, first, last, None if supervises(who) else who.actor)
    return [Productivity.model_validate(dict(row)) for row in rows]
