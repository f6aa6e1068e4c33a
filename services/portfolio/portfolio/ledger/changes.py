"""Records changes of contracts: the new position, the event that carries it, and the line of history.

A use case locks the contract (``locking``), writes the rows of its own subject, and then calls ``record``. Only this
module, ``positions`` (for changes by time alone), ``whole`` and ``strategy`` publish changes of a contract.
Only the statements of these modules and of ``closing`` raise versions. Every event of a contract carries a greater
version than the event before it.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from recobro_events import Row, Transaction
from recobro_events.contracts.portfolio import ContractRegistered, ContractRevised, PositionEvent, StageCause

from portfolio.ledger import history
from portfolio.ledger.closing import close_settled
from portfolio.ledger.history import Line
from portfolio.ledger.positions import NO_CAUSE, position_of, reposition
from portfolio.ledger.whole import publish_whole

MakeEvent = Callable[[dict[str, Any]], PositionEvent]
"""Makes an event from the fields of the contract's new position, which include ``version``."""

Judge = Callable[[Collection[UUID]], Awaitable[None]]
"""Judges contracts anew whose positions have been stored."""


class Change(NamedTuple):
    """A change of a contract. In a consumer ``received`` is the id of the event that reported the change."""

    event: MakeEvent
    line: Line
    received: UUID | None = None


async def record(
    tx: Transaction, cause: StageCause, event: MakeEvent, line: Line, *, episode: int | None = None
) -> Row:
    """Record a change of the contract that ``line`` names. The contract is locked. Returns its new position.

    If the stage changes, the stage event is published first, with ``cause``. ``episode`` replaces the computed count of
    episodes.
    """
    positions = await _record(tx, cause, [Change(event, line)], episode)
    return positions[line.contract_id]


async def record_each(tx: Transaction, cause: StageCause, changes: Sequence[Change]) -> Mapping[UUID, Row]:
    """Record these changes; no contract may occur twice. Returns the new position of each contract."""
    return await _record(tx, cause, changes, None) if changes else {}


async def _record(
    tx: Transaction, cause: StageCause, changes: Sequence[Change], episode: int | None
) -> Mapping[UUID, Row]:
    received = {change.line.contract_id: change.received for change in changes if change.received is not None}
    rows = await reposition(
        tx,
        [change.line.contract_id for change in changes],
        cause=cause,
        events_to_follow=1,
        episode=episode,
        received=received,
    )
    positions = {row["contract_id"]: row for row in rows}
    for change in changes:
        tx.publish(change.event(position_of(positions[change.line.contract_id])), cause=change.received)
    closed = await close_settled(tx, rows, received)
    await history.record(tx, [*(change.line for change in changes), *closed])
    return positions


async def record_whole(
    tx: Transaction,
    cause: StageCause | None,
    contract_ids: Collection[UUID],
    as_of: date | None = None,
    *,
    event_type: type[ContractRegistered] | type[ContractRevised] = ContractRevised,
    received: Mapping[UUID, UUID] = NO_CAUSE,
    file_payments: Collection[UUID] = (),
    judge: Judge | None = None,
    episode: int | None = None,
) -> None:
    """Record changes that only an event with the whole contract carries. The caller writes the history.

    ``cause`` is None for contracts that have not been published yet. ``episode`` replaces the computed count of
    episodes. ``file_payments`` are payments that the event publishes. ``judge`` gives the contracts their segments
    before they are published.
    """
    if contract_ids:
        await reposition(
            tx,
            contract_ids,
            as_of,
            cause=cause,
            events_to_follow=1,
            episode=episode,
            received=received,
            whole=True,
            judged=judge is not None,
        )
        if judge is not None:
            await judge(contract_ids)
        await publish_whole(tx, contract_ids, event_type, received=received, file_payments=file_payments, raised=True)
