"""Worklists: who should be worked, as data. Each holds the people whose contracts meet its conditions.

``filling`` fills them. Between fillings a worklist may hold people who no longer belong there: whoever is given is
looked at anew.
"""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from chassis import (
    Conflict,
    Distinct,
    FieldError,
    InputModel,
    Invalid,
    NotFound,
    OutputModel,
    Page,
    PageQuery,
    Reader,
    ShortText,
    clock,
    page,
)
from pydantic import Field
from recobro_events import MoneyTotal, Row, Transaction

from portfolio.desk import items_queries
from portfolio.desk.conditions import WorklistConditions
from portfolio.ledger.actors import ActorOfChange

MOST_WORKLISTS = 200


class NewWorklist(InputModel):
    """``portfolio_ids`` limit it to these portfolios. Values of several currencies are compared as they stand."""

    name: ShortText
    when: WorklistConditions
    portfolio_ids: Distinct[Annotated[tuple[UUID, ...], Field(min_length=1, max_length=100)]] | None = None


class WorklistChange(InputModel):
    """What is left out stays. An ``active`` worklist gives people; one that is not keeps what was done."""

    name: ShortText | None = None
    when: WorklistConditions | None = None
    active: bool | None = None


class Worklist(OutputModel):
    """``people`` waited when it was filled last, at ``filled_at``, and ``given`` are with operators now.

    ``expected_value`` is what all of them are expected to pay. ``filling``: it is being filled anew; ``filled_at`` is
    null before the first time.
    """

    worklist_id: UUID
    name: str
    portfolio_ids: list[UUID] | None
    when: WorklistConditions
    active: bool
    people: int
    expected_value: MoneyTotal
    given: int
    filled_at: datetime | None
    filling: bool
    created_at: datetime
    changed_by: ActorOfChange


class WaitingPerson(OutputModel):
    """A person of a worklist. ``given_to`` is the operator who has the person now; nobody else gets the person.

    ``not_before``: when the person may be given again.
    """

    person_id: UUID
    contracts: int
    expected_value: MoneyTotal
    overdue_balance: MoneyTotal
    given_to: str | None
    not_before: datetime | None


class WorklistUnknown(NotFound):
    code = "worklist-unknown"
    detail = "There is no worklist with this id."


class WorklistKnown(Conflict):
    code = "worklist-known"
    detail = "There is an active worklist with this name already."


class TooManyWorklists(Conflict):
    code = "too-many-worklists"
    detail = f"There are {MOST_WORKLISTS} active worklists. No more can be added."


async def add(tx: Transaction, new: NewWorklist) -> Worklist:
    """Add a worklist, to be filled in the background. Raises ``WorklistKnown``, ``TooManyWorklists``, ``Invalid``."""
    ids = None if new.portfolio_ids is None else list(new.portfolio_ids)
    if ids and await tx.fetchval(items_queries.UNKNOWN_PORTFOLIOS, ids):
        raise Invalid("A portfolio is unknown.", errors=[FieldError("/portfolio_ids", "names an unknown portfolio")])
    await _refuse_known(tx, new.name, None)
    if await tx.fetchval(items_queries.COUNT_WORKLISTS) >= MOST_WORKLISTS:
        raise TooManyWorklists()
    conditions = new.when.model_dump(mode="json", exclude_none=True)
    worklist_id: UUID = await tx.fetchval(items_queries.ADD_WORKLIST, new.name, ids, conditions, clock.now())
    return await read(tx, worklist_id)


async def change(tx: Transaction, worklist_id: UUID, new: WorklistChange) -> Worklist:
    """Change a worklist, to be filled anew in the background. Raises ``WorklistUnknown``, ``WorklistKnown``."""
    row = await tx.fetchrow(items_queries.LOCK_WORKLIST, worklist_id)
    if row is None:
        raise WorklistUnknown()
    name, active = new.name or row["name"], row["active"] if new.active is None else new.active
    when = new.when or WorklistConditions.model_validate(row["conditions"])
    if active:
        await _refuse_known(tx, name, worklist_id)
    conditions = when.model_dump(mode="json", exclude_none=True)
    await tx.execute(items_queries.CHANGE_WORKLIST, worklist_id, name, conditions, active, clock.now())
    return await read(tx, worklist_id)


async def _refuse_known(tx: Transaction, name: str, worklist_id: UUID | None) -> None:
    if await tx.fetchval(items_queries.NAME_TAKEN, name, worklist_id):
        raise WorklistKnown()


async def read(reader: Reader, worklist_id: UUID) -> Worklist:
    """Raises ``WorklistUnknown``."""
    row = await reader.fetchrow(items_queries.WORKLIST, worklist_id)
    if row is None:
        raise WorklistUnknown()
    return _shown(row)


async def listed(reader: Reader, *, retired: bool) -> list[Worklist]:
    """Return the active worklists by name, or all of them."""
    return [_shown(row) for row in await reader.fetch(items_queries.WORKLISTS, retired)]


def _shown(row: Row) -> Worklist:
    fields = dict(row)
    when, changed_by = fields.pop("conditions"), fields.pop("actor")
    return Worklist(**fields, when=when, changed_by=changed_by)


async def waiting(reader: Reader, worklist_id: UUID, query: PageQuery) -> Page[Any]:
    """Return a page of the people who waited when the worklist was filled last. Raises ``WorklistUnknown``."""
    await read(reader, worklist_id)
    value, person_id = query.after(Decimal, UUID) or (None, None)
    statement = items_queries.WAITING[query.order]
    rows = await reader.fetch(statement, worklist_id, value, person_id, query.limit + 1, clock.now())
    return page(rows, query, key=lambda row: (str(row["expected_value"]), row["person_id"]))
