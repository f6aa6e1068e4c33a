"""Request ids, traces, one log line per request, and metrics by route."""

import json
import logging
from typing import Any
from uuid import UUID

import httpx
import pytest
import structlog
from chassis import logs
from chassis.testing import mint
from recobro_events.tracing import current_traceparent

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


async def test_a_request_id_is_kept_or_made(client: httpx.AsyncClient) -> None:
    assert (await client.get("/livez", headers={"X-Request-Id": "abc-1.2_3"})).headers["x-request-id"] == "abc-1.2_3"
    for unusable in ("", "a b", "x" * 101, '"}', "a\u00e9"):
        headers = [(b"x-request-id", unusable.encode("latin-1"))]
        made = (await client.get("/v1/nothing", headers=headers)).headers["x-request-id"]
        assert UUID(made)


async def test_events_of_a_request_carry_its_trace(client: httpx.AsyncClient, toy: Any) -> None:
    seen = []

    async def look_at_trace(_: Any) -> None:
        seen.append(current_traceparent())

    toy.inside = look_at_trace
    entry = {"name": "Ana", "amount": "1.00"}
    await client.post("/v1/entries", json=entry, headers={"traceparent": TRACE})
    await client.post("/v1/entries", json=entry)
    assert seen[0] is not None
    assert seen[0][3:35] == TRACE[3:35]
    assert seen[0] != TRACE, "a new span"
    assert seen[1] is not None
    assert seen[1][3:35] != TRACE[3:35]


async def test_each_request_has_one_log_line_with_its_route_template(
    client: httpx.AsyncClient, capfd: pytest.CaptureFixture[str]
) -> None:
    await client.get("/v1/by-number/77", headers={"traceparent": TRACE, "X-Request-Id": "r-1"})
    await client.get("/v1/canary?canary=1")
    await client.get("/livez")
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    known, unknown = [line for line in lines if line["event"] == "request"]
    assert known["route"] == "/v1/by-number/{n}"
    assert (known["method"], known["status"], known["request_id"]) == ("GET", 200, "r-1")
    assert (known["trace_id"], known["service"]) == (TRACE[3:35], "portfolio")
    assert (unknown["route"], unknown["status"]) == ("unmatched", 404)
    assert "canary" not in json.dumps([known, unknown])


async def test_requests_are_counted_by_template(client: httpx.AsyncClient) -> None:
    def count(exposition: str) -> float:
        wanted = 'http_requests_total{method="GET",route="/v1/by-number/{n}",status="200"} '
        return sum(float(line.removeprefix(wanted)) for line in exposition.splitlines() if line.startswith(wanted))

    before = count((await client.get("/metrics")).text)
    for n in range(3):
        await client.get(f"/v1/by-number/{n}")
    await client.get("/v1/canary-path", headers={"Authorization": f"Bearer {mint([])}"})
    exposition = (await client.get("/metrics")).text
    assert count(exposition) - before == 3
    assert "canary" not in exposition
    assert "http_request_duration_seconds_bucket" in exposition


def logged(capfd: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capfd.readouterr().out.splitlines()]


def test_only_listed_fields_are_logged(capfd: pytest.CaptureFixture[str]) -> None:
    logs.configure("portfolio")
    structlog.get_logger("x").info("done", contract_id=UUID(int=1), phone="+525512345678", tax_id="CANARY", count=3)
    [line] = logged(capfd)
    assert (line["event"], line["contract_id"], line["count"]) == ("done", str(UUID(int=1)), 3)
    assert not {"phone", "tax_id"} & line.keys()


def test_a_library_s_message_is_logged_without_its_arguments(capfd: pytest.CaptureFixture[str]) -> None:
    logs.configure("portfolio")
    logging.getLogger("library").warning("row %s refused\nrow: canary", "canary")
    try:
        raise ValueError("canary")
    except ValueError as error:
        logging.getLogger("library").exception("failed for %r", error)
    first, second = logged(capfd)
    assert (first["event"], first["level"]) == ("row %s refused", "warning")
    assert (second["event"], second["error"]) == ("failed for %r", "builtins.ValueError")
    assert "canary" not in json.dumps([first, second])


def test_messages_of_the_network_are_logged_whole(capfd: pytest.CaptureFixture[str]) -> None:
    logs.configure("portfolio")
    logging.getLogger("kafka.conn").warning("Unable to connect to %s:%d", "broker-1", 9092)
    try:
        raise ConnectionRefusedError(111, "Connect call failed ('10.0.0.7', 5432)")
    except OSError:
        structlog.get_logger("x").exception("failed")
    first, second = logged(capfd)
    assert first["event"] == "Unable to connect to broker-1:9092"
    assert second["message"] == "[Errno 111] Connect call failed ('10.0.0.7', 5432)"


async def test_polling_is_logged_only_when_it_fails(
    client: httpx.AsyncClient, capfd: pytest.CaptureFixture[str]
) -> None:
    await client.get("/v1/poll", params={"wait": 0})
    await client.get("/v1/poll", params={"wait": -1})
    assert [(line["route"], line["status"]) for line in logged(capfd) if line["event"] == "request"] == [
        ("/v1/poll", 422)
    ]


def test_causes_are_named_by_type(capfd: pytest.CaptureFixture[str]) -> None:
    logs.configure("portfolio")
    try:
        try:
            raise KeyError("canary")
        except KeyError as cause:
            raise RuntimeError("canary") from cause
    except RuntimeError:
        structlog.get_logger("x").exception("failed")
    [line] = logged(capfd)
    assert line["causes"] == ["builtins.KeyError"]
    assert "canary" not in json.dumps(line)
