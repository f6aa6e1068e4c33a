"""How a change of a contract is recorded: its new position, the event that carries it, and the line of history.

A use case locks the contract (``locking``), writes what its own subject keeps, and then calls ``record``. What changes
a contract leaves by no other way than this module, ``positions`` (time alone has moved it) and ``whole``. Versions are
counted in the statements of these and of ``closing`` alone: every event of a contract carries a greater version than
the one before it.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from recobro_events import Row, Transaction
from recobro_events.contracts.portfolio import ContractRegistered, ContractRevised, PositionEvent, StageCause

from portfolio.ledger.closing import close_settled
from portfolio.ledger.history import Line, remember
from portfolio.ledger.positions import NO_CAUSE, position_of, reposition
from portfolio.ledger.whole import publish_whole

MakeEvent = Callable[[dict[str, Any]], PositionEvent]
"""Makes an event from the fields of its contract's new position, ``version`` among them."""


class Change(NamedTuple):
    """What has happened to a contract; ``received`` is the event that said so, in a consumer."""

    event: MakeEvent
    line: Line
    received: UUID | None = None


async def record(
    tx: Transaction, cause: StageCause, event: MakeEvent, line: Line, *, episode: int | None = None
) -> Row:
    """Record a change of the contract that ``line`` is about, which is locked; returns its new position.

    Where the contract changes stage, that is told first, with ``cause``. ``episode`` overrules the count of episodes.
    """
    positions = await _record(tx, cause, [Change(event, line)], episode)
    return positions[line.contract_id]


async def record_each(tx: Transaction, cause: StageCause, changes: Sequence[Change]) -> Mapping[UUID, Row]:
    """Record these changes, no two of one contract; the new position of each contract."""
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
    await remember(tx, [*(change.line for change in changes), *closed])
    return positions


async def record_whole(
    tx: Transaction,
    cause: StageCause | None,
    contract_ids: Collection[UUID],
    as_of: date | None = None,
    *,
    event_type: type[ContractRegistered] | type[ContractRevised] = ContractRevised,
    received: Mapping[UUID, UUID] = NO_CAUSE,
) -> None:
    """Record what no event but the whole contract tells; the subject remembers it, for it alone knows what it was.

    ``cause`` is None for contracts that nobody has heard of yet.
    """
    if contract_ids:
        await reposition(tx, contract_ids, as_of, cause=cause, received=received)
        await publish_whole(tx, contract_ids, event_type, received=received)
