"""The platforms that scenarios are played on."""

import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from faults.scenarios import CLUSTER, EMBEDDED, KAFKA, PROXIED, SMALL
from faults.storage import small_disk
from faults.world import World, started_world
from recobro import kafka

JARS = Path(__file__).parents[2] / ".kafka" / "lib"
BROKERS = {KAFKA: 1, CLUSTER: 3}
PLATFORMS = (EMBEDDED, PROXIED, SMALL, KAFKA, CLUSTER)


@contextlib.asynccontextmanager
async def started(platform: str, seed: str) -> AsyncIterator[World]:
    """A world on this platform, and all that it needs; ``CannotMount``, ``KafkaFailed`` where the machine lacks it."""
    with contextlib.ExitStack() as stack:
        temporary = tempfile.TemporaryDirectory(prefix="recobro-faults-", ignore_cleanup_errors=True)
        folder = Path(stack.enter_context(temporary))
        brokers: tuple[kafka.LocalKafka, ...] = ()
        if platform in BROKERS:
            kafka.fetch(JARS)
            brokers = kafka.cluster(folder / "kafka", JARS, BROKERS[platform])
            for broker in brokers:
                stack.callback(broker.stop)
            kafka.start_together(brokers)
        if platform == SMALL:
            stack.enter_context(small_disk(folder / "data" / "postgres", "1g"))
        async with started_world(seed, brokers=brokers, with_proxy=platform == PROXIED, folder=folder) as world:
            yield world
