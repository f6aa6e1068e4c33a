"""A quarter of offers, agreements, payments, reversals, approvals and files ends as a plain model says.

``make quarter`` plays 92 days. ``RECOBRO_QUARTER_DAYS`` and ``RECOBRO_QUARTER_CONTRACTS`` are its size,
``RECOBRO_QUARTER_SEED`` is its seed.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from chassis import clock
from fresh_databases import FreshDatabases
from portfolio.agreements import following
from promises.outcomes.watching import Watch
from quarter.comparing import compare
from quarter.moves import MOVES, pays_all, reverses, settles
from quarter.play import Quarter
from services_in_process import InProcessPlatform

DAYS = int(os.environ.get("RECOBRO_QUARTER_DAYS", "12"))
CONTRACTS = int(os.environ.get("RECOBRO_QUARTER_CONTRACTS", "16"))
SERVICES = ("portfolio", "promises")
SEED = int(os.environ.get("RECOBRO_QUARTER_SEED", "1"))


async def _nothing(_: object) -> None:
    await asyncio.sleep(3600)


@asynccontextmanager
async def played(
    databases: FreshDatabases, monkeypatch: pytest.MonkeyPatch, seed: int, contracts: int
) -> AsyncIterator[Quarter]:
    """A quarter on its first day. What the services do in the background the quarter does by itself, so that it knows
    when nothing is left to do."""
    platform = InProcessPlatform(databases)
    for service in SERVICES:
        await platform.create(service)
    quarter = Quarter(platform, seed, contracts)
    monkeypatch.setattr(clock, "now", quarter.noon)
    monkeypatch.setattr(Watch, "run", _nothing)
    monkeypatch.setattr(following, "follow_all", _nothing)
    await platform.start(*SERVICES)
    try:
        await quarter.open()
        yield quarter
        for service in SERVICES:
            assert platform.runtimes[service].problems() == []
    finally:
        await platform.end()


@pytest.mark.process
async def test_a_quarter_of_agreements_ends_as_the_model_says(
    databases: FreshDatabases, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with played(databases, monkeypatch, SEED, CONTRACTS) as quarter:
        for day in range(DAYS):
            if day:
                await quarter.begin(quarter.day + timedelta(days=1))
                await compare(quarter)
            for one in quarter.contracts:
                await quarter.chance.choice(MOVES)(quarter, one)
            await quarter.rest()
            await compare(quarter)
            if quarter.chance.random() < 0.4:
                await quarter.file(quarter.chance.choice([0, 0, 2, 3]))
                await compare(quarter)
        print(f"seed {SEED}, {DAYS} days, {CONTRACTS} contracts: {dict(quarter.played)}")


@pytest.mark.process
async def test_a_file_settles_what_it_has_counted_and_a_reversal_brings_the_discount_back(
    databases: FreshDatabases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first contract's payment is in the file of the next day, the second one's is not."""

    async def goes_to(day: int) -> None:
        await quarter.begin(quarter.first + timedelta(days=day))
        await compare(quarter)

    async with played(databases, monkeypatch, 1, 2) as quarter:
        counted, behind = quarter.contracts
        for one in quarter.contracts:
            await settles(quarter, one)
        await pays_all(quarter, counted)
        await goes_to(1)
        await pays_all(quarter, behind)
        await quarter.rest()
        await quarter.file(1)
        await compare(quarter)
        assert [one.deals[0].settled_on for one in quarter.contracts] == [quarter.day, None]
        counted.deals[0].is_booked = True
        for day, settled_on in ((6, None), (7, quarter.first + timedelta(days=7))):
            await goes_to(day)
            assert behind.deals[0].settled_on == settled_on
        # The creditor's books do not know the waiver of yesterday yet: the contract stays closed.
        await goes_to(8)
        await quarter.file(1)
        await compare(quarter)
        assert [one.balance for one in quarter.contracts] == [0, 0]
        for one in quarter.contracts:
            await reverses(quarter, one)
        await quarter.rest()
        await compare(quarter)
        assert [(one.deals[0].state, one.deals[0].settled_on) for one in quarter.contracts] == [("active", None)] * 2
        assert [one.balance for one in quarter.contracts] == [
            sum(amount for _, amount in one.instalments) for one in quarter.contracts
        ]
