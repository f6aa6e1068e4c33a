"""Positions of contracts: balances, delay, stage and state, computed from instalments, payments and pauses.

The callers have locked the contracts' rows.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from itertools import count
from typing import Any, Literal
from uuid import UUID

from recobro_events import Lane, Row, Transaction, sorted_unique
from recobro_events.contracts.portfolio import PaymentReapplied, StageCause
from recobro_events.tracing import current_traceparent

from portfolio.ledger import positions_queries as queries

NO_CAUSE: Mapping[UUID, UUID] = {}

_POSITION = (
    "contract_id",
    "as_of",
    "state",
    "stage",
    "days_past_due",
    "overdue_balance",
    "total_balance",
    "oldest_due_on",
    "episode",
    "next_change_on",
    "components",
)


async def reposition(
    tx: Transaction,
    contract_ids: Collection[UUID],
    as_of: date | None = None,
    *,
    cause: StageCause | Literal["bands"] | None,
    events_to_follow: int = 0,
    episode: int | None = None,
    received: Mapping[UUID, UUID] = NO_CAUSE,
    whole: bool = False,
    judged: bool = False,
) -> Sequence[Row]:
    """Compute the position of these contracts as of a day (default: their portfolio's business date) and store it.

    A contract that changes stage gets a ContractStageChanged and a line of history, with ``cause``. Where it is
    ``bands``, the event states the cause ``revision`` with ``bands_from``. A ``cause`` of None
    is for contracts that have not been published yet; then no stage event is published. Versions grow by one for that
    event, then by ``events_to_follow``. The caller publishes these further events. Their versions are the last ones up
    to the returned ``version``.
    With ``whole`` the last of them has the whole contract. ``judged``: the caller judges the contracts itself.
    ``episode`` replaces the computed count of episodes. In a consumer ``received`` maps each contract to the id of the
    event that is being applied.

    Returns for each contract the new position, and the former values as ``was_…``.
    """
    rows = await tx.fetch(
        queries.REPOSITION,
        sorted_unique(contract_ids),
        as_of,
        cause,
        events_to_follow,
        episode,
        list(received.keys()),
        list(received.values()),
        tx.consumer,
        current_traceparent(),
        whole,
        not judged,
    )
    if cause is not None and any(row["stage"] != row["was_stage"] for row in rows):
        tx.wrote_outbox(Lane.BULK)
    return rows


async def reapply_payments(
    tx: Transaction, contract_ids: Collection[UUID], *, last: Collection[UUID] = ()
) -> Sequence[Row]:
    """Allocate the payments of these contracts anew to the instalments as they are now.

    They pay in their order, and those that are ``last`` after the others. Payments that were reversed or absorbed by a
    file do not count. The function sets the unpaid amount of each
    instalment, and the allocations and credit of each payment. Positions and versions do not change here, so the caller
    calls ``reposition`` next.

    Returns the payments whose credit has changed: ``contract_id``, ``payment_id``, ``amount``, ``credit`` and
    ``currency``. The caller publishes them with ``publish_reapplied`` when the new position is stored.
    """
    ids = sorted_unique(contract_ids)
    await tx.execute(queries.DELETE_ALLOCATIONS, ids)
    return await tx.fetch(queries.REAPPLY_PAYMENTS, ids, list(last))


async def publish_reapplied(
    tx: Transaction, reapplied: Sequence[Row], received: Mapping[UUID, UUID] = NO_CAUSE
) -> None:
    """Publish the payments that ``reapply_payments`` returned, with the positions that are stored now.

    ``received`` is that of ``reposition``.
    """
    counts = Counter(row["contract_id"] for row in reapplied)
    if not counts:
        return
    raised = await tx.fetch(queries.RAISE_VERSIONS, list(counts.keys()), list(counts.values()))
    positions = {row["contract_id"]: position_of(row) for row in raised}
    versions = {row["contract_id"]: count(row["was_version"] + 1) for row in raised}
    for row in reapplied:
        contract_id = row["contract_id"]
        position = positions[contract_id] | {"version": next(versions[contract_id])}
        facts = {name: row[name] for name in ("payment_id", "amount", "credit", "currency")}
        tx.publish(PaymentReapplied(**position, **facts), cause=received.get(contract_id))


async def announce(tx: Transaction, contract_ids: Collection[UUID], day: date) -> None:
    """Publish that these contracts change their stage soon, where that is so on the day and was not published.

    Each gets a line of history. The caller has locked the contracts.
    """
    if await tx.fetchval(queries.ANNOUNCE, sorted_unique(contract_ids), day, current_traceparent()):
        tx.wrote_outbox(Lane.BULK)


def position_of(row: Row) -> dict[str, Any]:
    """The fields of a PositionEvent, including ``version``, from a row of ``reposition`` or ``RAISE_VERSIONS``."""
    return {"version": row["version"]} | {name: row[name] for name in _POSITION}
