"""Every change has an actor: the entry that its route writes, and the chain of seals over the entries."""

import uuid
from typing import Any

import httpx
import pytest
from chassis import audit
from chassis.testing import client_for, mint
from fastapi import FastAPI
from recobro_events import Database

ENTRY = {"name": "one", "amount": "1.00"}


async def entries(look: Any) -> list[Any]:
    return list(await look.fetch("SELECT * FROM audit_entry ORDER BY entry_id"))


async def test_a_change_is_recorded_with_its_actor_in_its_own_transaction(client: httpx.AsyncClient, look: Any) -> None:
    answer = await client.post("/v1/entries", json=ENTRY, headers={"X-Request-Id": "request-1"})
    assert answer.status_code == httpx.codes.CREATED, answer.text
    [entry] = await entries(look)
    assert (entry["method"], entry["route"], entry["status"]) == ("POST", "/v1/entries", 201)
    assert '"subject": "test"' in entry["actor"]
    assert '"request_id": "request-1"' in entry["actor"]


async def test_a_change_that_is_refused_leaves_no_entry(client: httpx.AsyncClient, look: Any) -> None:
    assert (await client.post("/v1/entries", json={})).status_code == httpx.codes.UNPROCESSABLE_ENTITY
    assert await entries(look) == []


async def test_reading_leaves_no_entry(client: httpx.AsyncClient, look: Any) -> None:
    assert (await client.get("/v1/audit")).status_code == httpx.codes.OK
    assert await entries(look) == []


async def test_a_repeated_request_is_one_change(client: httpx.AsyncClient, look: Any) -> None:
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    for _ in range(2):
        await client.post("/v1/entries", json=ENTRY, headers=headers)
    assert len(await entries(look)) == 1


async def test_entries_are_read_by_object_subject_and_time(app: FastAPI) -> None:
    async with client_for(app, mint(subject="ana")) as client:
        await client.post("/v1/entries", json=ENTRY)
        [entry] = (await client.get("/v1/audit", params={"subject": "ana"})).json()["items"]
        assert entry["actor"]["subject"] == "ana"
        assert (await client.get("/v1/audit", params={"subject": "bert"})).json()["items"] == []
        assert (await client.get("/v1/audit", params={"object": str(uuid.uuid4())})).json()["items"] == []
        before = {"to": entry["occurred_at"]}
        assert (await client.get("/v1/audit", params=before)).json()["items"] == []


async def test_an_agency_does_not_read_the_audit_table(app: FastAPI) -> None:
    async with client_for(app, mint(agency_id=uuid.uuid4())) as client:
        assert (await client.get("/v1/audit")).status_code == httpx.codes.FORBIDDEN


async def test_seals_cover_every_entry_once_and_follow_one_another(
    client: httpx.AsyncClient, database: Database, look: Any
) -> None:
    for text in "abc":
        await client.post("/v1/entries", json=ENTRY | {"name": text})
    assert await audit.seal(database) == 3
    await client.post("/v1/entries", json=ENTRY)
    assert await audit.seal(database) == 1
    assert await audit.seal(database) == 0
    found = await audit.verify(look)
    assert (found.entries, found.seals, found.faults) == (4, 2, ())


_TAMPERING = {
    "an entry is altered": ("UPDATE audit_entry SET path = '/v1/other' WHERE entry_id = $1", "seal 1 does not fit"),
    "an entry is removed": ("DELETE FROM audit_entry WHERE entry_id = $1", "seal 1 does not fit"),
    "a seal is removed": ("DELETE FROM audit_seal WHERE seal_id = 1 AND $1 > 0", "seal 1 is missing"),
    "a seal is made anew": (
        "UPDATE audit_seal SET digest = '\\x00' WHERE seal_id = 1 AND $1 > 0",
        "seal 1 does not fit",
    ),
    "an entry is slipped in": (
        "INSERT INTO audit_entry (actor, method, route, path, objects)"
        " SELECT actor, method, route, path, objects FROM audit_entry WHERE entry_id = $1",
        "is in no seal",
    ),
}


@pytest.mark.parametrize("what", _TAMPERING)
async def test_what_was_done_to_sealed_entries_is_found(
    client: httpx.AsyncClient, database: Database, look: Any, what: str
) -> None:
    statement, fault = _TAMPERING[what]
    for text in "ab":
        await client.post("/v1/entries", json=ENTRY | {"name": text})
        await audit.seal(database)
    first = (await entries(look))[0]["entry_id"]
    assert (await audit.verify(look)).faults == ()
    await look.execute(statement, first)
    assert any(fault in found for found in (await audit.verify(look)).faults), what
