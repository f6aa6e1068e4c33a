"""CloudEvents 1.0 in Kafka's binary mode: the envelope travels as headers, the body is the event's JSON."""

from collections.abc import Mapping
from datetime import UTC, datetime

from asyncpg.pgproto import pgproto

from recobro_events._errors import UnappliableEvent
from recobro_events._log.transport import Record
from recobro_events.contracts.base import Envelope

AUDIENCE, TYPE = "ce_audience", "ce_type"
LONGEST_KEY = 500


def headers_of(envelope: Envelope) -> dict[str, str]:
    """The headers of an event; all values are text."""
    headers = {
        "ce_specversion": "1.0",
        "ce_id": str(envelope.event_id),
        TYPE: envelope.type,
        "ce_source": envelope.source,
        "ce_time": envelope.occurred_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "ce_subject": envelope.key,
        "content-type": "application/json",
    }
    if envelope.traceparent is not None:
        headers["traceparent"] = envelope.traceparent
    if envelope.audience is not None:
        headers[AUDIENCE] = envelope.audience
    return headers


def envelope_of(headers: Mapping[str, str]) -> Envelope:
    """The envelope of a record. Raises ``UnappliableEvent`` if a header is missing or invalid."""
    try:
        envelope = Envelope(
            event_id=pgproto.UUID(headers["ce_id"]),
            type=headers[TYPE],
            source=headers["ce_source"],
            occurred_at=datetime.fromisoformat(headers["ce_time"]),
            key=headers["ce_subject"],
            traceparent=headers.get("traceparent"),
            audience=headers.get(AUDIENCE),
        )
    except KeyError as missing:
        raise UnappliableEvent(f"the header {missing.args[0]} is missing") from missing
    except ValueError as error:
        raise UnappliableEvent("ce_id or ce_time is invalid") from error
    if envelope.occurred_at.tzinfo is None:
        raise UnappliableEvent("ce_time has no time zone")
    if not is_key(envelope.key):
        raise UnappliableEvent("ce_subject is not a valid key")
    return envelope


def record_id(record: Record) -> str:
    """The id that a position stores for a record: the id of its event, or an empty text if it has none."""
    try:
        return str(pgproto.UUID(record.headers["ce_id"]))
    except (KeyError, ValueError):
        return ""


def is_key(text: str) -> bool:
    """Whether ``text`` can be a key: not empty, short enough for an index, valid Unicode and without NUL."""
    surrogates = not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text)
    return 0 < len(text) <= LONGEST_KEY and "\0" not in text and not surrogates
