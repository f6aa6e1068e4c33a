"""The local Kafka broker answers clients."""

import socket
import struct

import pytest


@pytest.mark.kafka
def test_the_broker_of_the_tests_answers_with_its_api_versions(kafka_bootstrap: str) -> None:
    host, port = kafka_bootstrap.rsplit(":", 1)
    request = struct.pack(">hhih4s", 18, 0, 7, 4, b"test")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        answer = connection.recv(10)
    _, correlation, error = struct.unpack(">iih", answer)
    assert (correlation, error) == (7, 0)
