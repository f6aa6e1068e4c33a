"""Old rows are deleted in small steps that block nothing, and waiting rows are counted for the metrics."""

import asyncio
from dataclasses import dataclass

import structlog

from recobro_events import _metrics as metrics
from recobro_events._backoff import Backoff
from recobro_events._database.database import Database
from recobro_events._errors import TRANSIENT_ERRORS
from recobro_events._log.transport import Transport
from recobro_events.contracts.base import Lane

INBOX_DAYS = 21
"""Longer than topics keep records (14 days), so that every event that the log can deliver again is recognised."""

LOG_DAYS = 14
DEAD_LETTER_DAYS = 30
"""Copies of personal data are kept no longer: the body of a letter or an unsent event is deleted, its row stays."""

STEP_ROWS = 1_000
COUNTED_ROWS = 100_000
"""An outbox with more rows is counted as this many: to count a million every few seconds would cost too much."""

EVERY_SECONDS = 60.0
MOST_SECONDS = 600.0
REPORT_EVERY_SECONDS = 5.0
_PAUSE_SECONDS = 0.05

_UNSENT = "SELECT count(*) FROM unsent_events WHERE lane = $1 AND discarded_at IS NULL"

log = structlog.get_logger()


@dataclass(frozen=True)
class _Rule:
    """``do`` is executed on those rows of ``table`` for which ``over`` holds, some at a time, in this ``order``."""

    table: str
    over: str
    order: str
    do: str = "DELETE FROM {table}"


_RULES = (
    _Rule("inbox", f"applied_at < now() - interval '{INBOX_DAYS} days'", "applied_at"),
    _Rule(
        "dead_letters",
        f"discarded_at IS NOT NULL AND set_aside_at < now() - interval '{DEAD_LETTER_DAYS} days'",
        "set_aside_at",
    ),
    _Rule(
        "dead_letters",
        f"body IS NOT NULL AND set_aside_at < now() - interval '{DEAD_LETTER_DAYS} days'",
        "set_aside_at",
        "UPDATE {table} SET body = NULL, headers = NULL",
    ),
    _Rule(
        "unsent_events",
        f"discarded_at IS NOT NULL AND set_aside_at < now() - interval '{DEAD_LETTER_DAYS} days'",
        "set_aside_at",
    ),
    _Rule(
        "unsent_events",
        f"body IS NOT NULL AND set_aside_at < now() - interval '{DEAD_LETTER_DAYS} days'",
        "set_aside_at",
        "UPDATE {table} SET body = NULL",
    ),
    # The ids of barriers and rebuilds are UUIDs of version 7, which sort by their time.
    _Rule("barrier", "ended_at < now() - interval '1 day'", "barrier_id"),
    _Rule("rebuild", "ended_at < now() - interval '30 days'", "rebuild_id"),
    _Rule("republication", "ended_at < now() - interval '30 days'", "republication_id"),
)


async def prune(database: Database) -> int:
    """Apply all rules to the runtime's tables; return the number of rows deleted or emptied."""
    return sum([await _apply(database, rule) for rule in _RULES])


async def _apply(database: Database, rule: _Rule) -> int:
    statement = (
        f"{rule.do.format(table=rule.table)} WHERE ctid = ANY (ARRAY(SELECT ctid FROM {rule.table}"
        f" WHERE {rule.over} ORDER BY {rule.order} LIMIT {STEP_ROWS} FOR UPDATE SKIP LOCKED))"
    )
    total = 0
    while True:
        async with database.connection() as connection:
            done = int((await connection.execute(statement)).rpartition(" ")[2])
        total += done
        if done < STEP_ROWS:
            return total
        await asyncio.sleep(_PAUSE_SECONDS)


async def report(database: Database, lanes: list[Lane]) -> None:
    """Report how many events wait in the outboxes and how many are unsent, on each of these lanes.

    Also report how many keys are parked and how many letters wait.
    """
    async with database.connection() as connection:
        for lane in lanes:
            some = f"SELECT FROM outbox_{lane} LIMIT {COUNTED_ROWS}"
            waiting = await connection.fetchval(f"SELECT count(*) FROM ({some}) AS waiting")
            metrics.OUTBOX_EVENTS.labels(database.service, lane.value).set(waiting)
            unsent = await connection.fetchval(_UNSENT, lane.value)
            metrics.UNSENT_EVENTS.labels(database.service, lane.value).set(unsent)
        parked, letters = await connection.fetchrow(
            "SELECT (SELECT count(*) FROM parked_keys), (SELECT count(*) FROM dead_letters WHERE discarded_at IS NULL)"
        )
    metrics.PARKED_KEYS.labels(database.service).set(parked)
    metrics.DEAD_LETTERS.labels(database.service).set(letters)


async def report_for_ever(database: Database, lanes: list[Lane]) -> None:
    """Call ``report`` every 5 seconds."""
    backoff = Backoff(REPORT_EVERY_SECONDS, EVERY_SECONDS)
    while True:
        try:
            await report(database, lanes)
        except TRANSIENT_ERRORS as error:
            log.warning("housekeeping_failed", error=type(error).__name__)
            await backoff.wait()
        else:
            backoff.reset()
            await asyncio.sleep(REPORT_EVERY_SECONDS)


async def prune_for_ever(database: Database, transport: Transport) -> None:
    """Prune the database and the log every minute."""
    backoff = Backoff(EVERY_SECONDS, MOST_SECONDS)
    while True:
        try:
            rows = await prune(database)
            records = await transport.prune(LOG_DAYS)
            if rows or records:
                log.info("pruned", deleted=rows, count=records)
        except TRANSIENT_ERRORS as error:
            log.warning("housekeeping_failed", error=type(error).__name__)
            await backoff.wait()
        else:
            backoff.reset()
            await asyncio.sleep(EVERY_SECONDS)
