"""Barriers along chains of facts: five services that listen to each other as those of the platform do."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from recobro.postgres import EmbeddedPostgres
from recobro_events import Consumer, Database, Lane, Runtime, Transaction, barrier
from recobro_events.contracts.base import ContractEvent
from recobro_events.memory import MemoryTransport
from recobro_events.schema import UPGRADE
from recobro_platform import BARRIER_ROUNDS
from toy_services import until

LISTENS = {
    "portfolio": ("dialer-feed", "assignment", "field-visits", "promises"),
    "assignment": ("portfolio", "dialer-feed", "field-visits", "promises"),
    "dialer-feed": ("portfolio", "assignment", "field-visits", "promises"),
    "field-visits": ("portfolio", "assignment", "promises", "dialer-feed"),
    "promises": ("portfolio", "assignment"),
}
BULK = ("portfolio", "assignment")
PARTITIONS = 3


class Fact(ContractEvent):
    """A fact for the first service of ``path``, which publishes another fact for the rest of ``path``."""

    path: tuple[str, ...]


@dataclass
class Member:
    """One service of the platform. It forwards facts, and can be held while it does."""

    name: str
    database: Database
    consumer: Consumer
    fact_types: dict[Lane, type[Fact]]
    applied: set[UUID] = field(default_factory=set)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    runtime: Runtime | None = None

    async def handle(self, facts: Sequence[Fact], tx: Transaction) -> None:
        mine = [fact for fact in facts if fact.path[0] == self.name]
        if mine:
            await self.go_on.wait()
        for fact in mine:
            self.applied.add(fact.contract_id)
            if fact.path[1:]:
                tx.publish(self.fact_to(fact.contract_id, fact.path[1:]), cause=fact)

    def fact_to(self, contract_id: UUID, path: tuple[str, ...]) -> Fact:
        lane = Lane.BULK if self.name.startswith(BULK) else Lane.EVENTS
        return self.fact_types[lane](contract_id=contract_id, path=path)

    async def acknowledge(self, path: Sequence[str]) -> UUID:
        contract_id = uuid4()
        async with self.database.transaction() as tx:
            tx.publish(self.fact_to(contract_id, tuple(path)))
        return contract_id


class Platform:
    """Five services over one log, with unique names, so that tests share no event types."""

    def __init__(self, databases: Sequence[Database]) -> None:
        suffix = uuid.uuid4().hex[:8]
        self.names = {role: f"{role}{suffix}" for role in LISTENS}
        self.transport = MemoryTransport(PARTITIONS)
        kinds = {role: self._kinds(role) for role in LISTENS}
        self.members: dict[str, Member] = {}
        for (role, sources), database in zip(LISTENS.items(), databases, strict=True):
            name = self.names[role]
            listens_to = [self.names[source] for source in sources]
            consumer = Consumer(name, listens_to, platform=tuple(self.names.values()))
            member = Member(name, database, consumer, kinds[role])
            member.go_on.set()
            for source in sources:
                for kind in kinds[source].values():
                    consumer.on(kind)(member.handle)
            self.members[role] = member

    def _kinds(self, role: str) -> dict[Lane, type[Fact]]:
        lanes = (Lane.EVENTS, Lane.BULK) if role in BULK else (Lane.EVENTS,)
        return {
            lane: type("Fact", (Fact,), {"__module__": __name__}, type=f"{self.names[role]}.fact-{lane}.v1", lane=lane)
            for lane in lanes
        }

    def path(self, *roles: str) -> list[str]:
        return [self.names[role] for role in roles]

    async def start(self, *, without: Sequence[str] = ()) -> None:
        for role, member in self.members.items():
            if role not in without:
                member.runtime = Runtime(member.name, member.database, self.transport, member.consumer)
                await member.runtime.start()

    async def stop(self) -> None:
        for member in self.members.values():
            member.go_on.set()
        started = [member.runtime for member in self.members.values() if member.runtime is not None]
        await asyncio.gather(*(runtime.stop() for runtime in started))

    async def ask(self, role: str = "dialer-feed") -> UUID:
        member = self.members[role]
        async with member.database.transaction() as tx:
            return await barrier.ask(tx, member.consumer.listens_to, rounds=BARRIER_ROUNDS)

    async def progress(self, barrier_id: UUID, role: str = "dialer-feed") -> barrier.Progress:
        async with self.members[role].database.connection() as connection:
            return await barrier.progress(connection, barrier_id)

    async def is_reached(self, barrier_id: UUID, role: str = "dialer-feed") -> bool:
        return (await self.progress(barrier_id, role)).state == "reached"

    async def rounds_applied(self, by: str, of: str, barrier_id: UUID) -> int:
        async with self.members[by].database.connection() as connection:
            rounds: int = await connection.fetchval(
                "SELECT coalesce(max(round), 0) FROM barrier_marker"
                " WHERE barrier_id = $1 AND service = $2 AND seen >= markers",
                barrier_id,
                self.names[of],
            )
        return rounds


class StoppedRelays:
    """Holds the locks of a service's relays, so that they stand by and its events stay in its outbox."""

    def __init__(self, database: Database) -> None:
        self._dsn = database.dsn
        self._connection: Any = None

    async def hold(self) -> None:
        self._connection = await asyncpg.connect(self._dsn)
        for lane in ("events", "bulk"):
            await self._connection.execute("SELECT pg_advisory_lock(hashtextextended($1, 0))", f"relay:{lane}")

    async def release(self) -> None:
        if self._connection is not None:
            await self._connection.close()


_EMPTY = """
TRUNCATE outbox_events, outbox_bulk, inbox, consumer_position, barrier, barrier_marker, barrier_answer, relay_heartbeat
"""


@pytest.fixture(scope="module")
async def dsns(postgres: EmbeddedPostgres) -> AsyncIterator[list[str]]:
    """A database for each service; creating them takes longer than a test."""
    names = [f"platform_{uuid.uuid4().hex}" for _ in LISTENS]
    admin = await asyncpg.connect(postgres.dsn("postgres"))
    for name in names:
        await admin.execute(f"CREATE DATABASE {name}")
        connection = await asyncpg.connect(postgres.dsn(name))
        await connection.execute(UPGRADE)
        await connection.close()
    yield [postgres.dsn(name) for name in names]
    for name in names:
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


@pytest.fixture
async def platform(dsns: list[str]) -> AsyncIterator[Platform]:
    databases = [Database(dsn) for dsn in dsns]
    for database in databases:
        await database.open()
        async with database.transaction() as tx:
            await tx.execute(_EMPTY)
    platform = Platform(databases)
    yield platform
    await platform.stop()
    for database in databases:
        await database.close()


CHAINS = [
    ("field-visits", "portfolio", "assignment", "dialer-feed"),
    ("portfolio", "promises", "portfolio", "assignment", "dialer-feed"),
]


@pytest.mark.parametrize("chain", CHAINS, ids="-".join)
async def test_events_caused_along_a_chain_are_applied_before_the_barrier_is_reached(
    platform: Platform, chain: Sequence[str]
) -> None:
    """The first service's relay is stopped while all others answer; then a service of the chain is held."""
    start, *path = chain
    relays = StoppedRelays(platform.members[start].database)
    await relays.hold()
    held = platform.members[path[-2]]
    held.go_on.clear()
    await platform.start()
    facts = {await platform.members[start].acknowledge(platform.path(*path)) for _ in range(20)}
    barrier_id = await platform.ask()
    others = [role for role in LISTENS if role not in (start, "dialer-feed")]
    for role in others:
        await until(lambda role=role: has_applied(platform, role, barrier_id, 1))  # type: ignore[misc]
    await relays.release()
    await until(lambda: has_applied(platform, start, barrier_id, 1))
    assert not await platform.is_reached(barrier_id)
    assert not facts & platform.members["dialer-feed"].applied
    held.go_on.set()
    await until(lambda: platform.is_reached(barrier_id))
    assert facts <= platform.members["dialer-feed"].applied


async def has_applied(platform: Platform, of: str, barrier_id: UUID, rounds: int) -> bool:
    return await platform.rounds_applied("dialer-feed", of, barrier_id) >= rounds


@pytest.mark.parametrize("stopped", [role for role in LISTENS if role != "dialer-feed"])
async def test_a_stopped_relay_of_any_service_holds_the_barrier_and_is_named(platform: Platform, stopped: str) -> None:
    relays = StoppedRelays(platform.members[stopped].database)
    await relays.hold()
    await platform.start()
    path = platform.path("dialer-feed")
    facts = {await platform.members[stopped].acknowledge(path) for _ in range(20)}
    barrier_id = await platform.ask()
    await until(lambda: waits_only_for(platform, stopped, barrier_id))
    assert not await platform.is_reached(barrier_id)
    behind = await platform.ask()
    assert behind != barrier_id
    assert (await platform.progress(behind)).state == "waiting"
    assert await waits_only_for(platform, stopped, behind), "the barrier before it waits for this service"
    await relays.release()
    await until(lambda: platform.is_reached(barrier_id))
    assert facts <= platform.members["dialer-feed"].applied


async def waits_only_for(platform: Platform, role: str, barrier_id: UUID) -> bool:
    return (await platform.progress(barrier_id)).waiting_for == (platform.names[role],)


async def test_several_services_may_request_barriers_at_once(platform: Platform) -> None:
    await platform.start()
    facts = {await platform.members["portfolio"].acknowledge(platform.path("dialer-feed")) for _ in range(20)}
    askers = ["dialer-feed", "field-visits", "promises", "dialer-feed"]
    asked = await asyncio.gather(*(platform.ask(role) for role in askers))
    for role, barrier_id in zip(askers, asked, strict=True):
        await until(lambda role=role, barrier_id=barrier_id: platform.is_reached(barrier_id, role))  # type: ignore[misc]
    assert facts <= platform.members["dialer-feed"].applied


async def test_a_barrier_fails_and_names_a_service_that_never_answers(platform: Platform) -> None:
    await platform.start(without=["promises"])
    barrier_id = await platform.ask()
    await until(lambda: waits_only_for(platform, "promises", barrier_id))
    database = platform.members["dialer-feed"].database
    async with database.transaction() as tx:
        await tx.execute("UPDATE barrier SET opened_at = opened_at - interval '15 minutes 1 second'")
    await until(lambda: failed(platform, barrier_id))
    assert (await platform.progress(barrier_id)).waiting_for == (platform.names["promises"],)


async def failed(platform: Platform, barrier_id: UUID) -> bool:
    return (await platform.progress(barrier_id)).state == "failed"


async def test_two_members_of_every_group_reach_a_barrier(platform: Platform) -> None:
    await platform.start()
    second = [
        Runtime(member.name, member.database, platform.transport, member.consumer)
        for member in platform.members.values()
    ]
    for runtime in second:
        await runtime.start()
    start, *path = CHAINS[1]
    facts = {await platform.members[start].acknowledge(platform.path(*path)) for _ in range(50)}
    barrier_id = await platform.ask()
    await until(lambda: platform.is_reached(barrier_id))
    assert facts <= platform.members["dialer-feed"].applied
    await asyncio.gather(*(runtime.stop() for runtime in second))
