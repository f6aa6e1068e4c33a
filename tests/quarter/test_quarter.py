"""A quarter of offers, agreements, payments, reversals, approvals and files ends as a plain model says.

``make quarter`` plays 92 days. ``RECOBRO_QUARTER_DAYS`` and ``RECOBRO_QUARTER_CONTRACTS`` are its size,
``RECOBRO_QUARTER_SEED`` is its seed.
"""

import asyncio
import os
from datetime import timedelta

import pytest
from chassis import clock
from fresh_databases import FreshDatabases
from portfolio.agreements import following
from promises.outcomes.watching import Watch
from quarter.comparing import compare
from quarter.moves import MOVES
from quarter.play import Quarter
from services_in_process import InProcessPlatform


async def _nothing(_: object) -> None:
    await asyncio.sleep(3600)


DAYS = int(os.environ.get("RECOBRO_QUARTER_DAYS", "12"))
CONTRACTS = int(os.environ.get("RECOBRO_QUARTER_CONTRACTS", "16"))
SEED = int(os.environ.get("RECOBRO_QUARTER_SEED", "1"))


@pytest.mark.process
async def test_a_quarter_of_agreements_ends_as_the_model_says(
    databases: FreshDatabases, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = InProcessPlatform(databases)
    services = ("portfolio", "promises")
    for service in services:
        await platform.create(service)
    quarter = Quarter(platform, SEED, CONTRACTS)
    monkeypatch.setattr(clock, "now", quarter.noon)
    # The quarter does what these do in the background, so that it knows when nothing is left to do.
    monkeypatch.setattr(Watch, "run", _nothing)
    monkeypatch.setattr(following, "follow_all", _nothing)
    await platform.start(*services)
    try:
        await quarter.open()
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
        for service in services:
            assert platform.runtimes[service].problems() == []
    finally:
        await platform.end()
