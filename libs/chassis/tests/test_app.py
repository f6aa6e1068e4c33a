"""Starting, stopping, health and the API's description."""

import asyncio
from typing import Any

import httpx
import pytest
from chassis import idempotency
from chassis.testing import client_for
from fastapi import FastAPI
from recobro_events import Database
from toy_service import Toy


async def test_an_app_starts_in_order_and_stops_in_reverse(app: FastAPI, toy: Any) -> None:
    async with client_for(app) as client:
        assert toy.order == ["runtime started", "own started"]
        assert (await client.get("/startupz")).status_code == 200
    assert toy.order == ["runtime started", "own started", "own stopped", "runtime stopped"]


async def test_an_app_is_not_ready_before_its_start(app: FastAPI) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        assert (await client.get("/livez")).status_code == 200
        for path in ("/startupz", "/readyz"):
            answer = await client.get(path)
            assert answer.status_code == 503
            assert answer.headers["content-type"] == "application/problem+json"


async def test_readiness_names_the_problems(client: httpx.AsyncClient, toy: Any, app: FastAPI) -> None:
    assert (await client.get("/readyz")).json() == {"status": "ready"}
    toy.wrong = ["the consumer portfolio.events has stopped: the log was replaced"]
    answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["problems"]) == (503, toy.wrong)
    toy.wrong = []
    app.state.stopping.set()
    assert (await client.get("/readyz")).json()["problems"] == ["stopping"]


async def test_a_failed_start_stops_the_parts_that_were_started(
    app: FastAPI, toy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail() -> None:
        toy.order.append("runtime failed")
        raise ConnectionError("no broker")

    monkeypatch.setattr(toy, "start", fail)
    with pytest.raises(ConnectionError):
        async with client_for(app):
            pass
    assert toy.order == ["runtime failed", "runtime stopped"]
    assert app.state.started is False


async def test_the_api_description_has_problems_keys_and_tokens(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    add = document["paths"]["/v1/entries"]["post"]
    assert {"201", "4XX", "5XX"} <= set(add["responses"])
    assert add["responses"]["4XX"]["content"]["application/problem+json"]
    assert [parameter["name"] for parameter in add["parameters"]] == ["Idempotency-Key"]
    assert add["security"]
    listed = document["paths"]["/v1/entries"]["get"]
    assert "Idempotency-Key" not in [parameter["name"] for parameter in listed["parameters"]]
    schemas = document["components"]["schemas"]
    assert "HTTPValidationError" not in schemas
    assert schemas["NewEntry"]["additionalProperties"] is False
    assert schemas["NewEntry"]["properties"]["amount"]["examples"] == ["1234.50"]
    assert "/livez" not in document["paths"]


async def test_old_answers_are_deleted_while_the_app_runs(
    app: FastAPI, look: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await look.execute(
        "INSERT INTO idempotent_answer (subject, method, path, key, request_sha256, created_at)"
        " VALUES ('s', 'POST', '/', 'k', '', now() - interval '8 days')"
    )
    purged = asyncio.Event()
    purge = idempotency.purge

    async def purge_and_notify(database: Database) -> int:
        deleted = await purge(database)
        purged.set()
        return deleted

    monkeypatch.setattr("chassis.app.PURGE_SECONDS", 0.01)
    monkeypatch.setattr(idempotency, "purge", purge_and_notify)
    async with client_for(app), asyncio.timeout(240):
        await purged.wait()
    assert await look.fetchval("SELECT count(*) FROM idempotent_answer") == 0


async def test_a_process_whose_consumer_makes_no_progress_fails_its_liveness_probe(
    client: httpx.AsyncClient, toy: Toy
) -> None:
    toy.stuck = ["portfolio.events"]
    answer = await client.get("/livez")
    assert (answer.status_code, answer.json()["detail"]) == (503, "These make no progress: portfolio.events.")
