"""Every loop that retries pauses longer and longer. Time is counted from the pauses, so no test waits for it."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any
from uuid import uuid4

import pytest
from recobro_events import Database, Lane, Relay, Runtime, Source, Subscription, TransportError, step
from recobro_events._backoff import Backoff
from recobro_events._log.postgres_member import PostgresMember
from recobro_events._log.transport import OutgoingRecord
from recobro_events._runtime import housekeeping, runtime
from recobro_events.memory import MemoryTransport
from recobro_events.postgres import PostgresTransport
from toy_services import TABLES, Publisher, Subscriber, until

NewDatabase = Callable[[], Awaitable[Database]]
NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"
WATCHED_SECONDS = 300.0
MOST_ATTEMPTS = 130
"""In five minutes; ten a second would be 3,000."""


class Enough(BaseException):
    """The loop has paused for ``WATCHED_SECONDS`` together."""


class Pauses(list[float]):
    """The pauses that were asked for, none of which was waited for."""

    async def wait(self, backoff: Backoff, until: asyncio.Event | None = None) -> None:
        assert until is None or not until.is_set()
        self.append(backoff.next_seconds())
        await asyncio.sleep(0)
        if sum(self) > WATCHED_SECONDS:
            raise Enough


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> Pauses:
    pauses = Pauses()
    monkeypatch.setattr(Backoff, "wait", lambda backoff, until=None: pauses.wait(backoff, until))
    monkeypatch.setattr(runtime, "_WATCH_SECONDS", 0.0)
    return pauses


class RefusingLog(MemoryTransport):
    """A log that can be read, and acknowledges nothing."""

    sent = 0

    async def send(self, records: Sequence[OutgoingRecord]) -> None:
        self.sent += 1
        raise TransportError(f"{len(records)} records are not taken now")

    async def prune(self, days: int) -> int:
        raise TransportError(f"not now, nor in {days} days")


class UnreachableLog(RefusingLog):
    async def ensure_topics(self, topics: Collection[str]) -> Mapping[str, int]:
        raise TransportError(f"{len(topics)} topics cannot be reached")


def test_pauses_double_up_to_the_longest_and_are_shortened_at_random() -> None:
    backoff = Backoff(0.1, 5.0)
    longest = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    for most in longest:
        assert most / 2 <= backoff.next_seconds() <= most
    backoff.reset()
    assert backoff.next_seconds() <= 0.1
    first = {Backoff(1.0, 5.0).next_seconds() for _ in range(20)}
    assert len(first) == 20
    for _ in range(2_000):
        assert backoff.next_seconds() <= 5.0


async def test_a_relay_whose_log_refuses_retries_more_and_more_rarely(
    new_database: NewDatabase, pauses: Pauses
) -> None:
    publisher, database, log = Publisher(), await new_database(), RefusingLog()
    database.service = publisher.name
    await publisher.publish(database, [(uuid4(), 1)])
    with pytest.raises(Enough):
        await Relay(Lane.EVENTS, database, log).run()
    assert 10 < log.sent == len(pauses) < MOST_ATTEMPTS


async def test_commits_do_not_shorten_the_pause_of_a_relay(
    new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recobro_events._outbox.relay.RETRY_SECONDS", (3600.0, 3600.0))
    publisher, database, log = Publisher(), await new_database(), RefusingLog()
    database.service = publisher.name
    relay = Relay(Lane.EVENTS, database, log)
    running = asyncio.create_task(relay.run())
    await publisher.publish(database, [(uuid4(), 1)])
    await until(lambda: is_true(lambda: log.sent == 1 and not relay.active))
    for number in range(10):
        await publisher.publish(database, [(uuid4(), number)])
    relay.stop()
    await asyncio.wait_for(running, 240)
    assert log.sent == 1


async def test_a_relay_without_its_database_retries_more_and_more_rarely(pauses: Pauses) -> None:
    with pytest.raises(Enough):
        await Relay(Lane.EVENTS, Database(NOWHERE), MemoryTransport()).run()
    assert 10 < len(pauses) < MOST_ATTEMPTS


async def test_a_consumer_whose_batch_fails_retries_more_and_more_rarely(
    new_database: NewDatabase, pauses: Pauses
) -> None:
    publisher, log = Publisher(), MemoryTransport(1)
    source, database = await new_database(), await new_database()
    async with database.transaction() as tx:
        await tx.execute(TABLES)
    source.service, database.service = publisher.name, "subscriber"
    await log.ensure_topics([publisher.topic(), publisher.topic(Lane.BULK)])
    relay = Relay(Lane.EVENTS, source, log)
    relaying = asyncio.create_task(relay.run())
    await publisher.publish(source, [(uuid4(), 1)])
    await until(lambda: is_true(lambda: any(log.logs.values())))
    relay.stop()
    await asyncio.wait_for(relaying, 240)
    subscriber = Subscriber(publisher)

    async def fail() -> None:
        raise TransportError("not now")

    subscriber.before_handling = fail
    with pytest.raises(Enough):
        await Subscription(subscriber.consumer, Lane.EVENTS, database, log).run()
    assert 10 < len(subscriber.groups) <= len(pauses) < MOST_ATTEMPTS


async def test_a_consumer_that_cannot_join_retries_more_and_more_rarely(pauses: Pauses) -> None:
    joins = 0

    class NoGroup(MemoryTransport):
        async def join(self, *_: Any) -> Any:
            nonlocal joins
            joins += 1
            raise TransportError("not now")

    with pytest.raises(Enough):
        await Subscription(Subscriber(Publisher()).consumer, Lane.EVENTS, Database(NOWHERE), NoGroup()).run()
    assert 10 < joins == len(pauses) < MOST_ATTEMPTS


def loops(log: MemoryTransport) -> Mapping[str, Callable[[], Awaitable[None]]]:
    """The loops of the runtime, with a log that cannot be reached and a database that is not open."""
    database = Database(NOWHERE)
    runs = Runtime("subscriber", database, log, None, source=Source(None, bulk_first=True))  # type: ignore[arg-type]
    member = PostgresMember(PostgresTransport(NOWHERE)._log, "group", [], None)  # type: ignore[arg-type]
    return {
        "topics": runs._prepare_topics,
        "recognising": runs._recognise_log,
        "order of lanes": runs._reads_bulk_first,  # type: ignore[dict-item]
        "barriers": runs._keep_watch,
        "republishing": runs._republish,
        "counting": lambda: housekeeping.report_for_ever(database, [Lane.EVENTS]),
        "pruning": lambda: housekeeping.prune_for_ever(database, log),
        "heartbeat of a member": member._beat,
    }


@pytest.mark.parametrize("loop", loops(UnreachableLog()))
async def test_the_other_loops_retry_more_and_more_rarely(loop: str, pauses: Pauses) -> None:
    with pytest.raises(Enough):
        await loops(UnreachableLog())[loop]()
    assert len(pauses) < MOST_ATTEMPTS
    assert max(pauses) > 2 * pauses[0]


async def test_a_step_pauses_between_its_attempts(new_database: NewDatabase, pauses: Pauses) -> None:
    async def fail(_tx: object) -> None:
        raise TransportError("not now")

    with pytest.raises(TransportError):
        await step(await new_database(), fail)
    assert len(pauses) == 4
    assert pauses[-1] > pauses[0]


async def test_a_member_whose_heartbeat_has_ended_is_replaced(
    database_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the group would give its partitions to others while it goes on reading them."""
    monkeypatch.setattr("recobro_events._log.postgres_member._DELETE_DEAD", "SELECT FROM no_such_table")
    log = PostgresTransport(database_dsn, 1)
    await log.open()
    await log.ensure_topics(["publisher.events"])
    member = await log.join("group", ["publisher.events"], None)  # type: ignore[arg-type]
    assert member._beating is not None
    await asyncio.wait({member._beating}, timeout=240)
    with pytest.raises(TransportError, match="the heartbeat of group has ended"):
        await member.poll([], max_records=1, timeout_seconds=0)
    with pytest.raises(TransportError, match="the heartbeat of group has ended"):
        await member.check()
    await member.leave()
    await log.close()


async def is_true(condition: Callable[[], bool]) -> bool:
    return condition()
