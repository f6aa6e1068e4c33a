"""Plays one scenario on a platform: clients write, faults happen, the platform becomes idle, all data are compared."""

import asyncio
import contextlib
import time
from dataclasses import dataclass, field

from faults import checker
from faults.findings import Finding
from faults.scenarios import Scenario
from faults.world import World

_FIRST_FAULT_SECONDS = 0.5
_BETWEEN_FAULTS_SECONDS = (0.5, 2.0)


@dataclass
class Outcome:
    """The outcome of one scenario."""

    scenario: str
    platform: str
    faults: int
    acknowledged: int
    ambiguous: int
    seconds: float
    findings: list[Finding] = field(default_factory=list)


async def play(
    world: World,
    scenario: Scenario,
    platform: str,
    *,
    writes: int,
    rate: float,
    patience: float = checker.SETTLE_SECONDS,
) -> Outcome:
    """Inject faults while clients send ``writes``, ``rate`` a second. Then wait until all is idle, and check the books.

    The platform has ``patience`` seconds to settle. If it does not, only the services that acknowledged are checked.
    """
    started = time.monotonic()
    ledger = world.books.ledger
    faults, acknowledged, ambiguous = len(world.faults), ledger.acknowledged_count, ledger.ambiguous_count
    world.findings.clear()
    enough = asyncio.Event()
    writing = asyncio.create_task(world.clients.write(world.plan, writes, rate, enough))
    try:
        await asyncio.sleep(_FIRST_FAULT_SECONDS)
        if not scenario.once:
            enough.set()
        await scenario.inject(world)
        enough.set()
        while not scenario.once and not writing.done():
            await asyncio.sleep(world.random.uniform(*_BETWEEN_FAULTS_SECONDS))
            await scenario.inject(world)
        await writing
    finally:
        writing.cancel()
        await asyncio.wait({writing})
    await scenario.afterwards(world)
    try:
        await world.ready()
        await checker.settled(world.books, patience)
        found = await checker.check_answers(world.books, world.clients.repeat)
        found += await checker.check(world.books)
    except (checker.NotSettled, TimeoutError) as error:
        found = [Finding("unsettled", str(error) or "not ready", scenario.name)]
        with contextlib.suppress(OSError):
            found += await checker.check_sources(world.books)
    return Outcome(
        scenario.name,
        platform,
        len(world.faults) - faults,
        ledger.acknowledged_count - acknowledged,
        ledger.ambiguous_count - ambiguous,
        time.monotonic() - started,
        [*world.findings, *found],
    )
