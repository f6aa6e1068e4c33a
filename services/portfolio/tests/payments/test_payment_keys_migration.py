"""The migration of payments from before spellings of references were compared."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date

import asyncpg
import pytest
from chassis.migrations import upgrade
from chassis.testing.migrations import database_before

_CONTRACT = """
INSERT INTO creditor (name, kind, country) VALUES ('Banco', 'financial', 'MX');
INSERT INTO portfolio (creditor_id, name, currency, jurisdiction, timezone)
SELECT creditor_id, 'Cards', 'MXN', 'MX', 'America/Mexico_City' FROM creditor;
INSERT INTO debtor (debtor_id, creditor_id) SELECT gen_random_uuid(), creditor_id FROM creditor;
INSERT INTO contract
    (contract_id, portfolio_id, creditor_id, debtor_id, contract_number, debtor_name, as_of, stated_as_of)
SELECT gen_random_uuid(), portfolio_id, creditor_id, debtor_id, 'C-1', 'Ana', '2026-09-10', '2026-09-10'
FROM portfolio JOIN debtor USING (creditor_id);
"""
_PAY = """
INSERT INTO payment (contract_id, portfolio_id, amount, paid_on, business_date, channel, reference,
    days_past_due_before, episode_before, reversed_at)
SELECT contract_id, portfolio_id, 10, $1, $1, $2, $3, 0, 0, CASE WHEN $4 THEN now() END FROM contract
"""
_DAY = date(2026, 9, 10)


@pytest.fixture
async def earlier(database_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to a database of the release before, which has a contract."""
    async with database_before(database_dsn, "portfolio.migrations", "payments") as connection:
        await connection.execute(_CONTRACT)
        yield connection


async def test_old_payments_whose_keys_fall_together_all_stay_and_the_key_is_taken(
    earlier: asyncpg.Connection, database_dsn: str
) -> None:
    old = [
        ("spei", "R-1", True),
        ("spei", "r-1", False),
        ("SPEI", "R -1", False),
        ("spei", "R\u200b-1", True),
        ("spei", "R-2", False),
        ("spei", None, False),
        ("spei", None, False),
        ("spei", "\u200b", False),
        ("spei", "\ufdfa" * 200, False),
    ]
    for channel, reference, reversed_ in old:
        await earlier.execute(_PAY, _DAY, channel, reference, reversed_)
    await asyncio.to_thread(upgrade, database_dsn, "portfolio.migrations")
    rows = await earlier.fetch("SELECT booking, shares_key, reference_key FROM payment ORDER BY sequence")
    assert [(row["booking"], row["shares_key"]) for row in rows] == [
        *[(1, False), (2, False), (3, True), (4, False)],
        *[(1, False)] * 5,
    ]
    assert len({row["reference_key"] for row in rows[:4]}) == 1
    assert [row["reference_key"] is None for row in rows[4:]] == [False, True, True, True, False]
    with pytest.raises(asyncpg.UniqueViolationError, match="payment_live_key"):
        await earlier.execute(_PAY, _DAY, "Spei", "R- 1", False)  # noqa: FBT003


async def test_the_release_before_still_recognises_a_reference(earlier: asyncpg.Connection, database_dsn: str) -> None:
    await asyncio.to_thread(upgrade, database_dsn, "portfolio.migrations")
    first, again = [
        await earlier.execute(
            _PAY + "ON CONFLICT (portfolio_id, channel, reference) DO NOTHING", _DAY, "spei", "R", gone
        )
        for gone in (True, False)
    ]
    assert (first, again) == ("INSERT 0 1", "INSERT 0 0")
