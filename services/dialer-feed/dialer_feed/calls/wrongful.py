"""Wrongful calls. A call is wrongful if it started after its contract had been withdrawn from the dialled list."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from recobro_events import Transaction

from dialer_feed import metrics
from dialer_feed.calls import queries


class Start(NamedTuple):
    """The entry that was called, and when the call started."""

    contract_id: UUID
    list_id: UUID
    started_at: datetime


class Wrongful(NamedTuple):
    """When the contract was withdrawn, and whether some dialer had acknowledged this before the call started."""

    withdrawn_at: datetime
    acknowledged: bool


async def judge(tx: Transaction, calls: Sequence[Start]) -> list[Wrongful | None]:
    """Return for each call the withdrawal that makes it wrongful, or None.

    The caller has locked the contracts, so nothing is withdrawn meanwhile.
    """
    contract_ids, list_ids, _ = zip(*calls, strict=True)
    rows = await tx.fetch(queries.WITHDRAWN, contract_ids, list_ids)
    withdrawn = {(row["contract_id"], row["list_id"]): row for row in rows}
    late = {
        n: row
        for n, call in enumerate(calls)
        if (row := withdrawn.get((call.contract_id, call.list_id))) and call.started_at > row["withdrawn_at"]
    }
    candidates = [(n, row["list_id"], row["cursor"], calls[n].started_at) for n, row in late.items()]
    rows = await tx.fetch(queries.ACKNOWLEDGED_BY_THEN, *zip(*candidates, strict=True)) if candidates else []
    acknowledged = {row["n"] for row in rows}
    return [Wrongful(late[n]["withdrawn_at"], n in acknowledged) if n in late else None for n in range(len(calls))]


def count(call: Wrongful) -> None:
    """Count a wrongful call in the metric whose alert pages on any call."""
    metrics.WRONGFUL_CALLS.labels("yes" if call.acknowledged else "no").inc()
