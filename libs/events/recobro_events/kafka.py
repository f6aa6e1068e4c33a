"""The log in Apache Kafka. The only module that uses aiokafka."""

import asyncio
import contextlib
import ssl
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    CommitFailedError,
    CorruptRecordException,
    IllegalStateError,
    InvalidTimestampError,
    KafkaError,
    MessageSizeTooLargeError,
    OffsetOutOfRangeError,
    RecordListTooLargeError,
    TopicAlreadyExistsError,
    for_code,
)

from recobro_events._errors import MembershipLost, PositionLost, RecordRefused, TopicPartition, TransportError
from recobro_events._limits import MAX_RECORD_BYTES
from recobro_events._log.pacing import Pace
from recobro_events._log.topic_settings import BROKER_SETTINGS, RETENTION_MS, TOPIC_SETTINGS, TopicSettings
from recobro_events._log.transport import Bounds, Listener, OutgoingRecord, Record, check
from recobro_events._tasks import in_turns

__all__ = ["RETENTION_MS", "KafkaTransport", "Security"]

_BATCH_BYTES = 256 * 1024
# The broker's answers that concern a record, or its batch, and not the log.
_REFUSALS = (MessageSizeTooLargeError, RecordListTooLargeError, CorruptRecordException, InvalidTimestampError)
_CLOSE_SECONDS = 5.0
_ANSWER_SECONDS = 30.0

# Clients that are stopping. asyncio may drop a task to which there is no reference.
_STOPPING: set[asyncio.Task[None]] = set()

log = structlog.get_logger()


@dataclass(frozen=True)
class Security:
    """How clients and brokers authenticate each other.

    ``username`` and ``password``: the client authenticates by SCRAM-SHA-512. ``ca_file``: the CA certificates for the
    brokers; setting it enables TLS. Without any of them connections are neither authenticated nor encrypted.
    """

    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None

    def settings(self) -> dict[str, Any]:
        """Arguments for aiokafka's clients. Raises ``OSError`` if the file cannot be read or holds no certificate."""
        sasl = {
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": self.username,
            "sasl_plain_password": self.password,
        }
        return {
            "security_protocol": f"{'SASL_' if self.username else ''}{'SSL' if self.ca_file else 'PLAINTEXT'}",
            "ssl_context": ssl.create_default_context(cafile=self.ca_file) if self.ca_file else None,
            **(sasl if self.username else {}),
        }


class KafkaTransport:
    """A ``Transport`` over the brokers of ``bootstrap``; topics that it creates have ``partitions`` partitions.

    Without ``create_topics`` a missing topic is a ``TransportError``. ``instance`` names this process among the members
    of its group over restarts (static membership): a restarted process gets its partitions back without waiting until
    the session of the dead one has ended.
    """

    def __init__(
        self,
        bootstrap: str,
        partitions: int = 12,
        *,
        instance: str | None = None,
        security: Security | None = None,
        create_topics: bool = True,
    ) -> None:
        self._bootstrap = bootstrap
        self._partitions = partitions
        self._instance = instance
        self._create_topics = create_topics
        self._client = {"bootstrap_servers": bootstrap, **(security or Security()).settings()}

    async def open(self) -> None:
        """Nothing to open: producers and members have their own connections."""

    async def close(self) -> None:
        """Nothing to close: the users of producers and members close these themselves."""

    async def ensure_topics(self, topics: Collection[str]) -> Mapping[str, int]:
        admin = AIOKafkaAdminClient(**self._client, request_timeout_ms=15_000)
        try:
            await admin.start()
            counts = await _partition_counts(admin, topics)
            missing = set(topics) - set(counts)
            if not missing:
                return counts
            if not self._create_topics:
                raise TransportError(f"these topics do not exist: {', '.join(sorted(missing))}")
            settings = await _settings_here(admin)
            wanted = [
                NewTopic(
                    name=topic,
                    num_partitions=self._partitions,
                    replication_factor=settings.replicas,
                    topic_configs=settings.of_new_topic(),
                )
                for topic in sorted(missing)
            ]
            response = await admin.create_topics(wanted)
            for topic, code, *_ in response.topic_errors:
                error = for_code(code)
                if code and not issubclass(error, TopicAlreadyExistsError):
                    raise TransportError(f"topic {topic} cannot be created: {error.__name__}")
            return await self._counts_of_all(admin, topics)
        except (KafkaError, OSError) as error:
            raise TransportError(f"Kafka cannot be reached at {self._bootstrap}: {error!r}") from error
        finally:
            await admin.close()

    async def topic_settings(self, topics: Collection[str]) -> tuple[dict[str, TopicSettings], TopicSettings]:
        """The settings of these existing topics, and those with which this cluster creates topics."""
        admin = AIOKafkaAdminClient(**self._client, request_timeout_ms=15_000)
        try:
            await admin.start()
            replicas = {
                topic["topic"]: min(len(partition["replicas"]) for partition in topic["partitions"])
                for topic in await admin.describe_topics(sorted(topics))
            }
            nodes = [broker["node_id"] for broker in (await admin.describe_cluster())["brokers"]]
            of_brokers = await _settings(admin, ConfigResourceType.BROKER, nodes, BROKER_SETTINGS)
            lowest = {name: min(settings[name] for settings in of_brokers.values()) for name in BROKER_SETTINGS}
            of_topics = await _settings(admin, ConfigResourceType.TOPIC, topics, TOPIC_SETTINGS)
            found = {topic: TopicSettings.found(replicas[topic], of, lowest) for topic, of in of_topics.items()}
            return found, TopicSettings.on(len(nodes))
        except (KafkaError, OSError) as error:
            raise TransportError(f"Kafka did not return the topics' settings: {error!r}") from error
        finally:
            await admin.close()

    async def _counts_of_all(self, admin: Any, topics: Collection[str]) -> dict[str, int]:
        for _ in range(50):
            counts = await _partition_counts(admin, topics)
            if counts.keys() >= set(topics):
                return counts
            await asyncio.sleep(0.1)
        raise TransportError(f"Kafka did not return the partition counts of {', '.join(sorted(topics))}")

    async def is_written(self, topics: Collection[str]) -> bool:
        reader = AIOKafkaConsumer(**self._client, request_timeout_ms=15_000)
        try:
            await asyncio.wait_for(reader.start(), 15)
            counts = await self.ensure_topics(topics)
            places = [KafkaPartition(topic, n) for topic, count in counts.items() for n in range(count)]
            return any((await reader.end_offsets(places)).values())
        except (KafkaError, OSError, TimeoutError) as error:
            raise TransportError(f"Kafka did not return its offsets: {error!r}") from error
        finally:
            await _stop(reader)

    async def prune(self, days: int) -> int:  # noqa: ARG002 - the brokers prune, by the topics' retention
        return 0

    async def producer(self, *, linger_ms: int) -> "KafkaProducer":
        producer = AIOKafkaProducer(
            **self._client,
            enable_idempotence=True,
            acks="all",
            compression_type="zstd",
            linger_ms=linger_ms,
            request_timeout_ms=15_000,
            max_batch_size=_BATCH_BYTES,
            max_request_size=MAX_RECORD_BYTES,
        )
        try:
            await asyncio.wait_for(producer.start(), 15)
        except (KafkaError, OSError, TimeoutError) as error:
            await _stop(producer)
            raise TransportError(f"Kafka cannot be reached at {self._bootstrap}: {error!r}") from error
        return KafkaProducer(producer)

    async def join(self, group: str, topics: Collection[str], listener: Listener) -> "KafkaMember":
        consumer = AIOKafkaConsumer(
            **self._client,
            group_id=group,
            group_instance_id=f"{group}.{self._instance}" if self._instance else None,
            enable_auto_commit=False,
            auto_offset_reset="none",
            session_timeout_ms=45_000,
            heartbeat_interval_ms=10_000,
            max_poll_interval_ms=300_000,
            request_timeout_ms=15_000,
            max_poll_records=None,
            max_partition_fetch_bytes=MAX_RECORD_BYTES,
        )
        rebalance = _Rebalance(listener)
        consumer.subscribe(sorted(topics), listener=rebalance)
        try:
            # After a member has died, its group admits another only when the dead member's session has ended.
            await asyncio.wait_for(consumer.start(), 60)
        except (KafkaError, OSError, TimeoutError) as error:
            await _stop(consumer)
            raise TransportError(f"Kafka cannot be reached at {self._bootstrap}: {error!r}") from error
        return KafkaMember(consumer, rebalance, KafkaPartition(min(topics), 0))


async def _partition_counts(admin: Any, topics: Collection[str]) -> dict[str, int]:
    """The partition counts of those topics that exist and are ready."""
    described = await admin.describe_topics(sorted(topics))
    counts = {topic["topic"]: len(topic["partitions"]) for topic in described if not topic["error_code"]}
    return {topic: count for topic, count in counts.items() if count}


async def _settings_here(admin: Any) -> TopicSettings:
    return TopicSettings.on(len((await admin.describe_cluster())["brokers"]))


async def _settings(
    admin: Any, kind: Any, names: Collection[Any], settings: Mapping[str, None]
) -> dict[str, dict[str, int]]:
    """These settings of topics or brokers, by name. Raises ``KafkaError`` if an answer is an error."""
    asked = [ConfigResource(kind, str(name), dict(settings)) for name in sorted(names)]
    found = {}
    for resource in [one for answer in await admin.describe_configs(asked) for one in answer.to_object()["resources"]]:
        if resource["error_code"]:
            raise for_code(resource["error_code"])(resource["error_message"])
        entries = resource["config_entries"]
        found[resource["resource_name"]] = {one["config_names"]: int(one["config_value"]) for one in entries}
    return found


class KafkaProducer:
    """An idempotent producer that waits for all replicas."""

    def __init__(self, producer: Any) -> None:
        self._producer = producer

    async def send(self, records: Sequence[OutgoingRecord]) -> None:
        try:
            topics = {record.topic for record in records}
            check(records, {topic: len(await self._producer.partitions_for(topic)) for topic in topics})
            sent: list[Any] = []
            async for some in in_turns(records):
                for record in some:
                    sent.append(await self._begin(record))
                    if len(record.value) > _BATCH_BYTES:
                        # Such a record has a batch of its own, which the broker may refuse. No record may overtake it.
                        await asyncio.gather(*sent)
                        sent.clear()
            await asyncio.gather(*sent)
        except _REFUSALS as error:
            raise RecordRefused(f"Kafka refuses a record: {type(error).__name__}") from error
        except (KafkaError, OSError) as error:
            raise TransportError(f"Kafka did not acknowledge the records: {error!r}") from error

    async def _begin(self, record: OutgoingRecord) -> Any:
        return await self._producer.send(
            record.topic,
            record.value,
            key=record.key.encode(),
            partition=record.partition,
            headers=[(name, value.encode()) for name, value in record.headers.items()],
        )

    async def close(self) -> None:
        await _stop(self._producer)


class KafkaMember:
    """A member of a Kafka consumer group. The offsets that count are in the consumer's database, not in Kafka.

    ``somewhere`` is one partition of the group's topics. ``check`` asks the group for its offset there.
    """

    # One and a half of the heartbeat interval.
    settled_seconds = 15.0

    def __init__(self, consumer: Any, rebalance: "_Rebalance", somewhere: Any) -> None:
        self._consumer = consumer
        self._rebalance = rebalance
        self._somewhere = somewhere
        self._pace = Pace()

    async def bounds(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, Bounds]:
        places = [KafkaPartition(*place) for place in partitions]
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                starts = await self._consumer.beginning_offsets(places)
                ends = await self._consumer.end_offsets(places)
        except TimeoutError as error:
            raise MembershipLost(f"Kafka did not return its offsets within {_ANSWER_SECONDS:.0f} s") from error
        except (KafkaError, OSError) as error:
            raise TransportError(f"Kafka did not return its offsets: {error!r}") from error
        return {TopicPartition(*place): Bounds(starts[place], ends[place]) for place in places}

    def hurry_for(self, types: Collection[str], paced: Collection[str] = ()) -> None:
        """Let records of the types ``paced`` wait. The broker knows no types, so all others come at once."""
        self._pace = Pace(types, paced)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        with contextlib.suppress(IllegalStateError):
            self._consumer.seek(KafkaPartition(*partition), offset)

    async def poll(
        self, partitions: Collection[TopicPartition], *, max_records: int, timeout_seconds: float
    ) -> list[Record]:
        return await self._pace.poll(partial(self._poll, partitions), max_records, timeout_seconds)

    async def _poll(
        self, partitions: Collection[TopicPartition], max_records: int, timeout_seconds: float
    ) -> list[Record]:
        places = [KafkaPartition(*place) for place in partitions]
        # Without partitions getmany would read all of them.
        assert places
        try:
            found = await self._consumer.getmany(
                *places, timeout_ms=int(timeout_seconds * 1000), max_records=max_records
            )
        except OffsetOutOfRangeError as error:
            raise PositionLost(f"the log no longer holds the next record: {error}") from error
        except IllegalStateError:
            # One of them was revoked a moment ago.
            return []
        except (KafkaError, OSError) as error:
            # aiokafka itself waits for brokers that cannot be reached. An error that it raises may recur for ever.
            raise MembershipLost(f"Kafka cannot be read: {error!r}") from error
        return [
            Record(
                m.topic,
                m.partition,
                m.offset,
                m.value or b"",
                {name: value.decode("utf-8", "surrogateescape") if value else "" for name, value in m.headers},
                m.key.decode("utf-8", "surrogateescape") if m.key else "",
            )
            for messages in found.values()
            for m in messages
        ]

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        try:
            if offsets:
                await self._consumer.commit({KafkaPartition(*place): at for place, at in offsets.items()})
        except (CommitFailedError, IllegalStateError):
            # The partitions were revoked before the commit. The position that counts is in the database.
            return
        except KafkaError as error:
            log.info("lag_not_committed", error=type(error).__name__)

    async def check(self) -> None:
        try:
            # getmany raises the errors of the group; for this partition, which does not exist, it returns no records.
            await self._consumer.getmany(KafkaPartition("", 0), timeout_ms=0)
            await self._consumer.committed(self._somewhere)
        except (KafkaError, OSError) as error:
            raise MembershipLost(f"Kafka's group does not answer: {error!r}") from error

    async def leave(self) -> None:
        self._rebalance.listener = None
        await _stop(self._consumer)


class _Rebalance(ConsumerRebalanceListener):  # type: ignore[misc]
    """Passes assigned and revoked partitions to ``listener``, which is None once the member has left the group."""

    def __init__(self, listener: Listener) -> None:
        self.listener: Listener | None = listener

    async def on_partitions_assigned(self, assigned: Collection[Any]) -> None:
        if self.listener is not None:
            await self.listener.assigned([TopicPartition(*place) for place in assigned])

    async def on_partitions_revoked(self, revoked: Collection[Any]) -> None:
        if revoked and self.listener is not None:
            await self.listener.revoked([TopicPartition(*place) for place in revoked])


async def _stop(client: Any) -> None:
    """Stop a client, and wait at most 5 s for it, since it may hang when brokers cannot be reached.

    The task that stops the client is never cancelled: otherwise a member would stay in its group.
    """
    stopping = asyncio.create_task(client.stop())
    _STOPPING.add(stopping)
    stopping.add_done_callback(_stopped)
    await asyncio.wait({stopping}, timeout=_CLOSE_SECONDS)
    if not stopping.done():
        log.info("kafka_client_abandoned")


def _stopped(stopping: asyncio.Task[None]) -> None:
    _STOPPING.discard(stopping)
    if not stopping.cancelled() and (error := stopping.exception()) is not None:
        log.info("kafka_client_abandoned", error=type(error).__name__)
