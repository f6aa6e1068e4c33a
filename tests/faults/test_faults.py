"""A selection of the faults, played once each; ``make faults-long`` plays all of them, again and again."""

import os
from collections.abc import AsyncIterator

import pytest
from faults.platforms import started
from faults.rig import play
from faults.scenarios import EMBEDDED, KAFKA, PROXIED, SCENARIOS, SPLIT, Scenario
from faults.storage import CannotMount
from faults.world import World
from recobro.kafka import KafkaFailed

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif("RECOBRO_FAULTS" not in os.environ, reason="faults are injected by `make faults`"),
]
SEED = os.environ.get("RECOBRO_FAULTS_SEED", "1")
WRITES, RATE = 150, 50.0
OVER_KAFKA = ("killed-anyone", "broker-killed")


def selection(platform: str) -> list[object]:
    quick = [scenario for scenario in SCENARIOS if scenario.quick and platform in scenario.platforms]
    return [pytest.param(s, id=s.name) for s in quick if platform != KAFKA or s.name in OVER_KAFKA]


@pytest.fixture(scope="module")
async def embedded() -> AsyncIterator[World]:
    async with started(EMBEDDED, SEED) as world:
        yield world


@pytest.fixture(scope="module")
async def proxied() -> AsyncIterator[World]:
    async with started(PROXIED, SEED) as world:
        yield world


@pytest.fixture(scope="module")
async def over_kafka() -> AsyncIterator[World]:
    async for world in with_kafka(KAFKA):
        yield world


@pytest.fixture(scope="module")
async def split() -> AsyncIterator[World]:
    async for world in with_kafka(SPLIT):
        yield world


async def with_kafka(platform: str) -> AsyncIterator[World]:
    try:
        async with started(platform, SEED) as world:
            yield world
    except KafkaFailed as why:
        if os.environ.get("RECOBRO_REQUIRE_KAFKA") == "1":
            raise
        pytest.skip(str(why))


async def survives(world: World, scenario: Scenario, platform: str, rate: float = RATE) -> None:
    try:
        outcome = await play(world, scenario, platform, writes=WRITES, rate=rate)
    except CannotMount as why:
        pytest.skip(str(why))
    assert outcome.faults > 0
    assert outcome.acknowledged >= WRITES
    assert [str(finding) for finding in outcome.findings] == []


@pytest.mark.parametrize("scenario", selection(EMBEDDED))
async def test_over_the_embedded_log(embedded: World, scenario: Scenario) -> None:
    await survives(embedded, scenario, EMBEDDED)


@pytest.mark.parametrize("scenario", selection(PROXIED))
async def test_on_a_bad_network(proxied: World, scenario: Scenario) -> None:
    await survives(proxied, scenario, PROXIED)


@pytest.mark.kafka
@pytest.mark.parametrize("scenario", selection(KAFKA))
async def test_over_kafka(over_kafka: World, scenario: Scenario) -> None:
    await survives(over_kafka, scenario, KAFKA)


@pytest.mark.kafka
@pytest.mark.parametrize("scenario", selection(SPLIT))
async def test_split_by_roles(split: World, scenario: Scenario) -> None:
    await survives(split, scenario, SPLIT, rate=RATE / 2)
