"""Days of a collections floor end as a plain model of the rules says.

``RECOBRO_FLOOR_DAYS`` and ``RECOBRO_FLOOR_CONTRACTS`` are its size, ``RECOBRO_FLOOR_SEED`` is its seed. ``make floor``
plays thirty days over 2,000 contracts.
"""

import os

import pytest
from chassis import clock
from floor.days import begin_next_day, play_day
from floor.floor import Floor
from floor.opening import open_floor
from fresh_databases import FreshDatabases
from services_in_process import all_services_in_process

DAYS = int(os.environ.get("RECOBRO_FLOOR_DAYS", "3"))
CONTRACTS = int(os.environ.get("RECOBRO_FLOOR_CONTRACTS", "150"))
SEED = int(os.environ.get("RECOBRO_FLOOR_SEED", "1"))
SHARE_CHANGED = 0.25 if CONTRACTS <= 500 else 0.1


@pytest.mark.process
@pytest.mark.parametrize("seed", [SEED])
async def test_days_of_a_floor_end_as_the_model_says(
    databases: FreshDatabases, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    async with all_services_in_process(databases) as platform:
        floor = Floor(platform, seed, CONTRACTS, SHARE_CHANGED)
        monkeypatch.setattr(clock, "now", floor.noon)
        await open_floor(floor)
        for day in range(DAYS):
            if day > 0:
                await begin_next_day(floor)
            await play_day(floor)
        print(f"seed {seed}, {DAYS} days, {CONTRACTS} contracts: {dict(floor.played)}")
        assert floor.played["payment"] > 0
        for service in platform.runtimes:
            assert platform.runtimes[service].problems() == []
