"""Gives the next person of a worklist to an operator, for 30 minutes.

Nobody is with two operators: the unique index of who has whom decides. The person's contracts are locked before they
are looked at, so that a payment, a dispute or a pause that is under way is known first.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from chassis import Conflict, OutputModel, Principal, clock
from recobro_events import Row, Transaction

from portfolio import metrics
from portfolio.desk import items, items_queries, queries, worklists
from portfolio.desk.conditions import WorklistConditions
from portfolio.desk.items import DeskItem, ItemState

GIVEN_FOR = timedelta(minutes=30)
FILLED_FOR = timedelta(minutes=5)
"""A worklist that was filled longer ago is filled anew when somebody asks for its next person."""
MOST_CONTRACTS = 50
"""Of a person with more contracts, the operator works the others afterwards."""


class NextItem(OutputModel):
    """``item`` is null when nobody of the worklist can be given now.

    ``filling``: the worklist is being filled anew. If ``item`` is null then, ask again in a few seconds.
    """

    item: DeskItem | None
    filling: bool


class WorklistRetired(Conflict):
    code = "worklist-retired"
    detail = "The worklist is not active any more."


async def give_next(tx: Transaction, who: Principal, worklist_id: UUID) -> NextItem:
    """Give the most valuable person whom nobody has. An operator who has somebody keeps that one.

    Raises ``WorklistUnknown``, ``WorklistRetired``.
    """
    now = clock.now()
    worklist = await tx.fetchrow(queries.TO_GIVE, worklist_id)
    if worklist is None:
        raise worklists.WorklistUnknown()
    await tx.execute(queries.LOCK_OPERATOR, who.actor)
    await tx.execute(queries.EXPIRE, now)
    if held := await tx.fetchrow(queries.HELD, who.actor):
        if await tx.fetch(queries.WORKABLE, held["contract_ids"]):
            return NextItem(item=await items.shown(tx, held), filling=worklist["wanted_at"] is not None)
        await _end_taken_back(tx, held)
    if not worklist["active"]:
        raise WorklistRetired()
    await tx.execute(queries.WANT, worklist_id, now, now - FILLED_FOR)
    given = await _give(tx, who, worklist)
    filling = bool(await tx.fetchval(queries.IS_WANTED, worklist_id))
    return NextItem(item=None if given is None else await items.shown(tx, given), filling=filling)


async def _end_taken_back(tx: Transaction, held: Row) -> None:
    await tx.execute(items_queries.END, held["item_id"], ItemState.TAKEN_BACK, clock.now(), None, None, None)
    tx.after_commit(lambda: metrics.DESK_ITEMS.labels(ItemState.TAKEN_BACK).inc())


async def _give(tx: Transaction, who: Principal, worklist: Row) -> Row | None:
    now = clock.now()
    passed: list[UUID] = []
    while (person_id := await tx.fetchval(queries.FIRST_FREE, worklist["worklist_id"], now, passed)) is not None:
        contract_ids = await _workable(tx, worklist, person_id)
        if not contract_ids:
            await tx.execute(queries.LEAVES, worklist["worklist_id"], person_id)
        elif not await tx.fetchval(queries.WITH_OTHERS, contract_ids):
            held = (worklist["worklist_id"], person_id, contract_ids[:MOST_CONTRACTS], who.actor)
            if given := await tx.fetchrow(queries.GIVE, *held, now, now + GIVEN_FOR):
                tx.after_commit(lambda: metrics.DESK_ITEMS.labels(ItemState.GIVEN).inc())
                return given
        passed.append(person_id)
    return None


async def _workable(tx: Transaction, worklist: Row, person_id: UUID) -> Sequence[UUID]:
    """The contracts of the person that may be worked; none if the person belongs to the worklist no longer."""
    held = [row["contract_id"] for row in await tx.fetch(queries.LOCK_CONTRACTS, person_id)]
    workable = [row["contract_id"] for row in await tx.fetch(queries.WORKABLE, held)]
    arguments: list[Any] = [workable, worklist["portfolio_ids"]]
    conditions = WorklistConditions.model_validate(worklist["conditions"])
    statement = queries.match(queries.matching(conditions, queries.adding_to(arguments)))
    return workable if await tx.fetch(statement, *arguments) else []
