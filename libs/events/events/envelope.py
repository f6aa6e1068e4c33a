"""CloudEvents 1.0 in Kafka's binary mode: the envelope travels as headers, the body is the event's JSON."""

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

from events.contracts.base import Envelope
from events.errors import UnappliableEvent


def headers_of(envelope: Envelope) -> dict[str, str]:
    """The headers of an event, all of them text."""
    headers = {
        "ce_specversion": "1.0",
        "ce_id": str(envelope.event_id),
        "ce_type": envelope.type,
        "ce_source": envelope.source,
        "ce_time": envelope.occurred_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "ce_subject": envelope.key,
        "content-type": "application/json",
    }
    if envelope.traceparent is not None:
        headers["traceparent"] = envelope.traceparent
    return headers


def envelope_of(headers: Mapping[str, str]) -> Envelope:
    """The envelope of a record; ``UnappliableEvent`` when a header is missing or not what it should be."""
    try:
        return Envelope.model_construct(
            event_id=UUID(headers["ce_id"]),
            type=headers["ce_type"],
            source=headers["ce_source"],
            occurred_at=datetime.fromisoformat(headers["ce_time"]),
            key=headers["ce_subject"],
            traceparent=headers.get("traceparent"),
        )
    except (KeyError, ValueError) as error:
        raise UnappliableEvent(f"a record without a proper envelope: {error!r}") from error
