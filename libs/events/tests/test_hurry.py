"""The embedded log wakes a member only for records that its consumer handles; it returns the others a moment later."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from recobro_events._log.postgres_database import ALL_RECORDS
from recobro_events._log.transport import GroupMember, OutgoingRecord
from recobro_events.postgres import PostgresTransport
from toy_services import TopicReader, until

WANTED, OTHER, TOO_LONG = "a.wanted.v1", "a.other.v1", f"a.{'x' * 60}.v1"


@pytest.fixture
async def log(database_dsn: str) -> AsyncIterator[PostgresTransport]:
    transport = PostgresTransport(database_dsn, 2)
    await transport.open()
    await transport.ensure_topics(["a.events", "b.events"])
    yield transport
    await transport.close()


@pytest.fixture
async def heard(database_dsn: str) -> AsyncIterator[list[tuple[str, object]]]:
    """The notifications of records, by channel."""
    found: list[tuple[str, object]] = []

    def note(_connection: Any, _pid: int, channel: str, payload: object) -> None:
        if not str(payload).startswith("group:"):
            found.append((channel, payload))

    connection = await asyncpg.connect(database_dsn)
    for channel in ("log", ALL_RECORDS, WANTED, OTHER):
        await connection.add_listener(channel, note)
    yield found
    await connection.close()


async def joined(log: PostgresTransport, group: str, *types: str) -> GroupMember:
    """A member that has two partitions, of which it has read all. Without types it hurries for all."""
    member = await log.join(group, ["a.events"], reader := TopicReader())
    if types:
        member.hurry_for(types)
    await reader.ready.wait()
    for place in reader.places:
        member.seek(place, 0)
    assert await member.poll(reader.places, max_records=10, timeout_seconds=0) == []
    return member


async def send(log: PostgresTransport, *records: tuple[str, int, str], topic: str = "a.events") -> None:
    producer = await log.producer(linger_ms=0)
    await producer.send([OutgoingRecord(topic, key, b"", {"ce_type": type_}, p) for type_, p, key in records])


async def test_nobody_is_notified_of_records_that_nobody_handles(
    log: PostgresTransport, heard: list[tuple[str, object]]
) -> None:
    member = await joined(log, "narrow", WANTED)
    await send(log, (WANTED, 0, "k"), topic="b.events")
    await send(log, (OTHER, 0, "k"))
    await send(log, (OTHER, 0, "k"), (WANTED, 1, "k"), (WANTED, 1, "k"))
    await until(lambda: _is(heard, [(WANTED, "a.events 1")]))
    await member.leave()


async def test_only_a_member_without_types_is_notified_of_all(
    log: PostgresTransport, heard: list[tuple[str, object]]
) -> None:
    members = [await joined(log, "wide"), await joined(log, "narrow", WANTED), await joined(log, "long", TOO_LONG)]
    await send(log, (OTHER, 0, "k"))
    await send(log, (WANTED, 1, "k"))
    await until(lambda: _is(heard, [(WANTED, "a.events 1"), (ALL_RECORDS, "a.events 0"), (ALL_RECORDS, "a.events 1")]))
    for member in members:
        await member.leave()


async def test_a_member_reads_the_other_records_too_and_all_in_their_order(log: PostgresTransport) -> None:
    member = await joined(log, "narrow", WANTED)
    places = list(member._assigned)  # type: ignore[attr-defined]
    await send(log, (OTHER, 0, "first"))
    await send(log, (WANTED, 0, "second"), (OTHER, 0, "third"))
    found: list[str] = []
    async with asyncio.timeout(240):
        while len(found) < 3:
            found += [record.key for record in await member.poll(places, max_records=10, timeout_seconds=1)]
        assert found == ["first", "second", "third"]
        await send(log, (OTHER, 1, "alone"))
        while len(found) < 4:
            found += [record.key for record in await member.poll(places, max_records=10, timeout_seconds=1)]
    await member.leave()


async def _is(found: list[tuple[str, object]], expected: list[tuple[str, object]]) -> bool:
    return sorted(found, key=str) == sorted(expected, key=str)
