"""Republishes every promise in its current state: for a service that missed events, or for all after a restore."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

from recobro_events import Row, Source, Transaction
from recobro_events.contracts.promises import PromiseEvent, PromiseState

from promises.outcomes.judging import event_of, promise_of
from promises.taking.making import made_event

CHUNK_CONTRACTS = 200
_BEFORE_ALL = UUID(int=0)
_NEXT = """
SELECT contract_id FROM contract
WHERE contract_id > $1 AND EXISTS (SELECT FROM promise WHERE promise.contract_id = contract.contract_id)
ORDER BY contract_id LIMIT $2 FOR SHARE
"""
_PROMISES = "SELECT * FROM promise WHERE contract_id = ANY ($1::uuid[]) ORDER BY contract_id, promise_id"


async def republish(tx: Transaction, after: str) -> str | None:
    """Republish the promises of the next contracts by id after ``after``. Return the last id; None at the end."""
    rows = await tx.fetch(_NEXT, UUID(after) if after else _BEFORE_ALL, CHUNK_CONTRACTS)
    if not rows:
        return None
    contract_ids = [row["contract_id"] for row in rows]
    for row in await tx.fetch(_PROMISES, contract_ids):
        tx.publish(*_events(row))
    return str(contract_ids[-1])


def _events(row: Row) -> Iterator[PromiseEvent]:
    """Return the events of one promise. An open promise has ``PromiseMade`` alone, any other its state's event first.

    In that case ``PromiseMade`` has the lowest version of its epoch, so no reader takes the promise to be open.
    """
    made = made_event(row)
    if row["state"] == PromiseState.OPEN:
        yield made
        return
    promise = replace(promise_of(row), cancellation_reason=row["cancellation_reason"])
    yield event_of(row["contract_id"], promise, row["currency"], row["version"])
    yield made.model_copy(update={"version": row["version"] >> 40 << 40})


SOURCE = Source(republish, versions={"promise": ["version"], "agreement": ["version"]})
