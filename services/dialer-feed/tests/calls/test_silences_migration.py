"""The migration that begins to keep silences fills in those that hold."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from chassis.migrations import upgrade
from chassis.testing.migrations import database_before
from dialer_feed import silences

_SILENT = """
INSERT INTO portfolio (portfolio_id, version, state, business_date, name, creditor_kind, jurisdiction, timezone)
VALUES (gen_random_uuid(), 1, 'ready', '2026-11-23', 'Cards', 'financial', 'MX', 'America/Mexico_City');
INSERT INTO contract (contract_id, portfolio_id, state, status)
SELECT gen_random_uuid(), portfolio_id, made.state, made.status
FROM portfolio, (VALUES ('open', 'active'), ('open', 'deceased'), ('settled', 'active')) AS made (state, status);
INSERT INTO set_aside SELECT contract_id, 'promises' FROM contract;
INSERT INTO set_aside SELECT contract_id, 'portfolio' FROM contract;
INSERT INTO clarification (contract_id, clarification_id, silent)
SELECT contract_id, gen_random_uuid(), silent FROM contract, (VALUES (true), (true), (false)) AS made (silent);
INSERT INTO payment (contract_id, business_date, reversed, claimed)
SELECT contract_id, '2026-11-20', reversed, claimed
FROM contract, (VALUES (false, false), (false, true), (true, false)) AS made (reversed, claimed);
INSERT INTO promise (contract_id, promise_id, version, open, silent_until)
SELECT contract_id, gen_random_uuid(), 1, open, '2026-11-30' FROM contract, (VALUES (true), (false)) AS made (open);
INSERT INTO pause (contract_id, pause_id, version, starts_on) SELECT contract_id, gen_random_uuid(), 1, '2026-12-01'
FROM contract;
INSERT INTO placement (contract_id, placement_id, version, agency_id, kind, state, starts_on, ends_on)
SELECT contract_id, gen_random_uuid(), 1, gen_random_uuid(), made.kind, made.state, '2026-11-01', '2026-12-31'
FROM contract, (VALUES ('dialing', 'recalled'), ('dialing', 'active'), ('collection', 'active'), ('visits', 'ended'))
    AS made (kind, state);
INSERT INTO contact_point (contract_id, contact_id, version, seen_version, kind, value, usable)
SELECT contract_id, gen_random_uuid(), 1, 1, 'phone', '+525512345678', usable
FROM contract, (VALUES (true), (false)) AS made (usable);
INSERT INTO reported_silence (contract_id, contact_id, reason)
SELECT contract_id, contact_id, reason
FROM contract, (VALUES (gen_random_uuid(), 'opted_out'), (NULL, 'deceased')) AS made (contact_id, reason);
"""
_KEPT = "SELECT reason, contact_id, agency_id, except_agency_id, from_on, until_on FROM silence WHERE ended_at IS NULL"


@pytest.fixture
async def earlier(database_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to a database of the release before, with contracts that are silent in every way."""
    async with database_before(database_dsn, "dialer_feed.migrations", "calls") as connection:
        await connection.execute(_SILENT)
        yield connection


async def test_the_silences_that_hold_are_those_that_the_service_would_keep(
    earlier: asyncpg.Connection, database_dsn: str
) -> None:
    await asyncio.to_thread(upgrade, database_dsn, "dialer_feed.migrations")
    filled = await earlier.fetch(_KEPT)
    assert len({row["reason"] for row in filled}) == 12
    contracts = [row["contract_id"] for row in await earlier.fetch("SELECT contract_id FROM contract")]
    await earlier.execute(silences._SYNC, contracts)
    assert sorted(map(str, await earlier.fetch(_KEPT))) == sorted(map(str, filled)), "nothing begins, nothing ends"
    [day] = await earlier.fetch("SELECT business_date, began_at FROM business_day")
    assert (str(day["business_date"]), day["began_at"].year) == ("2026-11-23", 1)
