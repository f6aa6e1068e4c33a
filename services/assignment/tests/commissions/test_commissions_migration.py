"""The migration of commissions from a time when each kind of work earned, and no payment was kept."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest
from assignment.handlers import consumer
from chassis.migrations import upgrade
from chassis.testing.migrations import database_before
from placing_scene import DAY, Contract
from recobro_events import Database
from recobro_events.contracts.portfolio import KnownPayment
from recobro_events.testing import apply_events

_PORTFOLIO = """
INSERT INTO portfolio (portfolio_id, version, state, business_date, name, timezone)
VALUES ($1, 1, 'ready', $2, 'Cards', 'America/Mexico_City')
"""
_CONTRACT = """
INSERT INTO contract (contract_id, version, as_of, state, stage, portfolio_id)
VALUES ($1, 9, $2, 'open', 'early', $3)
"""
_AGENCY = "INSERT INTO agency (name) VALUES ('Sur') RETURNING agency_id"
_TERMS = """
INSERT INTO service_contract (agency_id, kinds, starts_on, recall_grace_days, attribution_days)
VALUES ($1, '{dialing,collection}', '2020-01-01', 0, 0) RETURNING service_contract_id
"""
_FEES = """
INSERT INTO fee (service_contract_id, kind, from_days, percent)
SELECT $1, kind, 0, 10 FROM unnest('{dialing,collection}'::text[]) AS kind
"""
_PLACEMENT = """
INSERT INTO placement (placement_id, contract_id, kind, ordinal, agency_id, rule_id, service_contract_id, starts_on)
VALUES (gen_random_uuid(), $1, $2, 0, $3, gen_random_uuid(), $4, $5) RETURNING placement_id
"""
_EARNED = """
INSERT INTO commission
    (payment_id, placement_id, contract_id, agency_id, kind, earned_on, days_past_due, base, percent, amount, currency)
SELECT $1, placement_id, contract_id, agency_id, kind, $2, 20, 100, 10, 10, 'MXN' FROM placement
"""
_ITEMS = "SELECT kind, amount, earned_on, reversed_on FROM commission WHERE payment_id = $1 ORDER BY kind, ordinal"


@pytest.fixture
async def earlier(database_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to a database of the release before."""
    async with database_before(database_dsn, "assignment.migrations", "commissions") as connection:
        yield connection


async def test_what_was_earned_stays_until_its_payment_is_reversed(
    earlier: asyncpg.Connection, database_dsn: str
) -> None:
    """Two kinds of work earned then. A republished contract changes nothing; a reversal takes all of it back."""
    contract = Contract(number="C-1", portfolio_id=uuid.uuid4())
    payment, never_earned = contract.paid("100.00"), contract.paid("50.00", paid_on=DAY)
    await earlier.execute(_PORTFOLIO, contract.portfolio_id, DAY)
    await earlier.execute(_CONTRACT, contract.contract_id, DAY, contract.portfolio_id)
    agency_id = await earlier.fetchval(_AGENCY)
    terms = await earlier.fetchval(_TERMS, agency_id)
    await earlier.execute(_FEES, terms)
    for kind in ("dialing", "collection"):
        await earlier.fetchval(_PLACEMENT, contract.contract_id, kind, agency_id, terms, DAY - timedelta(days=5))
    await earlier.execute(_EARNED, payment.payment_id, DAY)
    await asyncio.to_thread(upgrade, database_dsn, "assignment.migrations")
    contract.version = 10
    database = Database(database_dsn)
    await database.open()
    known = [
        KnownPayment(
            payment_id=each.payment_id,
            amount=each.amount,
            paid_on=each.paid_on,
            business_date=DAY,
            reversed=False,
            credit=each.credit,
            days_past_due_before=20,
        )
        for each in (payment, never_earned)
    ]
    await apply_events(database, consumer, contract.told_again(*known))
    kept = [tuple(row) for row in await earlier.fetch(_ITEMS, payment.payment_id)]
    assert kept == [("collection", 10, DAY, None), ("dialing", 10, DAY, None)]
    assert await earlier.fetch(_ITEMS, never_earned.payment_id) == [], "it was judged before"
    contract.as_of = DAY + timedelta(days=1)
    await apply_events(database, consumer, contract.payment_reversed(payment))
    reversed_on = [row["reversed_on"] for row in await earlier.fetch(_ITEMS, payment.payment_id)]
    assert reversed_on == [contract.as_of, contract.as_of]
    await database.close()
