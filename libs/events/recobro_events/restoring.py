"""After the restore of a database its versions become greater than all that were published before the loss.

A version is epoch × 2⁴⁰ + counter. Other services may know greater counters than the backup holds. A restore raises the
epoch, so every version of the restored service is greater than theirs. The service reads the events of others again
from the log, and the events that it publishes because of them have the same ids as before.
"""

import structlog

from recobro_events._database.database import Database
from recobro_events._database.transaction import Transaction
from recobro_events._ids import new_event_id
from recobro_events.contracts.base import EVERYONE
from recobro_events.rebuilding import Source

__all__ = ["EPOCH_WHEN_NONE_IS_LEFT", "MARK_RESTORED", "finish"]

COUNTER_BITS = 40
_PENDING = "SELECT epoch FROM epoch WHERE pending FOR UPDATE"
_RAISE = f"""
UPDATE {{table}} SET {{column}} = ({{column}} & ((1::bigint << {COUNTER_BITS}) - 1)) | ($1::bigint << {COUNTER_BITS})
"""
_REQUEST_REPUBLICATION = "INSERT INTO republication (republication_id, audience) VALUES ($1, $2)"
log = structlog.get_logger()

MARK_RESTORED = """
UPDATE epoch SET epoch = greatest(epoch, $1::integer) + 1, restored_at = clock_timestamp(), pending = true
RETURNING epoch
"""
"""Run this once on a restored database, before its service starts. $1 is the epoch of the database that was lost."""

EPOCH_WHEN_NONE_IS_LEFT = "SELECT current_date - DATE '2026-01-01'"
"""SQL for the $1 of ``MARK_RESTORED`` if the lost database cannot be asked: the days since the start of 2026.

The lost epoch is certainly smaller, since each restore adds 1 to the epoch.
"""


async def finish(database: Database, source: Source | None) -> bool:
    """After a restore, raise all versions to the new epoch and request a republication, in one transaction.

    Return whether a restore was pending. The runtime calls this before the service publishes anything.
    """
    async with database.transaction(bulk=True) as tx:
        epoch = await tx.fetchval(_PENDING)
        if epoch is None:
            return False
        if source is not None:
            await _raise_versions(tx, source, epoch)
            await tx.execute(_REQUEST_REPUBLICATION, new_event_id(), EVERYONE)
        await tx.execute("UPDATE epoch SET pending = false")
    log.warning("restored", revision=epoch)
    return True


async def _raise_versions(tx: Transaction, source: Source, epoch: int) -> None:
    await tx.execute("SET LOCAL statement_timeout = 0")
    for table, columns in sorted(source.versions.items()):
        for column in columns:
            await tx.execute(_RAISE.format(table=table, column=column), epoch)
