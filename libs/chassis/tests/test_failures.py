"""Failures below a route: the answer states what to do, the log states the place, and neither holds a value."""

import json
from typing import Any

import asyncpg
import httpx
import pytest
from chassis import create_app
from chassis.problems import Conflict, FieldError, Invalid, NotFound, Problem
from chassis.testing import client_for, mint, test_settings
from fastapi import FastAPI
from recobro_events import Database


@pytest.mark.parametrize("kind", ["bug", "unique", "division", "missing-file"])
async def test_a_defect_is_a_500_without_details(client: httpx.AsyncClient, kind: str) -> None:
    answer = await client.get("/v1/fail", params={"kind": kind})
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"].endswith(":internal")
    for inside in ("Ana", "5255", "counter", "secret", "Error", "Traceback"):
        assert inside not in answer.text


@pytest.mark.parametrize("kind", ["event-too-large", "row-too-large"])
async def test_a_change_that_makes_too_large_an_event_is_refused(client: httpx.AsyncClient, kind: str) -> None:
    answer = await client.get("/v1/fail", params={"kind": kind})
    assert answer.status_code == 422
    assert answer.json()["type"].endswith(":event-too-large")
    assert "larger than 1,000,000 bytes" in answer.json()["detail"]
    assert "Ana" not in answer.text


@pytest.mark.parametrize("kind", ["canceled", "disk", "disk-of-postgres", "starting", "lock", "unnoticed-end"])
async def test_a_passing_failure_is_a_503(client: httpx.AsyncClient, kind: str) -> None:
    answer = await client.get("/v1/fail", params={"kind": kind})
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["type"].endswith(":unavailable")


async def test_an_unreachable_database_is_a_503(app: FastAPI, client: httpx.AsyncClient) -> None:
    await app.state.database.close()
    answer = await client.get("/v1/entries")
    assert answer.status_code == 503
    ready = await client.get("/readyz")
    assert (ready.status_code, "database" in ready.json()["detail"]) == (503, True)
    assert (await client.get("/livez")).status_code == 200


async def test_a_connection_that_was_killed_is_replaced(client: httpx.AsyncClient, look: Any) -> None:
    await client.get("/v1/entries")
    await look.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid()"
    )
    answers = [await client.get("/v1/entries") for _ in range(6)]
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert answers[-1].status_code == 200


async def test_a_stream_that_breaks_is_cut_and_not_ended(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/stream")).text == "one\ntwo\n"
    with pytest.raises(RuntimeError):
        await client.get("/v1/stream", params={"broken": True})


async def test_the_log_has_the_place_of_a_failure_and_never_a_value(
    client: httpx.AsyncClient, capfd: pytest.CaptureFixture[str]
) -> None:
    for kind in ("bug", "unique"):
        await client.get("/v1/fail", params={"kind": kind, "name": "canary-query"})
    await client.post("/v1/entries", json={"name": "canary-body", "amount": "x"})
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    bug, unique = [line for line in lines if line["event"] == "request_failed"]
    assert bug["error"] == "builtins.RuntimeError"
    assert any("_bug" in place for place in bug["stack"])
    assert (unique["sqlstate"], unique["constraint"]) == ("23505", "counter_pkey")
    assert bug["request_id"]
    for canary in ("Ana", "5255", "canary", "already exists", "(a)"):
        assert canary not in json.dumps(lines)


def test_a_problem_takes_its_members_from_class_and_arguments() -> None:
    class Known(Problem):
        status = 404
        code = "contract-unknown"

    class Fixed(Problem):
        status = 409
        code = "list-closed"
        detail = "The list is closed."

    mistakes = [FieldError("/a", "is wrong")]
    made = [
        (Known("There is no such contract."), 404, "contract-unknown", "There is no such contract."),
        (Fixed(), 409, "list-closed", "The list is closed."),
        (Problem("Short and stout.", status=418, code="teapot"), 418, "teapot", "Short and stout."),
        (NotFound("None here."), 404, "not-found", "None here."),
        (NotFound("None here.", code="list-unknown"), 404, "list-unknown", "None here."),
        (Conflict("Known.", code="payment-known"), 409, "payment-known", "Known."),
        (Invalid("Wrong.", errors=mistakes), 422, "invalid", "Wrong."),
    ]
    for problem, status, code, detail in made:
        assert (problem.status, problem.code, problem.detail) == (status, code, detail)
        assert problem.document()["type"] == f"urn:recobro:problem:{code}"
    assert made[-1][0].document()["errors"] == [{"pointer": "/a", "detail": "is wrong"}]


def test_extra_members_cannot_replace_a_problem_s_own() -> None:
    with pytest.raises(ValueError, match="status"):
        Problem("y", status=400, code="x", extra={"status": 200})


async def test_a_database_that_cannot_be_reached_stops_the_start() -> None:
    dsn = "postgresql://127.0.0.1:1/nowhere"
    app = create_app(
        service="portfolio",
        title="Toy",
        settings=test_settings(dsn),
        database=Database(dsn),
        runtime=None,
        routers=[],
    )
    with pytest.raises((OSError, asyncpg.PostgresError)):
        async with client_for(app, mint()):
            pass
