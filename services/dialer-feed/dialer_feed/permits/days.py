"""The days of permits: tables made ahead, and what may be forgotten.

A permit and a refusal are evidence. They are kept for the longest time that a profile demands after the last activity
about their contract, and at least ``LEAST_YEARS``.
"""

import asyncio
from datetime import date, timedelta

import structlog
from jurisdictions import codes, profile
from recobro_events import TRANSIENT_ERRORS, Database

from dialer_feed.permits import days_queries as queries

DAYS_AHEAD = 30
LEAST_YEARS = 3
"""12 CFR 1006.100: records are kept for three years after the last activity. It holds where a profile says nothing."""
_EVERY_SECONDS = 3600.0
_AT_ONCE = 5000
log = structlog.get_logger(__name__)


def years_kept() -> int:
    """Return the years that permits are kept: the longest time of any profile, since a day holds all countries."""
    return max([LEAST_YEARS, *(profile(code).records_years.value or 0 for code in codes())])


async def keep_for_ever(database: Database) -> None:
    """Make the days ahead and forget what is old, every hour."""
    while True:
        try:
            await keep(database)
        except TRANSIENT_ERRORS as error:
            log.warning("permit_days_not_made", error=type(error).__name__)
        await asyncio.sleep(_EVERY_SECONDS)


async def keep(database: Database, today: date | None = None) -> None:
    """Make the days ahead. Delete permits that are older than ``years_kept``, and whose contract is long at rest."""
    async with database.transaction() as tx:
        made = await tx.fetchval(queries.MAKE, DAYS_AHEAD)
        day = today or await tx.fetchval("SELECT (now() AT TIME ZONE 'UTC')::date")
    if made:
        log.info("permit_days_made", count=made)
    before = day - timedelta(days=366 * years_kept())
    forgotten = _AT_ONCE
    while forgotten == _AT_ONCE:
        async with database.transaction() as tx:
            forgotten = await tx.fetchval(queries.FORGET, before, _AT_ONCE)
    async with database.transaction() as tx:
        await tx.execute(queries.DROP, before)
