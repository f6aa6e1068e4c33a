"""Every change has an actor: the entry that its route writes, and the chain of seals over the entries."""

import asyncio
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from chassis import audit, logs
from chassis.testing import client_for, mint
from fastapi import FastAPI
from recobro_events import Database

ENTRY = {"name": "one", "amount": "1.00"}


@pytest.fixture(autouse=True)
def _sealed_by_tests_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service seals by itself too, which a test that makes entries older must not meet."""

    async def never(_database: Database) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(audit, "seal_for_ever", never)


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


async def aged(client: httpx.AsyncClient, database: Database, look: Any, *days: int) -> None:
    """A sealed entry of each age, one seal each, as if they had been written and sealed then."""
    for age in days:
        await client.post("/v1/entries", json=ENTRY | {"name": str(age)})
        await look.execute(
            "UPDATE audit_entry SET occurred_at = now() - make_interval(days => $1) WHERE entry_id IN"
            " (SELECT entry_id FROM audit_unsealed)",
            age,
        )
        await audit.seal(database)


LIMIT = datetime.now(UTC) - timedelta(days=1000)


async def test_old_entries_are_deleted_by_whole_seals_and_the_chain_stays_whole(
    client: httpx.AsyncClient, database: Database, look: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "PRUNED_SEALS_AT_ONCE", 2)
    await aged(client, database, look, 1500, 1400, 1300, 900, 1200)
    head = (await audit.verify(look)).head
    assert [await audit.prune(look, LIMIT, "ana") for _ in range(3)] == [2, 1, 0]
    found = await audit.verify(look)
    assert (found.entries, found.seals, found.head, found.faults) == (4, 5, head, ()), "two entries say who deleted"
    assert found.pruned == 3
    assert found.pruned_until is not None
    assert abs(found.pruned_until - (datetime.now(UTC) - timedelta(days=1300))) < timedelta(days=1)
    said = [entry for entry in await entries(look) if entry["method"] == "DELETE"]
    assert [json.loads(entry["actor"]) for entry in said] == [{"subject": "ana"}] * 2
    await client.post("/v1/entries", json=ENTRY)
    assert await audit.seal(database) == 3
    assert (await audit.verify(look)).faults == ()


async def test_the_last_seal_is_kept_whatever_its_age(client: httpx.AsyncClient, database: Database, look: Any) -> None:
    """The next seal follows it."""
    await aged(client, database, look, 1500, 1400)
    assert [await audit.prune(look, LIMIT, "ana") for _ in range(2)] == [1, 0]
    await client.post("/v1/entries", json=ENTRY)
    await audit.seal(database)
    found = await audit.verify(look)
    assert (found.seals, found.faults) == (3, ())


async def test_a_table_that_is_not_whole_keeps_everything(
    client: httpx.AsyncClient, database: Database, look: Any
) -> None:
    await aged(client, database, look, 1500, 1400, 1300)
    await look.execute(
        "UPDATE audit_entry SET path = '/v1/other' WHERE entry_id = (SELECT min(entry_id) + 1 FROM audit_entry)"
    )
    with pytest.raises(audit.NotWhole, match="seal 2 does not fit"):
        await audit.prune(look, LIMIT, "ana")
    assert len(await entries(look)) == 3
    assert (await audit.verify(look)).pruned == 0


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("DELETE FROM audit_pruned", "seal 1 is missing"),
        ("UPDATE audit_pruned SET digest = '\\x00'", "seal 2 does not fit"),
        ("DELETE FROM audit_seal WHERE seal_id = 2", "seal 2 is missing"),
    ],
)
async def test_what_was_deleted_in_another_way_is_found(
    client: httpx.AsyncClient, database: Database, look: Any, statement: str, fault: str
) -> None:
    await aged(client, database, look, 1500, 900, 900)
    assert await audit.prune(look, LIMIT, "ana") == 1
    assert (await audit.verify(look)).faults == ()
    await look.execute(statement)
    assert any(fault in found for found in (await audit.verify(look)).faults)


async def test_the_log_has_the_digest_of_each_seal(
    client: httpx.AsyncClient, database: Database, look: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whoever owns the database can make the chain anew, but not this line."""
    await client.post("/v1/entries", json=ENTRY)
    logs.configure("portfolio")
    await audit.seal(database)
    [line] = [json.loads(text) for text in capfd.readouterr().out.splitlines() if "audit_sealed" in text]
    assert (line["seal_id"], line["entries"]) == (1, 1)
    assert line["digest"] == (await audit.verify(look)).head.hex()


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
