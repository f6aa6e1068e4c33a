"""A trace follows a request from service to service."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from recobro_events import Lane, tracing
from recobro_events.tracing import Span
from toy_services import Scene, until

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def spans() -> Iterator[list[Span]]:
    collected: list[Span] = []
    tracing.export_to(collected.append)
    yield collected
    tracing.export_to(None)


async def test_a_fact_and_what_it_causes_are_spans_of_one_trace(scene: Scene, spans: list[Span]) -> None:
    subscriber = scene.subscriber(answers=True)
    scene.relay()
    scene.running.subscribe(subscriber, scene.subscriber_database, scene.transport)
    tracing.work_for(CALLER)
    await scene.publisher.publish(scene.publisher_database, [(uuid4(), 1)])
    tracing.work_for(None)

    def of(name: str) -> list[Span]:
        return [span for span in spans if span.name.startswith(name)]

    async def both_are_exported() -> bool:
        return bool(of("publish") and of("apply"))

    await until(both_are_exported)
    [published], [applied] = of("publish"), of("apply")
    assert (published.name, published.kind) == (f"publish {scene.publisher.Paid.type}", "producer")
    assert (applied.name, applied.kind) == (f"apply {scene.publisher.Paid.type}", "consumer")
    assert published.parent == applied.parent == CALLER
    assert len({CALLER, published.own, applied.own}) == 3
    assert len({span.own[:35] for span in spans}) == 1
    assert published.started_ns <= published.ended_ns
    # The event that the payment caused belongs to the span of its handler.
    async with scene.subscriber_database.connection() as connection:
        assert await connection.fetchval("SELECT traceparent FROM outbox_events") == applied.own


async def test_bulk_makes_no_spans(scene: Scene, spans: list[Span]) -> None:
    subscriber = scene.subscriber()
    scene.running.relay(scene.publisher_database, scene.transport, Lane.BULK)
    scene.running.subscribe(subscriber, scene.subscriber_database, scene.transport, Lane.BULK)
    async with scene.publisher_database.transaction() as tx:
        tx.publish(*(scene.publisher.Loaded(contract_id=uuid4(), number=n) for n in range(10)))

    async def all_are_applied() -> bool:
        return await subscriber.count(scene.subscriber_database, Lane.BULK) == 10

    await until(all_are_applied)
    assert spans == []
