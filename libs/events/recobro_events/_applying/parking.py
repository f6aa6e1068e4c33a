"""An event that can never be applied is set aside, and later events of its key wait, so that all others are applied.

The first such event of a key parks the key. Later events of the key, on any topic and lane, queue up behind it. The
table ``dead_letters`` holds them in the order in which they came; the table ``parked_keys`` holds the keys. All
consumers of a service share both tables. Every step on a key holds the lock of its row in ``parked_keys``, taken after
the service's own rows of the key. So a batch and a replay of one key run one after the other, and no event slips
between them.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Any
from uuid import UUID

import structlog
from pydantic import ValidationError

from recobro_events import _metrics as metrics
from recobro_events._consumer import Consumer
from recobro_events._database.transaction import Transaction
from recobro_events._errors import TooManySetAside, UnappliableEvent
from recobro_events._ids import caused_event_id
from recobro_events._log.envelope import envelope_of, is_key
from recobro_events._log.transport import Record
from recobro_events._silencing import contract_of, publish_for_contracts
from recobro_events.contracts.base import REGISTRY, Envelope, Event
from recobro_events.contracts.runtime import ContractReplayed, ContractSetAside, Marker

MOST_KEYS = 20
WITHIN_SECONDS = 300
"""If more than ``MOST_KEYS`` keys are parked within ``WITHIN_SECONDS``, the consumer is at fault, not the events.

The day after a restore is an exception: many events may be about data that was lost and has yet to be entered again.
"""

_ANY_PARKED = "SELECT EXISTS (SELECT FROM parked_keys)"
_PARKED = "SELECT key FROM parked_keys WHERE key = ANY($1::text[]) ORDER BY key FOR SHARE"
_RECENTLY = """
SELECT count(*) FROM parked_keys
WHERE parked_at > clock_timestamp() - make_interval(secs => $1)
"""
_RESTORED = "SELECT true FROM epoch WHERE restored_at > now() - interval '1 day'"
_PARK = """
INSERT INTO parked_keys (key, contract_id, consumer)
SELECT key, contract_id, $3 FROM unnest($1::text[], $2::uuid[]) AS parked (key, contract_id) ORDER BY key
ON CONFLICT (key) DO NOTHING
RETURNING key
"""
_SET_ASIDE = """
INSERT INTO dead_letters (key, consumer, event_id, type, topic, partition, "offset", headers, body, error)
SELECT key, $1, event_id, type, topic, partition, "offset", headers, body, error
FROM unnest($2::text[], $3::uuid[], $4::text[], $5::text[], $6::integer[], $7::bigint[], $8::text[], $9::bytea[],
    $10::text[]) WITH ORDINALITY
    AS letter (key, event_id, type, topic, partition, "offset", headers, body, error, n)
ORDER BY n
"""
_NOWHERE = UUID(int=0)
log = structlog.get_logger()


@dataclass(slots=True)
class Delivery:
    """A record that a consumer has to apply. ``error`` says why it can never be applied; None if no reason is known.

    ``key`` is the key of the event. Without a readable envelope it is the record's key if that is valid, else the
    record's place in the log.
    """

    record: Record
    key: str
    envelope: Envelope | None = None
    event: Event | None = None
    error: str | None = None

    @classmethod
    def of(cls, record: Record) -> "Delivery":
        """The delivery of a record: its envelope is read, its body is not yet decoded."""
        try:
            envelope = envelope_of(record.headers)
        except UnappliableEvent as error:
            place = f"{record.topic}/{record.partition}@{record.offset}"
            return cls(record, record.key if is_key(record.key) else place, error=str(error))
        return cls(record, envelope.key, envelope)

    def decode(self) -> None:
        """Decode the body and set ``event``, or ``error`` if the body cannot be decoded."""
        if self.envelope is None:
            return
        try:
            self.event = REGISTRY[self.envelope.type].received(self.record.value, self.envelope)
        except ValidationError as error:
            places = {".".join(map(str, problem["loc"])) or "body" for problem in error.errors(include_input=False)}
            self.error = f"the body does not match its contract: {', '.join(sorted(places))}"
            return
        if self.event.key != self.key and not isinstance(self.event, Marker):
            self.event, self.error = None, "the record's key is not the event's key"

    @property
    def type(self) -> str | None:
        return self.envelope.type if self.envelope is not None else None

    @property
    def event_id(self) -> UUID:
        """The event's id; for a record without one, an id made from the record's place."""
        if self.envelope is not None:
            return self.envelope.event_id
        record = self.record
        return caused_event_id(_NOWHERE, record.topic, str(record.partition), str(record.offset), 0)

    @property
    def contract_id(self) -> UUID | None:
        """The contract that the event is about; None if it is about something else. See ``contract_of``."""
        return contract_of(self.type, self.key)

    def about(self, service: str, consumer: str) -> Event | None:
        """The event by which ``lock_rows`` finds the rows to lock.

        If this event cannot be read, it is a ContractSetAside of the same contract; None if no contract is known.
        """
        if self.event is not None:
            return self.event
        contract_id = self.contract_id
        return (
            None
            if contract_id is None
            else ContractSetAside(contract_id=contract_id, service=service, consumer=consumer)
        )


class Parking:
    """The events that one batch of the consumer ``name`` sets aside.

    The caller has locked the service's own rows of the batch's keys.
    """

    def __init__(self, tx: Transaction, consumer: Consumer, name: str) -> None:
        self._tx = tx
        self._consumer = consumer
        self._name = name
        self._parked: set[str] = set()
        self._new: dict[str, Delivery] = {}
        self._letters: list[Delivery] = []
        self._most_new: float | None = None

    async def look_up(self, deliveries: Sequence[Delivery]) -> None:
        """Look up which keys of these deliveries are parked.

        No replay of these keys runs until this transaction ends.
        """
        # Nearly always no key is parked, and this saves a query for thousands of keys.
        if await self._tx.fetchval(_ANY_PARKED):
            keys = sorted({delivery.key for delivery in deliveries})
            self._parked = {row["key"] for row in await self._tx.fetch(_PARKED, keys)}

    def queue_behind(self, delivery: Delivery) -> bool:
        """Whether this delivery has to wait behind an earlier event of its key; if so, it is queued.

        ``ContractSetAside`` and ``ContractReplayed`` never wait: they do not depend on the contract's own facts.
        """
        if delivery.key not in self._parked or isinstance(delivery.event, ContractSetAside | ContractReplayed):
            return False
        self._letters.append(delivery)
        return True

    async def park(self, delivery: Delivery, error: str) -> None:
        """Set this delivery aside and park its key. Raises ``TooManySetAside`` if too many keys have been parked."""
        if self._most_new is None:
            self._most_new = await self._keys_left()
        delivery.error = error
        self._letters.append(delivery)
        self._parked.add(delivery.key)
        self._new[delivery.key] = delivery
        if len(self._new) > self._most_new:
            raise TooManySetAside(
                f"events of more than {MOST_KEYS} keys could not be applied within {WITHIN_SECONDS // 60} minutes;"
                f" the last error: {error} (event {delivery.event_id}, {delivery.type})"
            )

    async def _keys_left(self) -> float:
        if await self._tx.fetchval(_RESTORED):
            return inf
        recently: int = await self._tx.fetchval(_RECENTLY, WITHIN_SECONDS)
        return MOST_KEYS - recently

    async def write(self) -> None:
        """Insert the letters and the parked keys, and publish ``ContractSetAside`` for newly parked contracts."""
        if self._letters:
            await self._tx.execute(_SET_ASIDE, self._name, *zip(*map(_columns, self._letters), strict=True))
        if not self._new:
            return
        new = [self._new[key] for key in sorted(self._new)]
        rows = await self._tx.fetch(_PARK, [d.key for d in new], [d.contract_id for d in new], self._name)
        # If the other lane has parked a key since ``look_up``, it has also published ``ContractSetAside``.
        parked = {row["key"] for row in rows}
        for delivery in new:
            log.error(
                "event_set_aside",
                consumer=self._name,
                event_type=delivery.type,
                event_id=str(delivery.event_id),
                trace_id=(delivery.envelope.traceparent or "")[3:35] if delivery.envelope else None,
                error=delivery.error,
            )
            metrics.EVENTS_SET_ASIDE.labels(self._name).inc()
        causes = {d.contract_id: d.event_id for d in new if d.contract_id is not None and d.key in parked}
        await publish_for_contracts(self._tx, self._consumer, ContractSetAside, causes, self._name)


def _columns(delivery: Delivery) -> tuple[Any, ...]:
    record = delivery.record
    event_id = delivery.envelope.event_id if delivery.envelope is not None else None
    # In ASCII, so that bytes which are not valid text are kept too.
    headers = json.dumps(dict(record.headers), ensure_ascii=True)
    place = (record.topic, record.partition, record.offset)
    return (delivery.key, event_id, delivery.type, *place, headers, record.value, delivery.error)
