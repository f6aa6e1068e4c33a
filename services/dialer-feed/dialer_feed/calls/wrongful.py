"""Wrongful calls. A call is wrongful if its contract or its number was silent when it started."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from recobro_events import Transaction

from dialer_feed import metrics, silences
from dialer_feed.calls import queries


class Start(NamedTuple):
    """An outbound call: the number that was called, for which agency, from which list, and when it started."""

    contract_id: UUID
    contact_id: UUID
    agency_id: UUID | None
    list_id: UUID
    started_at: datetime


class Wrongful(NamedTuple):
    """Why and since when the call was forbidden, and whether a dialer had acknowledged the withdrawal by its start."""

    reason: str
    withdrawn_at: datetime
    acknowledged: bool


async def judge(tx: Transaction, calls: Sequence[Start]) -> list[Wrongful | None]:
    """Return for each call the silence that makes it wrongful, or None.

    The caller has locked the contracts, so no silence begins meanwhile.
    """
    started = [silences.Call(call.contract_id, call.contact_id, call.agency_id, call.started_at) for call in calls]
    silent = await silences.silent_at(tx, started)
    late = [(n, calls[n].contract_id, calls[n].list_id, calls[n].started_at) for n, found in enumerate(silent) if found]
    rows = await tx.fetch(queries.ACKNOWLEDGED_BY_THEN, *zip(*late, strict=True)) if late else []
    acknowledged = {row["n"] for row in rows}
    return [
        Wrongful(found.reason, found.began_at, n in acknowledged) if found else None for n, found in enumerate(silent)
    ]


def count(call: Wrongful) -> None:
    """Count a wrongful call in the metric whose alert pages on any call."""
    metrics.WRONGFUL_CALLS.labels("yes" if call.acknowledged else "no").inc()
