"""The commit comes before the answer, a lost deadlock is repeated, and a refusal rolls everything back."""

import asyncio
from typing import Any

import asyncpg
import httpx
import pytest
from chassis import ContractNotYetKnown, ReadConnection, Router, WriteTransaction, streamed_body, writes
from chassis.testing import client_for, facts_during_lag, mint
from fastapi import FastAPI
from recobro_events import Database

ENTRY = {"name": "Ana", "amount": "10.00"}


async def counters(look: Any) -> dict[str, int]:
    return {row["name"]: row["value"] for row in await look.fetch("SELECT name, value FROM counter")}


async def test_the_commit_comes_before_the_first_byte(app: FastAPI, look: Any) -> None:
    seen_at_start: list[int] = []

    async def watching(scope: Any, receive: Any, send: Any) -> None:
        async def watched_send(message: Any) -> None:
            if message["type"] == "http.response.start":
                seen_at_start.append(await look.fetchval("SELECT count(*) FROM entry"))
            await send(message)

        await app(scope, receive, watched_send)

    transport = httpx.ASGITransport(watching)
    async with client_for(app), httpx.AsyncClient(transport=transport, base_url="http://test") as watched:
        answer = await watched.post("/v1/entries", json=ENTRY, headers={"Authorization": f"Bearer {mint()}"})
    assert answer.status_code == 201
    assert seen_at_start == [1]


async def test_a_request_that_waits_for_a_fact_holds_no_connection(
    client: httpx.AsyncClient, app: FastAPI, toy: Any, look: Any
) -> None:
    known = asyncio.Event()

    async def expect_known(_: Any) -> None:
        if not known.is_set():
            raise ContractNotYetKnown()

    async def arrive() -> None:
        assert await look.fetchval("SELECT count(*) FROM entry") == 0
        known.set()

    toy.inside = expect_known
    with facts_during_lag(app, arrive):
        answer = await client.post("/v1/entries", json=ENTRY, headers={"Idempotency-Key": "late"})
    assert (answer.status_code, toy.calls) == (201, 2)
    assert await look.fetchval("SELECT count(*) FROM entry") == 1


async def test_a_fact_that_does_not_come_is_unknown(
    client: httpx.AsyncClient, toy: Any, look: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chassis.lag.PAUSES_SECONDS", (0.0, 0.0))

    async def unknown(_: Any) -> None:
        raise ContractNotYetKnown()

    toy.inside = unknown
    answer = await client.post("/v1/entries", json=ENTRY)
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:recobro:problem:contract-unknown")
    assert toy.calls == 3
    assert await look.fetchval("SELECT count(*) FROM entry") == 0


async def test_a_commit_that_fails_is_not_answered_with_success(client: httpx.AsyncClient, toy: Any, look: Any) -> None:
    await look.execute("CREATE TABLE late (n int, CONSTRAINT late_once UNIQUE (n) DEFERRABLE INITIALLY DEFERRED)")

    async def twice(tx: Any) -> None:
        await tx.execute("INSERT INTO late VALUES (1), (1)")

    toy.inside = twice
    try:
        answer = await client.post("/v1/entries", json=ENTRY)
    finally:
        await look.execute("DROP TABLE late")
    assert answer.status_code == 500
    assert await look.fetchval("SELECT count(*) FROM entry") == 0


async def test_two_requests_in_a_deadlock_both_succeed_once(client: httpx.AsyncClient, toy: Any, look: Any) -> None:
    both_hold_one = asyncio.Barrier(2)
    tasks: set[Any] = set()

    async def meet_after_the_first_row(_: Any) -> None:
        task = asyncio.current_task()
        if task not in tasks:
            tasks.add(task)
            await both_hold_one.wait()

    toy.inside = meet_after_the_first_row
    answers = await asyncio.gather(client.post("/v1/both?first=a&second=b"), client.post("/v1/both?first=b&second=a"))
    assert [answer.status_code for answer in answers] == [200, 200]
    assert await counters(look) == {"a": 2, "b": 2}
    assert len(tasks) == 2
    assert max(answer.json()["calls"] for answer in answers) >= 3, "one of them ran twice"


@pytest.mark.parametrize("error", [asyncpg.DeadlockDetectedError, asyncpg.SerializationError])
async def test_a_transaction_is_given_up_after_three_attempts(
    client: httpx.AsyncClient, toy: Any, look: Any, error: type[Exception]
) -> None:
    async def lose(_: Any) -> None:
        raise error("lost")

    toy.inside = lose
    answer = await client.post("/v1/entries", json=ENTRY)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert toy.calls == 3
    assert await look.fetchval("SELECT count(*) FROM entry") == 0


async def test_the_body_is_there_for_each_attempt(client: httpx.AsyncClient, toy: Any, look: Any) -> None:
    async def lose_twice(_: Any) -> None:
        if toy.calls < 3:
            raise asyncpg.DeadlockDetectedError("lost")

    toy.inside = lose_twice
    answer = await client.post("/v1/entries", json=ENTRY)
    assert (answer.status_code, toy.calls) == (201, 3)
    assert [row["name"] for row in await look.fetch("SELECT name FROM entry")] == ["Ana"]


async def test_a_transaction_is_not_repeated_after_other_errors(client: httpx.AsyncClient, toy: Any) -> None:
    async def fail(_: Any) -> None:
        raise asyncpg.LockNotAvailableError("busy")

    toy.inside = fail
    assert (await client.post("/v1/entries", json=ENTRY)).status_code == 503
    assert toy.calls == 1


@pytest.mark.parametrize("returned", [False, True])
async def test_an_error_answer_rolls_back_the_writes(client: httpx.AsyncClient, look: Any, returned: bool) -> None:
    answer = await client.post("/v1/refused", params={"returned": returned})
    assert answer.status_code == 409
    assert await counters(look) == {"a": 0, "b": 0}


async def test_the_members_of_a_domain_problem_are_in_the_answer(client: httpx.AsyncClient) -> None:
    document = (await client.post("/v1/refused")).json()
    assert document == {
        "type": "urn:recobro:problem:entry-known",
        "title": "Entry known",
        "status": 409,
        "detail": "It is known.",
        "entry_id": "00000000-0000-0000-0000-000000000007",
    }


async def test_an_answer_that_streams_cannot_be_made_in_a_transaction(client: httpx.AsyncClient, look: Any) -> None:
    assert (await client.post("/v1/stream")).status_code == 500
    assert await counters(look) == {"a": 0, "b": 0}


async def test_connections_return_to_the_pool(client: httpx.AsyncClient, database: Database) -> None:
    for _ in range(12):
        assert (await client.post("/v1/entries", json=ENTRY)).status_code == 201
        assert (await client.get("/v1/entries")).status_code == 200
        assert (await client.post("/v1/entries", json={})).status_code == 422
    async with asyncio.timeout(240):
        async with database.connection(), database.connection(), database.connection(), database.connection():
            pass


async def test_no_free_connection_is_a_503_with_retry_after(
    client: httpx.AsyncClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with database.connection(), database.connection(), database.connection(), database.connection():
        with monkeypatch.context() as impatient:
            impatient.setattr(database, "_acquire_timeout_seconds", 0.3)
            answers = [await client.post("/v1/entries", json=ENTRY), await client.get("/v1/entries")]
    for answer in answers:
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"
        assert answer.json()["type"].endswith("unavailable")
    assert (await client.post("/v1/entries", json=ENTRY)).status_code == 201


def test_a_route_takes_one_connection() -> None:
    router = Router()

    async def two(tx: WriteTransaction, connection: ReadConnection) -> None:
        pass

    with pytest.raises(TypeError, match="one connection"):
        router.add_api_route("/two", two, methods=["POST"], dependencies=[writes("portfolio")])


def test_a_transaction_may_not_wait_for_a_streamed_body() -> None:
    router = Router()

    async def slow(tx: WriteTransaction) -> None:
        pass

    with pytest.raises(TypeError, match="streamed body"):
        router.add_api_route("/slow", slow, methods=["POST"], dependencies=[streamed_body(10)])
