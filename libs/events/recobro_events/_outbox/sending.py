"""Rows of an outbox become records of the log."""

import asyncio
from collections.abc import Sequence

import asyncpg

from recobro_events import _metrics as metrics
from recobro_events._errors import TransportError
from recobro_events._log.envelope import headers_of
from recobro_events._log.transport import OutgoingRecord, Producer, Transport
from recobro_events._tasks import in_turns
from recobro_events.contracts.base import Envelope, Lane
from recobro_events.tracing import Span, continued, export, is_exported, now_ns

PUBLISH_TIMEOUT_SECONDS = 30.0


class Sending:
    """Sends the rows of one lane, with one producer at a time."""

    def __init__(self, service: str, lane: Lane, transport: Transport) -> None:
        self._service = service
        self._lane = lane
        self._transport = transport
        self._labels = (service, lane.value)
        self._topics: set[str] = set()
        self._producer: Producer | None = None

    async def send(self, rows: Sequence[asyncpg.Record]) -> None:
        """Send these rows, and return when the log has acknowledged all of them.

        Raises ``TransportError`` if the log did not acknowledge. Raises ``RecordRefused`` if the log can never take one
        of them.
        """
        if self._producer is None:
            self._producer = await self._transport.producer(linger_ms=0 if self._lane is Lane.EVENTS else 5)
        records = [self._record(row) async for some in in_turns(rows) for row in some]
        try:
            if unseen := {record.topic for record in records} - self._topics:
                async with asyncio.timeout(PUBLISH_TIMEOUT_SECONDS):
                    await self._transport.ensure_topics(unseen)
                self._topics |= unseen
            with metrics.PUBLISH_SECONDS.labels(*self._labels).time():
                async with asyncio.timeout(PUBLISH_TIMEOUT_SECONDS):
                    await self._producer.send(records)
        except (TimeoutError, TransportError) as error:
            # These records may still arrive. Only with a new producer do they come before the records sent next.
            await self.close()
            raise TransportError(f"the log did not acknowledge: {error!r}") from error
        except Exception:
            await self.close()
            raise
        metrics.EVENTS_PUBLISHED.labels(*self._labels).inc(len(rows))
        if self._lane is Lane.EVENTS and is_exported():
            _export_spans(rows)

    async def close(self) -> None:
        """Close the producer; the next rows get a new one."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.close()

    def _record(self, row: asyncpg.Record) -> OutgoingRecord:
        envelope = Envelope(
            event_id=row["event_id"],
            type=row["type"],
            source=self._service,
            occurred_at=row["occurred_at"],
            key=row["key"],
            traceparent=row["traceparent"],
            audience=row["audience"],
        )
        return OutgoingRecord(row["topic"], row["key"], row["body"].encode(), headers_of(envelope), row["partition"])


def _export_spans(rows: Sequence[asyncpg.Record]) -> None:
    """Export a span per event, from its fact to the log's acknowledgement."""
    ended_ns = now_ns()
    for row in rows:
        started_ns = int(row["occurred_at"].timestamp() * 1e9)
        own, parent = continued(row["traceparent"]), row["traceparent"]
        export(Span(f"publish {row['type']}", "producer", own, parent, started_ns, ended_ns, {}))
