"""The work of every peer, in one transaction: claim the payments' ids, upsert the newest payment of each contract."""

import json
import sys
from collections.abc import Collection, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from aiokafka import ConsumerRebalanceListener
from event_bench import rows
from event_bench.reporting import report
from pydantic import BaseModel

SPEC: dict[str, Any] = json.loads(sys.argv[1])
CONSUMER = {
    "group_id": SPEC["group"],
    "auto_offset_reset": "earliest",
    "session_timeout_ms": 45_000,
    "heartbeat_interval_ms": 10_000,
    "max_poll_interval_ms": 300_000,
}


class Payment(BaseModel):
    """The event as a separate program would declare it."""

    contract_id: UUID
    payment_id: UUID
    version: int
    amount: Decimal
    currency: str
    paid_on: date
    channel: str
    reference: str
    overdue_balance: Decimal
    total_balance: Decimal
    settled: bool


def event_id(headers: Sequence[tuple[str, bytes]]) -> UUID:
    """Return the event id from a record's headers."""
    return UUID(next(value for name, value in headers if name == "ce_id").decode())


async def apply(connection: Any, payments: Sequence[tuple[UUID, Payment]]) -> None:
    """Apply each payment exactly once, and keep the newest of each contract."""
    async with connection.transaction():
        claimed = await connection.fetch(rows.CLAIM, SPEC["group"], [known for known, _ in payments])
        new = {row["event_id"] for row in claimed}
        newest = {payment.contract_id: rows.row(payment) for known, payment in payments if known in new}
        if newest:
            await connection.execute(rows.UPSERT, *rows.columns(list(newest.values())))


class Assigned(ConsumerRebalanceListener):  # type: ignore[misc]
    """Reports assignments of partitions."""

    async def on_partitions_revoked(self, revoked: Collection[object]) -> None: ...

    async def on_partitions_assigned(self, assigned: Collection[object]) -> None:
        report(assigned=len(assigned))
