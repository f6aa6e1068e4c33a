"""The settings of a topic in Kafka that decide what it keeps, how safely and for how long."""

from collections.abc import Mapping
from dataclasses import dataclass

from recobro_events._limits import MAX_RECORD_BYTES

RETENTION_MS = 14 * 24 * 3600 * 1000

TOPIC_SETTINGS = {"retention.ms": None, "min.insync.replicas": None, "max.message.bytes": None}
BROKER_SETTINGS = {"message.max.bytes": None, "replica.fetch.max.bytes": None}
"""The names to query, each without a value."""


@dataclass(frozen=True)
class TopicSettings:
    """The settings of a topic, and the lowest limits on record sizes of the brokers that keep it."""

    replicas: int
    min_insync_replicas: int
    retention_ms: int
    max_message_bytes: int = MAX_RECORD_BYTES
    broker_message_max_bytes: int = MAX_RECORD_BYTES
    broker_replica_fetch_max_bytes: int = MAX_RECORD_BYTES

    @classmethod
    def on(cls, brokers: int) -> "TopicSettings":
        """The settings of new topics on a cluster of so many brokers."""
        return cls(min(3, brokers), min(2, brokers), RETENTION_MS)

    @classmethod
    def found(cls, replicas: int, topic: Mapping[str, int], brokers: Mapping[str, int]) -> "TopicSettings":
        """The settings that Kafka returned, by their names in Kafka."""
        return cls(
            replicas,
            topic["min.insync.replicas"],
            topic["retention.ms"],
            topic["max.message.bytes"],
            brokers["message.max.bytes"],
            brokers["replica.fetch.max.bytes"],
        )

    def of_new_topic(self) -> dict[str, str]:
        """The settings to create a topic with, by their names in Kafka."""
        return {
            "retention.ms": str(self.retention_ms),
            "min.insync.replicas": str(self.min_insync_replicas),
            "max.message.bytes": str(self.max_message_bytes),
        }
