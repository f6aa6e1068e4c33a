"""Every deployment's brokers and topics have the limit on a record's size that the event runtime has."""

import re
from pathlib import Path

import pytest
from recobro_events import MAX_EVENT_BYTES, MAX_RECORD_BYTES

ROOT = Path(__file__).parents[1]
PLACES = {
    "deploy/kafka-local/server.properties": [r"^message\.max\.bytes=(\d+)$", r"^replica\.fetch\.max\.bytes=(\d+)$"],
    "docker-compose.yml": [r"^  KAFKA_MESSAGE_MAX_BYTES: (\d+)$", r"^  KAFKA_REPLICA_FETCH_MAX_BYTES: (\d+)$"],
    "deploy/k8s/base/kafka/kafka.yaml": [r"^ +message\.max\.bytes: (\d+)$", r"^ +replica\.fetch\.max\.bytes: (\d+)$"],
    "deploy/k8s/base/kustomization.yaml": [r"max\.message\.bytes: (\d+)[,}]"],
}


@pytest.mark.parametrize(("place", "settings"), PLACES.items())
def test_brokers_and_topics_take_what_a_record_may_have(place: str, settings: list[str]) -> None:
    text = (ROOT / place).read_text()
    for setting in settings:
        assert re.findall(setting, text, re.MULTILINE) == [str(MAX_RECORD_BYTES)], setting


def test_the_largest_event_leaves_room_for_the_headers_of_its_record() -> None:
    """And Kafka's own default for brokers, 1,048,588 bytes, is no lower than the limit."""
    assert MAX_EVENT_BYTES + 32 * 1024 < MAX_RECORD_BYTES <= 1_048_588
