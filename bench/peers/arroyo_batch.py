# mypy: disable-error-code="import-not-found,misc,type-arg"
"""arroyo: a batch is what arrives within a tenth of a second. Each batch has one transaction; offsets once a second."""

import signal
from collections.abc import Mapping
from typing import Any

import asyncpg
import uvloop
from arroyo.backends.kafka import KafkaConsumer, KafkaPayload
from arroyo.backends.kafka.configuration import build_kafka_consumer_configuration
from arroyo.commit import ONCE_PER_SECOND
from arroyo.processing import StreamProcessor
from arroyo.processing.strategies import CommitOffsets, RunTask
from arroyo.processing.strategies.abstract import ProcessingStrategy, ProcessingStrategyFactory
from arroyo.processing.strategies.batching import BatchStep, ValuesBatch
from arroyo.types import Commit, Message, Partition, Topic
from event_bench.reporting import Tally, report
from peers.effect import SPEC, Payment, apply, event_id

loop = uvloop.new_event_loop()
connection = loop.run_until_complete(asyncpg.connect(SPEC["database"], loop=loop))
tally = Tally(SPEC["target"])


def take(message: Message[ValuesBatch[KafkaPayload]]) -> None:
    payloads = [value.payload for value in message.payload]
    payments = [(event_id(each.headers), Payment.model_validate_json(each.value)) for each in payloads]
    loop.run_until_complete(apply(connection, payments))
    tally.add(len(payments))


class Factory(ProcessingStrategyFactory[KafkaPayload]):
    def create_with_partitions(
        self, commit: Commit, partitions: Mapping[Partition, int]
    ) -> ProcessingStrategy[KafkaPayload]:
        report(assigned=len(partitions))
        last: ProcessingStrategy[Any] = RunTask(take, CommitOffsets(commit))
        return BatchStep(max_batch_size=2_000, max_batch_time=0.1, next_step=last)


consumer = KafkaConsumer(
    build_kafka_consumer_configuration(
        {},
        bootstrap_servers=[SPEC["kafka"]],
        group_id=SPEC["group"],
        auto_offset_reset="earliest",
    )
)
processor = StreamProcessor(consumer, Topic(SPEC["topic"]), Factory(), ONCE_PER_SECOND)
signal.signal(signal.SIGTERM, lambda *_: processor.signal_shutdown())
processor.run()
