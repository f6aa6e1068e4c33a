"""Wrongful calls: those that started after their contract had been withdrawn from the list that was dialled."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from recobro_events import Transaction

from dialer_feed import metrics
from dialer_feed.calls import queries


class Start(NamedTuple):
    """For which entry a call was made, and when it started."""

    contract_id: UUID
    list_id: UUID
    started_at: datetime


class Wrongful(NamedTuple):
    """What made a call wrongful, and whether some dialer had acknowledged the withdrawal by then."""

    withdrawn_at: datetime
    acknowledged: bool


async def judge(tx: Transaction, calls: Sequence[Start]) -> list[Wrongful | None]:
    """For each call what makes it wrongful, or None. The contracts are locked, so nothing is withdrawn meanwhile."""
    contract_ids, list_ids, _ = zip(*calls, strict=True)
    rows = await tx.fetch(queries.WITHDRAWN, contract_ids, list_ids)
    withdrawn = {(row["contract_id"], row["list_id"]): row for row in rows}
    late = {
        n: row
        for n, call in enumerate(calls)
        if (row := withdrawn.get((call.contract_id, call.list_id))) and call.started_at > row["withdrawn_at"]
    }
    asked = [(n, row["list_id"], row["cursor"], calls[n].started_at) for n, row in late.items()]
    known = await tx.fetch(queries.ACKNOWLEDGED_BY_THEN, *zip(*asked, strict=True)) if asked else []
    acknowledged = {row["n"] for row in known}
    return [Wrongful(late[n]["withdrawn_at"], n in acknowledged) if n in late else None for n in range(len(calls))]


def count(call: Wrongful) -> None:
    """Count it where somebody is woken for it."""
    metrics.WRONGFUL_CALLS.labels("yes" if call.acknowledged else "no").inc()
