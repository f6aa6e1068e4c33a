"""Every acknowledged payment counts once, whichever process is killed."""

import asyncio
import contextlib
import os
import signal
from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from payments import Paid, pay, publish, withdrawals
from recobro.client import Client
from recobro_platform import SERVICE_NAMES, service_named
from running_platform import PATIENCE_SECONDS, Platform

pytestmark = pytest.mark.process

AS_OF = date(2026, 11, 22)
RATE = 50.0
# ``make test`` kills the most important process. ``make faults`` kills each process in turn, with more payments.
PAYMENTS = int(os.environ.get("RECOBRO_FAULT_PAYMENTS", "100"))
VICTIMS = ["dialer-feed"]
if "RECOBRO_FAULT_PAYMENTS" in os.environ:
    VICTIMS += ["postgres", *(name for name in SERVICE_NAMES if name not in VICTIMS)]
LISTENERS = tuple(name for name in SERVICE_NAMES if name != "portfolio")


class Supply:
    """Contracts on live lists, without payments yet."""

    def __init__(self, client: Client, file: Path) -> None:
        self._client = client
        self._file = file
        self._left: list[Any] = []
        self._list_id: UUID | None = None

    def take(self) -> tuple[UUID, list[UUID]]:
        """Return a list and contracts on it. When a portfolio has no more contracts, another one is loaded."""
        if len(self._left) < PAYMENTS:
            listing = publish(self._client, self._file, AS_OF, name="kills")
            self._list_id, self._left = listing.list_id, list(listing.contracts)
        assert self._list_id is not None
        taken, self._left = self._left[:PAYMENTS], self._left[PAYMENTS:]
        return self._list_id, taken


@pytest.fixture(scope="module")
def supply(platform: Platform) -> Iterator[Supply]:
    with platform.client() as client, as_file(files("recobro") / "sample" / "cartera_mx.csv") as file:
        yield Supply(client, file)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("victim", VICTIMS)
async def test_every_acknowledged_payment_counts_once_though_a_process_is_killed(
    platform: Platform, supply: Supply, victim: str
) -> None:
    list_id, contracts = await asyncio.to_thread(supply.take)
    before = await balances(platform, contracts)
    killed_pid = platform.pids()[victim]
    with platform.client() as client:
        gone = client.get("dialer-feed", f"/v1/lists/{list_id}")["withdrawn"]
        paying = asyncio.create_task(pay(client, contracts, AS_OF, RATE))
        await asyncio.sleep(PAYMENTS / RATE / 2)
        os.kill(killed_pid, signal.SIGKILL)
        paid = await paying
        items = await asyncio.to_thread(withdrawals, client, list_id, gone + PAYMENTS, within_seconds=PATIENCE_SECONDS)
    assert platform.pids()[victim] != killed_pid
    await assert_counted_once(platform, before, paid)
    withdrawn = Counter(UUID(item["contract_id"]) for item in items)
    assert {contract: withdrawn[contract] for contract in contracts} == dict.fromkeys(contracts, 1)
    first = items[0]["cursor"]
    assert [item["cursor"] for item in items] == list(range(first, first + len(items)))


async def assert_counted_once(platform: Platform, before: dict[UUID, Decimal], paid: list[Paid]) -> None:
    after = await balances(platform, before)
    assert after == {contract: balance - 10 for contract, balance in before.items()}
    portfolio = await asyncpg.connect(platform.dsn("portfolio"))
    rows = await portfolio.fetch("SELECT payment_id FROM payment WHERE contract_id = ANY($1)", list(before))
    assert sorted(row["payment_id"] for row in rows) == sorted(payment.payment_id for payment in paid)
    async with asyncio.timeout(PATIENCE_SECONDS):
        # The relay deletes the last rows a moment after it has sent them.
        while await portfolio.fetchval("SELECT count(*) FROM outbox_events"):  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(0.05)
    await portfolio.close()
    payment_ids = [payment.payment_id for payment in paid]
    feed = await asyncpg.connect(platform.dsn("dialer_feed"))
    causes = await feed.fetch("SELECT cause_event_id FROM list_entry WHERE contract_id = ANY($1)", list(before))
    await feed.close()
    events = [row["cause_event_id"] for row in causes]
    for service in LISTENERS:
        await until_counted(
            platform, service, "inbox WHERE consumer = $2 AND event_id = ANY($1)", events, f"{service}.events"
        )
    # Every contract here is at least a day late, which is the only condition of the agency's fee.
    await until_counted(platform, "assignment", "commission WHERE payment_id = ANY($1)", payment_ids)
    await until_counted(platform, "promises", "payment WHERE payment_id = ANY($1)", payment_ids)


async def until_counted(platform: Platform, service: str, rows: str, ids: list[UUID], *others: str) -> None:
    """Wait until each of ``ids`` has a row, once. Services other than dialer-feed may be a moment behind."""
    connection = await asyncpg.connect(platform.dsn(service_named(service).database))
    counted = -1
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_SECONDS):
            while counted < len(ids):
                await asyncio.sleep(0.1)
                counted = await connection.fetchval(f"SELECT count(*) FROM {rows}", ids, *others)
    await connection.close()
    assert counted == len(ids), f"{service}: {rows}"


async def balances(platform: Platform, contracts: Any) -> dict[UUID, Decimal]:
    connection = await asyncpg.connect(platform.dsn("portfolio"))
    rows = await connection.fetch(
        "SELECT contract_id, total_balance FROM contract WHERE contract_id = ANY($1)", list(contracts)
    )
    await connection.close()
    return {row["contract_id"]: row["total_balance"] for row in rows}
