"""Every fault that the platform must survive, by name."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import repeat

import psutil
from faults import injectors, misuse, storage
from faults.findings import Finding
from faults.world import World
from recobro_platform import SERVICE_NAMES

Step = Callable[[World], Awaitable[None]]
EMBEDDED, KAFKA, CLUSTER = "embedded", "kafka", "cluster"
PROXIED, PROXIED_KAFKA, SMALL = "proxied", "proxied kafka", "small disk"
"""Platforms with a proxy before PostgreSQL, with a proxy before Kafka, and with a small disk for PostgreSQL."""
SPLIT = "split"
"""A platform over one Kafka broker, with two processes of each role."""

WITHDRAWING = ("portfolio", "dialer-feed")
"""The services that take part when a payment withdraws its contract from lists."""

_ACTIVE = "SELECT backend_pid FROM relay_heartbeat WHERE lane = 'events'"


async def nothing(_world: World) -> None:
    """Do nothing while clients write, for scenarios that act afterwards."""


@dataclass(frozen=True)
class Scenario:
    """``inject`` is repeated while clients write. ``afterwards`` runs once when all writes have answers.

    ``platforms`` are those on which the scenario is played. ``quick`` scenarios are part of CI. With ``once``,
    ``inject`` runs once, and clients write until it ends.
    """

    name: str
    platforms: tuple[str, ...]
    inject: Step = nothing
    afterwards: Step = nothing
    quick: bool = False
    once: bool = False


async def kill(names: Sequence[str], world: World) -> None:
    """Kill all of these at the same moment, and sometimes their successors too while those start.

    Afterwards everything stays up for as long as it was down. Otherwise slow starts would leave no time for work.
    """
    began = time.monotonic()
    for _ in range(world.random.choice([1, 1, 2])):
        await asyncio.gather(*(injectors.kill(world, name) for name in names))
    await world.ready()
    await asyncio.sleep(time.monotonic() - began)


async def kill_anyone(world: World) -> None:
    """Kill a service that the seed chooses, and sometimes two."""
    names = world.random.sample(SERVICE_NAMES, k=2)
    await kill(names[: world.random.choice([1, 1, 2])], world)


async def kill_postgres(world: World) -> None:
    await injectors.kill(world, "postgres")
    await world.ready()


async def freeze_anyone(world: World) -> None:
    name = world.random.choice(SERVICE_NAMES)
    await injectors.freeze(world, name, world.random.uniform(1, 4))


async def freeze_postgres(world: World) -> None:
    await injectors.freeze(world, "postgres", world.random.uniform(1, 6))


async def restart_all(world: World) -> None:
    """Restart one service after the other. Meanwhile its clients get a 503 or a closed port."""
    for name in SERVICE_NAMES:
        await injectors.restart(world, name)


async def roll_out(world: World) -> None:
    """Replace the processes as a cluster does: in each role one after the other, each once the last one is ready."""
    others = [name for name in world.split if name not in WITHDRAWING]
    for name in (*WITHDRAWING, *world.random.sample(others, k=min(1, len(others)))):
        for process in world.processes(name):
            world.fault(f"SIGTERM {process.role} of {name}")
            os.kill(process.pid, signal.SIGTERM)
            await world.replaced(name, process)


async def kill_any_role(world: World) -> None:
    name = world.random.choice(world.split)
    process = world.random.choice(world.processes(name))
    world.fault(f"SIGKILL {process.role} of {name}")
    os.kill(process.pid, signal.SIGKILL)
    await world.replaced(name, process)


async def members_come_and_go(world: World) -> None:
    """Groups of two and three members. A member leaves its group politely, or is killed."""
    name = world.random.choice(["dialer-feed", "assignment", "promises"])
    async with injectors.another(world, name), injectors.another(world, name) as third:
        await asyncio.sleep(1)
        if world.random.random() < 0.5:
            world.fault(f"SIGKILL another {name}")
            third.leave()
            await asyncio.sleep(1)


async def freeze_a_member(world: World) -> None:
    """Freeze a member for longer than its group waits. Others own its partitions when it continues its batch."""
    async with injectors.another(world, "dialer-feed") as member:
        world.fault("SIGSTOP another dialer-feed")
        with injectors.frozen([member.process]):
            await asyncio.sleep(50 if world.brokers else 13)
        await asyncio.sleep(2)


async def freeze_the_relay(world: World) -> None:
    """Freeze the relay for longer than its heartbeat may be old. The standby takes over, and serves the clients too."""
    async with injectors.another(world, "portfolio") as standby:
        world.clients.addresses["portfolio"] = repeat(standby.url)
        active = await world.books.rows("portfolio", _ACTIVE)
        await injectors.freeze(world, "portfolio", 40)
        if await world.books.rows("portfolio", _ACTIVE) == active:
            world.findings.append(Finding("answer", "the standby has not taken over", "zombie-relay"))
        del world.clients.addresses["portfolio"]
        await world.ready()
        await asyncio.sleep(2)


async def slow_network(world: World) -> None:
    assert world.proxy is not None
    world.fault("network slow")
    world.proxy.delay_seconds = world.random.choice([0.005, 0.02, 0.1])
    await asyncio.sleep(4)
    world.proxy.delay_seconds = 0


async def cut_network(world: World) -> None:
    """Reset every connection, and sometimes refuse new ones for a while."""
    assert world.proxy is not None
    world.fault("network cut")
    world.proxy.refusing = world.random.random() < 0.5
    world.proxy.cut()
    await asyncio.sleep(world.random.uniform(0.5, 4))
    world.proxy.refusing = False
    await asyncio.sleep(1)


async def half_open_network(world: World) -> None:
    """Make every connection half open. New connections work."""
    assert world.proxy is not None
    world.fault("network half open")
    world.proxy.swallow()
    await asyncio.sleep(10)


async def kill_broker(world: World) -> None:
    broker = world.random.choice(world.brokers)
    assert broker.pid is not None
    world.fault("SIGKILL a broker")
    psutil.Process(broker.pid).send_signal(signal.SIGKILL)
    await asyncio.sleep(world.random.uniform(0.5, 6))
    await asyncio.to_thread(broker.start)
    await asyncio.sleep(2)


async def restart_broker(world: World) -> None:
    broker = world.random.choice(world.brokers)
    world.fault("SIGTERM a broker")
    await asyncio.to_thread(broker.stop)
    await asyncio.to_thread(broker.start)
    await asyncio.sleep(2)


async def freeze_broker(world: World) -> None:
    broker = world.random.choice(world.brokers)
    assert broker.pid is not None
    world.fault("SIGSTOP a broker")
    with injectors.frozen([psutil.Process(broker.pid)]):
        await asyncio.sleep(world.random.uniform(2, 14))
    await asyncio.sleep(2)


ANY_LOG = (EMBEDDED, KAFKA, CLUSTER)
BAD_NETWORK = (PROXIED, PROXIED_KAFKA)
SCENARIOS = (
    *(Scenario(f"killed-{name}", ANY_LOG, partial(kill, [name])) for name in SERVICE_NAMES),
    Scenario("killed-anyone", ANY_LOG, kill_anyone, quick=True),
    Scenario("killed-postgres", ANY_LOG, kill_postgres, quick=True),
    Scenario("frozen-anyone", ANY_LOG, freeze_anyone),
    Scenario("frozen-postgres", ANY_LOG, freeze_postgres),
    Scenario("zombie-relay", ANY_LOG, freeze_the_relay, once=True),
    Scenario("zombie-member", ANY_LOG, freeze_a_member, once=True),
    Scenario("members-come-and-go", ANY_LOG, members_come_and_go, quick=True),
    Scenario("rolling-restart", ANY_LOG, restart_all, quick=True, once=True),
    Scenario("roll-out", (SPLIT,), roll_out, quick=True, once=True),
    Scenario("killed-roles", (SPLIT,), kill_any_role),
    Scenario("pool-exhausted", ANY_LOG, misuse.exhaust_pool, quick=True, once=True),
    Scenario("poison", ANY_LOG, misuse.poison, misuse.heal, quick=True, once=True),
    Scenario("everything-twice", ANY_LOG, afterwards=misuse.append_everything_twice, quick=True),
    Scenario("photos-full", (EMBEDDED,), storage.fill_photos, quick=True, once=True),
    Scenario("disk-full", (SMALL,), storage.fill_postgres),
    Scenario("network-slow", BAD_NETWORK, slow_network, quick=True),
    Scenario("network-cut", BAD_NETWORK, cut_network, quick=True),
    Scenario("network-half-open", BAD_NETWORK, half_open_network, once=True),
    Scenario("broker-killed", (KAFKA, CLUSTER), kill_broker, quick=True),
    Scenario("broker-restarted", (KAFKA, CLUSTER), restart_broker),
    Scenario("broker-frozen", (KAFKA, CLUSTER), freeze_broker),
)
