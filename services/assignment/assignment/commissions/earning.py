"""Commissions follow the facts: what a payment earns is taken back and earned anew when its facts change.

One payment earns for one placement. What is taken back or earned is an item of its own on the business date on which
the fact became known here; items of earlier days stay as they are. The contracts' rows are locked.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum
from uuid import UUID

from recobro_events import Lane, Transaction
from recobro_events.tracing import current_traceparent

from assignment.commissions import queries
from assignment.commissions.payments import News


class Because(StrEnum):
    """Why an item exists: what has become known about its payment or about placements."""

    PAYMENT = "payment"
    REVERSAL = "reversal"
    REAPPLIED = "reapplied"
    PLACEMENT = "placement"


async def settle(tx: Transaction, news: News, because: Because) -> None:
    """Let each of these payments earn what its facts say now. Call this after the positions have been kept."""
    if news:
        causes = {payment_id: event.event_id for payment_id, event in news.items()}
        await _settle(tx, causes, because)


async def settle_placed(tx: Transaction, placed: Sequence[tuple[UUID, date]], causes: Mapping[UUID, UUID]) -> None:
    """Let known payments earn for placements that were made after them: contracts, and the days of their beginning."""
    rows = await tx.fetch(queries.SINCE, *zip(*placed, strict=True))
    if rows:
        await _settle(tx, {row["payment_id"]: causes.get(row["contract_id"]) for row in rows}, Because.PLACEMENT)


async def _settle(tx: Transaction, causes: Mapping[UUID, UUID | None], because: Because) -> None:
    await tx.flush()
    traces = [tx.traces.get(cause) if cause is not None else None for cause in causes.values()]
    arguments = (list(causes), traces, because, current_traceparent())
    if await tx.fetch(queries.SETTLE, *arguments):
        # Nobody contacts a debtor, or stops, because of a commission.
        tx.wrote_outbox(Lane.EVENTS, in_hurry=False)
