"""An agency's request reads the agency's rows alone, whatever its query says, and writes nothing by itself."""

import uuid
from typing import Any

import httpx
import pytest
from chassis.testing import mint
from fastapi import FastAPI

ONE, OTHER = uuid.uuid4(), uuid.uuid4()


@pytest.fixture
async def seen(client: httpx.AsyncClient, look: Any) -> Any:
    """What a GET returns to an agency, or to an operator."""
    await look.execute("DELETE FROM note")
    await look.executemany("INSERT INTO note VALUES ($1, $2)", [(ONE, "one"), (OTHER, "other")])

    async def get(path: str, agency_id: uuid.UUID | None) -> Any:
        answer = await client.get(path, headers={"Authorization": f"Bearer {mint(agency_id=agency_id)}"})
        assert answer.status_code == httpx.codes.OK, answer.text
        return answer.text.split() if path.endswith(".txt") else answer.json()

    return get


@pytest.mark.parametrize("path", ["/v1/notes", "/v1/notes.txt"])
async def test_a_query_without_a_filter_shows_an_agency_its_own_rows(seen: Any, path: str) -> None:
    assert await seen(path, ONE) == ["one"]
    assert await seen(path, OTHER) == ["other"]
    assert await seen(path, uuid.uuid4()) == []


@pytest.mark.parametrize("path", ["/v1/notes", "/v1/notes.txt"])
async def test_a_connection_forgets_the_agency_that_used_it(seen: Any, app: FastAPI, path: str) -> None:
    for _ in range(app.state.database._max_connections + 1):
        assert await seen(path, ONE) == ["one"]
        assert await seen(path, None) == ["one", "other"]


@pytest.mark.usefixtures("seen")
async def test_a_change_begins_with_the_agencys_rights_and_ends_with_the_services(
    client: httpx.AsyncClient, look: Any
) -> None:
    agency = {"Authorization": f"Bearer {mint(agency_id=ONE)}", "Idempotency-Key": uuid.uuid4().hex}
    for _ in range(2):
        answer = await client.post("/v1/notes", json={"text": "new"}, headers=agency)
        assert (answer.status_code, answer.json()) == (httpx.codes.CREATED, ["one"])
    assert await look.fetchval("SELECT count(*) FROM note") == 3
    assert await look.fetchval("SELECT actor ->> 'agency_id' FROM audit_entry") == str(ONE)


@pytest.mark.usefixtures("seen")
async def test_a_change_that_forgets_to_act_for_the_service_changes_nothing(
    client: httpx.AsyncClient, look: Any
) -> None:
    agency = {"Authorization": f"Bearer {mint(agency_id=ONE)}"}
    answer = await client.post("/v1/forgotten-notes", json={"text": "new"}, headers=agency)
    assert answer.status_code == httpx.codes.INTERNAL_SERVER_ERROR
    assert await look.fetchval("SELECT count(*) FROM note") == 2
