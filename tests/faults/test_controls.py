"""The rig finds defects: platforms with a deliberate defect do not pass."""

import asyncio
import os
from collections import Counter
from functools import partial
from pathlib import Path

import asyncpg
import pytest
from faults import injectors
from faults.checker import SETTLE_SECONDS
from faults.ledger import Ledger
from faults.rig import play
from faults.scenarios import Scenario, kill_postgres
from faults.waiting import until
from faults.world import World, started_world

pytestmark = [
    pytest.mark.process,
    pytest.mark.timeout(300),
    pytest.mark.skipif("RECOBRO_FAULTS" not in os.environ, reason="`make faults` runs the controls of the rig"),
]
SABOTAGE = str(Path(__file__).parent / "sabotage")
# A killed PostgreSQL loses what it has not written yet. By default it writes nearly everything within 0.2 s.
WITHOUT_SYNC = {"synchronous_commit": "off", "wal_writer_delay": "10s", "wal_writer_flush_after": "1GB"}
ON_DISK = "SELECT pg_current_wal_flush_lsn()"


async def findings(world: World, scenario: Scenario, patience: float = SETTLE_SECONDS) -> Counter[str]:
    outcome = await play(world, scenario, "embedded", writes=150, rate=50, patience=patience)
    return Counter(finding.kind for finding in outcome.findings)


def sabotaged(defect: str) -> dict[str, str]:
    return {"PYTHONPATH": SABOTAGE, "RECOBRO_SABOTAGE": defect}


async def test_the_rig_finds_an_event_of_a_rolled_back_transaction() -> None:
    async with started_world("control", environment=sabotaged("publish-before-commit")) as world:
        found = await findings(world, Scenario("no fault", ()))
    assert found["phantom"] > 0


async def kill_dialer_feed(world: World) -> None:
    await injectors.kill(world, "dialer-feed")


async def test_the_rig_finds_a_position_that_moves_before_its_batch() -> None:
    async with started_world("control", environment=sabotaged("move-position-first")) as world:
        found = await findings(world, Scenario("killed-dialer-feed", (), kill_dialer_feed))
    assert found["lost"] > 0, found


async def kill_postgres_without_sync(world: World) -> None:
    """Kill PostgreSQL when it has acknowledged commits that are only in its memory."""
    ledger = world.books.ledger
    connection = await asyncpg.connect(world.books.dsns["portfolio"], timeout=10)
    async with asyncio.timeout(60):
        while True:
            on_disk, acknowledged = await connection.fetchval(ON_DISK), ledger.acknowledged_count
            # The first of them may have been committed before this query.
            await until(partial(_has_acknowledged, ledger, acknowledged + 3), 60)
            if await connection.fetchval(ON_DISK) == on_disk:
                break
    connection.terminate()
    await kill_postgres(world)


async def _has_acknowledged(ledger: Ledger, count: int) -> bool:
    return ledger.acknowledged_count >= count


async def test_the_rig_finds_commits_that_do_not_wait_for_the_disk() -> None:
    async with started_world("control") as world:
        admin = await asyncpg.connect(world.books.dsns["portfolio"])
        for name, value in WITHOUT_SYNC.items():
            await admin.execute(f"ALTER SYSTEM SET {name} = '{value}'")
        await admin.execute("SELECT pg_reload_conf()")
        await admin.close()
        # Consumers that had read the lost events need some time to detect it. This test does not check that.
        found = await findings(
            world, Scenario("killed-postgres", (), kill_postgres_without_sync, once=True), patience=2
        )
    assert found["lost"] > 0, found
