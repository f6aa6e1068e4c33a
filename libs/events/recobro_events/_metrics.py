"""All metrics of the runtime, with unit and meaning."""

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

RELAY_ACTIVE = Gauge("relay_active", "1 while the active relay of this lane lives in this process", ["service", "lane"])
EVENTS_PUBLISHED = Counter("events_published", "Events that the log has acknowledged", ["service", "lane"])
PUBLISH_SECONDS = Histogram(
    "event_publish_seconds",
    "From fetching a batch of the outbox to its acknowledgement",
    ["service", "lane"],
    buckets=_SECONDS,
)
OUTBOX_OLDEST_SECONDS = Gauge(
    "outbox_oldest_unpublished_seconds",
    "Age of the oldest event that waits for the log; page on this",
    ["service", "lane"],
)
OUTBOX_EVENTS = Gauge("outbox_unpublished_events", "Events that wait for the log, up to 100,000", ["service", "lane"])
RELAY_FAILURES = Counter("relay_failures", "Batches that the relay has to send again", ["service", "lane"])
EVENTS_REFUSED = Counter(
    "events_refused", "Events that the log can never take, without those that wait behind them", ["service", "lane"]
)
UNSENT_EVENTS = Gauge(
    "unsent_events",
    "Events that the log refused or that wait behind one, not yet sent or discarded; page on this",
    ["service", "lane"],
)
TASK_FAILED = Gauge(
    "runtime_task_failed",
    "1 while a task of the event runtime or of the service has failed and has not yet worked for a minute again",
    ["service", "task"],
)

EVENTS_APPLIED = Counter("events_applied", "Events applied for the first time", ["consumer", "type"])
EVENTS_REPEATED = Counter("events_repeated", "Events delivered again and not applied again", ["consumer"])
EVENTS_UNKNOWN = Counter("events_unknown", "Events skipped because this release does not know their type", ["consumer"])
EVENT_AGE_SECONDS = Histogram(
    "event_age_at_processing_seconds",
    "From the fact to the end of the transaction that applied it, oldest of the batch; page on this",
    ["consumer"],
    buckets=_SECONDS,
)
BATCH_SECONDS = Histogram("consumer_batch_seconds", "Duration of one batch", ["consumer"], buckets=_SECONDS)
BATCH_EVENTS = Histogram(
    "consumer_batch_events",
    "Records of one batch",
    ["consumer"],
    buckets=(1, 2, 5, 10, 50, 100, 500, 1000, 5000),
)
BATCH_WAVES = Histogram(
    "consumer_batch_waves",
    "Waves of one batch: the most events that one key has in it",
    ["consumer"],
    buckets=(0, 1, 2, 5, 10, 50, 100, 500),
)
EVENTS_SET_ASIDE = Counter(
    "events_set_aside", "Events that could never be applied, without those that wait behind them", ["consumer"]
)
PARKED_KEYS = Gauge("parked_keys", "Keys of both lanes whose events wait for a person", ["service"])
DEAD_LETTERS = Gauge(
    "dead_letters",
    "Events set aside or waiting behind one, not yet applied or discarded; page on this",
    ["service"],
)
EVENTS_REPLAYED = Counter("events_replayed", "Events that were set aside and have been applied after all", ["service"])
CONSUMER_RETRIES = Counter("consumer_retries", "Batches repeated after a transient error", ["consumer"])
OWNERSHIP_LOST = Counter(
    "consumer_ownership_lost", "Batches rolled back because another member owns their partitions", ["consumer"]
)
CONSUMER_STOPPED = Gauge(
    "consumer_stopped", "1 when a consumer has stopped because it cannot continue; page on this", ["consumer"]
)
PARTITIONS_OWNED = Gauge("consumer_partitions_owned", "Partitions that this process owns", ["consumer"])
POSITION_LAG = Gauge(
    "consumer_position_lag", "Records of a partition that are still to be read", ["consumer", "topic", "partition"]
)
REBALANCES = Counter("consumer_rebalances", "Times that partitions were taken from this process", ["consumer"])
