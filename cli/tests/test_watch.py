"""`recobro watch` shows every event that is appended, without personal data."""

import asyncio
import uuid
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from recobro.watch import _SHOWN, Seen, events_from_now
from recobro_events import REGISTRY, Envelope, Event, OutgoingRecord, Transport, headers_of
from recobro_events.contracts.dialer_feed import ClarificationRequested
from recobro_events.contracts.portfolio import ContactChange, ContactKind, ContactPointChanged, ContractState, Stage
from recobro_events.memory import MemoryTransport
from recobro_events.postgres import PostgresTransport
from recobro_platform import SERVICE_NAMES

PERSONAL = {
    "name",
    "value",
    "tax_id",
    "detail",
    "debtor",
    "contact_points",
    "addresses",
    "reference",
    "contract_number",
}
FREE_TEXT = {"provenance", "why", "reported_by", "agent", "dialer_id", "return_code", "call_id", "recording", "channel"}
PHONE = "+526563318609"


def contact_point_changed(contract_id: uuid.UUID) -> ContactPointChanged:
    return ContactPointChanged(
        contract_id=contract_id,
        version=3,
        as_of=date(2026, 11, 22),
        state=ContractState.OPEN,
        stage=Stage.LATE,
        days_past_due=40,
        overdue_balance=Decimal("10.00"),
        total_balance=Decimal("10.00"),
        contact_id=uuid.uuid4(),
        contact_version=1,
        kind=ContactKind.PHONE,
        value=PHONE,
        change=ContactChange.ADDED,
        usable=True,
        provenance="from María Muñoz",
    )


def record_of(event: Event, topic: str) -> OutgoingRecord:
    envelope = Envelope(
        event_id=uuid.uuid4(),
        type=type(event).type,
        source=topic.split(".")[0],
        occurred_at=datetime(2026, 11, 22, 10, 30, tzinfo=UTC),
        key=event.key,
    )
    return OutgoingRecord(topic, event.key, event.body().encode(), headers_of(envelope))


async def watched(transport: Transport, records: list[OutgoingRecord]) -> list[Seen]:
    """Append the records while a watcher runs, and return what it shows. One more event is in the log before."""
    producer_side = transport
    await producer_side.open()
    await producer_side.ensure_topics({record.topic for record in records})
    producer = await producer_side.producer(linger_ms=0)
    await producer.send([record_of(contact_point_changed(uuid.uuid4()), "portfolio.events")])

    ready = asyncio.Event()
    events = events_from_now(transport, ready.set)
    first = asyncio.ensure_future(anext(events))
    await asyncio.wait_for(ready.wait(), 240)
    await producer.send(records)
    seen = [await asyncio.wait_for(first, 240)]
    while len(seen) < len(records):
        seen.append(await asyncio.wait_for(anext(events), 240))
    await producer.close()
    await events.aclose()
    return seen


@pytest.fixture(params=["memory", "postgres"])
def transport(request: pytest.FixtureRequest) -> Transport:
    if request.param == "memory":
        return MemoryTransport(partitions=4)
    return PostgresTransport(request.getfixturevalue("database_dsn"), partitions=4)


async def test_events_from_now_on_are_shown_without_personal_data(transport: Transport) -> None:
    contract_id = uuid.uuid4()
    request = ClarificationRequested(
        contract_id=contract_id, reason="María Muñoz says that she has paid", reported_by="agent María"
    )
    seen = await watched(
        transport,
        [
            record_of(contact_point_changed(contract_id), "portfolio.events"),
            record_of(request, "dialer-feed.events"),
        ],
    )
    lines = sorted(each.line() for each in seen)
    assert lines == [
        f"10:30:00.000  dialer-feed.clarification-requested   {contract_id}",
        f"10:30:00.000  portfolio.contact-point-changed       {contract_id}  kind=phone change=added usable=true",
    ]
    shown = " ".join([*lines, *(each.as_json() for each in seen)])
    assert PHONE not in shown
    assert "Mar" not in shown


def test_every_event_type_lists_its_shown_fields_and_none_is_personal() -> None:
    types = {name for name in REGISTRY if name.split(".")[0] in SERVICE_NAMES}
    assert {event.type for event in _SHOWN} == types
    for event, fields in _SHOWN.items():
        assert set(fields) <= set(event.model_fields), event.type
        assert not set(fields) & (PERSONAL | FREE_TEXT), event.type
