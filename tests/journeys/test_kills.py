"""Whatever is killed while money comes in: what was acknowledged happened, once."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from importlib.resources import as_file, files
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from payments import Listing, Paid, pay, publish, withdrawals
from running_platform import Platform

AS_OF = date(2026, 11, 22)
PAYMENTS = 300
RATE = 50.0
VICTIMS = ["portfolio", "dialer-feed", "postgres"]


@pytest.fixture(scope="module")
def listing(platform: Platform) -> Iterator[Listing]:
    with platform.client() as client, as_file(files("recobro") / "sample" / "cartera_mx.csv") as file:
        yield publish(client, file, AS_OF, name="kills")


@pytest.mark.timeout(240)
@pytest.mark.parametrize("victim", VICTIMS)
async def test_every_acknowledged_payment_counts_once_though_a_process_is_killed(
    platform: Platform, listing: Listing, victim: str
) -> None:
    turn = VICTIMS.index(victim)
    contracts = listing.contracts[turn * PAYMENTS : (turn + 1) * PAYMENTS]
    before = await balances(platform, contracts)
    killed_pid = platform.pids()[victim]
    with platform.client() as client:
        gone = client.get("dialer-feed", f"/v1/lists/{listing.list_id}")["withdrawn"]
        paying = asyncio.create_task(pay(client, contracts, AS_OF, RATE))
        await asyncio.sleep(PAYMENTS / RATE / 2)
        os.kill(killed_pid, signal.SIGKILL)
        paid = await paying
        items = await asyncio.to_thread(withdrawals, client, listing.list_id, gone + PAYMENTS, within_seconds=120)
    assert platform.pids()[victim] != killed_pid
    await assert_counted_once(platform, before, paid)
    withdrawn = Counter(UUID(item["contract_id"]) for item in items)
    assert {contract: withdrawn[contract] for contract in contracts} == dict.fromkeys(contracts, 1)
    assert [item["cursor"] for item in items] == list(range(1, len(items) + 1))


async def assert_counted_once(platform: Platform, before: dict[UUID, Decimal], paid: list[Paid]) -> None:
    after = await balances(platform, before)
    assert after == {contract: balance - 10 for contract, balance in before.items()}
    portfolio = await asyncpg.connect(platform.dsn("portfolio"))
    rows = await portfolio.fetch("SELECT payment_id FROM payment WHERE contract_id = ANY($1)", list(before))
    assert sorted(row["payment_id"] for row in rows) == sorted(payment.payment_id for payment in paid)
    assert await portfolio.fetchval("SELECT count(*) FROM outbox_events") == 0
    await portfolio.close()
    feed = await asyncpg.connect(platform.dsn("dialer_feed"))
    causes = await feed.fetch("SELECT cause_event_id FROM list_entry WHERE contract_id = ANY($1)", list(before))
    claimed = await feed.fetchval(
        "SELECT count(*) FROM inbox WHERE consumer = 'dialer-feed.events' AND event_id = ANY($1)",
        [row["cause_event_id"] for row in causes],
    )
    assert claimed == len(before)
    await feed.close()


async def balances(platform: Platform, contracts: Any) -> dict[UUID, Decimal]:
    connection = await asyncpg.connect(platform.dsn("portfolio"))
    rows = await connection.fetch(
        "SELECT contract_id, total_balance FROM contract WHERE contract_id = ANY($1)", list(contracts)
    )
    await connection.close()
    return {row["contract_id"]: row["total_balance"] for row in rows}
