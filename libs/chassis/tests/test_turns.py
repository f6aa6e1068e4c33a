"""Limits over HTTP: a flood of one caller is refused, and leaves everyone else their places."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import httpx
import pytest
from chassis import ContractNotYetKnown
from chassis.limits import REFUSAL_SECONDS
from chassis.testing import client_for, facts_during_lag, mint
from chassis.turns import PIECE_BYTES
from fastapi import FastAPI
from prometheus_client import REGISTRY
from recobro_events import Database
from toy_service import Toy, toy_app

Limited = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]
OPERATOR = {"Authorization": f"Bearer {mint()}"}


def agency() -> dict[str, str]:
    return {"Authorization": f"Bearer {mint(agency_id=uuid4())}"}


def refused(reason: str) -> float:
    return REGISTRY.get_sample_value("http_refused_total", {"reason": reason}) or 0


def app_of(client: httpx.AsyncClient) -> FastAPI:
    app: FastAPI = client._transport.app  # type: ignore[attr-defined]
    return app


@pytest.fixture
def limited(toy: Toy, database: Database) -> Limited:
    """A client of a toy with these settings."""

    @asynccontextmanager
    async def start(**settings: Any) -> AsyncIterator[httpx.AsyncClient]:
        async with client_for(toy_app(toy, database, **settings)) as client:
            yield client

    return start


class Clock:
    """Stands still, and counts the pauses that nobody waits for."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return 1000.0

    def time(self) -> float:
        return 1_800_000_000.0

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(round(seconds, 3))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("chassis.limits.time", clock)
    monkeypatch.setattr("chassis.turns.sleep", clock.sleep)
    return clock


async def test_a_flood_of_an_agency_takes_two_places_and_leaves_operators_and_dialers_theirs(
    limited: Limited, toy: Toy
) -> None:
    """The pool has four connections."""
    may_end, two_inside = asyncio.Event(), asyncio.Event()

    async def hold(_: Any) -> None:
        if toy.calls == 2:
            two_inside.set()
        await may_end.wait()

    toy.inside = hold
    flooding = agency()
    async with limited(agency_requests_per_second=10) as client, asyncio.timeout(240):
        flood = [asyncio.create_task(client.get("/v1/held", headers=flooding)) for _ in range(40)]
        await two_inside.wait()
        for path, headers in (("/v1/entries", OPERATOR), ("/v1/dialed", flooding), ("/v1/dialed", agency())):
            assert (await client.get(path, headers=headers)).status_code == 200
        assert toy.calls == 2
        may_end.set()
        answers = [await request for request in flood]
    assert {answer.status_code for answer in answers} == {200}
    assert toy.calls == 40


async def test_what_exceeds_the_rate_is_refused_and_says_when_to_come_again(limited: Limited, clock: Clock) -> None:
    before = refused("per_second")
    async with limited(agency_requests_per_second=2) as client:
        one, other = agency(), agency()
        fits = [await client.get("/v1/me", headers=one) for _ in range(8)]
        assert [answer.status_code for answer in fits] == [200] * 8
        assert clock.pauses == [0.5, 1, 1.5, 2], "the last ones waited"
        answer = await client.get("/v1/me", headers=one)
        assert (answer.status_code, answer.json()["type"]) == (429, "urn:recobro:problem:rate-limited")
        assert answer.json()["detail"] == "You may send 2 requests of this kind a second."
        assert answer.headers["retry-after"] == "2"
        assert answer.headers["ratelimit"] == '"read";r=0;t=2'
        assert answer.headers["ratelimit-policy"].startswith('"read";q=4;w=2, "read-day";q=500000;w=86400')
        assert clock.pauses[4:] == [REFUSAL_SECONDS], "a flood becomes as slow as its refusals"
        assert fits[0].headers["ratelimit"] == '"read";r=3;t=1'
        for headers in (other, OPERATOR):
            assert (await client.get("/v1/me", headers=headers)).status_code == 200
        assert (await client.get("/v1/dialed", headers=one)).status_code == 200
    assert refused("per_second") == before + 1


async def test_a_caller_s_own_waiting_does_not_count_as_a_slow_service(
    limited: Limited, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock that only the pauses move."""
    monkeypatch.setattr("chassis.observing.time", SimpleNamespace(perf_counter=lambda: sum(clock.pauses)))
    labels = {"method": "GET", "route": "/v1/me"}

    def seconds() -> float:
        return REGISTRY.get_sample_value("http_request_duration_seconds_sum", labels) or 0

    async with limited(agency_requests_per_second=1) as client:
        headers, before = agency(), seconds()
        answers = [(await client.get("/v1/me", headers=headers)).status_code for _ in range(9)]
        assert (answers.count(200), answers.count(429), len(clock.pauses)) == (4, 5, 7)
        assert seconds() - before < 0.001
        assert {usage.held for usage in app_of(client).state.limiter._usages.values()} == {0}


async def test_a_refusal_changes_nothing_and_is_not_kept_for_a_key(limited: Limited, clock: Clock, look: Any) -> None:
    assert clock
    body = {"name": "Ana", "amount": "1.00"}
    async with limited(operator_requests_per_day=1) as client:
        sent = OPERATOR | {"Idempotency-Key": "k"}
        assert (await client.post("/v1/entries", json=body, headers=OPERATOR)).status_code == 201
        answer = await client.post("/v1/entries", json=body, headers=sent)
    assert (answer.status_code, int(answer.headers["retry-after"]) > 1) == (429, True)
    assert await look.fetchval("SELECT count(*) FROM entry") == 1
    assert await look.fetchval("SELECT count(*) FROM idempotent_answer") == 0


async def test_bytes_of_bodies_and_answers_count(limited: Limited, clock: Clock) -> None:
    assert clock
    async with limited(operator_megabytes_per_day=3) as client:
        for _ in range(2):
            assert (await client.post("/v1/files", content=b"x" * 2_000_000, headers=OPERATOR)).status_code == 202
        answer = await client.post("/v1/files", content=b"x", headers=OPERATOR)
        assert answer.headers["ratelimit"].startswith('"transfer-bytes";r=0;')
        assert (answer.status_code, answer.json()["detail"].split()[3]) == (429, "3000000")
        assert (await client.get("/v1/me", headers=OPERATOR)).status_code == 200


async def test_so_many_requests_of_a_caller_are_open(limited: Limited, toy: Toy, clock: Clock) -> None:
    assert clock
    may_end, inside = asyncio.Event(), asyncio.Event()

    async def hold(_: Any) -> None:
        inside.set()
        await may_end.wait()

    toy.inside = hold
    headers = agency()
    async with limited(agency_open_requests=3) as client, asyncio.timeout(240):
        held = [asyncio.create_task(client.get("/v1/held", headers=headers)) for _ in range(3)]
        await inside.wait()
        assert (await client.get("/v1/held", headers=headers)).status_code == 429
        may_end.set()
        assert [(await request).status_code for request in held] == [200] * 3
        assert (await client.get("/v1/held", headers=headers)).status_code == 200


async def test_who_waits_too_long_for_a_place_learns_who_has_them(
    limited: Limited, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chassis.turns.ENTRY_SECONDS", 0.01)
    may_end, inside = asyncio.Event(), asyncio.Event()

    async def hold(_: Any) -> None:
        if toy.calls == 2:
            inside.set()
        await may_end.wait()

    toy.inside = hold
    first, second = agency(), agency()
    async with limited(agency_requests_at_once=1) as client, asyncio.timeout(240):
        held = [asyncio.create_task(client.get("/v1/held", headers=headers)) for headers in (first, second)]
        await inside.wait()
        own = await client.get("/v1/held", headers=first)
        assert (own.status_code, own.json()["type"]) == (429, "urn:recobro:problem:rate-limited")
        others = await client.get("/v1/held", headers=agency())
        assert (others.status_code, others.headers["retry-after"]) == (503, "1")
        may_end.set()
        assert [(await request).status_code for request in held] == [200, 200]


async def test_operators_share_the_places_of_the_process_so_none_exceeds_a_limit(
    limited: Limited, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chassis.turns.ENTRY_SECONDS", 0.01)
    may_end, inside = asyncio.Event(), asyncio.Event()

    async def hold(_: Any) -> None:
        inside.set()
        await may_end.wait()

    toy.inside = hold
    async with limited(operator_requests_at_once=1) as client, asyncio.timeout(240):
        held = asyncio.create_task(client.get("/v1/held", headers=OPERATOR))
        await inside.wait()
        assert (await client.get("/v1/entries", headers=OPERATOR)).status_code == 503
        may_end.set()
        assert (await held).status_code == 200


async def test_a_request_that_waits_for_a_fact_leaves_its_place(limited: Limited, toy: Toy) -> None:
    known, headers = asyncio.Event(), agency()

    async def expect_known(_: Any) -> None:
        if not known.is_set():
            raise ContractNotYetKnown()

    toy.inside = expect_known
    async with limited(agency_requests_at_once=1) as client:

        async def arrive() -> None:
            assert (await client.get("/v1/me", headers=headers)).status_code == 200
            known.set()

        with facts_during_lag(app_of(client), arrive):
            assert (await client.post("/v1/late", headers=headers)).status_code == 200
        assert (await client.get("/v1/me", headers=headers)).status_code == 200, "no place was taken twice"


async def test_a_transfer_keeps_its_place_until_its_answer_is_read(
    limited: Limited, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chassis.turns.ENTRY_SECONDS", 0.01)
    reads_on, begun = asyncio.Event(), asyncio.Event()

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            begun.set()
            await reads_on.wait()

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async with limited(operator_requests_at_once=1) as client, asyncio.timeout(240):
        scope = a_scope("/v1/stream-rows", OPERATOR)
        slow = asyncio.create_task(app_of(client)(scope, receive, send))
        await begun.wait()
        assert (await client.get("/v1/stream-rows", headers=OPERATOR)).status_code == 429
        assert (await client.get("/v1/entries", headers=OPERATOR)).status_code == 200
        reads_on.set()
        await slow
        assert (await client.get("/v1/stream-rows", headers=OPERATOR)).status_code == 200


def a_scope(path: str, headers: dict[str, str]) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("test", 80),
        "scheme": "http",
    }


async def test_a_long_answer_is_handed_over_in_pieces(running: httpx.AsyncClient) -> None:
    pieces: list[bytes] = []

    async def send(message: Any) -> None:
        pieces.append(message.get("body", b""))

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    await app_of(running)(a_scope("/docs/swagger-ui-bundle.js", {}), receive, send)
    assert max(map(len, pieces)) == PIECE_BYTES
    assert b"".join(pieces) == (await running.get("/docs/swagger-ui-bundle.js")).content


async def test_wrong_tokens_and_paths_are_answered_ever_more_slowly(limited: Limited, clock: Clock) -> None:
    async with limited() as client:
        for n in range(40):
            wrong = {"Authorization": f"Bearer {n}"}
            answer = await client.get("/v1/me" if n % 2 else "/v1/nothing", headers=wrong)
            assert answer.status_code in (401, 404)
        assert clock.pauses == []
        for path in ("/v1/me", "/v1/nothing"):
            assert (await client.get(path)).status_code in (401, 404)
        assert clock.pauses == [REFUSAL_SECONDS, 1.0], "one after the other"
        assert (await client.get("/v1/me", headers=OPERATOR)).status_code == 200
        assert len(clock.pauses) == 2, "a caller with a token is not held up"


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics", "/openapi.json", "/docs", "/docs/start.js"])
async def test_what_is_open_to_everyone_has_a_limit_too(limited: Limited, clock: Clock, path: str) -> None:
    async with limited() as client:
        answers = [(await client.get(path)).status_code for _ in range(81)]
    assert answers == [200] * 80 + [429]
    assert len(clock.pauses) == 41
