"""A repeated POST gets its first answer again, and has no second effect."""

import asyncio
import hashlib
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest
from chassis import audit, idempotency, strict_json
from chassis.testing import mint
from recobro_events import Database

ENTRY = {"name": "Ana", "amount": "10.00"}
KEYED = {"Idempotency-Key": "key-1"}


async def entries(look: Any) -> int:
    count: int = await look.fetchval("SELECT count(*) FROM entry")
    return count


async def test_the_same_request_gets_the_same_answer(client: httpx.AsyncClient, look: Any) -> None:
    first = await client.post("/v1/entries", json=ENTRY, headers=KEYED)
    again = await client.post("/v1/entries", json=ENTRY, headers=KEYED)
    assert (again.status_code, again.content) == (first.status_code, first.content) == (201, first.content)
    assert again.headers["content-type"] == first.headers["content-type"]
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert await entries(look) == 1


async def test_without_a_key_every_request_counts(client: httpx.AsyncClient, look: Any) -> None:
    for _ in range(2):
        assert (await client.post("/v1/entries", json=ENTRY)).status_code == 201
    assert await entries(look) == 2
    assert await look.fetchval("SELECT count(*) FROM idempotent_answer") == 0


async def test_the_same_key_for_another_request_is_refused(client: httpx.AsyncClient, look: Any) -> None:
    await client.post("/v1/entries", json=ENTRY, headers=KEYED)
    await client.post("/v1/both?first=a&second=b", headers=KEYED)
    for url, body in (("/v1/entries", ENTRY | {"amount": "11.00"}), ("/v1/both?first=a&second=c", None)):
        answer = await client.post(url, json=body, headers=KEYED)
        assert answer.status_code == 422
        assert answer.json()["type"].endswith("idempotency-key-reused")
    assert await entries(look) == 1


@pytest.mark.parametrize(
    ("first", "again"),
    [
        ('{"name": "Ana", "amount": "10.00"}', '{ "amount":"10.00",\n"name":"Ana" }'),
        ('{"name": "Ana", "amount": "10.00"}', '{"name": "\\u0041na", "amount": "10.00"}'),
    ],
)
async def test_bodies_are_compared_by_value(client: httpx.AsyncClient, look: Any, first: str, again: str) -> None:
    headers = KEYED | {"Content-Type": "application/json"}
    answers = [await client.post("/v1/entries", content=body, headers=headers) for body in (first, again)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].content == answers[1].content
    assert await entries(look) == 1


async def test_an_answer_that_an_older_release_stored_is_found(client: httpx.AsyncClient, look: Any) -> None:
    """It stored the digest of the body as it was sent."""
    body = b'{"name": "Ana", "amount": "10.00"}'
    headers = KEYED | {"Content-Type": "application/json"}
    await client.post("/v1/entries", content=body, headers=headers)
    as_sent = hashlib.sha256(b"\0" + hashlib.sha256(body).digest()).digest()
    await look.execute("UPDATE idempotent_answer SET request_sha256 = $1", as_sent)
    assert (await client.post("/v1/entries", content=body, headers=headers)).status_code == 201
    assert await entries(look) == 1


def test_equal_numbers_are_one_value() -> None:
    texts = (b'{"a": [1, 2.50]}', b'{"a":[1.0,25e-1]}')
    assert len({strict_json.canonical(strict_json.loads(text, max_depth=9)) for text in texts}) == 1
    assert strict_json.canonical(1) != strict_json.canonical("1")


async def test_a_key_belongs_to_its_subject_and_path(client: httpx.AsyncClient, look: Any) -> None:
    await client.post("/v1/entries", json=ENTRY, headers=KEYED)
    other = {"Authorization": f"Bearer {mint(subject='other')}"}
    assert (await client.post("/v1/entries", json=ENTRY, headers=KEYED | other)).status_code == 201
    elsewhere = await client.post("/v1/both?first=a&second=b", headers=KEYED)
    assert (elsewhere.status_code, "idempotent-replayed" in elsewhere.headers) == (200, False)
    assert await entries(look) == 2


async def test_two_agencies_may_have_the_same_subject_and_key(client: httpx.AsyncClient, look: Any) -> None:
    for agency_id in (uuid4(), uuid4(), None):
        who = {"Authorization": f"Bearer {mint(subject='ana', agency_id=agency_id)}"}
        answer = await client.post("/v1/entries", json=ENTRY, headers=KEYED | who)
        assert (answer.status_code, "idempotent-replayed" in answer.headers) == (201, False)
        assert "idempotent-replayed" in (await client.post("/v1/entries", json=ENTRY, headers=KEYED | who)).headers
    assert await entries(look) == 3


async def test_a_lost_answer_is_sent_again(client: httpx.AsyncClient, toy: Any, app: Any, look: Any) -> None:
    async def losing(scope: Any, receive: Any, _send: Any) -> None:
        async def lose(_message: Any) -> None:
            raise ConnectionError("the caller has gone")

        await app(scope, receive, lose)

    headers = KEYED | {"Authorization": f"Bearer {mint()}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(losing), base_url="http://test") as unlucky:
        with pytest.raises(RuntimeError):
            await unlucky.post("/v1/entries", json=ENTRY, headers=headers)
    assert await entries(look) == 1
    again = await client.post("/v1/entries", json=ENTRY, headers=KEYED)
    assert (again.status_code, again.headers["idempotent-replayed"]) == (201, "true")
    assert again.json()["entry_id"] == str(await look.fetchval("SELECT entry_id FROM entry"))
    assert toy.calls == 1


async def test_a_crash_before_the_commit_leaves_neither_effect_nor_answer(
    client: httpx.AsyncClient, look: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = audit.record

    async def crash_once_stored(*arguments: Any) -> None:
        await recorded(*arguments)
        raise SystemError("killed")

    with monkeypatch.context() as broken:
        broken.setattr(audit, "record", crash_once_stored)
        assert (await client.post("/v1/entries", json=ENTRY, headers=KEYED)).status_code == 500
    assert await entries(look) == 0
    assert await look.fetchval("SELECT count(*) FROM idempotent_answer") == 0
    again = await client.post("/v1/entries", json=ENTRY, headers=KEYED)
    assert (again.status_code, "idempotent-replayed" in again.headers) == (201, False)
    assert await entries(look) == 1


async def test_a_request_is_refused_while_one_with_its_key_is_in_progress(
    client: httpx.AsyncClient, toy: Any, look: Any
) -> None:
    inside, go_on = asyncio.Event(), asyncio.Event()

    async def wait(_: Any) -> None:
        inside.set()
        await go_on.wait()

    toy.inside = wait
    first = asyncio.create_task(client.post("/v1/entries", json=ENTRY, headers=KEYED))
    await inside.wait()
    second = await client.post("/v1/entries", json=ENTRY, headers=KEYED)
    go_on.set()
    assert second.status_code == 409
    assert second.json()["type"].endswith("in-flight")
    assert (await first).status_code == 201
    assert await entries(look) == 1


async def test_many_equal_requests_at_once_have_one_effect(client: httpx.AsyncClient, look: Any) -> None:
    answers = await asyncio.gather(*(client.post("/v1/entries", json=ENTRY, headers=KEYED) for _ in range(4)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    assert await entries(look) == 1


async def test_an_error_is_not_stored_as_the_answer(client: httpx.AsyncClient, look: Any) -> None:
    assert (await client.post("/v1/entries", json={}, headers=KEYED)).status_code == 422
    assert (await client.post("/v1/entries", json=ENTRY, headers=KEYED)).status_code == 201
    for _ in range(2):
        answer = await client.post("/v1/refused", params={"returned": True}, headers=KEYED)
        assert (answer.status_code, "idempotent-replayed" in answer.headers) == (409, False)
    assert await look.fetchval("SELECT count(*) FROM idempotent_answer") == 1


async def test_a_deadlock_keeps_the_key_usable(client: httpx.AsyncClient, toy: Any, look: Any) -> None:
    async def lose_once(_: Any) -> None:
        if toy.calls == 1:
            raise asyncpg.DeadlockDetectedError("lost")

    toy.inside = lose_once
    assert (await client.post("/v1/entries", json=ENTRY, headers=KEYED)).status_code == 201
    assert (await client.post("/v1/entries", json=ENTRY, headers=KEYED)).headers["idempotent-replayed"] == "true"
    assert await entries(look) == 1


@pytest.mark.parametrize("key", ["", " ", "a b", "a" * 201, "é", "a\tb"])
async def test_an_unusable_key_is_refused(client: httpx.AsyncClient, look: Any, key: str) -> None:
    headers = [(b"idempotency-key", key.encode("latin-1"))]
    answer = await client.post("/v1/entries", json=ENTRY, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/header/Idempotency-Key"
    assert await entries(look) == 0


async def test_two_keys_at_once_are_refused(client: httpx.AsyncClient) -> None:
    headers = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    assert (await client.post("/v1/entries", json=ENTRY, headers=headers)).status_code == 422


async def test_an_endpoint_that_outlives_its_request_runs_again_and_refuses_another_body(
    client: httpx.AsyncClient, look: Any
) -> None:
    for _ in range(2):
        answer = await client.post("/v1/runs", json={"lines": [1, 2]}, headers=KEYED)
        assert (answer.status_code, "idempotent-replayed" in answer.headers) == (202, False)
    answer = await client.post("/v1/runs", json={"lines": [5]}, headers=KEYED)
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (422, "idempotency-key-reused")
    assert await look.fetchval("SELECT value FROM counter WHERE name = 'a'") == 3


async def test_a_streamed_body_claims_its_key_itself(client: httpx.AsyncClient, look: Any) -> None:
    for _ in range(2):
        assert (await client.post("/v1/files", content=b"rows", headers=KEYED)).status_code == 202
    answer = await client.post("/v1/files", content=b"other rows", headers=KEYED)
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (422, "idempotency-key-reused")
    assert await look.fetchval("SELECT value FROM counter WHERE name = 'a'") == 2


async def test_a_key_is_new_after_seven_days_and_its_answer_is_deleted(
    client: httpx.AsyncClient, database: Database, look: Any
) -> None:
    for key in ("old", "older", "young"):
        await client.post("/v1/entries", json=ENTRY, headers={"Idempotency-Key": key})
    await look.execute(
        "UPDATE idempotent_answer SET created_at = now() - interval '7 days 1 second' WHERE key LIKE 'old%'"
    )
    again = await client.post("/v1/entries", json=ENTRY, headers={"Idempotency-Key": "old"})
    assert "idempotent-replayed" not in again.headers
    assert await idempotency.purge(database) == 1
    kept = {row["key"] for row in await look.fetch("SELECT key FROM idempotent_answer")}
    assert kept == {"old", "young"}
