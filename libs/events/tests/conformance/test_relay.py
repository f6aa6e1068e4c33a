"""One relay is active per lane. Another replaces it when it is killed or frozen; no event is lost or reordered."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import frozen_relay
import pytest
from recobro_events import Lane, schema
from recobro_events.contracts.agency import AgencyRegistered, ListEntryWithdrawn
from toy_services import Scene, read_all, until

pytestmark = pytest.mark.process

FROZEN_AFTER_SECONDS = 1.5
CONTRACTS = [uuid4() for _ in range(10)]


@asynccontextmanager
async def relay_process(scene: Scene, gate: Path | None = None) -> AsyncIterator[Process]:
    """A relay of the publisher in another process, active when the block begins."""
    if not scene.log.address:
        pytest.skip("another process cannot reach the log in memory")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        frozen_relay.__file__,
        scene.publisher_database.dsn,
        scene.publisher.name,
        scene.log.name,
        scene.log.address,
        str(gate or ""),
        stdout=PIPE,
    )
    try:
        await printed(process, "active")
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def printed(process: Process, line_expected: str) -> None:
    assert process.stdout is not None
    async with asyncio.timeout(240):
        while (line := await process.stdout.readline()) != f"{line_expected}\n".encode():
            assert line, "the relay's process has ended"


async def publish_five(scene: Scene, first: int) -> None:
    for number in range(first, first + 5):
        await scene.publisher.publish(scene.publisher_database, [(contract_id, number) for contract_id in CONTRACTS])


async def assert_applied(scene: Scene, payments: int) -> None:
    """Every payment is applied once and in order, though the log may hold copies."""
    subscriber = scene.subscriber()
    scene.running.subscribe(subscriber, scene.subscriber_database, scene.transport)
    applied: dict[UUID, list[int]] = {}

    async def complete() -> bool:
        applied.clear()
        for row in await subscriber.applied(scene.subscriber_database):
            applied.setdefault(row["contract_id"], []).append(row["number"])
        return sum(map(len, applied.values())) >= payments * len(CONTRACTS)

    await until(complete)
    assert applied == {contract_id: list(range(payments)) for contract_id in CONTRACTS}


async def outbox_is_empty(scene: Scene) -> bool:
    async with scene.publisher_database.connection() as connection:
        return await connection.fetchval("SELECT count(*) FROM outbox_events") == 0  # type: ignore[no-any-return]


async def test_a_relay_frozen_while_idle_is_replaced(scene: Scene) -> None:
    async with relay_process(scene) as process:
        process.send_signal(signal.SIGSTOP)
        scene.relay(frozen_after_seconds=FROZEN_AFTER_SECONDS)
        await publish_five(scene, 0)
        await until(lambda: outbox_is_empty(scene))
        process.send_signal(signal.SIGCONT)
        await publish_five(scene, 5)
        await until(lambda: outbox_is_empty(scene))
    await assert_applied(scene, 10)


async def test_a_relay_frozen_while_fetching_is_replaced(scene: Scene) -> None:
    """It is stopped while PostgreSQL executes its fetch, and does not receive the answer."""
    async with relay_process(scene) as process:
        blocker = await asyncpg.connect(scene.publisher_database.dsn)
        await blocker.execute("BEGIN; LOCK TABLE outbox_events IN ACCESS EXCLUSIVE MODE")

        async def fetch_waits() -> bool:
            waiting = (
                "SELECT true FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%outbox_events%'"
                " AND datname = current_database()"
            )
            async with scene.publisher_database.connection() as connection:
                return bool(await connection.fetchval(waiting))

        await until(fetch_waits)
        process.send_signal(signal.SIGSTOP)
        await blocker.execute("COMMIT")
        await blocker.close()
        await publish_five(scene, 0)
        scene.relay(frozen_after_seconds=FROZEN_AFTER_SECONDS)
        await until(lambda: outbox_is_empty(scene))
        process.send_signal(signal.SIGCONT)
        await publish_five(scene, 5)
        await until(lambda: outbox_is_empty(scene))
    await assert_applied(scene, 10)


async def test_a_relay_frozen_while_publishing_does_no_harm_when_it_wakes(scene: Scene, tmp_path: Path) -> None:
    """It then publishes copies only, and deletes nothing."""
    gate = tmp_path / "gate"
    async with relay_process(scene, gate) as process:
        await publish_five(scene, 0)
        await printed(process, "publishing")
        process.send_signal(signal.SIGSTOP)
        scene.relay(frozen_after_seconds=FROZEN_AFTER_SECONDS)
        await until(lambda: outbox_is_empty(scene))
        await publish_five(scene, 5)
        await until(lambda: outbox_is_empty(scene))
        gate.touch()
        process.send_signal(signal.SIGCONT)
        await publish_five(scene, 10)
        await until(lambda: outbox_is_empty(scene))
    await assert_applied(scene, 15)


async def test_a_relay_that_is_killed_is_replaced_at_once(scene: Scene) -> None:
    async with relay_process(scene, Path("/nowhere/gate")) as process:
        await publish_five(scene, 0)
        await printed(process, "publishing")
        scene.relay()
        process.kill()
        await until(lambda: outbox_is_empty(scene))
    await assert_applied(scene, 5)


async def test_two_relays_publish_each_event_once(scene: Scene) -> None:
    first = scene.running.relay(scene.publisher_database, scene.transport)
    second = scene.running.relay(scene.publisher_database, await scene.log.connect())
    await publish_five(scene, 0)
    await until(lambda: outbox_is_empty(scene))
    assert first.active != second.active
    await assert_applied(scene, 5)


async def test_nothing_of_a_transaction_that_rolls_back_is_published(scene: Scene) -> None:
    """A fact is published if and only if its transaction committed."""
    scene.relay()
    contract_id = uuid4()

    async def publish_and_fail() -> None:
        async with scene.publisher_database.transaction() as tx:
            tx.publish(scene.publisher.Paid(contract_id=contract_id, number=1))
            await tx.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await publish_and_fail()
    await publish_five(scene, 0)
    await until(lambda: outbox_is_empty(scene))
    await assert_applied(scene, 5)


async def test_events_for_an_agency_go_to_its_own_topic_in_order(scene: Scene) -> None:
    """The agency's first event creates the topic; no other agency's events are in it."""
    async with scene.publisher_database.connection() as connection:
        await connection.execute(schema.UPGRADE_AGENCIES)
    agencies = [uuid4(), uuid4()]
    contracts = [uuid4() for _ in range(5)]
    scene.running.relay(scene.publisher_database, scene.transport, Lane.AGENCIES)
    for agency_id in agencies:
        async with scene.publisher_database.transaction() as tx:
            tx.publish(AgencyRegistered(agency_id=agency_id))
        for number in range(4):
            async with scene.publisher_database.transaction() as tx:
                tx.publish(*(withdrawn(agency_id, contract_id, number) for contract_id in contracts))
    for agency_id in agencies:
        topic = AgencyRegistered(agency_id=agency_id).topic
        await until(lambda topic=topic: is_published(scene, topic))  # type: ignore[misc]
        records = await read_all(scene, [topic], 21)
        assert len(records) == 21
        received = [
            ListEntryWithdrawn.model_validate_json(r.value) for r in records if "list-entry" in r.headers["ce_type"]
        ]
        assert {event.agency_id for event in received} == {agency_id}
        for contract_id in contracts:
            numbers = [event.contract_number for event in received if event.contract_id == contract_id]
            assert numbers == ["0", "1", "2", "3"]


def withdrawn(agency_id: UUID, contract_id: UUID, number: int) -> ListEntryWithdrawn:
    return ListEntryWithdrawn(
        agency_id=agency_id,
        contract_id=contract_id,
        list_id=agency_id,
        contract_number=str(number),
        reason="payment",
        withdrawn_at=datetime(2026, 11, 22, tzinfo=UTC),
    )


async def is_published(scene: Scene, topic: str) -> bool:
    async with scene.publisher_database.connection() as connection:
        waiting = await connection.fetchval("SELECT count(*) FROM outbox_agencies WHERE topic = $1", topic)
    return waiting == 0  # type: ignore[no-any-return]
