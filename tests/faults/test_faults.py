"""Plays a selection of the faults, each once. ``make faults-long`` plays all of them repeatedly."""

import os
from collections.abc import AsyncIterator

import pytest
from faults.platforms import BROKERS, started
from faults.rig import play
from faults.scenarios import EMBEDDED, KAFKA, PROXIED, SCENARIOS, SPLIT, WITHDRAWING, Scenario
from faults.storage import CannotMount
from faults.world import World
from recobro.kafka import KafkaFailed

pytestmark = [
    pytest.mark.process,
    pytest.mark.timeout(300),
    pytest.mark.skipif("RECOBRO_FAULTS" not in os.environ, reason="`make faults` injects faults"),
]
SEED = os.environ.get("RECOBRO_FAULTS_SEED", "1")
WRITES = 150
RATES = {EMBEDDED: 50.0, PROXIED: 50.0, KAFKA: 50.0, SPLIT: 25.0}
"""The platforms, each with the clients' writes per second."""
OVER_KAFKA = ("killed-anyone", "broker-killed")


def selection() -> list[object]:
    return [
        pytest.param(platform, s, id=f"{platform}-{s.name}", marks=[pytest.mark.kafka] if platform in BROKERS else [])
        for platform in RATES
        for s in SCENARIOS
        if s.quick and platform in s.platforms and (platform != KAFKA or s.name in OVER_KAFKA)
    ]


@pytest.fixture(scope="module")
async def world(platform: str) -> AsyncIterator[World]:
    """Only one platform runs at a time, because an idle platform uses the two cores too."""
    try:
        async with started(platform, SEED, WITHDRAWING) as world:
            yield world
    except KafkaFailed as why:
        if os.environ.get("RECOBRO_REQUIRE_KAFKA") == "1":
            raise
        pytest.skip(str(why))


@pytest.mark.parametrize(("platform", "scenario"), selection(), scope="module")
async def test_nothing_is_lost_doubled_or_out_of_order(world: World, platform: str, scenario: Scenario) -> None:
    try:
        outcome = await play(world, scenario, platform, writes=WRITES, rate=RATES[platform])
    except CannotMount as why:
        pytest.skip(str(why))
    assert outcome.faults > 0
    assert outcome.acknowledged >= WRITES
    assert [str(finding) for finding in outcome.findings] == []
