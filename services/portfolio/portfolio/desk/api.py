"""The desk over HTTP: worklists, the next person, what was done with it, and what operators achieved."""

from typing import Annotated
from uuid import UUID

from chassis import CurrentPrincipal, Page, PageQuery, ReadConnection, Router, WriteTransaction, clock, reads, writes
from chassis.audit import reads_in_bulk
from chassis.periods import WantedPeriod
from fastapi import Depends, Query

from portfolio.desk import giving, items, working, worklists
from portfolio.desk.giving import NextItem
from portfolio.desk.items import DeskItem, ItemFilter, ItemHead, Productivity
from portfolio.desk.working import Escalation, EscalationDecision, NewNote, Outcome, Rescheduling
from portfolio.desk.worklists import NewWorklist, WaitingPerson, Worklist, WorklistChange

router = Router(prefix="/v1", tags=["desk"])
_READS = [reads("portfolio")]
_WRITES = [writes("portfolio")]


@router.post("/worklists", status_code=201, dependencies=_WRITES)
async def add_worklist(new: NewWorklist, tx: WriteTransaction) -> Worklist:
    """Add a worklist: which contracts bring their people to the desk. It is filled within seconds."""
    return await worklists.add(tx, new)


@router.get("/worklists", dependencies=_READS)
async def list_worklists(
    connection: ReadConnection,
    retired: Annotated[bool, Query(description="Also those that are not active any more")] = False,
) -> list[Worklist]:
    """List the worklists by name, each with how many people wait and what they are expected to pay."""
    return await worklists.listed(connection, retired=retired)


@router.get("/worklists/{worklist_id}", dependencies=_READS)
async def read_worklist(worklist_id: UUID, connection: ReadConnection) -> Worklist:
    """Read a worklist."""
    return await worklists.read(connection, worklist_id)


@router.patch("/worklists/{worklist_id}", dependencies=_WRITES)
async def change_worklist(worklist_id: UUID, change: WorklistChange, tx: WriteTransaction) -> Worklist:
    """Rename a worklist, change its conditions, or retire it."""
    return await worklists.change(tx, worklist_id, change)


@router.get("/worklists/{worklist_id}/people", dependencies=[*_READS, reads_in_bulk()])
async def list_waiting(worklist_id: UUID, query: PageQuery, connection: ReadConnection) -> Page[WaitingPerson]:
    """List the people of a worklist as it was filled last, the most valuable first."""
    return await worklists.waiting(connection, worklist_id, query)


@router.post("/worklists/{worklist_id}/next", dependencies=_WRITES)
async def give_next(worklist_id: UUID, tx: WriteTransaction, who: CurrentPrincipal) -> NextItem:
    """Get the next person to work, for 30 minutes. An operator who has a person gets the same one again.

    ``filling`` with no ``item``: the worklist is being filled. Ask again in a few seconds.
    """
    return await giving.give_next(tx, who, worklist_id)


@router.get("/desk-items", dependencies=[*_READS, reads_in_bulk()])
async def list_desk_items(
    wanted: Annotated[ItemFilter, Depends()], query: PageQuery, connection: ReadConnection, who: CurrentPrincipal
) -> Page[ItemHead]:
    """List who was given to whom, and how it ended. A supervisor sees all, an operator those of their own."""
    return await items.listed(connection, who, wanted, query)


@router.get("/desk-items/{item_id}", dependencies=_READS)
async def read_desk_item(item_id: UUID, connection: ReadConnection, who: CurrentPrincipal) -> DeskItem:
    """Read an item, with the person's contracts as they stand now and the notes of colleagues."""
    return await items.read(connection, who, item_id)


@router.post("/desk-items/{item_id}/notes", status_code=201, dependencies=_WRITES)
async def add_desk_note(item_id: UUID, new: NewNote, tx: WriteTransaction, who: CurrentPrincipal) -> DeskItem:
    """Keep a note about the person, for colleagues."""
    return await working.note(tx, who, item_id, new)


@router.post("/desk-items/{item_id}/outcome", status_code=201, dependencies=_WRITES)
async def finish_desk_item(item_id: UUID, outcome: Outcome, tx: WriteTransaction, who: CurrentPrincipal) -> DeskItem:
    """Enter how the call or message ended. It is an attempt on every contract of the item, and ends the item."""
    return await working.finish(tx, who, item_id, outcome)


@router.post("/desk-items/{item_id}/rescheduling", status_code=201, dependencies=_WRITES)
async def reschedule_desk_item(
    item_id: UUID, new: Rescheduling, tx: WriteTransaction, who: CurrentPrincipal
) -> DeskItem:
    """Let nobody get the person before a time."""
    return await working.reschedule(tx, who, item_id, new)


@router.post("/desk-items/{item_id}/escalation", status_code=201, dependencies=_WRITES)
async def escalate_desk_item(item_id: UUID, new: Escalation, tx: WriteTransaction, who: CurrentPrincipal) -> DeskItem:
    """Ask a supervisor to decide. Nobody gets the person until then."""
    return await working.escalate(tx, who, item_id, new)


@router.post("/desk-items/{item_id}/release", status_code=201, dependencies=_WRITES)
async def release_desk_item(item_id: UUID, tx: WriteTransaction, who: CurrentPrincipal) -> DeskItem:
    """Give the person back to the worklist, which gives others first for 30 minutes."""
    return await working.release(tx, who, item_id)


@router.post("/desk-items/{item_id}/decision", status_code=201, dependencies=_WRITES)
async def decide_desk_item(
    item_id: UUID, new: EscalationDecision, tx: WriteTransaction, who: CurrentPrincipal
) -> DeskItem:
    """Decide about a person who was escalated. Needs the role ``supervisor``."""
    return await working.decide(tx, who, item_id, new)


@router.get("/desk-productivity", dependencies=_READS)
async def read_productivity(
    period: WantedPeriod, connection: ReadConnection, who: CurrentPrincipal
) -> list[Productivity]:
    """Count what operators did with the items given in the period. Only a supervisor sees the figures of others."""
    return await items.productivity(connection, who, *period.ending(clock.now().date()))
