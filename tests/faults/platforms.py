"""The platforms on which scenarios are played."""

import contextlib
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from faults.brokers import cluster, start_together
from faults.proxy import Proxy
from faults.scenarios import CLUSTER, EMBEDDED, KAFKA, PROXIED, PROXIED_KAFKA, SMALL, SPLIT
from faults.storage import small_disk
from faults.world import World, started_world
from recobro import kafka
from recobro.postgres import free_port
from recobro_platform import SERVICE_NAMES

JARS = Path(__file__).parents[2] / ".kafka" / "lib"
BROKERS = {KAFKA: 1, CLUSTER: 3, SPLIT: 1}
PLATFORMS = (EMBEDDED, PROXIED, SMALL, KAFKA, CLUSTER, PROXIED_KAFKA, SPLIT)


@contextlib.asynccontextmanager
async def started(platform: str, seed: str, split: Sequence[str] = SERVICE_NAMES) -> AsyncIterator[World]:
    """Start this platform with everything that it needs, and yield its world.

    Raises ``CannotMount`` or ``KafkaFailed`` if the machine cannot provide it. ``split`` names the services that have
    a process for each role, if the platform is one with roles.
    """
    async with contextlib.AsyncExitStack() as stack:
        temporary = tempfile.TemporaryDirectory(prefix="recobro-faults-", ignore_cleanup_errors=True)
        folder = Path(stack.enter_context(temporary))
        brokers: tuple[kafka.LocalKafka, ...] = ()
        if platform in BROKERS:
            kafka.fetch(JARS)
            brokers = cluster(folder / "kafka", JARS, BROKERS[platform])
            for broker in brokers:
                stack.callback(broker.stop)
            start_together(brokers)
        if platform == SMALL:
            stack.enter_context(small_disk(folder / "data" / "postgres", "1g"))
        in_front_of_kafka = None
        if platform == PROXIED_KAFKA:
            in_front_of_kafka = await _broker_behind_a_proxy(stack, folder)
        async with started_world(
            seed,
            brokers=brokers,
            in_front_of_postgres=platform == PROXIED,
            in_front_of_kafka=in_front_of_kafka,
            split=split if platform == SPLIT else (),
            folder=folder,
        ) as world:
            yield world


async def _broker_behind_a_proxy(stack: contextlib.AsyncExitStack, folder: Path) -> Proxy:
    """Return a broker that advertises the proxy's address to its clients."""
    kafka.fetch(JARS)
    port = free_port()
    proxy = Proxy(lambda: port)
    await proxy.start()
    stack.push_async_callback(proxy.stop)
    settings = {"advertised.listeners": f"BROKER://{proxy.address}"}
    broker = kafka.LocalKafka(folder / "kafka", port, JARS, settings=settings)
    stack.callback(broker.stop)
    broker.start()
    return proxy
