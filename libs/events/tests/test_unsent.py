"""Events that the log refuses: what the service itself does, what a person does, and what expires."""

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID, uuid4

import pytest
from prometheus_client import REGISTRY
from recobro_events import Consumer, Database, Lane, Transaction, TransportError, rebuilding, unsent
from recobro_events._database.transaction import Row
from recobro_events._outbox.relay import Relay
from recobro_events._runtime import housekeeping
from recobro_events.contracts.base import ContractEvent, Event
from recobro_events.contracts.dialer_feed import ClarificationRequested, PaymentClaimed
from recobro_events.contracts.portfolio import PortfolioFileLoaded
from recobro_events.contracts.runtime import ContractReplayed, ContractSetAside
from recobro_events.memory import MemoryTransport
from recobro_events.testing import published
from toy_services import Running, until

NewDatabase = Callable[[], Awaitable[Database]]
SERVICE = "dialer-feed"
# A partition that the topic does not have: every log refuses it, and the event is small.
NOWHERE = 99


class Desk:
    """A service with handlers of its own, whose relay runs."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.log = MemoryTransport(2)
        self.calls: list[tuple[str, list[UUID]]] = []
        self.consumer = Consumer(SERVICE, listens_to=("portfolio",))
        self.consumer.first(self._first)
        self.consumer.lock_rows(self._lock)
        self.consumer.last(self._last)
        self.consumer.on(ContractSetAside)(self._silence)
        self.consumer.on(ContractReplayed)(self._know_again)
        database.service = SERVICE
        database.partitions = {Lane.EVENTS: 2}

    async def _first(self, _tx: Transaction) -> None:
        self.calls.append(("first", []))

    async def _lock(self, _tx: Transaction, events: Sequence[Event]) -> None:
        self.calls.append(("lock", [event.contract_id for event in events if isinstance(event, ContractEvent)]))

    async def _last(self, _tx: Transaction) -> None:
        self.calls.append(("last", []))

    async def _silence(self, events: Sequence[ContractSetAside], tx: Transaction) -> None:
        self.calls.append(("silence", [event.contract_id for event in events]))
        for event in events:
            tx.publish(PaymentClaimed(contract_id=event.contract_id, detail="withdrawn"), cause=event)

    async def _know_again(self, events: Sequence[ContractReplayed], _tx: Transaction) -> None:
        self.calls.append(("know again", [event.contract_id for event in events]))

    async def publish(self, *events: Event, partition: int | None = None) -> None:
        async with self.database.transaction() as tx:
            tx.publish(*events, partition=partition)

    async def relay_until(self, waiting: int) -> None:
        """Run the relay until the outbox is empty and so many events are unsent."""
        running = Running()
        running.relay(self.database, self.log, consumer=self.consumer, heartbeat_seconds=0.02)

        async def done() -> bool:
            unsent_events = len(await self.rows())
            async with self.database.connection() as connection:
                left = await connection.fetchval("SELECT count(*) FROM outbox_events")
            return left == 0 and unsent_events == waiting

        await until(done)
        await running.close()

    async def discard(self, unsent_id: int, reason: str) -> unsent.Discarded:
        async with self.database.transaction() as tx:
            return await unsent.discard(tx, self.consumer, unsent_id, by="ana", reason=reason)

    async def rows(self) -> Sequence[Row]:
        async with self.database.connection() as connection:
            return await unsent.events(connection)

    def types(self, key: UUID) -> list[str]:
        records = [record for of_place in self.log.logs.values() for record in of_place if record.key == str(key)]
        return [record.headers["ce_type"].split(".")[1] for record in records]


@pytest.fixture
async def desk(new_database: NewDatabase) -> Desk:
    desk = Desk(await new_database())
    await desk.log.ensure_topics([f"{SERVICE}.events"])
    return desk


def claim(contract_id: UUID, detail: str = "x") -> PaymentClaimed:
    return PaymentClaimed(contract_id=contract_id, detail=detail)


async def test_the_service_silences_the_contract_itself_with_the_locks_of_a_batch(desk: Desk) -> None:
    """No other service knows the fact, so nobody may rely on what this one knows alone."""
    contract_id = uuid4()
    await desk.publish(claim(contract_id), partition=NOWHERE)
    await desk.relay_until(waiting=2)
    assert desk.calls == [("first", []), ("lock", [contract_id]), ("silence", [contract_id]), ("last", [])]
    assert desk.types(contract_id) == ["contract-set-aside"]
    assert [row["error"] for row in await desk.rows()] == ["dialer-feed.events has no partition 99, only 2", None]


async def test_an_event_that_is_not_about_a_contract_silences_nothing(desk: Desk) -> None:
    loaded = PortfolioFileLoaded(
        portfolio_id=uuid4(), file_id=uuid4(), rows_accepted=1, rows_rejected=0, amount_accepted="1.00", currency="MXN"
    )
    await desk.publish(loaded, partition=NOWHERE)
    await desk.relay_until(waiting=1)
    assert desk.calls == []
    assert [*desk.log.logs.values()] == [[], []]


async def test_a_discarded_event_lets_the_later_ones_be_retried(desk: Desk) -> None:
    contract_id = uuid4()
    await desk.publish(claim(contract_id), partition=NOWHERE)
    await desk.publish(ClarificationRequested(contract_id=contract_id, reason="fraud", reported_by="a"))
    await desk.relay_until(waiting=3)
    first = (await desk.rows())[0]
    desk.calls.clear()
    done = await desk.discard(first["unsent_id"], "twice")
    assert done == unsent.Discarded(str(contract_id), 2)
    assert ("know again", [contract_id]) not in desk.calls
    with pytest.raises(unsent.UnsentUnknown):
        await desk.discard(first["unsent_id"], "twice")
    async with desk.database.transaction() as tx:
        assert await unsent.retry(tx, str(contract_id)) == 2
        assert await unsent.retry(tx, "another key") == 0
    await desk.relay_until(waiting=0)
    assert desk.calls[-2:] == [("know again", [contract_id]), ("last", [])]
    assert desk.types(contract_id) == [
        "contract-set-aside",
        "clarification-requested",
        "payment-claimed",
        "contract-replayed",
    ]
    async with desk.database.connection() as connection:
        kept = await unsent.event(connection, first["unsent_id"])
        assert (kept["discarded_by"], kept["discard_reason"]) == ("ana", "twice")
        assert await unsent.events(connection) == []
        assert len(await unsent.events(connection, discarded=True)) == 1


async def test_the_last_discard_of_a_key_ends_the_silence(desk: Desk) -> None:
    contract_id = uuid4()
    desk.consumer.handlers.pop(ContractSetAside)
    await desk.publish(claim(contract_id), partition=NOWHERE)
    await desk.relay_until(waiting=1)
    [row] = await desk.rows()
    await desk.discard(row["unsent_id"], "twice")
    [replayed] = await published(desk.database, ContractReplayed)
    assert (replayed.contract_id, replayed.service) == (contract_id, "dialer-feed.events")
    assert desk.calls[-2:] == [("know again", [contract_id]), ("last", [])]
    await desk.publish(claim(contract_id))
    await desk.relay_until(waiting=0)
    assert desk.types(contract_id) == ["contract-set-aside", "contract-replayed", "payment-claimed"]


async def test_a_key_that_was_released_meanwhile_holds_nothing_back(desk: Desk) -> None:
    """The relay has read that its row must wait; a person discards the event in front before the row is moved."""
    contract_id = uuid4()
    desk.consumer.handlers.pop(ContractSetAside)
    await desk.publish(claim(contract_id), partition=NOWHERE)
    await desk.relay_until(waiting=1)
    [row] = await desk.rows()
    await desk.publish(claim(contract_id))
    relay = Relay(Lane.EVENTS, desk.database, desk.log, consumer=desk.consumer)
    await relay._connect()
    fetched = await relay._query("fetch", relay.statement, 100, 100, [], 0)
    assert [one["is_parked"] for one in fetched] == [True]
    await desk.discard(row["unsent_id"], "twice")
    assert await relay._publish(fetched) == []
    await relay._disconnect()
    await desk.relay_until(waiting=0)
    assert desk.types(contract_id) == ["contract-set-aside", "payment-claimed", "contract-replayed"]


async def test_a_relay_that_was_replaced_sets_nothing_aside(desk: Desk) -> None:
    """Another relay has sent or set aside the row that this one has read."""
    contract_id = uuid4()
    await desk.publish(claim(contract_id), partition=NOWHERE)
    relay = Relay(Lane.EVENTS, desk.database, desk.log)
    await relay._connect()
    fetched = await relay._query("fetch", relay.statement, 100, 100, [], 0)
    await desk.relay_until(waiting=2)
    assert await relay._publish(fetched) == []
    await relay._disconnect()
    assert len(await desk.rows()) == 2


async def test_the_statement_itself_is_never_set_aside(desk: Desk) -> None:
    """A log that refuses even that is at fault, and the relay tries again later."""
    await desk.publish(ContractSetAside(contract_id=uuid4(), service="a", consumer="a"), partition=NOWHERE)
    relay = Relay(Lane.EVENTS, desk.database, desk.log)
    await relay._connect()
    fetched = await relay._query("fetch", relay.statement, 100, 100, [], 0)
    with pytest.raises(TransportError, match=f"the log refuses even {ContractSetAside.type}"):
        await relay._publish(fetched)
    await relay._disconnect()
    assert await desk.rows() == []


async def test_content_expires_and_the_event_can_then_only_be_discarded(desk: Desk) -> None:
    contract_id = uuid4()
    desk.consumer.handlers.pop(ContractSetAside)
    await desk.publish(claim(contract_id, "personal"), partition=NOWHERE)
    await desk.relay_until(waiting=1)
    [row] = await desk.rows()
    async with desk.database.transaction() as tx:
        await tx.execute("UPDATE unsent_events SET set_aside_at = now() - interval '31 days', partition = NULL")
    assert await housekeeping.prune(desk.database) == 1
    async with desk.database.transaction() as tx:
        assert (await unsent.event(tx, row["unsent_id"]))["body"] is None
        await unsent.retry(tx)
    running = Running()
    running.relay(desk.database, desk.log, heartbeat_seconds=0.02)

    async def refused() -> bool:
        return bool((await desk.rows())[0]["retries"] == 1)

    await until(refused)
    await running.close()
    assert (await desk.rows())[0]["error"] == "the event's content has expired: discard the event"
    await desk.discard(row["unsent_id"], "expired")
    assert await housekeeping.prune(desk.database) == 1
    async with desk.database.connection() as connection:
        with pytest.raises(unsent.UnsentUnknown):
            await unsent.event(connection, row["unsent_id"])


async def test_a_service_that_starts_anew_learns_which_contracts_have_unsent_events(desk: Desk) -> None:
    contract_id = uuid4()
    desk.consumer.handlers.pop(ContractSetAside)
    await desk.publish(claim(contract_id), partition=NOWHERE)
    await desk.relay_until(waiting=1)
    async with desk.database.transaction() as tx:
        await tx.execute("INSERT INTO republication (republication_id, audience) VALUES ($1, 'portfolio')", uuid4())
    assert await rebuilding.republish_next(desk.database, desk.consumer, None)
    [statement] = await published(desk.database, ContractSetAside)
    assert (statement.contract_id, statement.service) == (contract_id, "dialer-feed.events")
    assert statement.envelope.audience == "portfolio"


async def test_unsent_events_are_counted_for_the_metrics(desk: Desk) -> None:
    before = REGISTRY.get_sample_value("events_refused_total", {"service": SERVICE, "lane": "events"}) or 0
    await desk.publish(claim(uuid4()), partition=NOWHERE)
    await desk.relay_until(waiting=2)
    await housekeeping.report(desk.database, [Lane.EVENTS, Lane.BULK])
    labels = {"service": SERVICE, "lane": "events"}
    assert REGISTRY.get_sample_value("unsent_events", labels) == 2
    assert REGISTRY.get_sample_value("unsent_events", labels | {"lane": "bulk"}) == 0
    assert REGISTRY.get_sample_value("events_refused_total", labels) == before + 1
